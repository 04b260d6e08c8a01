"""Something that a text uses from elsewhere was not fetched yet, so it cannot be published yet."""

from collections.abc import Iterable, Iterator, Sequence

from workflows.definition.elsewhere.things import Wanted
from workflows.definition.findings import Code, Finding, InvalidDefinitionError, Problem


class NotFetchedError(InvalidDefinitionError):
    """Fetch what is wanted, and try again with it.

    Args:
        findings: What is known already.
        wanted: What to fetch.

    Attributes:
        known: What is known already, as whoever only checks is told it.
    """

    def __init__(self, findings: Sequence[Finding], wanted: Sequence[Wanted]) -> None:
        self.known = tuple(findings)
        self.wanted = tuple(wanted)
        super().__init__([_as_error(each) for each in findings])


def unseen(wanted: Iterable[Wanted]) -> Iterator[Problem]:
    """Say of what is wanted still that nobody has looked at it."""
    for each in wanted:
        message = (
            f"This {each.kind} is elsewhere: it is fetched and checked when this is published, "
            "once nothing else is wrong."
        )
        yield Problem(Code.NOT_FETCHED, each.path, message)


def _as_error(found: Finding) -> Finding:
    if found.code != Code.NOT_FETCHED:
        return found
    return found.model_copy(update={"code": Code.ELSEWHERE, "severity": "error"})
