"""Expressions in the arguments of an approval: what they give counts, and is judged too."""

from typing import Any

import pytest

from foundation.errors import ForbiddenError, InvalidInputError
from tests.fixtures.polling import pause
from tests.interpreter.asking import asking, finished, person, says, the_one
from tests.interpreter.conftest import Runner

pytestmark = pytest.mark.anyio

COMPUTED = """
do:
  - release:
      call: approval
      with:
        title: Release
        candidates: '${ .candidates }'
        quorum: '${ .quorum }'
        form: '${ .form }'
        timeout: { after: '${ .time }', then: default, value: late }
"""
NEVER = "The approval can never be approved"
WORKING: dict[str, Any] = {
    "candidates": {"roles": ["manager"]},
    "quorum": 2,
    "form": {"type": "object", "required": ["checked"]},
    "time": "P1D",
}


async def test_what_expressions_give_is_what_people_are_asked(run: Runner) -> None:
    handle = await run.start(COMPUTED, WORKING)
    await run.until(handle, asking)
    shown = await the_one(run)
    assert (shown.roles, shown.quorum, shown.form) == (["manager"], 2, WORKING["form"])
    with pytest.raises(ForbiddenError):
        await says(run, person(run, "eve", "operator", sees=True), shown, form={"checked": True})
    with pytest.raises(InvalidInputError, match="form"):
        await says(run, person(run, "m", "manager"), shown, form={})
    for name in ("m", "n"):
        await says(run, person(run, name, "manager"), shown, form={"checked": True})
    assert (await finished(run, handle)).output["approved"] is True


async def test_a_form_can_be_computed_in_parts_and_a_later_step_as_a_whole(run: Runner) -> None:
    tasks = """
do:
  - release:
      call: approval
      with:
        title: Release
        candidates: { users: '${ .first }' }
        form: { type: object, properties: { line: { enum: '${ .lines }' } } }
        escalation: [ { after: PT0.1S, candidates: '${ {users: .then} }' } ]
"""
    then = "Bob@plant.example"
    value: Any = {"first": "ada@plant.example", "lines": ["P1", "P2"], "then": [then]}
    handle = await run.start(tasks, value)
    while len((shown := await the_one(run)).users) == 1:
        await pause()
    bob = person(run, "bob")
    with pytest.raises(InvalidInputError, match="form"):
        await says(run, bob, shown, form={"line": "P3"})
    await says(run, bob, shown, form={"line": "P2"})
    assert (await finished(run, handle)).output["form"] == {"line": "P2"}


@pytest.mark.parametrize(
    ("name", "value", "detail"),
    [
        ("candidates", None, "'candidates' must be an object with 'users', 'roles'"),
        ("candidates", {}, "'candidates' must be an object with 'users', 'roles'"),
        ("candidates", ["manager"], "'candidates' must be an object with 'users', 'roles'"),
        ("candidates", {"role": "manager"}, "'candidates' must be an object with 'users', 'roles'"),
        ("candidates", {"roles": []}, "'roles' must be a text or a list"),
        ("candidates", {"users": [7]}, "'users' are no texts"),
        ("candidates", {"users": ["nobody"]}, "'nobody' is no mail address"),
        ("candidates", {"roles": ["manager", "manger"]}, "There is no role 'manger'"),
        (
            "candidates",
            {"users": ["ada@plant.example", "ADA@plant.example"]},
            "2 have to approve, and only 1 can decide",
        ),
        ("quorum", 0, "'quorum' must be a whole number from 1 to 20"),
        ("quorum", 21, "'quorum' must be a whole number"),
        ("quorum", 1.5, "'quorum' must be a whole number"),
        ("quorum", True, "'quorum' must be a whole number"),
        ("quorum", "2", "'quorum' must be a whole number"),
        ("form", None, "'form' must be an object"),
        ("form", {"type": "txt"}, "'form' is no JSON Schema"),
        ("form", {"$ref": "https://plant.example/x.json"}, "'form' is no JSON Schema"),
        ("form", {"pattern": "(?=a)"}, "'form' is no JSON Schema"),
        ("form", {"title": "x" * 17_000}, "'form' takes more than 16,384 bytes"),
        ("time", "soon", "is not an ISO 8601 duration"),
    ],
)
async def test_what_an_expression_gives_is_judged(
    run: Runner, name: str, value: Any, detail: str
) -> None:
    ended = await run(COMPUTED, {**WORKING, name: value})
    assert ended.kind == ("expression" if name == "time" else "validation")
    assert detail in ended.error["detail"]
    assert ended.error["instance"] == "/do/0/release"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("onReject", '${ "fault" }'),
        ("allowRequester", "${ true }"),
        ("reminders", '${ ["PT1H"] }'),
        ("escalation", "${ [] }"),
        ("timeout", '${ {after: "PT1H"} }'),
    ],
)
async def test_an_older_definition_that_computes_what_nobody_may_is_not_asked(
    run: Runner, name: str, value: str
) -> None:
    """It passed once, and people were asked something else."""
    given: Any = {"title": "Release", "candidates": {"roles": ["manager"]}}
    ended = await finished(run, await older(run, {**given, name: value}))
    assert ended.kind == "configuration"
    assert f"No expression can stand for '{name}'" in ended.error["detail"]


async def test_a_quorum_that_the_last_step_does_not_reach_is_not_waited_for(run: Runner) -> None:
    tasks = """
do:
  - release:
      call: approval
      with:
        title: Release
        candidates: { users: [ ada@plant.example ] }
        quorum: 2
        escalation: [ { after: PT0.1S, candidates: { users: '${ .then }' } } ]
"""
    ended = await run(tasks, {"then": ["ADA@plant.example"]})
    assert (ended.kind, ended.error["title"]) == ("validation", NEVER)
    assert (await the_one(run)).status == "CANCELLED"


async def test_a_quorum_that_an_older_definition_cannot_reach_is_not_waited_for(
    run: Runner,
) -> None:
    given: Any = {"title": "Release", "candidates": {"users": ["ada@plant.example"]}, "quorum": 2}
    ended = await finished(run, await older(run, given))
    assert (ended.kind, ended.error["title"]) == ("validation", NEVER)


async def older(run: Runner, given: Any) -> Any:
    """Ask as a definition that could be published once."""
    head: Any = {"dsl": "1.0.3", "namespace": "tests", "name": "older", "version": "1.0.0"}
    tasks: Any = [{"release": {"call": "approval", "with": given}}]
    return await run.start_older({"document": head, "do": tasks})
