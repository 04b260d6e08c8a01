"""Expressions: they parse, they call what is there, they read what is there."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from workflows.definition.checks.expression_fields import (
    PREDEFINED,
    ExpressionField,
    expression_fields,
)
from workflows.definition.checks.subject import Subject, texts
from workflows.definition.findings import Code, Path, Problem, did_you_mean, shown
from workflows.expressions import (
    Expression,
    UnknownFunctionError,
    compile_expression,
    expression_in,
)

# The engine repeats the expression, which may be long.
_MESSAGE_CHARS: Final = 300
_NOT_YET: Final[Mapping[str, str]] = {
    "secrets": "Secrets cannot be read yet. Pass the value in the input of the workflow.",
    "authorization": "'$authorization' cannot be read yet. Pass what you need in the input.",
}
# `.customer.name` and `$context.id` are meant as expressions more often than as text.
_LIKE_AN_EXPRESSION: Final = re.compile(
    r"\s*(?:\.[A-Za-z_]\w*|\$(?P<variable>[A-Za-z_]\w*))(?:\.[A-Za-z_]\w*|\[\d*\])*\s*"
)


def check_language(subject: Subject) -> Iterator[Problem]:
    """Refuse expressions in other languages, and the mode in which any text may be one."""
    evaluate = subject.definition.evaluate
    if evaluate.language != "jq":
        yield Problem(
            Code.EXPRESSION_LANGUAGE,
            ("evaluate", "language"),
            f"Expressions in {shown(evaluate.language)} are not supported. Use 'jq'.",
        )
    if evaluate.mode != "strict":
        yield Problem(
            Code.NOT_SUPPORTED_YET,
            ("evaluate", "mode"),
            "The mode 'loose' is not supported yet. Remove it and write expressions as ${ ... }.",
        )


def check_expressions(subject: Subject) -> Iterator[Problem]:
    """Compile every expression and compare what it reads with what is there."""
    if subject.definition.evaluate.language != "jq":
        return
    for field in expression_fields(subject):
        for path, source in _sources(field):
            try:
                expression = compile_expression(source)
            except UnknownFunctionError as error:
                yield Problem(Code.UNKNOWN_FUNCTION, path, str(error)[:_MESSAGE_CHARS])
            except ValueError as error:
                message = f"This is not a jq expression: {str(error)[:_MESSAGE_CHARS].rstrip('.')}."
                yield Problem(Code.EXPRESSION_SYNTAX, path, message)
            else:
                yield from _unknown_variables(field, path, expression)


def _sources(field: ExpressionField) -> Iterator[tuple[Path, str]]:
    for path, text in texts(field.value, field.path):
        source = expression_in(text)
        if source is None and field.bare and path == field.path:
            source = text
        if source is not None:
            yield path, source


def _unknown_variables(
    field: ExpressionField, path: Path, expression: Expression
) -> Iterator[Problem]:
    for name in sorted(expression.variables - field.variables):
        if name in _NOT_YET:
            yield Problem(Code.NOT_SUPPORTED_YET, path, _NOT_YET[name])
            continue
        yield Problem(Code.UNKNOWN_VARIABLE, path, _not_there(name, field))


def _not_there(name: str, field: ExpressionField) -> str:
    known = ", ".join(f"${each}" for each in sorted(field.variables))
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
            is_expression = (field.bare and path == field.path) or expression_in(text) is not None
            if not is_expression and (message := _suspicious(text, field)):
                yield Problem(Code.NOT_EVALUATED, path, message)


def _suspicious(text: str, field: ExpressionField) -> str | None:
    if "${" in text:
        return (
            "This is taken as text: only a value that is ${ ... } as a whole is evaluated. "
            'Build text inside: ${ "Hello \\(.name)" }.'
        )
    match = _LIKE_AN_EXPRESSION.fullmatch(text)
    if match is None or (match["variable"] and match["variable"] not in field.variables):
        return None
    return f"This is taken as text. If you mean its value, write ${{ {text.strip()} }}."
