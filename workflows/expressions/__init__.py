"""Runtime expressions: jq, compiled once, metered on every evaluation.

This is the only door. What stands behind it (today the pure-Python `purejq`) may be replaced
without touching the definition checks or the interpreter.
"""

from workflows.expressions.engine import (
    ENGINE_VERSION,
    Expression,
    ExpressionError,
    ExpressionSyntaxError,
    OutOfFuelError,
    UnknownFunctionError,
    compile_expression,
    fuel_spent,
)
from workflows.expressions.template import Template, compile_template, expression_in

__all__ = [
    "ENGINE_VERSION",
    "Expression",
    "ExpressionError",
    "ExpressionSyntaxError",
    "OutOfFuelError",
    "Template",
    "UnknownFunctionError",
    "compile_expression",
    "compile_template",
    "expression_in",
    "fuel_spent",
]
