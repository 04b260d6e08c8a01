"""Server-sent events out of bytes, however they are cut into pieces."""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_LINE_END: Final = re.compile(r"\r\n|\n|\r(?!\Z)")


@dataclass(frozen=True, slots=True)
class RawEvent:
    """One event of a stream."""

    event: str
    data: str
    id: str | None


class Parser:
    """Takes bytes, gives events. Comments (keep-alives) are nothing."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""
        self._fields: dict[str, list[str]] = {}

    def feed(self, data: bytes) -> Iterator[RawEvent]:
        """Yield the events that these bytes complete."""
        # A trailing '\r' may be the first half of '\r\n': it waits for what follows.
        *lines, self._rest = _LINE_END.split(self._rest + self._decoder.decode(data))
        for line in lines:
            if line:
                self._take(line)
            elif self._fields:
                yield self._complete()

    def _take(self, line: str) -> None:
        name, _, value = line.partition(":")
        if name:
            self._fields.setdefault(name, []).append(value.removeprefix(" "))

    def _complete(self) -> RawEvent:
        fields, self._fields = self._fields, {}
        return RawEvent(
            event=fields.get("event", ["message"])[-1],
            data="\n".join(fields.get("data", [])),
            id=fields.get("id", [None])[-1],
        )
