"""Reading server-sent events."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from millwright_client.sse import Parser, RawEvent

STREAM = (
    ": ping\n\n"
    'event: task\r\ndata: {"name": "Prüfung 🏭"}\r\nid: 7\r\n\r\n'
    "data: two\rdata: lines\r\r"
    "event:ended\ndata\n\n"
)
EVENTS = [
    RawEvent("task", '{"name": "Prüfung 🏭"}', "7"),
    RawEvent("message", "two\nlines", None),
    RawEvent("ended", "", None),
]


@given(st.lists(st.integers(0, len(STREAM.encode())), max_size=20))
def test_events_do_not_depend_on_how_the_bytes_are_cut(cuts: list[int]) -> None:
    whole = STREAM.encode()
    edges = [0, *sorted(cuts), len(whole)]
    parser = Parser()
    pieces = [whole[a:b] for a, b in pairwise(edges)]
    assert [event for piece in pieces for event in parser.feed(piece)] == EVENTS


def test_an_event_that_is_not_complete_is_not_given() -> None:
    assert list(Parser().feed(b"event: task\ndata: {}\n")) == []
