"""Texts in which expressions stand, for checks that look at what is around them.

A text that cannot be read has no expressions here; `check_expressions` says why it cannot.
"""

import json
import re
from typing import Final

from workflows.expressions import Embedded, pieces_of

_VARIABLE: Final = re.compile(r"\{([\w.]+)\}")


def sources_in(text: str) -> list[str]:
    """Return the jq of all expressions in a text."""
    return [piece.source for piece in _pieces(text) if isinstance(piece, Embedded)]


def without_expressions(text: str, sign: str) -> str:
    """Put a sign in the place of every expression."""
    return "".join(sign if isinstance(piece, Embedded) else piece for piece in _pieces(text))


def one_expression(text: str, *, variables: bool) -> str:
    """Write a text with expressions in it as one expression.

    Args:
        variables: `{name}` is an expression, too.
    """
    pieces = (
        f"\\({piece.source})"
        if isinstance(piece, Embedded)
        else _quoted(piece, variables=variables)
        for piece in _pieces(text)
    )
    return f'${{ "{"".join(pieces)}" }}'


def _quoted(text: str, *, variables: bool) -> str:
    quoted = json.dumps(text, ensure_ascii=False)[1:-1]
    return _VARIABLE.sub(r'\\(."\1" | @uri)', quoted) if variables else quoted


def _pieces(text: str) -> list[str | Embedded]:
    try:
        return list(pieces_of(text))
    except ValueError:
        return [text]
