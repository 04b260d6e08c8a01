"""YAML 1.2, read from the event stream of PyYAML, because its composer recurses and is YAML 1.1.

Refused although YAML has it: merge keys, tags beyond the core schema, several documents, keys that
are not text, more than a few aliases.
"""

from collections.abc import Mapping
from typing import Final

import yaml

from foundation.json import JsonScalar
from workflows.definition.findings import Code, InvalidDefinitionError, finding, shown
from workflows.definition.syntax.scalars import NumberError, resolve
from workflows.definition.syntax.tree import Built, Spot, TreeBuilder

MAX_ALIASES: Final = 64
_CORE: Final = "tag:yaml.org,2002:"
_SCALAR_TAGS: Final[Mapping[str, type[object] | tuple[type[object], ...]]] = {
    f"{_CORE}null": type(None),
    f"{_CORE}bool": bool,
    f"{_CORE}int": int,
    f"{_CORE}float": (int, float),
}
_HINTS: Final[Mapping[str, str]] = {
    "cannot start any token": " Indent with spaces, and put text that begins with a special "
    "character in quotes.",
    "mapping values are not allowed": " Put text that contains ': ' in quotes, and check the "
    "indentation.",
    "could not find expected ':'": " Check the indentation and the colon after the key.",
}


def _parser(text: str) -> yaml.CSafeLoader | yaml.SafeLoader:
    # Ten times faster; wheels of PyYAML always have it. Same events, but for tabs between tokens,
    # which only the C parser takes, as YAML 1.2 wants it.
    return yaml.CSafeLoader(text) if yaml.__with_libyaml__ else yaml.SafeLoader(text)


def read_yaml(text: str) -> TreeBuilder:
    """Read one document.

    Raises:
        InvalidDefinitionError: When it is not YAML, or breaks one of our bounds.
    """
    reader = _YamlReader()
    parser = _parser(text)
    try:
        while (event := parser.get_event()) is not None:
            reader.take(event)
    except yaml.YAMLError as error:
        raise _syntax_error(error) from error
    finally:
        parser.dispose()
    if reader.tree.root is None:
        raise reader.tree.refused(
            Code.EMPTY, Spot(1, 1), "The document is empty. Begin with 'document:'."
        )
    return reader.tree


