"""`call: asyncapi` through a real broker, and an HTTP server."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from paho.mqtt import subscribe
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Worker

from activities.asyncapi import AsyncApiActivities
from activities.logins.authenticator import Authenticator
from foundation.settings import EgressSettings, TemporalSettings
from foundation.temporal import connect
from security.egress import UNRULED, Egress
from tests.fixtures.asyncapi_site import AsyncApiSite
from tests.fixtures.mosquitto import PASSWORD, TLS_HOST, USER, Mosquitto, wait_until
from tests.interpreter.conftest import Runner
from workflows.interpreter.types import Progress, TaskState
from workflows.interpreter.workflow import Interpreter
from workflows.secrets import SecretOpener, SecretsInMemory

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(180)]
LOGIN = {"user": USER, "password": PASSWORD}
AUTHENTICATION = "basic: { username: '${ .user }', password: '${ .password }' }"
VERSIONS = pytest.mark.parametrize("protocol", ["mqtt", "mqtt5"])


@asynccontextmanager
async def working(
    client: Client, task_queue: str, tenant: str, mosquitto: Mosquitto
) -> AsyncIterator[Runner]:
    tls = f"http://127.0.0.1:{mosquitto.tls_port}"
    settings = EgressSettings(
        allow_networks=["127.0.0.0/8"], host_map={TLS_HOST: tls, "other.example": tls}
    )
    egress = Egress(settings, UNRULED)
    opener = SecretOpener(SecretsInMemory({(tenant, "broker"): PASSWORD}))
    asyncapi = AsyncApiActivities(egress, opener, Authenticator(egress), tls=mosquitto.tls())
    async with Worker(
        client,
        task_queue=task_queue,
        workflows=[Interpreter],
        activities=[asyncapi.publish, asyncapi.subscribe, asyncapi.poll, asyncapi.close],
    ):
        yield Runner(client, task_queue, tenant)
    await egress.aclose()


@pytest.fixture
async def run(
    temporal: Client, task_queue: str, tenant: str, mosquitto: Mosquitto
) -> AsyncIterator[Runner]:
    async with working(temporal, task_queue, tenant, mosquitto) as runner:
        yield runner


@pytest.fixture
async def restless(
    restless_address: str, task_queue: str, tenant: str, mosquitto: Mosquitto
) -> AsyncIterator[Runner]:
    """Runs that go on as new ones after every twenty events."""
    client = await connect(TemporalSettings(address=restless_address))
    async with working(client, task_queue, tenant, mosquitto) as runner:
        yield runner


@pytest.fixture
def document(asyncapi_site: AsyncApiSite, mosquitto: Mosquitto) -> str:
    """Address of a document with everything the tests use."""
    where = f"127.0.0.1:{mosquitto.port}"
    servers = {
        "plain": {"host": where, "protocol": "mqtt"},
        "five": {"host": where, "protocol": "mqtt", "protocolVersion": "5.0"},
        "secure": {"host": TLS_HOST, "protocol": "secure-mqtt"},
        "misnamed": {"host": "other.example", "protocol": "mqtts"},
        "kafka": {"host": where, "protocol": "kafka"},
        "web": {
            "host": "{host}",
            "pathname": "/v1",
            "protocol": "http",
            "variables": {"host": {"default": f"127.0.0.1:{asyncapi_site.port}"}},
        },
    }
    return asyncapi_site.give(
        {
            "asyncapi": "3.0.0",
            "servers": servers,
            "channels": {
                "readings": {
                    "address": "plant/{line}/readings",
                    "parameters": {"line": {"location": "$message.payload#/line"}},
                }
            },
            "operations": {
                name: {"action": "send", "channel": {"$ref": "#/channels/readings"}}
                for name in ("readings", "sendReading")
            },
        }
    )


def publish(document: str, more: str, message: str = "payload: { line: '4', n: 1 }") -> str:
    return (
        f"do: [ {{ tell: {{ call: asyncapi, with: {{ document: {{ endpoint: '{document}' }}, "
        f"operation: sendReading, authentication: {{ {AUTHENTICATION} }}, {more}, "
        f"message: {{ {message} }} }} }} }} ]"
    )


def subscribing(document: str, subscription: str, protocol: str = "mqtt5") -> str:
    return f"""
do:
  - take:
      call: asyncapi
      with:
        document: {{ endpoint: '{document}' }}
        operation: readings
        protocol: {protocol}
        authentication: {{ {AUTHENTICATION} }}
        subscription: {{ {subscription} }}
