"""`call: approval`: wait until people have decided.

They see it in an inbox (`workflows.approvals`) and decide by an update, which is refused when it
comes from the wrong person or was made with other data in view. Who decides is known in the run
alone; the inbox shows what the run tells it.

    candidates   who may decide
    computed     what expressions stand for
    naming       its id
    box          takes decisions; all its state is data
    telling      notifies, beside the wait
    task         opens, waits, reminds, escalates, ends
    compiling    from the definition
"""

from workflows.interpreter.tasks.call.approval.compiling import compile_approval

__all__ = ["compile_approval"]
