"""`grpc-call` against a real server: what is sent, what comes back, what counts as which error."""

import asyncio
import sys
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.grpc import GrpcActivities, GrpcCall
from activities.logins import DigestLogin, PlainLogin
from deploy.local.ports import free_port
from security.authority.types import Client, OAuth2Login, OAuth2Properties
from tests.fixtures.grpc_line import HOST, Line, Protos
from tests.fixtures.polling import pause
from tests.fixtures.token_server import POST_SECRET, TokenServer

pytestmark = pytest.mark.anyio


class Caller:
    """Calls methods of the line as a worker would.

    Attributes:
        beats: What was reported to Temporal.
    """

    def __init__(self, activities: GrpcActivities, protos: Protos, port: int) -> None:
        self.activities = activities
        self.protos = protos
        self.port = port
        self.beats: list[Any] = []
        self.environment = ActivityEnvironment()
        self.environment.on_heartbeat = lambda *details: self.beats.append(details[0])
        self.environment.info = replace(
            self.environment.info, heartbeat_timeout=timedelta(seconds=30)
        )

    async def __call__(self, method: str, *, changes: Any = None, **arguments: Any) -> Any:
        call = GrpcCall(
            tenant_id="press",
            proto_uri=self.protos.line,
            service="press.v1.Line",
            host=HOST,
            port=self.port,
            method=method,
            arguments=arguments,
        ).model_copy(update=changes or {})
        return (await self.environment.run(self.activities.grpc_call, call)).value

    async def failure(self, method: str, *, changes: Any = None, **arguments: Any) -> Any:
        with pytest.raises(ApplicationError) as caught:
            await self(method, changes=changes, **arguments)
        return caught.value

    async def until_sent(self) -> None:
        """Wait until a request leaves; the test's own timeout ends a vain wait."""
        while {"sent": True} not in self.beats:
            await pause()

    def after_a_lost_worker(self) -> None:
        self.environment.info = replace(self.environment.info, heartbeat_details=[{"sent": True}])


@pytest.fixture
def caller(activities: GrpcActivities, protos: Protos, line: Line) -> Caller:
    return Caller(activities, protos, line.port)


async def test_an_answer_is_the_json_that_protobuf_makes_of_it(caller: Caller) -> None:
    assert await caller("Measure", press="P7") == {
        # 64 bits do not fit into the numbers of JSON.
        "count": "9007199254740993",
        # Zero and empty are values, not absences.
        "force": 0.0,
        "raw": "AP8=",
        "kind": "KIND_SQUARE",
        "parts": [{"kind": "KIND_ROUND", "partNumber": "P-1"}],
        "limits": {"force": 7.5},
        "note": "P7",
        "passed": False,
        "takenAt": "2026-11-27T06:00:00Z",
        "took": "1.500s",
        "extra": {"line": 7.0, "words": ["a", None]},
        "temperature": "0",
        "authorization": "",
    }


async def test_arguments_are_spelled_as_in_json_or_as_in_the_proto(caller: Caller) -> None:
    for name in ("partNumber", "part_number"):
        stopped = await caller(
            "Stop",
            press="P7",
            parts={"a": {name: "P-1", "kind": "KIND_ROUND"}},
            at="2026-11-27T06:00:00Z",
            kind=1,
        )
        assert stopped["request"] == {
            "press": "P7",
            "parts": {"a": {"kind": "KIND_ROUND", "partNumber": "P-1"}},
            "at": "2026-11-27T06:00:00Z",
            "kind": "KIND_ROUND",
        }


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ({"pres": "P7"}, 'no field named "pres"'),
        ({"press": 7}, "press"),
        ({"press": {"a": 1}}, "press"),
        ({"kind": "KIND_OVAL"}, "KIND_OVAL"),
        ({"at": "yesterday"}, "StopRequest.at"),
        ({"at": {"seconds": 1}}, "at"),
        ({"parts": [1]}, "parts"),
    ],
)
async def test_arguments_that_do_not_fit_are_named_and_not_sent(
    caller: Caller, line: Line, arguments: dict[str, Any], what: str
) -> None:
    failure = await caller.failure("Stop", **arguments)
    assert (failure.type, failure.non_retryable) == ("grpc-arguments", True)
    assert failure.details[0]["kind"] == "validation"
    assert what in str(failure)
    assert (line.calls.total(), caller.beats) == (0, [])


async def test_a_stream_of_answers_is_an_array_in_its_order(caller: Caller) -> None:
    answers = await caller("Watch", measurements=3)
    assert [answer["count"] for answer in answers] == ["0", "1", "2"]
    assert await caller("Watch", measurements=0) == []


