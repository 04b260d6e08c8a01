"""Tools that ask people: what is asked, and the same call going on with what they say."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.logins import Authenticator
from activities.mcp import McpActivities, McpAnswer, McpCall
from foundation.json import JsonObject, JsonValue
from security.egress import Egress
from security.mask import Mask
from tests.toolhub.asking_server import Asking, elicitation, sdk_server
from tests.toolhub.servers import Seen, serving
from toolhub.calls.schemas import CallFilter
from toolhub.elicitation.forms import UnaskableError, form_of
from toolhub.elicitation.reading import asked_by
from toolhub.elicitation.types import MAX_ROUNDS, Answer, Question
from toolhub.errors import CallRefusedError, InputNeededError, ToolFailedError
from toolhub.hub import ToolHub
from toolhub.registry import Registry
from toolhub.schemas import CallTool, ServerRegistration, ToolResult
from toolhub.wiring import ToolhubParts
from workflows.secrets import SecretOpener, SecretsInMemory

pytestmark = pytest.mark.anyio

CALL = CallTool(
    tenant_id="press",
    server="cell",
    tool="weld",
    call_id="c" * 64,
    arguments={"seam": 1},
    takes_questions=True,
)
ENUM = '"enum": ["north", "south"]'
NORTH = Answer(action="accept", content={"line": "north"})


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def sdk(seen: Seen) -> Iterator[str]:
    with serving(sdk_server(seen)) as url:
        yield f"{url}/mcp"


@pytest.fixture
def server() -> Asking:
    return Asking()


@pytest.fixture
async def cell(server: Asking, registry: Registry) -> Any:
    with serving(server.app) as url:
        await registry.register("press", ServerRegistration(name="cell", url=f"{url}/mcp"))
        yield server


async def asked(hub: ToolHub, call: CallTool = CALL) -> Question:
    question = await hub.start(call)
    assert isinstance(question, Question), question
    return question


def going_on(
    hub: ToolHub, question: Question, answer: Answer = NORTH, call: CallTool = CALL, by: str = "d"
) -> CallTool:
    answers = {each.id: answer for each in question.asked}
    return replace(call, call_id=by * 64, reply=hub.questions.reply(question, answers))


async def test_a_call_of_a_server_of_the_sdk_goes_on_with_what_people_say(
    registry: Registry, hub: ToolHub, sdk: str, seen: Seen
) -> None:
    await registry.register("press", ServerRegistration(name="cell", url=sdk))
    call = replace(CALL, arguments={"part": "7"})
    question = await asked(hub, call)
    (one,) = question.asked
    assert one.message == "Which line is free?"
    assert one.form is not None
    assert ENUM in json.dumps(one.form)
    assert seen.ran["weld"] == 0
    answer = Answer(action="accept", content={"line": "south", "seams": 3})
    result = await hub.start(going_on(hub, question, answer, call))
    assert isinstance(result, ToolResult)
    assert result.value == {"part": "7", "line": "south", "seams": 3}
    assert seen.ran["weld"] == 1


async def test_it_may_ask_again(registry: Registry, hub: ToolHub, sdk: str, seen: Seen) -> None:
    await registry.register("press", ServerRegistration(name="cell", url=sdk))
    call = replace(CALL, tool="scrap", arguments={})
    first = await asked(hub, call)
    north = going_on(hub, first, call=call)
    second = await asked(hub, north)
    assert (second.round, second.asked[0].message) == (2, "Really north?")
    sure = Answer(action="accept", content={"sure": True})
    result = await hub.start(going_on(hub, second, sure, call, by="e"))
    assert isinstance(result, ToolResult)
    assert result.value == {"result": "north True"}
    assert seen.ran["scrap"] == 1


@pytest.mark.parametrize("action", ["decline", "cancel"])
async def test_a_no_goes_to_the_server(
    registry: Registry, hub: ToolHub, sdk: str, seen: Seen, action: Any
) -> None:
    await registry.register("press", ServerRegistration(name="cell", url=sdk))
    call = replace(CALL, arguments={"part": "7"})
    question = await asked(hub, call)
    with pytest.raises(ToolFailedError):
        await hub.start(going_on(hub, question, Answer(action=action), call))
    (said,) = seen.bodies[-1]["params"]["inputResponses"].values()
    assert said == {"action": action}
    assert seen.ran["weld"] == 0


async def test_the_call_that_goes_on_is_the_same_one_and_says_what_it_got(
    hub: ToolHub, cell: Asking
) -> None:
    question = await asked(hub)
    result = await hub.start(going_on(hub, question))
    assert isinstance(result, ToolResult)
    first, second = cell.calls
    assert second["requestState"] == "state 1"
    assert second["inputResponses"] == {
        "who": {"action": "accept", "content": {"line": "north"}},
    }
    assert (first["name"], first["arguments"]) == (second["name"], second["arguments"])
    assert len(set(cell.ids)) == 2
    key = "millwright/idempotencyKey"
    assert first["_meta"][key] == second["_meta"][key] == "c" * 64
    for call in cell.calls:
        declared = call["_meta"]["io.modelcontextprotocol/clientCapabilities"]
        assert set(declared["elicitation"]) == {"form", "url"}


async def test_what_a_server_did_not_send_it_does_not_get_back(hub: ToolHub, cell: Asking) -> None:
    cell.states = False
    await hub.start(going_on(hub, await asked(hub)))
    assert "requestState" not in cell.calls[1]
    cell.questions, cell.states = [{}], True
    question = await asked(hub, replace(CALL, call_id="e" * 64))
    assert question.asked == []
    assert isinstance(await hub.start(going_on(hub, question, by="f")), ToolResult)
    assert "inputResponses" not in cell.calls[3]


async def test_who_has_nobody_to_ask_does_not_say_so(hub: ToolHub, cell: Asking) -> None:
    for call in (replace(CALL, takes_questions=False), replace(CALL, call_id="e" * 64)):
        with pytest.raises(InputNeededError, match='cannot be answered here: "Which line\\?"'):
            await hub.call(call)
    for sent in cell.calls:
        assert "elicitation" not in sent["_meta"]["io.modelcontextprotocol/clientCapabilities"]


async def test_state_is_sealed(hub: ToolHub, cell: Asking) -> None:
    question = await asked(hub)
    assert "state 1" not in question.model_dump_json()
    assert hub.questions.reply(question, {}).state == "state 1"
    other = question.model_copy(update={"tenant_id": "mill"})
    with pytest.raises(InputNeededError, match="sealed with another master key"):
        hub.questions.reply(other, {})
    assert len(cell.calls) == 1


async def test_a_repeated_attempt_gets_the_same_question_and_the_same_end(
    parts: ToolhubParts, another: ToolhubParts, cell: Asking
) -> None:
    question = await asked(parts.hub)
    await parts.ledger.drain()
    again = await asked(another.hub)
    assert (again.asked, len(cell.calls)) == (question.asked, 1)
    result = await parts.hub.start(going_on(parts.hub, question))
    await parts.ledger.drain()
    south = Answer(action="accept", content={"line": "south"})
    second = await another.hub.start(going_on(another.hub, again, south, by="e"))
    assert isinstance(result, ToolResult)
    assert isinstance(second, ToolResult)
    assert (second.value, len(cell.calls)) == (result.value, 2)


async def test_another_instance_with_the_key_gets_the_question_and_later_the_end(
    parts: ToolhubParts, another: ToolhubParts, cell: Asking
) -> None:
    mine = replace(CALL, idempotency_key="order-7")
    question = await asked(parts.hub, mine)
    await parts.ledger.drain()
    other = replace(mine, call_id="e" * 64)
    assert (await asked(another.hub, other)).asked == question.asked
    result = await parts.hub.start(going_on(parts.hub, question, call=mine))
    await parts.ledger.drain()
    late = await another.hub.start(other)
    assert isinstance(late, ToolResult)
    assert isinstance(result, ToolResult)
    assert (late.value, len(cell.calls)) == (result.value, 2)


async def test_a_question_that_the_server_has_forgotten_is_not_asked_for_ever(
    parts: ToolhubParts, cell: Asking
) -> None:
    mine = replace(CALL, idempotency_key="order-7")
    question = await asked(parts.hub, mine)
    await parts.ledger.drain()
    cell.refuses = True
    with pytest.raises(CallRefusedError, match="I have forgotten that"):
        await parts.hub.start(going_on(parts.hub, question, call=mine))
    await parts.ledger.drain()
    cell.refuses = False
    anew = await asked(parts.hub, replace(mine, call_id="e" * 64))
    assert (anew.round, len(cell.calls)) == (1, 3)


async def test_another_server_of_the_same_name_gets_no_answer(
    registry: Registry, parts: ToolhubParts, another: ToolhubParts, cell: Asking
) -> None:
    question = await asked(parts.hub)
    other = Asking()
    registry.delete("press", "cell")
    with serving(other.app) as url:
        await registry.register("press", ServerRegistration(name="cell", url=f"{url}/mcp"))
        with pytest.raises(InputNeededError, match="another server, which gets no answer"):
            await another.hub.start(going_on(another.hub, question))
    assert (len(cell.calls), other.calls) == (1, [])


async def test_a_tool_that_asks_without_end_is_not_answered_for_ever(
    hub: ToolHub, cell: Asking
) -> None:
    cell.questions = [{"who": elicitation()}] * (MAX_ROUNDS + 1)
    call = CALL
    for round_ in range(MAX_ROUNDS):
        question = await asked(hub, call)
        call = going_on(hub, question, by=f"{round_:x}")
    with pytest.raises(InputNeededError, match=f"it has been answered {MAX_ROUNDS} times"):
        await hub.start(call)
    assert len(cell.calls) == MAX_ROUNDS + 1


async def test_each_round_is_a_call_of_the_log(parts: ToolhubParts, cell: Asking) -> None:
    await parts.hub.start(going_on(parts.hub, await asked(parts.hub)))
    assert len(cell.calls) == 2
    await parts.log.aclose()
    items = parts.calls.list("press", CallFilter()).items
    assert [(each.status, each.executed) for each in items] == [("succeeded", "yes")] * 2


# --- What can be put to people -------------------------------------------------------------------


def result(*requests: JsonValue, state: JsonValue = "s") -> JsonObject:
    asked: JsonObject = {f"q{number}": each for number, each in enumerate(requests)}
    return {"resultType": "input_required", "requestState": state, "inputRequests": asked}


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (result({"method": "sampling/createMessage", "params": {}}), "sampling/createMessage"),
        (result({"method": "roots/list"}), "roots/list"),
        (result({"method": "tea/make"}), "something that MCP does not know"),
        (result(elicitation(), {"method": "roots/list"}), "roots/list"),
        (result(elicitation(" ")), "without words"),
        (result(elicitation(mode="tea")), "in a way that MCP does not know"),
        (result(*[elicitation()] * 6), "more than 5 things"),
        (result(elicitation(), state=7), "its state is no text"),
        (result(elicitation(), state="x" * 70_000), "its state is no text"),
        (result(state=None), "names no question"),
        (result(elicitation(mode="url", url="ftp://bank.example")), "begin with https://"),
        (result(elicitation(mode="url", url="http://bank.example")), "begin with https://"),
        (result(elicitation(mode="url", url="https://bank.example@evil.example")), "before it"),
        (result(elicitation(mode="url", url="https://bänk.example")), "not spelled in ASCII"),
        (result(elicitation(mode="url", url="https://bank.example/t0p-s3cret")), "must not stand"),
        (result(elicitation(mode="url", url="https://[bank")), "its address is none"),
    ],
)
def test_what_cannot_be_put_to_people_is_refused_by_name(found: JsonObject, why: str) -> None:
    mask = Mask()
    mask.hide(["t0p-s3cret"])
    with pytest.raises(UnaskableError, match=why):
        asked_by(found, mask)


def test_an_address_is_shown_with_its_host() -> None:
    url = "https://Login.bank.example:8443/oauth?t=1"
    (one,) = asked_by(result(elicitation("Sign in", mode="url", url=url)), Mask())
    assert (one.url, one.host, one.form) == (url, "login.bank.example", None)


def test_words_are_bounded_and_cleaned() -> None:
    mask = Mask()
    mask.hide(["t0p-s3cret"])
    words = "Is it\n\u202et0p-s3cret?" + "x" * 9_000
    (one,) = asked_by(result(elicitation(words)), mask)
    assert one.message.startswith("Is it ?***?xxx")
    assert len(one.message) == 2_000


@pytest.mark.parametrize(
    ("field", "kept"),
    [
        (
            {"type": "string", "title": "L\u202e", "minLength": 1, "pattern": "(a+)+$", "x": 1},
            {"type": "string", "title": "L?", "minLength": 1},
        ),
        ({"type": "string", "format": "date", "default": "2026-01-01"}, None),
        ({"type": "string", "format": "tea"}, {"type": "string"}),
        ({"type": "integer", "minimum": 1, "maximum": 3.5, "default": 2}, None),
        ({"type": "boolean", "default": False, "description": "sure?"}, None),
        (
            {"type": "string", "enum": ["a", "b"], "enumNames": ["A"]},
            {"type": "string", "enum": ["a", "b"]},
        ),
        ({"type": "string", "oneOf": [{"const": "a", "title": "A"}]}, None),
        (
            {"type": "array", "items": {"type": "string", "enum": ["a"]}, "maxItems": 1},
            {
                "type": "array",
                "items": {"type": "string", "enum": ["a"]},
                "maxItems": 1,
                "uniqueItems": True,
            },
        ),
        (
            {"type": "array", "items": {"anyOf": [{"const": "a", "title": "A"}]}},
            {
                "type": "array",
                "items": {"type": "string", "oneOf": [{"const": "a", "title": "A"}]},
                "uniqueItems": True,
            },
        ),
    ],
)
def test_of_a_field_only_what_the_protocol_knows_is_kept(
    field: JsonObject, kept: JsonObject | None
) -> None:
    form = form_of({"type": "object", "properties": {"f": field}}, shown)
    assert form == {
        "type": "object",
        "properties": {"f": kept or field},
        "required": [],
        "additionalProperties": False,
    }


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        (None, "no object"),
        ({"type": "array"}, "no object"),
        ({"type": "object"}, "no fields"),
        ({"type": "object", "properties": {}, "required": ["x"]}, "does not have"),
        ({"type": "object", "properties": {f"f{n}": {} for n in range(51)}}, "more than 50"),
        ({"type": "object", "properties": {"a\u202e": {"type": "string"}}}, "cannot be shown"),
        ({"type": "object", "properties": {"a": {"type": "object"}}}, "'a' is no text"),
        ({"type": "object", "properties": {"a": {"$ref": "#"}}}, "'a' is no text"),
        ({"type": "object", "properties": {"a": {"type": "array"}}}, "something else than"),
        ({"type": "object", "properties": {"a": {"type": "string", "enum": [7]}}}, "be shown"),
        ({"type": "object", "properties": {"a": {"type": "string", "enum": []}}}, "no choices"),
        ({"type": "object", "properties": {"a": {"type": "string", "enum": "x"}}}, "no list"),
        (
            {
                "type": "object",
                "properties": {
                    f"f{n}": {"type": "string", "enum": [f"{c}" * 290 for c in range(10)]}
                    for n in range(9)
                },
            },
            "more than 16,384 bytes",
        ),
    ],
)
def test_a_form_that_people_cannot_fill_in_is_refused(schema: JsonValue, why: str) -> None:
    with pytest.raises(UnaskableError, match=why):
        form_of(schema, shown)


def shown(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)


async def test_a_worker_goes_on_for_its_own_tenant_only(
    hub: ToolHub, egress: Egress, cell: Asking
) -> None:
    activities = McpActivities(hub, SecretOpener(SecretsInMemory()), Authenticator(egress))
    call: JsonObject = {"tenant_id": "press", "server": "cell", "tool": "weld"}
    call |= {"takes_tasks": True, "takes_questions": True}
    environment = ActivityEnvironment()
    first = await environment.run(activities.mcp_call, McpCall.model_validate(call))
    assert first.later is not None
    assert first.later.kind == "question"
    answered = {
        "question": first.later.handle,
        "answers": {"who": {"action": "accept", "content": {"line": "north"}}},
    }
    other = McpAnswer.model_validate({**call, **answered, "tenant_id": "mill"})
    with pytest.raises(ApplicationError, match="Another tenant was asked that"):
        await environment.run(activities.mcp_answer, other)
    own = McpAnswer.model_validate({**call, **answered})
    last = await environment.run(activities.mcp_answer, own)
    assert (last.value, last.later, len(cell.calls)) == ("welded, attempt 2", None, 2)
