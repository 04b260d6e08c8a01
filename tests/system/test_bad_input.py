"""Bad input, bad tokens, bad servers: each answer names the thing and the next step."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from millwright_client import Instance, Millwright, MillwrightApiError
from tests.fixtures.system import System
from tests.toolhub.servers import Seen, bad_server, serving

HEAD = "document: { dsl: '1.0.3', namespace: plant, name: %s, version: '1.0.0' }\n"


@pytest.fixture(scope="module")
def bad() -> Iterator[str]:
    """A server that misbehaves as its address says."""
    with serving(bad_server(Seen())) as address:
        yield address


def refused(action: Any) -> MillwrightApiError:
    with pytest.raises(MillwrightApiError) as caught:
        action()
    return caught.value


@pytest.mark.parametrize(
    ("tasks", "code", "says"),
    [
        pytest.param("do: [ {", "syntax", "YAML", id="malformed YAML"),
        pytest.param("do: [ { x: { sett: { a: 1 } } } ]", "task-kind", "set", id="unknown task"),
        pytest.param("do: [ { x: { set: 5 } } ]", "wrong-type", "object", id="wrong type"),
        pytest.param("do: [ { x: { set: { a: 1 }, then: no } } ]", None, "no", id="target"),
        pytest.param(
            "do: [ { x: { set: { a: '${ .a | }' } } } ]",
            "expression-syntax",
            ".a |",
            id="expression",
        ),
        pytest.param("do: [ { x: { call: mcp.tol } } ]", None, "mcp.tool", id="unknown function"),
        pytest.param(
            "do: [ { x: { run: { shell: { command: a } } } } ]", None, "run", id="not yet"
        ),
    ],
)
def test_a_definition_that_cannot_run_is_refused_with_its_place(
    client: Millwright, tasks: str, code: str | None, says: str
) -> None:
    error = refused(lambda: client.workflows.publish(HEAD % "broken" + tasks))
    assert error.status == 422
    [finding, *_] = error.details["findings"]
    assert finding["line"] >= 1
    assert finding["column"] >= 1
    assert says in finding["message"] + finding["pointer"]
    assert code is None or code in finding["code"]


def test_an_unknown_workflow_names_those_that_are_published(client: Millwright) -> None:
    client.workflows.publish(HEAD % "known" + "do: [ { x: { set: { a: 1 } } } ]")
    error = refused(lambda: client.workflows.start("plant", "unknown"))
    assert error.status == 404
    assert "plant/known" in str(error)


def test_a_missing_input_faults_and_names_what_is_missing(client: Millwright) -> None:
    client.workflows.publish(
        HEAD % "strict" + "input: { schema: { document: { type: object, required: [line] } } }\n"
        "do: [ { x: { set: { a: 1 } } } ]"
    )
    instance = client.wait(client.workflows.start("plant", "strict", input={}).id, timeout=30)
    assert error_of(instance)["type"].endswith("/validation")
    assert "line" in error_of(instance)["detail"]


def test_another_tenant_s_instance_does_not_exist(client: Millwright, system: System) -> None:
    client.workflows.publish(HEAD % "mine" + "do: [ { x: { set: { a: 1 } } } ]")
    instance = client.workflows.start("plant", "mine").id
    with system.new_tenant() as other:
        for look in (
            lambda: other.instances.get(instance),
            lambda: other.instances.cancel(instance),
            lambda: other.workflows.get("plant", "mine"),
            lambda: next(iter(other.events(instance))),
        ):
            assert refused(look).status == 404
        assert other.instances.list().items == []


def test_a_viewer_may_look_and_not_start(system: System) -> None:
    with system.new_tenant("viewer") as viewer:
        error = refused(lambda: viewer.workflows.start("plant", "any"))
    assert error.status == 403
    assert "workflow:execute" in str(error)


@pytest.mark.parametrize("token", ["nonsense", "a.b.c", "0"])
def test_a_token_that_is_none_is_refused_as_a_problem(system: System, token: str) -> None:
    answer = httpx.get(
        f"{system.url}/api/v1/workflows", headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.status_code == 401
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert "Traceback" not in answer.text


def error_of(instance: Instance) -> dict[str, Any]:
    assert instance.status == "FAILED", instance
    assert instance.error is not None
    return instance.error


@pytest.mark.parametrize(
    ("way", "tool", "kind", "says"),
    [
        pytest.param("html", "t", "runtime", "text/html", id="HTML"),
        pytest.param("big-json", "t", "runtime", "", id="20 MB of JSON"),
        pytest.param("big-sse", "t", "runtime", "", id="20 MB of events"),
        pytest.param("ok", "promises", "runtime", "output_schema", id="breaks its schema"),
        pytest.param("401", "t", "authentication", "credential", id="refuses the credential"),
        pytest.param("403", "t", "authorization", "", id="forbids"),
        pytest.param("500", "t", "runtime", "500", id="fails"),
        pytest.param("hang", "t", "timeout", "", id="is slow"),
        pytest.param("cut-json", "t", None, "", id="breaks off"),
        pytest.param("ok", "nope", "configuration", "promises", id="has no such tool"),
    ],
)
def test_a_server_that_misbehaves_faults_the_run_and_is_named(
    client: Millwright, bad: str, way: str, tool: str, kind: str | None, says: str
) -> None:
    error = error_of(call(client, f"{bad}/{way}/mcp", tool))
    assert kind is None or error["type"].endswith(f"/{kind}")
    assert "robot" in error["detail"]
    assert says in error["detail"]
    assert len(error["detail"]) < 2_001
    assert error["instance"] == "/do/0/ask"


def test_a_server_that_is_down_faults_the_run_after_a_few_attempts(
    client: Millwright, bad: str
) -> None:
    client.mcp.register_server("robot", f"{bad}/ok/mcp", timeout_s=1)
    client.mcp.update_server("robot", url="http://127.0.0.1:9/mcp", discover=False)
    instance = run_tool(client, "t")
    assert error_of(instance)["type"].endswith("/communication")
    assert "robot" in error_of(instance)["detail"]
    assert instance.tasks[0].attempts == 4


def call(client: Millwright, url: str, tool: str) -> Instance:
    client.mcp.register_server("robot", url, timeout_s=1)
    return run_tool(client, tool)


def run_tool(client: Millwright, tool: str) -> Instance:
    client.workflows.publish(
        HEAD % "asking"
        + f"do: [ {{ ask: {{ call: mcp.tool, with: {{ server: robot, tool: {tool} }} }} }} ]"
    )
    started = client.workflows.start("plant", "asking")
    return client.wait(started.id, timeout=60)


def test_a_credential_that_a_tool_echoes_reaches_neither_answer_nor_history(
    client: Millwright, bad: str
) -> None:
    secret = "s3cr3t-bearer-of-nobody"
    client.mcp.register_server("robot", f"{bad}/echo-headers/mcp", token=secret, timeout_s=5)
    instance = run_tool(client, "t")
    assert instance.status == "COMPLETED", instance.error
    assert "[redacted]" in str(instance.output)
    assert secret not in str(instance)