"""


def readings(*numbers: int) -> Sequence[str]:
    return [json.dumps({"n": number}) for number in numbers]


async def subscribed(mosquitto: Mosquitto) -> None:
    """Wait until the broker knows the subscription."""
    await asyncio.to_thread(wait_until, lambda: "Sending SUBACK" in mosquitto.log())


def numbers_of(output: Any) -> list[int]:
    return [message["payload"]["n"] for message in output]


# --- Sending -------------------------------------------------------------------------------------


@VERSIONS
async def test_a_message_reaches_those_who_have_subscribed(
    run: Runner, document: str, mosquitto: Mosquitto, protocol: str
) -> None:
    waiting = asyncio.create_task(
        asyncio.to_thread(
            subscribe.simple,
            "plant/#",
            qos=1,
            hostname="127.0.0.1",
            port=mosquitto.port,
            auth={"username": USER, "password": PASSWORD},
        )
    )
    await subscribed(mosquitto)
    ended = await run(publish(document, f"protocol: {protocol}"), LOGIN)
    assert ended.error is None
    message = await waiting
    assert (message.topic, json.loads(message.payload)) == (
        "plant/4/readings",
        {"line": "4", "n": 1},
    )
    assert ended.output is None


async def test_headers_travel_as_user_properties(
    run: Runner, document: str, mosquitto: Mosquitto
) -> None:
    taking = await run.start(subscribing(document, "consume: { amount: 1 }"), LOGIN)
    await subscribed(mosquitto)
    message = "payload: { line: a, n: 7 }, headers: { shift: late }"
    assert (await run(publish(document, "protocol: mqtt5", message), LOGIN)).error is None
    (taken,) = (await run.ended(taking)).output
    assert taken == {
        "payload": {"line": "a", "n": 7},
        "headers": {"shift": "late"},
        "topic": "plant/a/readings",
    }


async def test_mqtt_3_refuses_headers_instead_of_dropping_them(run: Runner, document: str) -> None:
    message = "payload: { line: a }, headers: { shift: late }"
    ended = await run(publish(document, "protocol: mqtt", message), LOGIN)
    assert ended.kind == "validation"
    assert "mqtt5" in ended.error["detail"]


async def test_a_message_is_posted_to_the_channels_address(
    run: Runner, document: str, asyncapi_site: AsyncApiSite
) -> None:
    message = "payload: { line: 'a b', n: 1 }, headers: { X-Shift: late }"
    ended = await run(publish(document, "protocol: http", message), LOGIN)
    assert ended.error is None
    (sent,) = asyncapi_site.received
    assert (sent.method, sent.path, sent.body) == (
        "POST",
        "/v1/plant/a%20b/readings",
        {"line": "a b", "n": 1},
    )
    assert sent.headers["x-shift"] == "late"
    assert sent.headers["authorization"].startswith("Basic ")


async def test_an_answer_that_is_an_error_faults_and_the_message_is_not_posted_again(
    run: Runner, document: str, asyncapi_site: AsyncApiSite
) -> None:
    asyncapi_site.status = 500
    ended = await run(publish(document, "protocol: http"), LOGIN)
    assert (ended.kind, ended.error["status"]) == ("communication", 500)
    assert len(asyncapi_site.received) == 1


async def test_a_wrong_password_is_an_error_of_authentication_and_tried_once(
    run: Runner, document: str
) -> None:
    ended = await run(publish(document, "protocol: mqtt"), {**LOGIN, "password": "guess"})
    assert ended.kind == "authentication"
    assert ended.progress.events[-1].attempts == 1


async def test_a_broker_that_is_not_there_is_tried_four_times_and_named(
    run: Runner, document: str, mosquitto: Mosquitto
) -> None:
    mosquitto.kill()
    ended = await run(publish(document, "protocol: mqtt"), LOGIN)
    assert ended.kind == "communication"
    assert f"127.0.0.1:{mosquitto.port}" in ended.error["detail"]
    assert ended.progress.events[-1].attempts == 4


async def test_a_certificate_must_be_of_the_host_that_was_meant(run: Runner, document: str) -> None:
    good = await run(publish(document, "server: { name: secure }"), LOGIN)
    assert good.error is None
    bad = await run(publish(document, "server: { name: misnamed }"), LOGIN)
    assert bad.error["title"] == "The certificate is not valid"
    assert "other.example" in bad.error["detail"]


async def test_a_protocol_that_only_the_document_names_is_refused_by_name(
    run: Runner, document: str
) -> None:
    ended = await run(publish(document, "server: { name: kafka }"), LOGIN)
    assert ended.kind == "configuration"
    assert "'kafka'" in ended.error["detail"]


async def test_a_broker_inside_the_network_is_refused_unless_it_is_allowed(
    run: Runner, asyncapi_site: AsyncApiSite
) -> None:
    document = asyncapi_site.give(
        {
            "asyncapi": "2.6.0",
            "servers": {"inside": {"url": "mqtt://169.254.169.254", "protocol": "mqtt"}},
            "channels": {"a": {"publish": {"operationId": "sendReading"}}},
        }
    )
    ended = await run(publish(document, "protocol: mqtt"), LOGIN)
    assert ended.kind == "authorization"
    assert "169.254.169.254" in ended.error["detail"]


# --- Taking --------------------------------------------------------------------------------------


@VERSIONS
async def test_an_amount_of_messages_is_taken_in_order(
    run: Runner, document: str, mosquitto: Mosquitto, protocol: str
) -> None:
    # More than a broker has in flight at once.
    handle = await run.start(
        subscribing(document, "consume: { amount: 150 }", protocol=protocol), LOGIN
    )
    await subscribed(mosquitto)
    mosquitto.publish("plant/4/readings", *readings(*range(170)))
    ended = await run.ended(handle)
    assert numbers_of(ended.output) == list(range(150))
    await run.replay(handle)


async def test_the_filter_is_asked_for_each_message(
    run: Runner, document: str, mosquitto: Mosquitto
) -> None:
    subscription = "filter: '${ .payload.n % 10 == $input.digit }', consume: { amount: 3 }"
    handle = await run.start(subscribing(document, subscription), {**LOGIN, "digit": 4})
    await subscribed(mosquitto)
    mosquitto.publish("plant/4/readings", *readings(*range(40)))
    assert numbers_of((await run.ended(handle)).output) == [4, 14, 24]


async def test_foreach_runs_its_tasks_for_each_message_and_exports(
    run: Runner, document: str, mosquitto: Mosquitto
) -> None:
    tasks = subscribing(
        document,
        "consume: { until: '${ ($context.seen | length) == 3 }' }, foreach: { item: message, "
        "at: number, do: [ { note: { set: { twice: '${ 2 * $message.payload.n }', "
        "at: '${ $number }' } } } ], output: { as: '${ .twice + $number }' }, "
        "export: { as: '${ { seen: (($context.seen // []) + [$output]) } }' } }",
    )
    handle = await run.start(
        tasks + "  - show: { set: { seen: '${ $context.seen }', all: '${ . }' } }", LOGIN
    )
    await subscribed(mosquitto)
    mosquitto.publish("plant/4/readings", *readings(10, 20, 30, 40))
    ended = await run.ended(handle)
    assert ended.output == {"seen": [20, 41, 62], "all": [20, 41, 62]}
    assert [
        event.iteration
        for event in ended.progress.events
        if event.name == "note" and event.state == TaskState.COMPLETED
    ] == ["0", "1", "2"]


async def test_while_is_asked_after_each_message(
    run: Runner, document: str, mosquitto: Mosquitto
) -> None:
    handle = await run.start(
        subscribing(document, "consume: { while: '${ .payload.n < 3 }' }"), LOGIN
    )
    await subscribed(mosquitto)
    mosquitto.publish("plant/4/readings", *readings(1, 2, 3, 4))
    assert numbers_of((await run.ended(handle)).output) == [1, 2, 3]


async def test_the_time_ends_a_subscription_with_what_there_is(
    run: Runner, document: str, mosquitto: Mosquitto
) -> None:
    handle = await run.start(
        subscribing(document, "consume: { amount: 5, for: { seconds: 4 } }"), LOGIN
    )
    await subscribed(mosquitto)
    mosquitto.publish("plant/4/readings", *readings(1, 2))
    assert numbers_of((await run.ended(handle)).output) == [1, 2]


async def test_two_equal_messages_are_two_messages(
    run: Runner, document: str, mosquitto: Mosquitto
) -> None:
    handle = await run.start(subscribing(document, "consume: { amount: 200 }", "mqtt"), LOGIN)
    await subscribed(mosquitto)
    mosquitto.publish("plant/4/readings", *readings(*[7] * 200))
    assert numbers_of((await run.ended(handle)).output) == [7] * 200


async def test_text_and_bytes_are_payloads_too(
    run: Runner, document: str, mosquitto: Mosquitto
) -> None:
    handle = await run.start(subscribing(document, "consume: { amount: 4 }"), LOGIN)
    await subscribed(mosquitto)
    mosquitto.publish("plant/4/readings", "21 °C", b"\xff\x00", "", '{"a": NaN}')
    output = (await run.ended(handle)).output
    assert [each["payload"] for each in output] == ["21 °C", "/wA=", None, '{"a": NaN}']


async def test_a_message_larger_than_a_poll_faults_and_is_not_acknowledged(
    run: Runner, document: str, mosquitto: Mosquitto
) -> None:
    handle = await run.start(subscribing(document, "consume: { amount: 1 }"), LOGIN)
    await subscribed(mosquitto)
    mosquitto.publish("plant/4/readings", b"x" * 2_000_000)
    ended = await run.ended(handle)
    assert ended.kind == "validation"
    assert "more than 1,048,576 bytes" in ended.error["detail"]


async def test_a_timeout_ends_a_subscription_and_the_broker_forgets_it(
    run: Runner, document: str, mosquitto: Mosquitto
) -> None:
    tasks = subscribing(document, "consume: { amount: 1 }") + "      timeout: { after: PT3S }"
    ended = await run(tasks, LOGIN)
    assert ended.kind == "timeout"
    mosquitto.publish("plant/4/readings", "left over")
    mosquitto.stop()  # it writes down what it keeps
    assert b"left over" not in mosquitto.kept()


async def test_a_subscription_goes_on_when_the_run_goes_on_as_a_new_one(
    restless: Runner, document: str, mosquitto: Mosquitto
) -> None:
    handle = await restless.start(
        subscribing(
            document,
            "filter: '${ .payload.n % 5 != 0 }', consume: { until: '${ .payload.n == 49 }' }, "
            "foreach: { do: [ { one: { wait: { milliseconds: 1 } } }, "
            "{ two: { set: { n: '${ $item.payload.n }' } } } ], output: { as: '${ .n }' }, "
            "export: { as: '${ { count: (($context.count // 0) + 1) } }' } }",
        )
        + "  - show: { set: { count: '${ $context.count }', all: '${ . }' } }",
        LOGIN,
    )
    await subscribed(mosquitto)
    for start in (0, 17, 34):
        mosquitto.publish("plant/4/readings", *readings(*range(start, start + 17)))
    ended = await restless.ended(handle)
    expected = [number for number in range(50) if number % 5]
    assert ended.output == {"count": len(expected), "all": expected}
    assert await restless.replay(handle) > 2


async def test_a_secret_opens_the_door_and_is_kept_by_nobody(
    run: Runner, document: str, mosquitto: Mosquitto
) -> None:
    tasks = subscribing(document, "consume: { amount: 1 }").replace(
        "'${ .password }'", "'${ $secrets.broker }'"
    )
    handle = await run.start(f"use: {{ secrets: [broker] }}\n{tasks}", {"user": USER})
    await subscribed(mosquitto)
    mosquitto.publish("plant/4/readings", json.dumps({"told": PASSWORD}))
    ended = await run.ended(handle)
    assert ended.output[0]["payload"] == {"told": "***"}
    assert PASSWORD not in str(await handle.fetch_history())


async def start_slow(run: Runner, document: str) -> WorkflowHandle[Any, Any]:
    """Take messages up to the one numbered 59, with a pause for each."""
    subscription = (
        "consume: { until: '${ .payload.n == 59 }' }, "
        "foreach: { do: [ { slow: { wait: { milliseconds: 50 } } } ], "
        "output: { as: '${ $item }' } }"
    )
    return await run.start(subscribing(document, subscription), LOGIN)


async def send_in_parts(
    run: Runner,
    handle: WorkflowHandle[Any, Any],
    mosquitto: Mosquitto,
    restart: Callable[[], None],
) -> None:
    """Send sixty messages, and start the broker again after each twenty."""
    await subscribed(mosquitto)
    for start in (0, 20, 40):
        mosquitto.publish("plant/4/readings", *readings(*range(start, start + 20)))
        last = json.dumps({"n": start + 19}).encode()

        def half_way(progress: Progress) -> bool:
            done = progress.last // 2
            # A quick run may have taken all before the broker wrote anything.
            return done > start and (last in mosquitto.kept() or done >= start + 20)  # noqa: B023

        await run.until(handle, half_way)
        await asyncio.to_thread(restart)


async def test_a_broker_that_is_restarted_loses_no_message_and_none_is_taken_twice(
    run: Runner, document: str, mosquitto: Mosquitto
) -> None:
    def restart() -> None:
        mosquitto.stop()
        mosquitto.start()

    handle = await start_slow(run, document)
    await send_in_parts(run, handle, mosquitto, restart)
    assert numbers_of((await run.ended(handle)).output) == list(range(60))


async def test_a_broker_that_is_killed_and_started_again_loses_no_message(
    run: Runner, document: str, mosquitto: Mosquitto
) -> None:
    def restart() -> None:
        mosquitto.kill()
        mosquitto.start()

    handle = await start_slow(run, document)
    await send_in_parts(run, handle, mosquitto, restart)
    taken = numbers_of((await run.ended(handle)).output)
    # It may have forgotten what it was told is taken, and send that again.
    assert list(dict.fromkeys(taken)) == list(range(60))


async def test_a_broker_that_has_forgotten_the_subscription_is_not_taken_for_a_quiet_one(
    run: Runner, document: str, mosquitto: Mosquitto
) -> None:
    handle = await run.start(subscribing(document, "consume: { amount: 1 }"), LOGIN)
    await subscribed(mosquitto)
    mosquitto.kill()
    (mosquitto.folder / "mosquitto.db").unlink(missing_ok=True)
    mosquitto.start()
    ended = await run.ended(handle)
    assert ended.error["title"] == "The broker has forgotten the subscription"
