"""Events as they come over HTTP, and what is no event."""

from typing import Any

import pytest

from foundation.errors import InvalidInputError, TooLargeError
from workflows.events.cloud_events import checked
from workflows.events.spelling import read

EVENT: dict[str, Any] = {"specversion": "1.0", "id": "1", "source": "/line/3", "type": "a.b"}
TOO_MANY = b"[" + b"{}," * 100 + b"{}]"
BINARY = {f"ce-{name}": value for name, value in EVENT.items()}


def test_an_event_in_headers_is_the_same_event() -> None:
    headers = {**BINARY, "content-type": "application/json; charset=utf-8", "ce-line": "caf%C3%A9"}
    assert read(headers, b'{"n": 1}') == [
        {
            **EVENT,
            "line": "caf\u00e9",
            "datacontenttype": "application/json; charset=utf-8",
            "data": {"n": 1},
        }
    ]
    assert read({**BINARY, "content-type": "text/plain"}, "\u00fc".encode())[0] == {
        **EVENT,
        "datacontenttype": "text/plain",
        "data": "\u00fc",
    }
    assert read({**BINARY, "content-type": "image/png"}, b"\x00\x01")[0] == {
        **EVENT,
        "datacontenttype": "image/png",
        "data_base64": "AAE=",
    }
    assert read(BINARY, b"") == [EVENT]


@pytest.mark.parametrize(
    ("headers", "body", "says"),
    [
        ({"content-type": "application/json"}, b"{}", "no CloudEvent"),
        ({"content-type": "application/cloudevents+json"}, b"{", "no JSON"),
        ({"content-type": "application/cloudevents+json"}, b'{"data": NaN}', "NaN"),
        ({"content-type": "application/cloudevents-batch+json"}, b"{}", "array"),
        ({"content-type": "application/cloudevents-batch+json"}, TOO_MANY, "100"),
        (BINARY, b"x", "Content-Type"),
        ({**BINARY, "content-type": "text/plain"}, b"\xff", "UTF-8"),
    ],
)  # fmt: skip
def test_what_holds_no_event_is_refused(headers: dict[str, str], body: bytes, says: str) -> None:
    with pytest.raises(InvalidInputError, match=says):
        read(headers, body)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"specversion": "0.3"}, "'1.0' is understood"),
        ({"id": ""}, "no 'id'"),
        ({"id": None}, "no 'id'"),
        ({"source": 7}, "no 'source'"),
        ({"source": "a b"}, "URI"),
        ({"type": None}, "no 'type'"),
        ({"Upper": "x"}, "lower case"),
        ({"extension": {"a": 1}}, "'extension'"),
        ({"extension": 1.5}, "'extension'"),
        ({"subject": 1}, "'subject'"),
        ({"subject": "x" * 1_025}, "1,025 characters"),
        ({"time": "yesterday"}, "'time'"),
        ({"time": "2026-01-31"}, "'time'"),
        ({"time": "2026-01-31T08:00:00"}, "'time'"),
        ({"data": 1, "data_base64": "AA=="}, "both"),
        ({"data_base64": 1}, "data_base64"),
        ({"data_base64": "abc"}, "data_base64"),
        ({"data_base64": "a b="}, "data_base64"),
        ({"subject": "a\nb"}, "'subject' with a control character"),
        ({"extension": "a\x85"}, "'extension' with a control character"),
        ({"type": "a\ud800"}, "'type' with a control character"),
    ],
)
def test_what_is_no_cloud_event_is_refused_by_name(change: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidInputError, match=says):
        checked({**EVENT, **change})


def test_an_event_is_bounded_and_what_is_null_is_not_there() -> None:
    assert checked({**EVENT, "subject": None, "data": None}) == {**EVENT, "data": None}
    assert checked({**EVENT, "time": "2026-01-31T08:00:00Z"})["time"] == "2026-01-31T08:00:00Z"
    with pytest.raises(TooLargeError, match="65,536 are allowed"):
        checked({**EVENT, "data": "x" * 65_536})
    with pytest.raises(InvalidInputError, match="no object"):
        checked([EVENT])