class _YamlReader:
    def __init__(self) -> None:
        self.tree = TreeBuilder()
        self._anchors: dict[str, Built | None] = {}
        # Anchors of the open containers, innermost last; None for those without.
        self._open: list[str | None] = []
        self._aliases = 0
        self._documents = 0

    def take(self, event: yaml.Event) -> None:
        """Take the next event of the stream."""
        match event:
            case yaml.ScalarEvent():
                self._scalar(event, _spot(event))
            case yaml.CollectionEndEvent():
                self._remember(self._open.pop(), self.tree.close())
            case yaml.CollectionStartEvent():
                self._container(event, _spot(event))
            case yaml.AliasEvent():
                self._alias(event, _spot(event))
            case yaml.DocumentStartEvent():
                self._document(event, _spot(event))
            case _:
                pass  # begin and end of the stream, end of the document: nothing to build

    def _document(self, event: yaml.DocumentStartEvent, spot: Spot) -> None:
        self._documents += 1
        if self._documents > 1:
            raise self.tree.refused(
                Code.MULTIPLE_DOCUMENTS,
                spot,
                "A second document begins here. Publish one definition at a time.",
            )
        if event.version and tuple(event.version) != (1, 2):
            raise self.tree.refused(
                Code.SYNTAX, spot, "Definitions are YAML 1.2. Remove the %YAML directive."
            )

    def _scalar(self, event: yaml.ScalarEvent, spot: Spot) -> None:
        if self.tree.expects_key:
            self._key(event, spot)
            return
        self._remember(event.anchor, self.tree.scalar(self._value(event, spot), spot))

    def _key(self, event: yaml.ScalarEvent, spot: Spot) -> None:
        plain = event.implicit[0] and event.tag is None
        if plain and event.value == "<<":
            self.tree.key("<<", spot)
            self.tree.note(
                Code.MERGE_KEY, spot, "Merge keys ('<<') are not part of YAML 1.2. Write it out."
            )
            return
        if not isinstance(self._value(event, spot), str):
            self.tree.note(
                Code.KEY, spot, f"A key must be text. Put {shown(event.value)} in quotes."
            )
        if event.anchor:
            self._remember(event.anchor, Built(event.value, None, 1 + len(event.value), 0))
        self.tree.key(event.value, spot)

    def _value(self, event: yaml.ScalarEvent, spot: Spot) -> JsonScalar:
        plain = event.implicit[0] and event.tag is None
        if not plain and event.tag in {None, "!", f"{_CORE}str"}:
            return str(event.value)
        try:
            value = resolve(event.value)
        except NumberError as error:
            self.tree.note(Code.NUMBER, spot, str(error))
            return 0
        if not plain and not _fits(value, event.tag):
            self._refuse_tag(event.tag, spot)
        return value

    def _container(self, event: yaml.CollectionStartEvent, spot: Spot) -> None:
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        if self.tree.expects_key:
            raise self.tree.refused(
                Code.KEY, spot, "A key must be text, not a mapping or sequence. Put it in quotes."
            )
        if event.tag not in {None, "!", f"{_CORE}{'map' if is_mapping else 'seq'}"}:
            self._refuse_tag(event.tag, spot)
        if is_mapping:
            self.tree.open_mapping(spot)
        else:
            self.tree.open_sequence(spot)
        self._open.append(event.anchor)
        if event.anchor:
            self._anchors[event.anchor] = None

    def _remember(self, anchor: str | None, built: Built) -> None:
        if anchor:
            self._anchors[anchor] = built

    def _alias(self, event: yaml.AliasEvent, spot: Spot) -> None:
        self._aliases += 1
        if self._aliases > MAX_ALIASES:
            raise self.tree.refused(
                Code.ALIAS, spot, f"There are more than {MAX_ALIASES} aliases. Write them out."
            )
        if event.anchor not in self._anchors:
            raise self.tree.refused(
                Code.ALIAS, spot, f"There is no anchor '&{event.anchor}' before this alias."
            )
        built = self._anchors[event.anchor]
        if built is None:
            raise self.tree.refused(
                Code.ALIAS, spot, f"The alias '*{event.anchor}' stands inside its own anchor."
            )
        if not self.tree.expects_key:
            self.tree.repeat(built, spot)
        elif isinstance(built.value, str):
            self.tree.key(built.value, spot)
        else:
            raise self.tree.refused(Code.KEY, spot, "A key must be text; this alias is not.")

    def _refuse_tag(self, tag: str | None, spot: Spot) -> None:
        name = (tag or "").replace(_CORE, "!!")
        self.tree.note(
            Code.CUSTOM_TAG, spot, f"The tag {shown(name)} does not fit here. Remove it."
        )


def _spot(event: yaml.Event) -> Spot:
    mark = event.start_mark
    return Spot(mark.line + 1, mark.column + 1) if mark else Spot(1, 1)


def _fits(value: JsonScalar, tag: str | None) -> bool:
    kind = _SCALAR_TAGS.get(tag or "")
    if kind is None or (isinstance(value, bool) and kind is not bool):
        return False
    return isinstance(value, kind)


def _syntax_error(error: yaml.YAMLError) -> InvalidDefinitionError:
    mark = getattr(error, "problem_mark", None)
    problem = str(getattr(error, "problem", None) or "the text is not YAML")
    hint = next((text for part, text in _HINTS.items() if part in problem), "")
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    message = f"This is not YAML: {problem}.{hint}"
    return InvalidDefinitionError([finding(Code.SYNTAX, "", line, column, message)])
