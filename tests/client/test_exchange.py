"""The policy of the client, driven by hand: no socket, no clock, no sleep."""

from collections.abc import Callable, Generator
from typing import Any

import httpx
import pytest

from millwright_client.calls.instances import cancel, events, wait
from millwright_client.calls.reading import one
from millwright_client.calls.workflows import start
from millwright_client.decoding import decode
from millwright_client.errors import (
    MillwrightApiError,
    MillwrightConnectionError,
    MillwrightProtocolError,
    MillwrightTimeoutError,
)
from millwright_client.exchange import (
    Call,
    Chunks,
    Close,
    Emit,
    Lock,
    Read,
    Send,
    Session,
    Sleep,
    Unlock,
)
from millwright_client.models import Ended, Instance, Me, TaskEvent
from tests.client.test_decoding import INSTANCE

ME = Call("GET", "/auth/me", one(Me), safe=True)
ANA = {"tenant_id": "t", "user_id": "u", "email": "e", "roles": [], "permissions": []}
TOKENS = {"access_token": "new", "refresh_token": "next"}
PROBLEM = {"type": "urn:millwright:problem:not-found", "title": "Not found", "detail": "No x."}


def reply(status: int, body: Any = None) -> httpx.Response:
    return httpx.Response(status, json=body, request=httpx.Request("GET", "http://api.test/"))


