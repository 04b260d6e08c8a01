"""What a run is given at its start, whoever starts it: input, labels, a line for the Web UI."""

from typing import Final, Protocol

from temporalio.common import SearchAttributePair, TypedSearchAttributes

from foundation.errors import InvalidInputError, TooLargeError
from foundation.json import JsonObject, JsonValue, canonical
from foundation.sizes import MAX_INPUT_BYTES
from workflows.interpreter.attributes import TENANT, VERSION
from workflows.interpreter.types import ENGINE, StartInput

# A small definition travels with the start and saves the run its first activity; a large one
# would be a copy in every history.
MAX_DOCUMENT_BYTES: Final = 32 * 1024
MAX_SUMMARY_BYTES: Final = 400


class Published(Protocol):
    """A published definition, as far as a start needs it."""

    @property
    def namespace(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def hash(self) -> str: ...
    @property
    def document(self) -> JsonObject: ...


class Catalogue(Protocol):
    """Where published definitions are looked up."""

    def get(
        self, tenant_id: str, namespace: str, name: str, version: str | None = None
    ) -> Published:
        """Return one version, the newest without `version`.

        Raises:
            NotFoundError: When this tenant has no such definition.
        """
        ...


def checked_input(value: JsonValue) -> JsonValue:
    """Accept the input of a run.

    Raises:
        InvalidInputError: When it is no JSON (NaN, half a surrogate pair).
        TooLargeError: When it has more than 4 MB.
    """
    try:
        size = len(canonical(value))
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(f"The input is not JSON: {error}.") from error
    if size > MAX_INPUT_BYTES:
        raise TooLargeError(
            f"The input has {size:,} bytes; {MAX_INPUT_BYTES:,} are allowed. Pass a reference to "
            "the data instead of the data."
        )
    return value


def start_input(tenant_id: str, found: Published, value: JsonValue) -> StartInput:
    """Return the argument of a run of exactly this version."""
    small = len(canonical(found.document)) <= MAX_DOCUMENT_BYTES
    return StartInput(
        tenant_id=tenant_id,
        version=found.version,
        input=value,
        definition_hash=found.hash,
        document=found.document if small else None,
        engine=ENGINE,
    )


def labels(tenant_id: str, version: str | None) -> TypedSearchAttributes:
    """Return the search attributes of a run, or of a schedule."""
    pairs = [SearchAttributePair(TENANT, tenant_id)]
    if version is not None:
        pairs.append(SearchAttributePair(VERSION, version))
    return TypedSearchAttributes(pairs)


def title(found: Published) -> str:
    """Return what a definition calls itself."""
    head = found.document.get("document")
    own = head.get("title") if isinstance(head, dict) else None
    return str(own or f"{found.namespace}.{found.name}")


def summary(line: str) -> str:
    """Cut the line that the Web UI shows for a run to what Temporal takes."""
    return line.encode()[:MAX_SUMMARY_BYTES].decode(errors="ignore")
