"""Page tokens."""

import pytest

from foundation.errors import InvalidInputError
from workflows.runs.pages import PageTokens, page_limit

TOKENS = PageTokens(b"key")


def test_a_token_leads_to_its_position() -> None:
    token = TOKENS.seal("all of acme", b"position 7")
    assert TOKENS.open("all of acme", token) == b"position 7"


def test_the_end_has_no_token_and_no_token_is_the_beginning() -> None:
    assert TOKENS.seal("all of acme", b"") is None
    assert TOKENS.open("all of acme", None) == b""


@pytest.mark.parametrize("token", ["x", "é", "AAAA", "A" * 60])
def test_an_invented_token_is_refused(token: str) -> None:
    with pytest.raises(InvalidInputError, match="page_token does not belong"):
        TOKENS.open("all of acme", token)


def test_a_token_of_another_listing_or_installation_is_refused() -> None:
    token = TOKENS.seal("all of acme", b"position 7")
    with pytest.raises(InvalidInputError):
        TOKENS.open("all of other", token)
    with pytest.raises(InvalidInputError):
        PageTokens(b"other key").open("all of acme", token)


def test_a_page_size_is_kept_within_bounds() -> None:
    assert [page_limit(size) for size in (None, 0, 7, 200, 100_000)] == [50, 50, 7, 200, 200]
