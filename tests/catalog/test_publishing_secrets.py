"""Secrets with which catalogues are asked: who may use them, and where they must not appear."""

import pytest

from foundation.errors import ForbiddenError
from security.secrets.service import Secrets
from tests.catalog.publications import CALLS, FUNCTION, WHERE, has, refused, somebody
from tests.fixtures.plant import HOST, Plant
from workflows.catalog.publishing import Publisher

pytestmark = pytest.mark.anyio


LOGIN = "{ bearer: { token: '${ $secrets.git }' } }"
LOGGED_IN = CALLS.replace(
    f"'http://{HOST}'", f"{{ uri: 'http://{HOST}', authentication: {LOGIN} }}"
).replace("use: {", "use: { secrets: [git],")


async def test_the_catalogue_is_asked_with_a_secret_that_nobody_gets_to_see(
    publisher: Publisher, plant: Plant, secrets: Secrets
) -> None:
    secrets.put("t1", "git", "top-secret-token", "me")
    has(plant, WHERE, FUNCTION)
    published = await publisher.publish(somebody(), LOGGED_IN.encode())
    (asked,) = plant.asked_at(WHERE)
    assert asked.headers["authorization"] == "Bearer top-secret-token"
    assert "top-secret" not in published.model_dump_json()


async def test_a_schema_of_an_own_function_is_asked_for_with_a_secret_that_the_function_reads(
    publisher: Publisher, plant: Plant, secrets: Secrets
) -> None:
    secrets.put("t1", "git", "top-secret-token", "me")
    has(plant, "/order.json", "{}")
    where = f"{{ uri: 'http://{HOST}/order.json', authentication: {LOGIN} }}"
    schema = f"{{ schema: {{ resource: {{ endpoint: {where} }} }} }}"
    function = f"input: {schema}\nset: {{ a: 1 }}\n".encode()
    may_not = somebody("t1", frozenset({"workflow:create"}))
    with pytest.raises(ForbiddenError):
        await publisher.publish_function(may_not, "log", "1.0.0", function)
    assert plant.asked == []
    await publisher.publish_function(somebody(), "log", "1.0.0", function)
    (asked,) = plant.asked_at("/order.json")
    assert asked.headers["authorization"] == "Bearer top-secret-token"


async def test_a_catalogue_that_repeats_the_secret_is_refused(
    publisher: Publisher, plant: Plant, secrets: Secrets
) -> None:
    secrets.put("t1", "git", "top-secret-token", "me")
    has(plant, WHERE, "set: { a: top-secret-token }")
    finding = await refused(publisher, LOGGED_IN)
    assert "repeats a secret" in finding.message
    assert "top-secret" not in finding.message


async def test_a_secret_that_is_not_there_is_named(publisher: Publisher) -> None:
    assert "'git'" in (await refused(publisher, LOGGED_IN)).message


async def test_who_may_not_run_what_uses_secrets_does_not_use_them_by_publishing(
    publisher: Publisher, plant: Plant, secrets: Secrets
) -> None:
    secrets.put("t1", "git", "top-secret-token", "me")
    with pytest.raises(ForbiddenError):
        await publisher.publish(somebody("t1", frozenset({"workflow:create"})), LOGGED_IN.encode())
    assert plant.asked == []
