"""Asking whether requests go somewhere, without sending any."""

import re
from typing import Final
from urllib.parse import urlsplit

from foundation.errors import InvalidInputError, UpstreamError
from security.egress.addresses import check_url, port_of
from security.egress.errors import EgressRefusedError
from security.egress.schemas import EgressVerdict
from security.egress.ways import WayOut

_HTTP: Final = re.compile(r"https?:", re.IGNORECASE)


async def verdict(way: WayOut, url: str) -> EgressVerdict:
    """Say whether a request to an address would leave.

    Args:
        way: Whose request it is.
        url: Of HTTP, or `scheme://host:port` as rules name it.

    Raises:
        InvalidInputError: It is no address.
    """
    try:
        scheme, host, port = _parts(url)
        await way.address(scheme, host, port)
    except (EgressRefusedError, UpstreamError) as error:
        return EgressVerdict(url=url, allowed=False, why=error.message)
    return EgressVerdict(url=url, allowed=True, why=None)


def _parts(url: str) -> tuple[str, str, int]:
    if _HTTP.match(url):
        checked = check_url(url)
        return checked.scheme, checked.raw_host.decode(), port_of(checked)
    try:
        parts = urlsplit(url)
        if parts.hostname and parts.port is not None:
            return parts.scheme, parts.hostname, parts.port
    except ValueError:
        pass
    raise InvalidInputError(
        f"'{url[:100]}' is no address. Write one of HTTP, or scheme, host and port: "
        "'mqtts://broker.plant.example:8883'."
    )
