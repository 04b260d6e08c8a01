"""Events that the broker did not take: shown to whoever operates it, and sent anew."""

import asyncio
import json
from datetime import timedelta

import pytest
from temporalio.client import Client

from cli.main import OK, main
from foundation.database import Database
from tests.events.relays import event
from workflows.events.ledger import Ledger
from workflows.events.outbox import Outbox, Refusal
from workflows.events.service import Events

pytestmark = pytest.mark.anyio


async def test_what_was_set_aside_is_listed_and_can_be_sent_anew(
    database: Database,
    database_url: str,
    temporal: Client,
    tenant: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MILLWRIGHT_DATABASE_URL", database_url)
    outbox = Outbox(database)
    events = Events(Ledger(database, timedelta(0), timedelta(0)), temporal, broker=True)
    refused = event(1)
    await events.emit(tenant, refused)
    assert await asyncio.to_thread(main, ["events", "list"]) == OK
    assert "Nothing was set aside" in capsys.readouterr().out
    turn = outbox.take()
    assert turn is not None
    (outgoing,) = outbox.next(turn)
    outbox.settle(turn, [], {outgoing.sequence: Refusal("too long", is_final=True)})
    assert outbox.next(turn) == []
    assert await asyncio.to_thread(main, ["events", "list"]) == OK
    assert "too long" in capsys.readouterr().out
    assert await asyncio.to_thread(main, ["events", "list", "--json"]) == OK
    (shown,) = json.loads(capsys.readouterr().out)
    assert (shown["tenant_id"], shown["id"]) == (tenant, refused["id"])
    assert await asyncio.to_thread(main, ["events", "again"]) == OK
    assert "1 events" in capsys.readouterr().out
    again = outbox.take()
    assert again is not None
    assert outbox.next(again) == [outgoing]
