"""What an answer is worth: to an operator, and by what the tool promises."""

from typing import Final

from foundation.schemas import as_details, described
from toolhub.directory import Entry
from toolhub.errors import ToolOutputError
from toolhub.outcome import Executed, Kind, Outcome
from toolhub.schemas import ToolResult
from toolhub.wire.exchange import Exchange

# The language hands the JSON-RPC result on as it is, also that of a tool that says it failed.
RESULT: Final = frozenset({Kind.ANSWERED, Kind.TOOL_FAILED})


def judged(entry: Entry, exchange: Exchange, outcome: Outcome) -> Outcome:
    """Take for a failure what an operator says is one."""
    if exchange.result is None or outcome.kind not in RESULT:
        return outcome
    sign = entry.policy.failure_in(exchange.result)
    if sign is None:
        return outcome
    # Where it may be called again, it counts as not having done anything.
    executed = Executed.NO if sign.retry else Executed.YES
    return Outcome(Kind.TOOL_FAULT, executed, retryable=sign.retry)


def check_output(entry: Entry, result: ToolResult) -> None:
    """Check a result against what the tool promises.

    Raises:
        ToolOutputError: Names every spot that does not fit.
    """
    if entry.output is None:
        return
    who = f"The tool '{entry.tool}' of the MCP server '{entry.to.label}'"
    then = "It did run. Whoever runs the server has to mend the tool or its output_schema."
    if not result.is_structured:
        raise ToolOutputError(f"{who} has an output_schema and answered without such data. {then}")
    if violations := entry.output.violations(result.structured, all_counts=True):
        raise ToolOutputError(
            f"{who} answered with what breaks its own output_schema: {described(violations)}. "
            f"{then}",
            details=as_details(violations),
        )
