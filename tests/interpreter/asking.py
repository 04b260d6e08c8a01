"""Asking people and deciding for them, for tests of approvals."""

from typing import Any

from security.principal import Principal
from tests.fixtures.polling import pause
from tests.interpreter.conftest import Ended, Runner
from workflows.approvals.schemas import ApprovalInfo
from workflows.interpreter.types import Progress

STOP = """
do:
  - release:
      call: approval
      with:
        title: 'Release lot ${ .lot }'
        data: { lot: '${ .lot }' }
        candidates: { users: [ Ada@plant.example ], roles: [ manager ] }
%s
  - released: { set: { released: true, how: '${ . }' } }
"""


def person(run: Runner, name: str, *roles: str, sees: bool = False) -> Principal:
    permissions = {"approval:decide", *(["approval:read"] if sees else [])}
    who = Principal(
        run.tenant, f"id-{name}", f"{name}@plant.example", frozenset(roles), frozenset(permissions)
    )
    run.people.add(who)
    return who


def asking(progress: Progress) -> bool:
    return any(each["kind"] == "approval" for each in progress.waiting_for)


async def asked(run: Runner, more: str = "", by: str | None = None) -> tuple[Any, ApprovalInfo]:
    """Start, and wait until people are asked."""
    handle = await run.start(STOP % more, {"lot": 7}, by=by)
    await run.until(handle, asking)
    return handle, await the_one(run)


async def the_one(run: Runner) -> ApprovalInfo:
    """Return the newest one, as soon as there is one."""
    boss = person(run, "boss", sees=True)
    while not (items := (await run.inbox.list(boss, status=None, everybody=True)).items):
        await pause()
    return items[0]


async def says(
    run: Runner, who: Principal, shown: ApprovalInfo, *, approves: bool = True, **more: Any
) -> ApprovalInfo:
    more.setdefault("data_hash", shown.data_hash)
    return await run.decisions.decide(who, shown.id, approves=approves, **more)


async def finished(run: Runner, handle: Any) -> Ended:
    ended = await run.ended(handle)
    await run.replay(handle)
    return ended