@pytest.mark.parametrize("asked", [{"padding": 9_000}, {"padding": 0}])
async def test_an_endless_stream_is_cut_off(caller: Caller, asked: dict[str, int]) -> None:
    failure = await caller.failure("Watch", for_ever=True, **asked)
    assert (failure.type, failure.non_retryable) == ("grpc-answers-too-large", True)
    assert "ask for less" in str(failure)


async def test_an_answer_larger_than_the_setting_is_not_read(caller: Caller) -> None:
    failure = await caller.failure("Measure", padding=400_000)
    assert failure.details[0]["title"] == "gRPC RESOURCE_EXHAUSTED"
    assert "larger than max" in str(failure)
    assert failure.non_retryable


@pytest.mark.parametrize(
    ("login", "sent"),
    [
        (PlainLogin(scheme="bearer", secret="t0k3n"), "Bearer t0k3n"),
        (PlainLogin(scheme="basic", username="kim", secret="pw"), "Basic a2ltOnB3"),
        (None, ""),
    ],
)
async def test_a_login_is_sent_as_metadata(
    caller: Caller, login: PlainLogin | None, sent: str
) -> None:
    assert (await caller("Measure", changes={"login": login}))["authorization"] == sent


async def test_a_token_that_is_no_metadata_is_refused(caller: Caller, line: Line) -> None:
    failure = await caller.failure(
        "Measure", changes={"login": PlainLogin(scheme="bearer", secret="a\nb: c")}
    )
    assert failure.type == "grpc-arguments"
    assert "a\nb" not in str(failure)
    assert not line.calls


@pytest.mark.parametrize(
    ("code", "kind", "status"),
    [
        ("CANCELLED", "communication", 499),
        ("UNKNOWN", "communication", 500),
        ("INVALID_ARGUMENT", "validation", 400),
        ("NOT_FOUND", "communication", 404),
        ("ALREADY_EXISTS", "communication", 409),
        ("PERMISSION_DENIED", "authorization", 403),
        ("UNAUTHENTICATED", "authentication", 401),
        ("RESOURCE_EXHAUSTED", "communication", 429),
        ("FAILED_PRECONDITION", "communication", 400),
        ("ABORTED", "communication", 409),
        ("OUT_OF_RANGE", "validation", 400),
        ("UNIMPLEMENTED", "configuration", 501),
        ("INTERNAL", "communication", 500),
        ("DATA_LOSS", "communication", 500),
    ],
)
@pytest.mark.parametrize("method", ["Fail", "FailSafely"])
async def test_a_status_becomes_an_error_of_the_language(
    caller: Caller, method: str, code: str, kind: str, status: int
) -> None:
    failure = await caller.failure(method, code=code, message="the press is hot")
    told = failure.details[0]
    assert (told["kind"], told["status"], told["title"]) == (kind, status, f"gRPC {code}")
    assert f"press.v1.Line/{method}" in str(failure)
    assert "the press is hot" in str(failure)
    assert failure.non_retryable


@pytest.mark.parametrize(("method", "again"), [("Fail", False), ("FailSafely", True)])
@pytest.mark.parametrize(("code", "status"), [("UNAVAILABLE", 503), ("DEADLINE_EXCEEDED", 504)])
async def test_what_may_have_been_executed_is_tried_again_only_where_that_does_no_harm(
    caller: Caller, method: str, code: str, status: int, *, again: bool
) -> None:
    failure = await caller.failure(method, code=code)
    assert (failure.type, failure.details[0]["status"]) == ("call-unanswered", status)
    assert failure.non_retryable is not again


@pytest.mark.parametrize(("method", "again"), [("Fail", False), ("FailSafely", True)])
async def test_no_answer_in_time_is_a_timeout(
    caller: Caller, line: Line, method: str, *, again: bool
) -> None:
    failure = await caller.failure(method, code="HANG", changes={"timeout_s": 1.0})
    assert failure.details[0]["kind"] == "timeout"
    assert failure.non_retryable is not again
    assert "within 1 s" in str(failure)
    await line.cancelled.wait()


async def test_a_server_that_is_not_there_was_not_reached(
    caller: Caller, activities: GrpcActivities
) -> None:
    caller.port = free_port()
    failure = await caller.failure("Stop", press="P7")
    assert (failure.type, failure.non_retryable) == ("call-unreached", False)
    assert f"127.0.0.1:{caller.port}" in str(failure)
    assert {"sent": True} not in caller.beats
    assert not activities.channels.kept


async def test_a_server_that_is_back_is_called_at_once(
    activities: GrpcActivities, protos: Protos
) -> None:
    port = free_port()
    caller = Caller(activities, protos, port)
    await caller.failure("Stop")
    server = await started(port)
    try:
        assert (await until_up(caller))["times"] == "1"
    finally:
        server.kill()
        await server.wait()


