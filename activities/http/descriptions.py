"""Documents that describe an API (OpenAPI, AsyncAPI), read over HTTP and kept for a few minutes."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any, Final, TypeAlias
from urllib.parse import unquote

import yaml
from cachetools import TTLCache

from activities.http.errors import OperationError
from activities.http.exchange import exchange
from activities.http.types import HttpCall
from activities.logins.types import Login
from foundation.json import JsonObject, JsonValue
from security.egress import Egress

# The one written in C where the wheel has it.
SAFE: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# A description changes with a deployment, not with a request.
KEEP_S: Final = 300
_Key: TypeAlias = tuple[str, str, Login | None]


@dataclass(frozen=True)
class Language:
    """What documents of one kind look like.

    Attributes:
        name: For people.
        marks: Keys of which every document has one.
    """

    name: str
    marks: frozenset[str]


class Descriptions:
    """Documents in one language."""

    def __init__(self, egress: Egress, language: Language) -> None:
        self.egress = egress
        self.language = language
        # The tenant is part of the key: a document may differ by who asks.
        self._kept: TTLCache[_Key, JsonObject, float] = TTLCache(128, KEEP_S, time.monotonic)

    async def read(
        self, tenant_id: str, uri: str, login: Login | None, timeout_s: float
    ) -> JsonObject:
        """Return a document.

        Raises:
            OperationError: When what the address gives is no such document.
            UpstreamError: When it cannot be read.
        """
        key = (tenant_id, uri, login)
        document = self._kept.get(key)
        if document is None:
            request = HttpCall(
                tenant_id=tenant_id, method="GET", uri=uri, login=login, timeout_s=timeout_s
            )
            content = await exchange(self.egress, request)
            # YAML takes seconds for a megabyte: not on the event loop.
            document = await asyncio.to_thread(_parsed, content, uri, self.language)
            self._kept[key] = document
        return document


def _parsed(content: JsonValue, uri: str, language: Language) -> JsonObject:
    if isinstance(content, str):
        try:
            content = yaml.load(content, Loader=SAFE)  # noqa: S506 - it is the safe loader
        except (yaml.YAMLError, RecursionError) as error:
            raise OperationError(f"{uri} is neither JSON nor YAML: {error}") from error
    if not isinstance(content, dict) or not (language.marks & content.keys()):
        keys = " or ".join(f"'{mark}'" for mark in sorted(language.marks))
        raise OperationError(f"{uri} is no {language.name} document: it has no {keys}.")
    return content


def resolved(document: JsonObject, written: Any, name: str) -> dict[str, Any]:
    """Follow a local `$ref`.

    Raises:
        OperationError: When it leads nowhere, or out of the document.
    """
    for _ in range(10):
        if not isinstance(written, dict):
            break
        reference = written.get("$ref")
        if reference is None:
            return written
        written = _at(document, str(reference))
    raise OperationError(f"A '$ref' of the {name} document leads nowhere.")


def _at(document: JsonObject, reference: str) -> Any:
    found: Any = document
    root, *tokens = unquote(reference).split("/")
    for token in tokens:
        if not isinstance(found, dict):
            return None
        found = found.get(token.replace("~1", "/").replace("~0", "~"))
    return found if root == "#" else None
