"""Runtime expressions: jq, compiled once, metered on every evaluation.

This is the only door; docs/expressions.md says what they can do. Inside:

    syntax/     text -> tokens -> tree
    compiler/   tree -> Python closures
    builtins/   functions on plain values
    values, access, operators, printing    what jq means by equal, `.[k]`, `+` and text
    meter       the budget
    analysis    what can be known without running: variables, paths, secrets, cost
    template    JSON in which some texts are expressions
"""

from workflows.expressions.analysis import INPUT, SECRET, Analysis, Read
from workflows.expressions.errors import (
    ExpressionError,
    ExpressionSyntaxError,
    OutOfFuelError,
    TooLargeError,
    UnknownFunctionError,
)
from workflows.expressions.expression import Expression, compile_expression, fuel_spent
from workflows.expressions.template import (
    Embedded,
    Template,
    compile_template,
    embedded_in,
    expression_in,
    has_expressions,
    pieces_of,
)
from workflows.expressions.versions import CURRENT, UnknownVersionError, Version, version_named

ENGINE_VERSION = CURRENT.name

__all__ = [
    "CURRENT",
    "ENGINE_VERSION",
    "INPUT",
    "SECRET",
    "Analysis",
    "Embedded",
    "Expression",
    "ExpressionError",
    "ExpressionSyntaxError",
    "OutOfFuelError",
    "Read",
    "Template",
    "TooLargeError",
    "UnknownFunctionError",
    "UnknownVersionError",
    "Version",
    "compile_expression",
    "compile_template",
    "embedded_in",
    "expression_in",
    "fuel_spent",
    "has_expressions",
    "pieces_of",
    "version_named",
]