async def test_a_server_that_is_killed_in_the_middle_may_have_executed_it(
    activities: GrpcActivities, protos: Protos
) -> None:
    port = free_port()
    caller = Caller(activities, protos, port)
    server = await started(port)
    await until_up(caller)
    caller.beats.clear()
    called = asyncio.create_task(caller.failure("Fail", code="HANG"))
    await caller.until_sent()
    server.kill()
    await server.wait()
    failure = await called
    assert (failure.type, failure.non_retryable) == ("call-unanswered", True)
    assert failure.details[0]["kind"] == "communication"


async def started(port: int) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.fixtures.grpc_line", str(port)
    )


async def until_up(caller: Caller) -> Any:
    """Call until somebody answers; the test's own timeout ends a vain wait."""
    while True:
        try:
            return await caller("Stop")
        except ApplicationError as error:
            assert error.type == "call-unreached"  # noqa: PT017 - it is not the end


async def test_a_call_whose_worker_died_is_repeated_only_where_that_does_no_harm(
    caller: Caller, line: Line
) -> None:
    caller.after_a_lost_worker()
    assert (await caller("Measure"))["passed"] is False
    failure = await caller.failure("Stop")
    assert (failure.type, failure.non_retryable) == ("call-unanswered", True)
    assert "its worker went away" in str(failure)
    assert line.calls == {"Measure": 1}


async def test_a_cancelled_activity_cancels_the_call(caller: Caller, line: Line) -> None:
    running = asyncio.create_task(caller("Fail", code="HANG"))
    await line.hanging.wait()
    caller.environment.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await line.cancelled.wait()


async def test_calls_share_a_connection_and_a_document(caller: Caller, line: Line) -> None:
    await asyncio.gather(*(caller("Stop") for _ in range(20)))
    assert set(caller.protos.read.values()) == {1}
    assert line.calls == {"Stop": 20}
    assert len(line.connections) == 1


@pytest.mark.parametrize(
    ("method", "what"),
    [
        ("Sotp", "has no method 'Sotp'. It has: Fail, FailSafely, Measure, Stop, Upload, Watch"),
        ("Upload", "takes a stream of messages"),
    ],
)
async def test_a_method_that_cannot_be_called_is_named(
    caller: Caller, method: str, what: str
) -> None:
    failure = await caller.failure(method)
    assert (failure.type, failure.non_retryable) == ("proto", True)
    assert failure.details[0]["kind"] == "configuration"
    assert what in str(failure)


async def test_an_unknown_service_lists_the_known_ones(caller: Caller) -> None:
    failure = await caller.failure("Stop", changes={"service": "Line"})
    assert "describes no service 'Line'. It describes: press.v1.Line." in str(failure)


@pytest.mark.parametrize("host", ["169.254.169.254", "10.1.2.3"])
async def test_an_address_inside_the_network_is_refused(caller: Caller, host: str) -> None:
    failure = await caller.failure("Stop", changes={"host": host})
    assert (failure.type, failure.details[0]["kind"]) == ("egress-refused", "authorization")


async def test_a_token_is_got_and_sent_as_metadata(
    caller: Caller, token_server: TokenServer
) -> None:
    properties = OAuth2Properties(
        authority=token_server.authority,
        grant="client_credentials",
        client=Client(id="poster", secret=POST_SECRET),
    )
    login = OAuth2Login(scheme="oauth2", properties=properties)
    answer = await caller("Measure", changes={"login": login})
    # What comes back is masked; the far end has seen a token.
    assert answer["authorization"] == "Bearer ***"
    assert len(token_server.issued) == 1


async def test_a_method_that_refuses_the_token_is_called_with_a_new_one(
    caller: Caller, line: Line, token_server: TokenServer
) -> None:
    properties = OAuth2Properties(
        authority=token_server.authority,
        grant="client_credentials",
        client=Client(id="poster", secret=POST_SECRET),
    )
    login = OAuth2Login(scheme="oauth2", properties=properties)
    failure = await caller.failure("Fail", changes={"login": login}, code="UNAUTHENTICATED")
    assert failure.details[0]["kind"] == "authentication"
    assert (line.calls["Fail"], len(token_server.issued)) == (2, 2)


async def test_a_digest_cannot_be_sent(caller: Caller, line: Line) -> None:
    login = DigestLogin(scheme="digest", username="kim", secret="pw")
    failure = await caller.failure("Measure", changes={"login": login})
    assert "'digest' cannot be used for this call" in failure.message
    assert line.calls.total() == 0
