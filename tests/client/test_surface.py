"""Both clients have the same methods, with the same parameters and the same words."""

import inspect

import pytest

from millwright_client import AsyncMillwright, Millwright, awaiting, blocking

PAIRS = [
    (blocking.Workflows, awaiting.AsyncWorkflows),
    (blocking.Instances, awaiting.AsyncInstances),
    (blocking.Schedules, awaiting.AsyncSchedules),
    (blocking.Approvals, awaiting.AsyncApprovals),
    (blocking.CloudEvents, awaiting.AsyncCloudEvents),
    (blocking.Functions, awaiting.AsyncFunctions),
    (blocking.Secrets, awaiting.AsyncSecrets),
    (blocking.Mcp, awaiting.AsyncMcp),
    (Millwright, AsyncMillwright),
]


@pytest.mark.parametrize(("ordinary", "for_asyncio"), PAIRS)
def test_both_clients_are_made_of_the_same_flows(ordinary: type, for_asyncio: type) -> None:
    assert flows(ordinary) == flows(for_asyncio)
    assert flows(ordinary)


def test_a_method_has_the_signature_and_the_text_of_its_flow() -> None:
    with Millwright("http://api.test") as client:
        assert "idempotency_key" in inspect.signature(client.workflows.start).parameters
        assert (client.workflows.start.__doc__ or "").startswith("Start a run.")


def flows(kind: type) -> dict[str, object]:
    return {name: member._flow for name, member in vars(kind).items() if hasattr(member, "_flow")}