class Played:
    """Plays a flow against answers given beforehand, and keeps what it asked for."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.effects: list[Any] = []

    def run(self, flow: Generator[Any, Any, Any]) -> Any:
        answer: Any = None
        while True:
            try:
                effect = flow.throw(answer) if isinstance(answer, Exception) else flow.send(answer)
            except StopIteration as done:
                assert not self.answers
                return done.value
            self.effects.append(effect)
            asks = isinstance(effect, Send | Call | Read)
            answer = self.answers.pop(0) if asks else None

    @property
    def kinds(self) -> list[type]:
        return [type(effect) for effect in self.effects]


def refused() -> httpx.ConnectError:
    return httpx.ConnectError("refused", request=httpx.Request("GET", "http://api.test/"))


def broken() -> httpx.ReadError:
    return httpx.ReadError("broken", request=httpx.Request("GET", "http://api.test/"))


def bad_gateway() -> httpx.Response:
    return reply(502)


def unavailable() -> httpx.Response:
    return reply(503)


@pytest.mark.parametrize("trouble", [refused, broken, bad_gateway, unavailable])
def test_what_is_safe_is_repeated_while_the_api_is_away(trouble: Callable[[], Any]) -> None:
    played = Played(trouble(), trouble(), reply(200, ANA))
    assert played.run(Session("t").exchange(ME)).email == "e"
    assert played.kinds == [Send, Sleep, Send, Sleep, Send]


def test_what_is_not_safe_is_repeated_only_when_it_cannot_have_arrived() -> None:
    act = next(iter(cancel("a.b.c")))
    assert isinstance(act, Call)
    for trouble in (broken(), reply(503, PROBLEM)):
        with pytest.raises((MillwrightConnectionError, MillwrightApiError)):
            Played(trouble).run(Session("t").exchange(act))
    played = Played(refused(), reply(404, PROBLEM))
    with pytest.raises(MillwrightApiError):
        played.run(Session("t").exchange(act))


def test_patience_ends() -> None:
    with pytest.raises(MillwrightConnectionError, match=r"http://api\.test/ gives no answer"):
        Played(refused()).run(Session("t", patience_s=0).exchange(ME))
    with pytest.raises(MillwrightApiError) as error:
        Played(reply(503, PROBLEM)).run(Session("t", patience_s=0).exchange(ME))
    assert error.value.status == 503


def test_a_start_is_safe_because_it_always_has_a_key() -> None:
    calls = [next(iter(start("a", "b"))) for _ in range(2)]
    own = next(iter(start("a", "b", idempotency_key="mine")))
    keys = [call.headers["Idempotency-Key"] for call in (*calls, own) if isinstance(call, Call)]
    assert all(call.safe for call in calls if isinstance(call, Call))
    assert len({*keys}) == 3
    assert keys[2] == "mine"


def test_an_expired_token_is_exchanged_and_the_request_sent_again() -> None:
    session = Session("old", "once")
    played = Played(reply(401), reply(200, TOKENS), reply(200, ANA))
    played.run(session.exchange(ME))

    assert played.kinds == [Send, Lock, Send, Unlock, Send]
    assert [effect.token for effect in played.effects if isinstance(effect, Send)] == [
        "old",
        None,
        "new",
    ]
    assert played.effects[2].call.json == {"refresh_token": "once"}
    assert (session.access_token, session.refresh_token) == ("new", "next")


def test_who_waited_for_the_lock_takes_the_token_that_another_got() -> None:
    session = Session("old", "once")
    flow = session.exchange(ME)
    assert isinstance(flow.send(None), Send)
    assert isinstance(flow.send(reply(401)), Lock)
    session.access_token, session.refresh_token = "of-another", "next"
    assert isinstance(flow.send(None), Unlock)
    again = flow.send(None)
    assert isinstance(again, Send)
    assert again.token == "of-another"


def test_a_refused_refresh_is_an_error_and_gives_the_lock_back() -> None:
    played = Played(reply(401), reply(401, PROBLEM))
    with pytest.raises(MillwrightApiError):
        played.run(Session("old", "used").exchange(ME))
    assert played.kinds == [Send, Lock, Send, Unlock]


def test_a_refresh_that_may_have_arrived_is_not_repeated() -> None:
    played = Played(reply(401), broken())
    with pytest.raises(MillwrightConnectionError):
        played.run(Session("old", "once").exchange(ME))
    assert played.kinds == [Send, Lock, Send, Unlock]


def test_without_a_refresh_token_401_is_an_error() -> None:
    with pytest.raises(MillwrightApiError) as error:
        Played(reply(401, PROBLEM)).run(Session("old").exchange(ME))
    assert error.value.status == 401


def test_a_problem_becomes_an_error_with_all_its_members() -> None:
    body = {**PROBLEM, "status": 422, "instance": "/x", "findings": [1]}
    with pytest.raises(MillwrightApiError) as raised:
        Played(reply(422, body)).run(Session().exchange(ME))
    error = raised.value
    assert (error.status, error.code, error.title) == (422, "not-found", "Not found")
    assert (error.detail, error.details) == ("No x.", {"findings": [1]})
    assert str(error) == "Not found (422): No x."


def test_an_error_page_of_something_else_is_an_error_too() -> None:
    page = httpx.Response(404, text="<h1>nginx</h1>", request=httpx.Request("GET", "http://x/"))
    with pytest.raises(MillwrightApiError) as error:
        Played(page).run(Session().exchange(ME))
    assert (error.value.code, error.value.detail) == ("http-404", "<h1>nginx</h1>")


@pytest.mark.parametrize("body", ["<html>", "[]", '{"tenant_id": 7}', '{"email": "e"}', "null"])
def test_an_answer_that_is_not_ours_is_named_so(body: str) -> None:
    page = httpx.Response(200, text=body, request=httpx.Request("GET", "http://x/"))
    with pytest.raises(MillwrightProtocolError):
        Played(page).run(Session().exchange(ME))


def test_waiting_gives_up_after_the_time_it_was_given() -> None:
    instance = decode(Instance, INSTANCE)
    with pytest.raises(MillwrightTimeoutError, match=r"'a\.b\.c' did not end within 0 s"):
        Played(instance).run(wait("a.b.c", timeout=0))


def test_a_broken_stream_is_taken_up_after_the_last_event() -> None:
    stream = reply(200)
    played = Played(stream, task(3), broken(), stream, task(4) + b"event: en", ENDED)
    played.run(events("a.b.c", after=2))

    opened = [effect for effect in played.effects if isinstance(effect, Call)]
    emitted = [effect.value for effect in played.effects if isinstance(effect, Emit)]
    assert [call.headers["Last-Event-ID"] for call in opened] == ["2", "3"]
    assert [e.sequence if isinstance(e, TaskEvent) else e.status for e in emitted] == [
        3,
        4,
        "COMPLETED",
    ]
    assert isinstance(emitted[-1], Ended)
    assert played.kinds.count(Close) == played.kinds.count(Chunks) == 2


def test_a_stream_that_just_stops_is_opened_again() -> None:
    stream = reply(200)
    played = Played(stream, None, stream, b"event: en" + ENDED)
    played.run(events("a.b.c"))
    assert played.kinds == [Call, Chunks, Read, Close, Sleep, Call, Chunks, Read, Emit, Close]


ENDED = b'ded\ndata: {"status": "COMPLETED"}\n\n'


def task(sequence: int) -> bytes:
    data = (
        f'{{"sequence": {sequence}, "time": "2026-11-22T10:00:00Z", "reference": "/do/0/a", '
        '"iteration": "", "name": "a", "kind": "set", "state": "running"}'
    )
    event = f"event: task\ndata: {data}\nid: {sequence}\n\n"
    return f": ping\n\n{event}event: of-a-later-release\ndata: 1\n\n".encode()
