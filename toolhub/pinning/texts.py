"""What in a tool's texts may be meant for a model or a person rather than as a description.

People read descriptions, and models obey them. A change that brings in an instruction, an address
or a character nobody sees is not taken over before somebody has looked at it. These are signs, not
proofs: what a server says from the beginning is its owner's business, so only new ones count.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from foundation.json import JsonValue

_SHOWN_CHARS: Final = 80
_PLAIN_CONTROLS: Final = frozenset("\n\r\t")
# Letters and marks by their category, and yet nothing is drawn.
_BLANK: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_ADDRESS: Final = re.compile(
    r"\b[a-z][a-z0-9+.-]{0,20}://[^\s\"'<>)]*|\bwww\.[^\s\"'<>)]+|\b(?:data|javascript|mailto):\S+"
    r"|[\w.+-]{1,64}@[\w-]{1,63}\.[\w.-]{1,63}|\b\d{1,3}(?:\.\d{1,3}){3}\b"
)
# Told to do, to hide, to hand out: in English and Korean, after NFKC and case folding.
_INSTRUCTIONS: Final = re.compile(
    r"\b(?:ignore|disregard|forget|override|bypass)\b.{0,40}"
    r"\b(?:previous|prior|above|earlier|other|all|any|instructions?|rules?|prompts?)\b"
    r"|\b(?:system|developer)\s*(?:prompt|message|instructions?)\b"
    r"|<\s*/?\s*(?:important|system|instructions?|secret|hidden|assistant|user|admin)\b"
    r"|\b(?:do not|don't|never|without)\b.{0,20}"
    r"\b(?:tell|telling|mention|mentioning|show|showing|inform|informing|reveal|ask|asking)\b"
    r"|\b(?:you (?:must|should|are|have to|need to)|always (?:call|use|send|include|read|pass)"
    r"|(?:before|after|instead of) (?:using|calling|you|answering|any)"
    r"|must (?:first|always|also))\b"
    r"|\b(?:password|passwd|api[ _-]?key|secret|credential|private key|access token|id_rsa|\.env"
    r"|\.ssh)\b"
    r"|무시하|무시해|이전 지시|시스템 프롬프트|비밀번호|알리지 마|말하지 마|반드시"
)


def signs(value: JsonValue) -> dict[str, str]:
    """Return what stands out in all texts of a value, by a key that says the same for the same.

    Returns:
        Key -> what it is, for a person.
    """
    found: dict[str, str] = {}
    for text in _texts(value):
        for char in _unseen(text):
            name = unicodedata.name(char, "without a name")
            found[f"character {char}"] = f"a character that is not seen, U+{ord(char):04X} {name}"
        plain = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
        plain = "".join(char for char in plain if char not in _unseen(plain))
        for hit in _ADDRESS.finditer(plain):
            found[f"address {hit.group()}"] = f"the address '{shown(hit.group())}'"
        for hit in _INSTRUCTIONS.finditer(plain):
            found[f"instruction {hit.group()}"] = f"words that instruct: '{shown(hit.group())}'"
    return found


def shown(text: str) -> str:
    """Write a text so that nothing in it is hidden, and not at length."""
    unseen = _unseen(text)
    visible = "".join(f"\\u{{{ord(char):x}}}" if char in unseen else char for char in text)
    return visible if len(visible) <= _SHOWN_CHARS else visible[: _SHOWN_CHARS - 1] + "…"


def _unseen(text: str) -> set[str]:
    return {char for char in set(text) if _is_unseen(char)}


def _is_unseen(char: str) -> bool:
    if char in _PLAIN_CONTROLS:
        return False
    # U+FE0F makes an emoji colourful; all other selectors of variants carry hidden data at best.
    selector = "\ufe00" <= char <= "\ufe0e" or "\U000e0100" <= char <= "\U000e01ef"
    return selector or char in _BLANK or unicodedata.category(char) in _UNSEEN


def _texts(value: JsonValue) -> Iterator[str]:
    pending = [value]
    while pending:
        match pending.pop():
            case str() as text:
                yield text
            case list() as items:
                pending.extend(items)
            case dict() as members:
                pending.extend(members)
                pending.extend(members.values())
            case _:
                pass  # numbers and the like say nothing
