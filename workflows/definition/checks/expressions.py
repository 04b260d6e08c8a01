"""Expressions: they parse, they call what is there, they read what is there."""

import re
from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

from workflows.definition.checks.expression_fields import (
    PREDEFINED,
    ExpressionField,
    expression_fields,
)
from workflows.definition.checks.subject import Subject, texts
from workflows.definition.findings import Code, Path, Problem, did_you_mean, shown
from workflows.expressions import (
    SECRET,
    Expression,
    UnknownFunctionError,
    compile_expression,
    embedded_in,
    expression_in,
    has_expressions,
)

Compiled: TypeAlias = Sequence[tuple[Path, Expression | Problem]]

# The engine repeats the expression, which may be long, on a line of its own.
_MESSAGE_CHARS: Final = 300
_LINE_CHARS: Final = 140
_SECRETS_STAY: Final = (
    "A secret can only be used in the arguments of a call (with) or in an authentication: "
    "everything else is kept in the history of the run, where others can read it."
)
_ONE_EXPRESSION: Final = " All of this is one expression: write it without ${ } inside."
# `.customer.name` and `$context.id` are meant as expressions more often than as text.
_LIKE_AN_EXPRESSION: Final = re.compile(
    r"\s*(?:\.[A-Za-z_]\w*|\$(?P<variable>[A-Za-z_]\w*))(?:\.[A-Za-z_]\w*|\[\d*\])*\s*"
)
# jq's own interpolation means nothing outside of an expression.
_INTERPOLATION: Final = re.compile(r"\\\(\s*([.$][A-Za-z_][\w.]*)\s*\)")


def check_language(subject: Subject) -> Iterator[Problem]:
    """Refuse expressions in other languages."""
    evaluate = subject.definition.evaluate
    if evaluate.language != "jq":
        yield Problem(
            Code.EXPRESSION_LANGUAGE,
            ("evaluate", "language"),
            f"Expressions in {shown(evaluate.language)} are not supported. Use 'jq'.",
        )


def check_expressions(subject: Subject) -> Iterator[Problem]:
    """Compile every expression and compare what it reads with what is there."""
    if subject.definition.evaluate.language != "jq":
        return
    for field, expressions in compiled_fields(subject):
        for path, found in expressions:
            if isinstance(found, Expression):
                yield from _unknown_variables(field, path, found)
            else:
                yield found


def compiled_fields(subject: Subject) -> tuple[tuple[ExpressionField, Compiled], ...]:
    """Return all values in which expressions can stand, with these: compiled, or why not."""
    return subject.once(_compiled_fields)


def _compiled_fields(subject: Subject) -> Iterator[tuple[ExpressionField, Compiled]]:
    for field in expression_fields(subject):
        yield field, tuple(_compiled_in(field))


def _compiled_in(field: ExpressionField) -> Iterator[tuple[Path, Expression | Problem]]:
    for path, text in texts(field.value, field.path):
        is_bare = field.bare and path == field.path
        try:
            sources = _sources(text, is_bare=is_bare)
        except ValueError as error:
            yield path, _no_expression(path, error)
            continue
        for source in sources:
            try:
                yield path, compile_expression(source)
            except ValueError as error:
                is_mixed = is_bare and has_expressions(source)
                yield path, _no_expression(path, error, _ONE_EXPRESSION if is_mixed else "")


def _sources(text: str, *, is_bare: bool) -> list[str]:
    source = expression_in(text)
    if source is not None:
        return [source]
    return [text] if is_bare else [each.source for each in embedded_in(text)]


def _no_expression(path: Path, error: ValueError, advice: str = "") -> Problem:
    """Report what the engine says: a sentence, and below it the place in the expression."""
    first, *place = str(error).split("\n")
    said = first if len(first) <= _MESSAGE_CHARS else f"{first[:_MESSAGE_CHARS]}..."
    # Both lines are cut at the same column, so that the caret stays where it belongs.
    shown_place = "".join(f"\n{line[:_LINE_CHARS]}" for line in place)
    if isinstance(error, UnknownFunctionError):
        return Problem(Code.UNKNOWN_FUNCTION, path, f"{said}{advice}{shown_place}")
    message = f"This is not a jq expression: {said}{advice}{shown_place}"
    return Problem(Code.EXPRESSION_SYNTAX, path, message)


def _unknown_variables(
    field: ExpressionField, path: Path, expression: Expression
) -> Iterator[Problem]:
    for name in sorted(expression.variables - field.variables):
        if name not in SECRET:
            yield Problem(Code.UNKNOWN_VARIABLE, path, _not_there(name, field))
        elif not field.secrets:
            yield Problem(Code.SECRET_FLOW, path, f"'${name}' flows in here. {_SECRETS_STAY}")


def _not_there(name: str, field: ExpressionField) -> str:
    known = ", ".join(f"${each}" for each in sorted(field.variables))
    if not field.variables:
        return f"'${name}' is not available here: there is no instance yet. Only '.' can be read."
    if name == "input":
        return f"'$input' is not available here: use '.', which is the input, or {known}."
    if name in PREDEFINED:
        return f"'${name}' is not available here; only {known}."
    hint = did_you_mean(name, field.variables)
    return f"There is no variable {shown('$' + name)} here.{hint} Known: {known}."


def check_plain_texts(subject: Subject) -> Iterator[Problem]:
    """Warn of texts that are taken as they stand and look as if they were meant otherwise."""
    for field in expression_fields(subject):
        for path, text in texts(field.value, field.path):
            is_expression = (field.bare and path == field.path) or has_expressions(text)
            if not is_expression and (message := _suspicious(text, field)):
                yield Problem(Code.NOT_EVALUATED, path, message)


def _suspicious(text: str, field: ExpressionField) -> str | None:
    if found := _INTERPOLATION.search(text):
        return (
            f"{shown(found[0])} is taken as text. If you mean its value, write ${{ {found[1]} }}."
        )
    match = _LIKE_AN_EXPRESSION.fullmatch(text)
    if match is None or (match["variable"] and match["variable"] not in field.variables):
        return None
    return f"This is taken as text. If you mean its value, write ${{ {text.strip()} }}."
