"""Page tokens: Temporal's own position in a listing, sealed to one tenant and one filter.

Temporal answers a position that it did not give with a minute of internal retries. So ours carry
a signature, and one that was altered, or belongs to another listing, is refused at once.
"""

import base64
import binascii
import hashlib
import hmac
from typing import Final

from foundation.errors import InvalidInputError

DEFAULT_PAGE: Final = 50
LARGEST_PAGE: Final = 200
_SIGNATURE_BYTES: Final = 16


class PageTokens:
    """Makes and reads the page tokens of one installation.

    Args:
        key: Secret of the installation. With a key of its own, an API process reads only the
            tokens that it made itself.
    """

    def __init__(self, key: bytes) -> None:
        self._key = hashlib.sha256(b"millwright page tokens\0" + key).digest()

    def seal(self, scope: str, position: bytes) -> str | None:
        """Return the token for a position; None at the end of the listing."""
        if not position:
            return None
        token = self._signature(scope, position) + position
        return base64.urlsafe_b64encode(token).decode().rstrip("=")

    def open(self, scope: str, token: str | None) -> bytes:
        """Return the position in a token; the beginning without one.

        Raises:
            InvalidInputError: When it was altered, or made for another listing.
        """
        if not token:
            return b""
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raw = b""
        signature, position = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
        if not position or not hmac.compare_digest(signature, self._signature(scope, position)):
            raise InvalidInputError(
                "The page_token does not belong to this listing. Use next_page_token of the page "
                "before, with the same filters; leave it out to begin again."
            )
        return position

    def _signature(self, scope: str, position: bytes) -> bytes:
        message = scope.encode() + b"\0" + position
        return hmac.digest(self._key, message, "sha256")[:_SIGNATURE_BYTES]


def page_limit(page_size: int | None) -> int:
    """Return how many items a page has: what was asked for, within bounds."""
    return min(max(page_size or DEFAULT_PAGE, 1), LARGEST_PAGE)
