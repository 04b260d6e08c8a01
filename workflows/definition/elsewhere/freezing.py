"""Writes what was fetched into a definition, and tells what is wanted still.

Functions go into `use.functions` under the name that calls have, schemas go in place of their
`resource`. So the frozen definition is a definition of the language, and complete.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from pydantic import BaseModel, ValidationError

from foundation.json import JsonObject, JsonValue, canonical, digest
from workflows.definition.checks.fields import FieldAt, fields_of
from workflows.definition.elsewhere.names import (
    DEFAULT_CATALOG,
    CatalogName,
    catalog_name,
    is_address,
    is_elsewhere,
)
from workflows.definition.elsewhere.things import (
    Failed,
    Fetched,
    Found,
    FrozenPart,
    Origin,
    Wanted,
)
from workflows.definition.findings import (
    WARNINGS,
    Code,
    Path,
    Problem,
    did_you_mean,
    shown,
    to_pointer,
)
from workflows.definition.functions import CATALOG
from workflows.definition.models import CallFunction, Definition, SchemaSpec
from workflows.definition.pruning import STAND_IN_DOCUMENT, replaced
from workflows.definition.shape import problems_of

# As for the text of a definition, and with all that was fetched for it.
MAX_FROZEN_BYTES: Final = 256 * 1024
MAX_PARTS: Final = 100
_FUNCTIONS: Final = ("use", "functions")


@dataclass
class Frozen:
    """A definition with what it uses from elsewhere.

    Attributes:
        document: What is to be executed.
        parts: What of it was fetched.
        wanted: What is still to be fetched.
        problems: What cannot be found, or not be used; placed where the author asked for it.
    """

    document: JsonObject
    parts: list[FrozenPart] = field(default_factory=list)
    wanted: dict[str, Wanted] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    @property
    def origins(self) -> tuple[Origin, ...]:
        """Where the parts came from, each once."""
        return tuple(dict.fromkeys(part.origin for part in self.parts))

    def part_at(self, path: Path) -> FrozenPart | None:
        """Return the innermost fetched part that a path leads into."""
        around = [part for part in self.parts if path[: len(part.path)] == part.path]
        return max(around, key=lambda part: len(part.path), default=None)


def freeze(document: JsonObject, definition: Definition, found: Found) -> Frozen:
    """Write everything that was found into a definition.

    Args:
        definition: The document as models.
    """
    frozen = Frozen(document)
    work = _Freezing(frozen, definition, found)
    work.run()
    if len(frozen.parts) + len(frozen.wanted) > MAX_PARTS:
        frozen.wanted.clear()
        frozen.problems.append(_too_large(f"more than {MAX_PARTS} functions and schemas"))
    elif frozen.parts and len(canonical(frozen.document)) > MAX_FROZEN_BYTES:
        frozen.problems.append(_too_large(f"more than {MAX_FROZEN_BYTES // 1024} KiB"))
    return frozen


def _too_large(what: str) -> Problem:
    message = f"With what it fetches from elsewhere the definition has {what}. Use less of it."
    return Problem(Code.TOO_LARGE, ("use",), message)


class _Call(NamedTuple):
    """A call of a function elsewhere.

    Attributes:
        asked: Where the author, or a function of his, asked for it.
        owner: The fetched function that calls; None for the author's own tasks.
    """

    name: str
    asked: Path
    owner: FrozenPart | None


class _Freezing:
    """One pass; what it adds to `frozen` may want more things, which it looks for, too."""

    def __init__(self, frozen: Frozen, definition: Definition, found: Found) -> None:
        self._frozen = frozen
        self._found = found
        self._use = definition.use
        self._definition = definition
        self._seen: set[str] = set()

    def run(self) -> None:
        """Go through the definition, and through all that comes into it."""
        pending = self._inside(self._definition, (), None)
        while pending:
            call = pending.pop(0)
            if self._may_call(call) and call.name not in self._seen:
                self._seen.add(call.name)
                pending += self._function(call)

    def _inside(self, model: BaseModel, path: Path, owner: FrozenPart | None) -> list[_Call]:
        """Put schemas in; return the functions that are called."""
        calls: list[_Call] = []
        for each in fields_of(model, path):
            asked = owner.asked if owner else each.path
            match each.owner, each.name, each.value:
                case CallFunction(), "call", str(name) if self._is_wanted(name, owner):
                    calls.append(_Call(name, asked, owner))
                case CallFunction(), "call", str(name) if owner and name not in CATALOG:
                    self._frozen.problems.append(_not_its_own(owner, name))
                case _, "schema_", SchemaSpec() as schema if schema.resource is not None:
                    self._schema(each, asked, owner)
                case _:
                    pass  # it is all here
        return calls

    def _is_wanted(self, name: str, owner: FrozenPart | None) -> bool:
        """Tell whether a call means a function elsewhere. What is declared wins, for the author."""
        is_declared = owner is None and name in self._use.functions
        return is_elsewhere(name) and name not in CATALOG and not is_declared

    def _may_call(self, call: _Call) -> bool:
        """Keep functions of others from those of the tenant, which may read its secrets."""
        read = catalog_name(call.name)
        is_own = (
            read and read.catalog == DEFAULT_CATALOG and DEFAULT_CATALOG not in self._use.catalogs
        )
        if not is_own or call.owner is None or call.owner.trusted:
            return True
        message = (
            f"The function {shown(call.owner.origin.name)} calls {shown(call.name)}, a function of "
            "your own catalogue. Functions of other catalogues cannot."
        )
        self._frozen.problems.append(Problem(Code.ELSEWHERE, call.asked, message))
        return False

    def _function(self, call: _Call) -> list[_Call]:
        name, asked = call.name, call.asked
        if name in self._use.functions:
            # Else whoever wrote the other function would choose what the author's own calls do.
            message = (
                f"A function that was fetched calls {shown(name)}, and use.functions has another "
                "one of that name. Rename yours."
            )
            self._frozen.problems.append(Problem(Code.ELSEWHERE, asked, message))
            return []
        wanted = self._wanted(call)
        thing = self._thing(wanted) if wanted else None
        if thing is None:
            return []
        path = (*_FUNCTIONS, name)
        task = _checked(name, thing, asked)
        if isinstance(task, Problem):
            self._frozen.problems.append(task)
            return []
        part = FrozenPart(path=path, asked=asked, origin=thing.origin, trusted=thing.trusted)
        self._frozen.parts.append(part)
        self._put_function(name, thing.value)
        return self._inside(task, path, part)

    def _put_function(self, name: str, value: JsonValue) -> None:
        document = self._frozen.document
        use: Any = document.get("use", {})
        functions = {**use.get("functions", {}), name: value}
        self._frozen.document = {**document, "use": {**use, "functions": functions}}

    def _wanted(self, call: _Call) -> Wanted | None:
        name, asked = call.name, call.asked
        if is_address(name):
            return Wanted(kind="function", key=name, path=asked, endpoint=name)
        read = catalog_name(name)
        if read is None:
            message = (
                f"{shown(name)} names no function. A function of a catalogue is called "
                "'name:1.0.0@catalog', or by the address of its 'function.yaml'."
            )
            self._frozen.problems.append(Problem(Code.UNKNOWN_FUNCTION, asked, message))
            return None
        return self._in_catalog(read, call)

    def _in_catalog(self, read: CatalogName, call: _Call) -> Wanted | None:
        asked, catalogs = call.asked, self._use.catalogs
        endpoint: JsonValue = None
        if read.catalog in catalogs:
            uses: Any = self._frozen.document["use"]
            endpoint = uses["catalogs"][read.catalog]["endpoint"]
        elif read.catalog != DEFAULT_CATALOG:
            hint = did_you_mean(read.catalog, [*catalogs, DEFAULT_CATALOG]) or (
                " Declare it in use.catalogs, or publish the function and call "
                f"'{read.name}:{read.version}@{DEFAULT_CATALOG}'."
            )
            message = f"There is no catalogue {shown(read.catalog)} in use.catalogs.{hint}"
            self._frozen.problems.append(Problem(Code.UNKNOWN_REFERENCE, asked, message))
            return None
        return Wanted(
            kind="function",
            key=call.name,
            path=asked,
            endpoint=endpoint,
            name=read.name,
            version=read.version,
        )

    def _schema(self, at: FieldAt, asked: Path, owner: FrozenPart | None) -> None:
        raw = _at(self._frozen.document, at.path)
        resource = raw["resource"]
        path = asked if owner else (*at.path, "resource")
        if raw.get("format", "json") != "json":
            return  # reported where schemas are checked
        logs_in = (
            isinstance(resource["endpoint"], dict) and "authentication" in resource["endpoint"]
        )
        if owner and not owner.trusted and logs_in:
            message = (
                f"The function {shown(owner.origin.name)} wants to log in to fetch a schema. Only "
                "functions of your own catalogue can."
            )
            self._frozen.problems.append(Problem(Code.ELSEWHERE, asked, message))
            return
        wanted = Wanted(
            kind="schema", key=digest(resource), path=path, endpoint=resource["endpoint"]
        )
        thing = self._thing(wanted)
        if thing is not None:
            kept = {key: value for key, value in raw.items() if key != "resource"}
            document = replaced(self._frozen.document, at.path, {**kept, "document": thing.value})
            self._frozen.document = document if isinstance(document, dict) else {}
            self._frozen.parts.append(
                FrozenPart(
                    path=(*at.path, "document"),
                    asked=path,
                    origin=thing.origin,
                    trusted=thing.trusted,
                )
            )

    def _thing(self, wanted: Wanted) -> Fetched | None:
        match self._found.get(wanted.key):
            case Fetched() as thing:
                return thing
            case Failed(code=code, message=message):
                self._frozen.problems.append(Problem(code, wanted.path, message))
            case None:
                self._frozen.wanted.setdefault(wanted.key, wanted)
        return None


def _at(document: JsonObject, path: Path) -> Any:
    value: Any = document
    for token in path:
        value = value[token]
    return value


def _not_its_own(owner: FrozenPart, name: str) -> Problem:
    message = (
        f"The function {shown(owner.origin.name)} calls {shown(name)}, which is none of a "
        "catalogue. A function from elsewhere can only call functions of catalogues: "
        "'name:1.0.0@catalog'."
    )
    return Problem(Code.ELSEWHERE, owner.asked, message)


def _checked(name: str, thing: Fetched, asked: Path) -> BaseModel | Problem:
    """Read a function as a task, or say what is wrong with the first thing that is."""
    around: JsonObject = {
        "document": STAND_IN_DOCUMENT,
        "use": {"functions": {name: thing.value}},
        "do": [],
    }
    try:
        return Definition.model_validate(around).use.functions[name]
    except ValidationError as error:
        first = next(iter(problems_of(error, around)))
        return inside(first, (*_FUNCTIONS, name), thing.origin, asked)


def inside(problem: Problem, path: Path, origin: Origin, asked: Path) -> Problem:
    """Report what is wrong in a part that was fetched, where the author asked for it."""
    place = to_pointer(problem.path[len(path) :])
    where = f" (at {place})" if place else ""
    what = "function" if origin.kind == "function" else "schema"
    message = f"The {what} {shown(origin.name)} cannot be used{where}: {problem.message}"
    return Problem(problem.code, asked, message)


def relocated(problems: Iterator[Problem], frozen: Frozen) -> Iterator[Problem]:
    """Report what is wrong in fetched parts where the author asked for them."""
    for problem in problems:
        part = frozen.part_at(problem.path)
        if part is None:
            yield problem
        # What looks odd in the work of others is not for this author to mend.
        elif problem.code not in WARNINGS:
            yield inside(problem, part.path, part.origin, part.asked)
