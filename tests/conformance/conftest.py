"""The steps of all scenarios: those of the kit in its words, and ours in the same manner.

Publish, start and result go through the API, a real Temporal server and a worker process.
"""

import json
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from pytest_bdd import given, parsers, then, when

from deploy.local.ports import LOOPBACK, free_port, is_open
from deploy.local.processes import Child, Program
from millwright_client import Approval, Millwright, MillwrightApiError
from tests.conformance.story import PATIENCE_S, Story, at, eventually, filled, spelled, value_of
from tests.fixtures.agents import Asked, agent
from tests.fixtures.grpc_line import Protos
from tests.fixtures.mosquitto import PASSWORD, USER, Mosquitto
from tests.fixtures.plant import Plant
from tests.fixtures.system import System
from tests.fixtures.token_server import POST_SECRET, TokenServer
from tests.toolhub.servers import Seen, good_server, serving, serving_at

# To the language it is a fault that the time of the workflow is over.
FAULTED = {"FAILED", "TIMED_OUT"}


@pytest.fixture
def story(plant: Plant) -> Story:
    """The scenario; nobody has asked the plant anything when it begins."""
    assert not plant.asked
    return Story()


# Given


@given("a workflow with definition:")
def a_definition(story: Story, docstring: str) -> None:
    story.definition = story.written(docstring)


@given(parsers.parse("a workflow with the text '{text}'"))
def a_text(story: Story, text: str) -> None:
    story.definition = text


@given("given the workflow input is:")
def an_input(story: Story, docstring: str) -> None:
    story.input = value_of(filled(docstring, story.names))


@given("a published workflow with definition:")
def a_published_one(story: Story, client: Millwright, docstring: str) -> None:
    client.workflows.publish(story.written(docstring))


@given(parsers.parse("a secret '{name}' with value:"))
def a_secret(client: Millwright, name: str, docstring: str) -> None:
    client.secrets.put(name, value_of(docstring))


@given(parsers.parse("the plant answers '{path}' with statuses {statuses}"))
def answers_in_turn(plant: Plant, path: str, statuses: str) -> None:
    plant.answers[path] = [{"status": int(each)} for each in statuses.split(",")]


@given(parsers.parse("the plant answers '{path}' with:"))
def answers_with(story: Story, plant: Plant, path: str, docstring: str) -> None:
    answer = value_of(filled(docstring, story.names))
    plant.answers[path] = answer if isinstance(answer, list) else [answer]


@given("the plant holds its answers back")
def holds_back(plant: Plant) -> None:
    plant.held.clear()


