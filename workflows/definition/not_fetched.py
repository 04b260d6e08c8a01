"""Something that a text uses from elsewhere was not fetched yet, so it cannot be published yet."""

from collections.abc import Sequence

from workflows.definition.elsewhere.things import Wanted
from workflows.definition.findings import Code, Finding, InvalidDefinitionError


class NotFetchedError(InvalidDefinitionError):
    """Fetch what is wanted, and try again with it.

    Args:
        findings: What is known already.
        wanted: What to fetch.
    """

    def __init__(self, findings: Sequence[Finding], wanted: Sequence[Wanted]) -> None:
        self.wanted = tuple(wanted)
        super().__init__([_as_error(each) for each in findings] or [_nothing_known(wanted[0])])


def _as_error(found: Finding) -> Finding:
    if found.code != Code.NOT_FETCHED:
        return found
    return found.model_copy(update={"code": Code.ELSEWHERE, "severity": "error"})


def _nothing_known(wanted: Wanted) -> Finding:
    message = f"The {wanted.kind} {wanted.key} is elsewhere and was not fetched."
    return Finding(
        code=Code.ELSEWHERE, severity="error", pointer="", line=1, column=1, message=message
    )
