"""Names and versions, as the schema of the language spells them."""

import re
from typing import Annotated, Final, TypeAlias

from pydantic import AfterValidator

from workflows.definition.findings import Code, shown
from workflows.definition.models.base import refusal

NAME_PATTERN: Final = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_NUMBER: Final = r"(?:0|[1-9][0-9]*)"
_LABEL: Final = r"(?:0|[1-9][0-9]*|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*)"
VERSION_PATTERN: Final = (
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}"
    rf"(?:-{_LABEL}(?:\.{_LABEL})*)?"
    r"(?:\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?"
)
# The versions of one workflow are sorted in the database by a key made of them.
MAX_VERSION_CHARS: Final = 128
_NAME: Final = re.compile(NAME_PATTERN)
_VERSION: Final = re.compile(VERSION_PATTERN)


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise refusal(
            Code.WRONG_VALUE,
            f"{shown(text)} is not a name: letters, digits and hyphens, at most 63, with a letter "
            "or digit at both ends.",
        )
    return text


def _version(text: str) -> str:
    if len(text) > MAX_VERSION_CHARS or not _VERSION.fullmatch(text):
        raise refusal(
            Code.WRONG_VALUE,
            f"{shown(text)} is not a semantic version such as 1.0.0 (at most "
            f"{MAX_VERSION_CHARS} characters).",
        )
    return text


Name: TypeAlias = Annotated[str, AfterValidator(_name)]
Version: TypeAlias = Annotated[str, AfterValidator(_version)]
