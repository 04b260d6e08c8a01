"""Tells an error of the program from a mistake of the engine that looks like one."""


def hidden_mistake(error: BaseException) -> str | None:
    """Name the Python exception that the engine turned into an error of its own.

    The engine has to: nothing may get out. But an AttributeError is never the program's fault, and
    a RecursionError comes at another place below other frames.
    """
    cause = error.__cause__ or error.__context__
    return type(cause).__name__ if type(cause).__module__ == "builtins" and cause else None
