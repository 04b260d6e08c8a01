"""`call: approval`: what can be told from the definition alone is judged at publish."""

import json
import types
from collections.abc import Iterator
from typing import Annotated, Any, Final, Union, get_args, get_origin

import pytest
import yaml
from pydantic import BaseModel

from tests.definition.documents import only, with_tasks
from workflows.definition import CATALOG, validate

USE: Final = "use: { functions: { tell: { set: { told: true } } } }\n"
WHOLE: Final = """
title: Release
description: Too hot
data: { lot: 7 }
form: { type: object }
candidates: { users: [ ada@plant.example ], roles: [ manager ] }
quorum: 2
allowRequester: true
reminders: [ PT1H ]
escalation:
  - { after: PT2H, candidates: { users: [ bob@plant.example ], roles: [ admin ] } }
timeout: { after: P1D, then: default, value: as ever }
onReject: continue
notify: tell
"""
# Each argument, and what is said when an expression stands for it. None: it is evaluated.
EXPRESSIONS: Final = {
    "title": None,
    "description": None,
    "data": None,
    "form": None,
    "form/type": None,
    "candidates": None,
    "candidates/users": None,
    "candidates/users/0": None,
    "candidates/roles": None,
    "candidates/roles/0": None,
    "quorum": None,
    "allowRequester": "must be true or false",
    "reminders": "must be a list",
    "reminders/0": None,
    "escalation": "must be a list",
    "escalation/0": "must be an object",
    "escalation/0/after": None,
    "escalation/0/candidates": None,
    "escalation/0/candidates/users": None,
    "escalation/0/candidates/roles": None,
    "timeout": "must be an object",
    "timeout/after": None,
    "timeout/then": "must be 'reject'",
    "timeout/value": None,
    "onReject": "must be 'fault' or 'continue'",
    "notify": "There is no function",
}


def asking(arguments: Any) -> str:
    return with_tasks(f"- a: {{ call: approval, with: {json.dumps(arguments)} }}", more=USE)


def given_with(argument: str, value: Any) -> Any:
    """Write all arguments out, but for one."""
    given = yaml.safe_load(WHOLE)
    *above, last = (int(each) if each.isdigit() else each for each in argument.split("/"))
    owner = given
    for each in above:
        owner = owner[each]
    owner[last] = value
    return given


def members(model: Any, at: str = "") -> Iterator[str]:
    """Name every argument there is, however deep."""
    for field in model.model_fields.values():
        name = f"{at}{field.alias}"
        yield name
        yield from inside(field.annotation, name)


def inside(annotation: Any, name: str) -> Iterator[str]:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        yield from inside(arguments[0], name)
    elif origin in {Union, types.UnionType}:
        for each in arguments:
            yield from inside(each, name)
    elif origin is list:
        yield f"{name}/0"
        yield from inside(arguments[0], f"{name}/0")
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from members(annotation, f"{name}/")


def test_all_arguments_can_be_written_out() -> None:
    assert validate(asking(yaml.safe_load(WHOLE))) == []


def test_of_each_argument_it_is_known_whether_an_expression_can_stand_for_it() -> None:
    assert set(members(CATALOG["approval"])) - EXPRESSIONS.keys() == set()


@pytest.mark.parametrize("argument", EXPRESSIONS)
def test_an_expression_is_evaluated_or_refused_and_never_ignored(argument: str) -> None:
    text, refused = asking(given_with(argument, "${ .it }")), EXPRESSIONS[argument]
    if refused is None:
        assert validate(text) == []
        return
    found = only(text)
    assert found.pointer == f"/do/0/a/with/{argument}"
    assert refused in found.message
    assert "no expression can stand for it" in found.message


ADA = "ada@plant.example"


@pytest.mark.parametrize(
    ("changed", "argument", "message"),
    [
        ({"candidates": {"users": []}}, "candidates/users", "must be somebody here"),
        ({"candidates": {"roles": []}}, "candidates/roles", "must be somebody here"),
        (
            {"candidates": {"users": [f"u{n}@plant.example" for n in range(51)]}},
            "candidates/users",
            "at most 50",
        ),
        ({"candidates": {"users": "ada"}}, "candidates/users", "'ada' is no mail address"),
        ({"candidates": {"roles": ["manger"]}}, "candidates/roles", "Did you mean 'manager'?"),
        ({"candidates": {"roles": "x"}}, "candidates/roles", "Known: admin, ai-engineer"),
        ({"candidates": {"roles": [7]}}, "candidates/roles", "must be a role"),
        (
            {"escalation": [{"after": "PT1H", "candidates": {"roles": ["boss"]}}]},
            "escalation/0/candidates/roles",
            "There is no role 'boss'",
        ),
        (
            {"candidates": {"users": ADA}, "quorum": 2},
            "quorum",
            "2 have to approve, and only 1 can decide",
        ),
        (
            {"candidates": {"users": [ADA, ADA.upper()]}, "quorum": 2},
            "quorum",
            "only 1 can decide",
        ),
        (
            {
                "candidates": {"users": [ADA]},
                "quorum": 3,
                "escalation": [
                    {"after": "PT1H", "candidates": {"users": ADA}},
                    {"after": "PT1H", "candidates": {"users": ["bob@plant.example"]}},
                ],
            },
            "quorum",
            "only 2 can decide",
        ),
    ],
)
def test_what_nobody_could_ever_approve_is_refused(
    changed: Any, argument: str, message: str
) -> None:
    given = {"title": "Release", "candidates": {"roles": "manager"}, **changed}
    found = only(asking(given))
    assert found.pointer == f"/do/0/a/with/{argument}"
    assert message in found.message


@pytest.mark.parametrize(
    "changed",
    [
        {"candidates": {"users": [ADA], "roles": "manager"}},
        {"candidates": {"users": [ADA, "${ .other }"]}},
        {"candidates": "${ .who }"},
        {"escalation": [{"after": "PT1H", "candidates": {"users": ["bob@plant.example"]}}]},
        {"escalation": [{"after": "PT1H", "candidates": {"roles": ["admin"]}}]},
        {"escalation": [{"after": "PT1H", "candidates": "${ .who }"}]},
        {"quorum": "${ .quorum }"},
        {"quorum": 1},
    ],
)
def test_a_quorum_that_may_be_reached_is_not_refused(changed: Any) -> None:
    given = {"title": "Release", "candidates": {"users": [ADA]}, "quorum": 2, **changed}
    assert validate(asking(given)) == []


def test_a_key_that_nobody_knows_is_found_whatever_stands_there() -> None:
    found = only(asking({**yaml.safe_load(WHOLE), "quorom": "${ 2 }"}))
    assert (found.pointer, "Did you mean 'quorum'?" in found.message) == (
        "/do/0/a/with/quorom",
        True,
    )
