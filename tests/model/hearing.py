"""`listen` of the model: which events a task takes, and when it has enough of them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.model.inbox import Inbox, Say, enough, meant
from tests.model.wants import Events, Json, Steps


class Hearing:
    """One task that listens."""

    def __init__(self, to: Mapping[str, Any], path: str, inbox: Inbox, say: Say) -> None:
        self._to = to
        self._path = path
        self._inbox = inbox
        self._say = say

    def steps(self, each: Callable[[Json, int], Steps]) -> Steps:
        """Take events until there are enough.

        Args:
            each: What is done with the data of one.
        """
        to = self._to
        filters: Sequence[Mapping[str, Any]] = (
            [to["one"]] if "one" in to else to.get("any", to.get("all"))
        )
        until = to.get("until")
        ending = until["one"] if isinstance(until, Mapping) else None
        types = [one["with"]["type"] for one in filters]
        if ending is not None:
            types.append(ending["with"]["type"])
        met: set[int] = set()
        outputs: list[Json] = []
        over = False
        seen = -1
        while not over and not enough(to, len(filters), met, outputs, self._say):
            found = self._inbox.next_after(seen, types)
            if found is None:
                yield Events(self._path, types, seen)
                continue
            seen = found
            type_, data = self._inbox.events[found]
            if ending is not None and type_ == ending["with"]["type"]:
                self._inbox.used.add(found)
                over = True
                continue
            number = meant(filters, met, (type_, data), self._say, every="all" in to)
            if number is None:
                continue
            met.add(number)
            self._inbox.used.add(found)
            outputs.append((yield from each(data, len(outputs))))
        return outputs
