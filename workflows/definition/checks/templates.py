"""Texts in which expressions stand, for checks that look at what is around them.

A text that cannot be read has no expressions here; `check_expressions` says why it cannot.
"""

from workflows.expressions import Embedded, pieces_of


def sources_in(text: str) -> list[str]:
    """Return the jq of all expressions in a text."""
    return [piece.source for piece in _pieces(text) if isinstance(piece, Embedded)]


def without_expressions(text: str, sign: str) -> str:
    """Put a sign in the place of every expression."""
    return "".join(sign if isinstance(piece, Embedded) else piece for piece in _pieces(text))


def _pieces(text: str) -> list[str | Embedded]:
    try:
        return list(pieces_of(text))
    except ValueError:
        return [text]