@pytest.fixture(scope="session")
def line_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Where a press line is that speaks gRPC."""
    port = free_port()
    log = tmp_path_factory.mktemp("line") / "line.log"
    command = (sys.executable, "-m", "tests.fixtures.grpc_line", str(port))
    child = Child(Program("line", command, log))
    try:
        child.wait_ready(lambda: is_open(LOOPBACK, port), 60)
        yield port
    finally:
        child.stop()


@given("the gRPC service of a press line")
def a_line(story: Story, protos: Protos, line_port: int) -> None:
    story.names.update(LINE_PROTO=protos.line, LINE_PORT=str(line_port))


@pytest.fixture(scope="session")
def mcp_server() -> Iterator[str]:
    """Where an MCP server made with the official SDK is."""
    with serving(good_server(Seen())) as base:
        yield f"{base}/mcp"


@pytest.fixture(scope="session")
def container_worker(system: System, images_folder: Path) -> Iterator[None]:
    """A worker for programs that has the image `plant/tool:1.0`."""
    if shutil.which("bwrap") is None:
        pytest.skip("There is no bwrap (apt-get install bubblewrap).")
    images = system.settings.programs.images
    assert images is not None
    # Some of what the image keeps are links.
    shutil.copytree(images_folder, images, symlinks=True, dirs_exist_ok=True)
    worker = system.start_programs()
    yield
    worker.stop()


@given(parsers.parse("the tenant may run containers of '{image}'"))
def may_run_containers(request: pytest.FixtureRequest, client: Millwright, image: str) -> None:
    request.getfixturevalue("container_worker")
    client.features.put("containers", enabled=True, images=[image])


@given("the tenant may run no containers")
def may_run_none(client: Millwright) -> None:
    client.features.put("containers", enabled=False)


@given("an MCP server")
def an_mcp_server(story: Story, mcp_server: str) -> None:
    story.names["MCP_SERVER"] = mcp_server


@given(parsers.parse("the MCP server is registered as '{name}'"))
def a_registered_one(client: Millwright, mcp_server: str, name: str) -> None:
    client.mcp.register_server(name, url=mcp_server)


@pytest.fixture(scope="session")
def agent_address() -> Iterator[str]:
    """Where an agent made with the official SDK is."""
    with serving_at(lambda base: agent(base, Asked())) as url:
        yield url


@given("an agent")
def an_agent(story: Story, agent_address: str) -> None:
    story.names["AGENT"] = agent_address


@given("an MQTT broker")
def a_broker(story: Story, mosquitto: Mosquitto) -> None:
    story.names["BROKER"] = f"127.0.0.1:{mosquitto.port}"
    story.names.update(BROKER_USER=USER, BROKER_PASSWORD=PASSWORD)


@given("an authority that hands out tokens")
def an_authority(story: Story, client: Millwright, token_server: TokenServer) -> None:
    story.names.update(AUTHORITY=token_server.authority, TOKEN_API=f"{token_server.url}/api/orders")
    client.secrets.put("poster", POST_SECRET)


def sent(client: Millwright, docstring: str) -> None:
    """Send events one after the other; what they leave out is filled in."""
    for event in value_of(docstring):
        client.cloud_events.publish({"id": uuid4().hex, "source": "/scenarios", **event})


@given("these events came:")
def events_came(client: Millwright, docstring: str) -> None:
    sent(client, docstring)


# When


@when("the workflow waits")
def waits(story: Story, client: Millwright) -> None:
    eventually(lambda: client.instances.get(story.id).status == "WAITING", "it never waited")


@when("these events come:")
def events_come(client: Millwright, docstring: str) -> None:
    sent(client, docstring)


def asked_people(story: Story, client: Millwright) -> Approval:
    """Return what the workflow has asked people and nobody has answered, as soon as it has."""
    asked: list[Approval] = []

    def found() -> bool:
        asked[:] = [
            each
            for each in client.approvals.list(everybody=True, page_size=100).items
            if each.instance_id == story.id and each.id not in story.decided
        ]
        return bool(asked)

    eventually(found, "nobody was asked")
    return asked[0]


@when(parsers.re(r"the approval is (?P<what>approved|rejected)"))
def is_decided(story: Story, client: Millwright, what: str) -> None:
    decide = client.approvals.approve if what == "approved" else client.approvals.reject
    story.decided.add(decide(asked_people(story, client)).id)


@when("the approval is approved with:")
def is_approved_with(story: Story, client: Millwright, docstring: str) -> None:
    client.approvals.approve(asked_people(story, client), form=value_of(docstring))


@when("the workflow is executed")
def executed(story: Story, client: Millwright) -> None:
    story.start(client)
    story.wait(client)


@when("the workflow is published")
def published(story: Story, client: Millwright) -> Iterator[None]:
    """Publish what starts by itself, and end that with the scenario."""
    version = client.workflows.publish(story.definition)
    story.published = f"{version.namespace}.{version.name}"
    yield
    ending = re.sub(r"^schedule:.*?(?=^do:)", "", story.definition, flags=re.MULTILINE | re.DOTALL)
    client.workflows.publish(ending.replace("version: '1.0.0'", "version: '2.0.0'"))


@when("the workflow is started")
def started(story: Story, client: Millwright) -> None:
    story.start(client)


@when(parsers.re(r"(?P<task>\S+) is running"))
def is_running(story: Story, client: Millwright, task: str) -> None:
    def running() -> bool:
        tasks = client.instances.get(story.id).tasks
        return any(each.name == task and each.state == "running" for each in tasks)

    eventually(running, f"{task} never ran")


@when(parsers.parse("the plant is asked at '{path}'"))
def is_asked(plant: Plant, path: str) -> None:
    eventually(lambda: bool(plant.asked_at(path)), f"nobody asked at {path}")


@when(parsers.parse("the broker gets at '{topic}':"))
def broker_gets(mosquitto: Mosquitto, topic: str, docstring: str) -> None:
    eventually(lambda: "Sending SUBACK" in mosquitto.log(), "nobody subscribed")
    mosquitto.publish(topic, *map(json.dumps, value_of(docstring)))


@when("the plant answers")
def lets_go(plant: Plant) -> None:
    plant.held.set()


@when(parsers.re(r"the workflow is (?P<what>cancelled|paused|resumed|retried|terminated)"))
def is_told(story: Story, client: Millwright, what: str) -> None:
    tell: dict[str, Callable[[str], object]] = {
        "cancelled": client.instances.cancel,
        "paused": client.instances.pause,
        "resumed": client.instances.resume,
        "retried": client.instances.retry,
        "terminated": client.instances.terminate,
    }
    tell[what](story.id)


@when(parsers.parse("the workflow goes on with '{execution}'"))
def goes_on_with(story: Story, client: Millwright, execution: str) -> None:
    client.instances.rerun(story.id, execution)


@when(parsers.parse("the task {task} has completed"))
def has_completed(story: Story, client: Millwright, task: str) -> None:
    def completed() -> bool:
        tasks = client.instances.get(story.id).tasks
        return any(each.name == task and each.state == "completed" for each in tasks)

    eventually(completed, f"{task} never completed")


@when("the workflow has ended")
def has_ended(story: Story, client: Millwright) -> None:
    story.wait(client)


@when("the workflow is validated")
def validated(story: Story, client: Millwright) -> None:
    found = client.workflows.validate(story.definition).findings
    story.findings = {(each.code, each.pointer, each.severity) for each in found}


# Then: how it ended


@then("these instances should have started by themselves:")
def have_started(story: Story, client: Millwright, docstring: str) -> None:
    """Wait for the first ones; an instance that failed is told by the title of its error."""
    wanted = value_of(docstring)
    namespace, _, name = story.published.partition(".")
    found: list[str] = []

    def come() -> bool:
        listed = client.instances.list(namespace=namespace, name=name, page_size=100).items
        found[:] = [each.id for each in listed]
        return len(found) >= len(wanted)

    eventually(come, f"{len(wanted)} instances never started")
    ends = [client.wait(each, timeout=PATIENCE_S) for each in found]
    ends.sort(key=lambda each: each.started_at)
    told = [
        each.output if each.error is None else {"refused": each.error["title"]} for each in ends
    ]
    # Those that are started at the same time begin in any order.
    assert sorted(map(spelled, told[: len(wanted)])) == sorted(map(spelled, wanted))


@then("the workflow should complete")
def completes(story: Story) -> None:
    assert story.ended.status == "COMPLETED", story.ended.error


@then("the workflow should complete with output:")
def completes_with(story: Story, docstring: str) -> None:
    assert spelled(story.output) == spelled(value_of(docstring))


@then("the workflow should fault")
def faults(story: Story) -> None:
    assert story.ended.status in FAULTED


@then("the workflow should fault with error:")
def faults_with(story: Story, docstring: str) -> None:
    assert story.ended.status in FAULTED
    assert story.ended.error == value_of(docstring)


@then(
    parsers.parse("the workflow should fault with a {kind} error of status {status:d} at '{where}'")
)
def faults_at(story: Story, kind: str, status: int, where: str) -> None:
    assert story.ended.status in FAULTED, story.ended
    error = story.error
    assert (error["type"].rpartition("/")[2], error["status"], error["instance"]) == (
        kind,
        status,
        where,
    ), error


@then(parsers.parse("the workflow error should have a '{name}' property containing '{text}'"))
def error_says(story: Story, name: str, text: str) -> None:
    assert text in story.error[name]


@then(parsers.parse("the workflow should end as {status}"))
def ends_as(story: Story, status: str) -> None:
    assert story.ended.status == status, story.ended.error


@then(parsers.parse("the workflow should become {status}"))
def becomes(story: Story, client: Millwright, status: str) -> None:
    eventually(lambda: client.instances.get(story.id).status == status, f"it never became {status}")


@then(parsers.re(r"(?P<task>\S+) should not have begun"))
def has_not_begun(story: Story, client: Millwright, task: str) -> None:
    assert task not in [each.name for each in client.instances.get(story.id).tasks]


@then(parsers.parse("the workflow output should have properties {names}"))
def has_properties(story: Story, names: str) -> None:
    for name in re.findall(r"'(.*?)'", names):
        at(story.output, name)


@then(parsers.parse("the workflow output should have a '{name}' property with value:"))
def has_value(story: Story, name: str, docstring: str) -> None:
    assert spelled(at(story.output, name)) == spelled(value_of(docstring))


@then(parsers.parse("the workflow output should have a '{name}' property matching '{pattern}'"))
def matches(story: Story, name: str, pattern: str) -> None:
    found = at(story.output, name)
    assert re.fullmatch(pattern, str(found)), found


@then(
    parsers.parse("the workflow output should have a '{name}' property containing {count:d} items")
)
def has_items(story: Story, name: str, count: int) -> None:
    assert len(at(story.output, name)) == count


@then(parsers.parse("nothing that can be read of the workflow should contain '{text}'"))
def is_nowhere(story: Story, text: str) -> None:
    assert text not in repr(story.ended)


@then(parsers.parse("going on with '{execution}' should be refused, since '{text}'"))
def going_on_is_refused(story: Story, client: Millwright, execution: str, text: str) -> None:
    with pytest.raises(MillwrightApiError) as refused:
        client.instances.rerun(story.id, execution)
    assert refused.value.status == httpx.codes.CONFLICT
    assert text in str(refused.value)


# Then: what was done


@then(parsers.parse("{task} should run first"))
def runs_first(story: Story, task: str) -> None:
    assert story.order[0] == task


@then(parsers.parse("{task} should run last"))
def runs_last(story: Story, task: str) -> None:
    assert story.order[-1] == task


@then(parsers.parse("{task} should run after {other}"))
def runs_after(story: Story, task: str, other: str) -> None:
    assert story.order.index(task) > story.order.index(other)


@then(parsers.parse("the tasks should run in the order {names}"))
def run_in_order(story: Story, names: str) -> None:
    assert story.order == names.split(", ")


@then(parsers.re(r"(?P<task>\S+) should run (?P<times>\d+) times?"))
def runs_times(story: Story, task: str, times: str) -> None:
    assert story.order.count(task) == int(times), story.order


@then(parsers.re(r"(?P<task>\S+) should not run"))
def does_not_run(story: Story, task: str) -> None:
    assert task not in story.order


@then(parsers.re(r"(?P<task>\S+) should be (?P<state>skipped|cancelled|faulted|completed)"))
def is_in_state(story: Story, task: str, state: str) -> None:
    states = story.states_of(task)
    assert states, [each.name for each in story.ended.tasks]
    assert set(states) == {state}, states


@then(parsers.re(r"(?P<task>\S+) should be tried (?P<attempts>\d+) times?"))
def is_tried(story: Story, task: str, attempts: str) -> None:
    assert [each.attempts for each in story.ran if each.name == task] == [int(attempts)]


@then(parsers.parse("{task} should have taken at least {milliseconds:d} ms"))
def has_taken(story: Story, task: str, milliseconds: int) -> None:
    """Timers are never early; a loaded machine may add anything."""
    (ran,) = [each for each in story.ran if each.name == task]
    assert ran.started_at is not None
    assert ran.ended_at is not None
    assert (ran.ended_at - ran.started_at).total_seconds() * 1000 >= milliseconds


@then(parsers.parse("the event of {task} should be:"))
def has_sent(story: Story, task: str, docstring: str) -> None:
    (event,) = [each.event for each in story.ran if each.name == task]
    assert event is not None
    wanted = value_of(docstring)
    assert {key: event[key] for key in wanted} == wanted


@then("these tasks should have been undone:")
def undone(story: Story, docstring: str) -> None:
    assert story.ended.compensation is not None
    assert story.ended.compensation == {"undone": value_of(docstring), "failed": []}


# Then: what arrived elsewhere


@then(parsers.re(r"the plant should have been asked (?P<times>\d+) times? at '(?P<path>.*)'"))
def asked_times(plant: Plant, times: str, path: str) -> None:
    assert len(plant.asked_at(path)) == int(times), plant.asked


@then(parsers.parse("the plant should have been asked at '{path}' with {what}:"))
def asked_with(story: Story, plant: Plant, path: str, what: str, docstring: str) -> None:
    """Compare what was sent last; of headers only those that are named."""
    assert plant.asked_at(path), story.ended.error
    wanted, found = value_of(docstring), getattr(plant.asked_at(path)[-1], what)
    if what == "headers":
        found = {name: found.get(name) for name in wanted}
    assert found == wanted


@then(parsers.parse("the webhook at '{path}' should have got:"))
def webhook_got(plant: Plant, path: str, docstring: str) -> None:
    body = plant.asked_at(path)[-1].body
    assert {name: each for name, each in body.items() if name != "timestamp"} == value_of(docstring)


@then(parsers.parse("approving it should be refused with {status:d} for:"))
def approving_is_refused(story: Story, client: Millwright, status: int, docstring: str) -> None:
    approval = asked_people(story, client)
    with pytest.raises(MillwrightApiError) as refused:
        client.approvals.approve(approval, form=value_of(docstring))
    assert refused.value.status == status


@then(parsers.parse("the broker should have got a message at '{topic}'"))
def broker_got(mosquitto: Mosquitto, topic: str) -> None:
    got = re.compile(f"Received PUBLISH .*'{re.escape(topic)}'")
    eventually(lambda: bool(got.search(mosquitto.log())), f"nothing arrived at {topic}")


# Then: what a check found


@then("there should be no findings")
def is_fine(story: Story) -> None:
    assert story.findings == set()


@then(parsers.parse("it should be {what} with {code} at '{where}'"))
def is_found(story: Story, what: str, code: str, where: str) -> None:
    severity = {"refused": "error", "remarked": "warning"}[what]
    assert (code, where, severity) in story.findings, story.findings


@then(parsers.re(r"it should be refused with (?P<code>[a-z-]+)"))
def is_found_anywhere(story: Story, code: str) -> None:
    assert code in {each[0] for each in story.findings}, story.findings


@then("publishing it should be refused")
def is_refused(story: Story, client: Millwright) -> None:
    with pytest.raises(MillwrightApiError) as refused:
        client.workflows.publish(story.definition)
    assert refused.value.status == httpx.codes.UNPROCESSABLE_ENTITY
