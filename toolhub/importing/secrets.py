"""Secrets when a document is imported again: what is held stays, header by header."""

from collections.abc import Mapping

from toolhub.importing.drafting import Draft, header_place
from toolhub.importing.filling import Filling


def keep_held(draft: Draft, filling: Filling, held: Mapping[str, str]) -> list[str]:
    """Put into a draft for the same address what is held and not given anew.

    Returns:
        Notes about what is dropped: the document no longer has it.
    """
    by_name = {name.lower(): value for name, value in held.items()}
    for name in draft.wanted_secrets:
        value = by_name.pop(name.lower(), None)
        if value is None or name in draft.fixed_secrets:
            continue
        where = header_place(name)
        if not filling.is_given(where):
            draft.secret_headers[name] = value
            filling.keep(where)
        elif name not in draft.secret_headers:
            # Of a secret of several parts, only the whole is held: one part alone makes none.
            filling.need(where)
    return [
        f"The secret header '{name}' is dropped: the document no longer has it."
        for name in held
        if name.lower() in by_name
    ]


def dropped_elsewhere(draft: Draft, filling: Filling, held: Mapping[str, str]) -> list[str]:
    """Return notes about what is held and not given anew for another address."""
    anew = {name.lower() for name in draft.wanted_secrets if filling.is_given(header_place(name))}
    anew |= {name.lower() for name in draft.fixed_secrets}
    return [
        f"The secret header '{name}' is dropped: it was given for another address. Give it in "
        "'secrets' if this one needs it."
        for name in held
        if name.lower() not in anew
    ]
