"""Reads a definition's text, YAML 1.2 or JSON, within bounds; remembers where everything stands.

It judges the text only; whether the value is a workflow is the business of the models and checks.
"""

import re
from dataclasses import dataclass
from typing import Final

from foundation.json import JsonValue
from workflows.definition.findings import (
    Code,
    Finding,
    InvalidDefinitionError,
    Problem,
    finding,
    to_pointer,
)
from workflows.definition.syntax.json_reader import JsonReader, JsonSyntaxError
from workflows.definition.syntax.tree import Marks, TreeBuilder
from workflows.definition.syntax.yaml_reader import read_yaml

MAX_BYTES: Final = 256 * 1024
# Control characters, the line ends that YAML 1.1 had and 1.2 has not, invisible byte order marks.
_FORBIDDEN: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]"
)
_LOOKS_LIKE_JSON: Final = re.compile(r'\s*(?:\{\s*["}]|\[)')


@dataclass(frozen=True)
class LoadedDocument:
    """A document's value, where its parts stand, and what is wrong with single nodes.

    Attributes:
        text: What was read, without a byte order mark.
        findings: When not empty, the parts it names hold a stand-in value.
    """

    text: str
    value: JsonValue
    marks: Marks
    findings: tuple[Finding, ...] = ()

    def place(self, problem: Problem) -> Finding:
        """Give a problem its line and column."""
        spot = self.marks.locate(problem.path)
        return finding(problem.code, to_pointer(problem.path), *spot, problem.message)


def parse(text: str | bytes) -> LoadedDocument:
    """Read a document; what is wrong with single nodes is in its `findings`.

    Raises:
        InvalidDefinitionError: When it cannot be read at all.
    """
    plain = _decode(text)
    _refuse_control_characters(plain)
    tree = _read(plain)
    if tree.root is None:
        raise AssertionError("A reader ended without a value and without an error.")
    marks = Marks(tree.root_spot, tree.root.children)
    return LoadedDocument(plain, tree.root.value, marks, tuple(tree.findings))


def load_document(text: str | bytes) -> LoadedDocument:
    """Read a document that has nothing wrong with it.

    Raises:
        InvalidDefinitionError: When anything is wrong with the text.
    """
    document = parse(text)
    if document.findings:
        raise InvalidDefinitionError(document.findings)
    return document


def _read(text: str) -> TreeBuilder:
    if text.lstrip(" \t\r\n")[:1] not in {"{", "[", '"'}:
        return read_yaml(text)
    try:
        return JsonReader(text).read()
    except JsonSyntaxError as error:
        # Flow style of YAML begins like JSON.
        try:
            return read_yaml(text)
        except InvalidDefinitionError as yaml_error:
            if not _LOOKS_LIKE_JSON.match(text) or yaml_error.findings[0].code != Code.SYNTAX:
                raise
            message = f"This is not JSON: {error}"
            raise InvalidDefinitionError(
                [finding(Code.SYNTAX, "", *error.spot, message)]
            ) from error


def _decode(text: str | bytes) -> str:
    try:
        size = len(text if isinstance(text, bytes) else text.encode())
        if size > MAX_BYTES:
            raise _refused(
                Code.TOO_LARGE,
                f"The definition has {size:,} bytes; {MAX_BYTES:,} are allowed. "
                "Move data into the input, or split the workflow.",
            )
        plain = text if isinstance(text, str) else text.decode()
    except UnicodeError as error:
        raise _refused(Code.ENCODING, "The text is not UTF-8. Save it as UTF-8.") from error
    return plain.removeprefix("\ufeff")


def _refuse_control_characters(text: str) -> None:
    match = _FORBIDDEN.search(text)
    if match is None:
        return
    before = text[: match.start()]
    lines = re.split(r"\r\n|\r|\n", before)
    message = (
        f"The character U+{ord(match[0]):04X} is not allowed. Remove it, or write it as an "
        "escape in double quotes."
    )
    raise InvalidDefinitionError(
        [finding(Code.CONTROL_CHARACTER, "", len(lines), len(lines[-1]) + 1, message)]
    )


def _refused(code: Code, message: str) -> InvalidDefinitionError:
    return InvalidDefinitionError([finding(code, "", 1, 1, message)])
