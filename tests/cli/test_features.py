"""`millwright features` against the whole application."""

import json

import pytest

from api.services import Services
from cli.main import FAILED, OK, USAGE
from tests.api.people import Person
from tests.cli.test_secrets import (
    Command,
    address,
    millwright,
    somebody,
)

__all__ = ["address", "millwright", "somebody"]

pytestmark = pytest.mark.anyio


async def test_a_feature_is_enabled_disabled_and_listed(
    millwright: Command, services: Services, somebody: Person
) -> None:
    status, out, _ = await millwright("features", "list")
    assert (status, out.split()[:2]) == (OK, ["programs", "off"])
    status, out, _ = await millwright("features", "enable", "programs")
    assert (status, out.split()[:2]) == (OK, ["programs", "enabled"])
    services.features.require(somebody.tenant_id, "programs")
    status, out, _ = await millwright("features", "disable", "programs", "--json")
    assert (status, json.loads(out)["enabled"]) == (OK, False)
    status, out, _ = await millwright("features", "list", "--json")
    assert [each["name"] for each in json.loads(out)] == ["programs", "containers"]


async def test_images_are_allowed_by_name_and_kept_while_containers_are_off(
    millwright: Command, services: Services, somebody: Person
) -> None:
    flags = ("--image", "tool:1", "--image", "tool:2")
    status, out, _ = await millwright("features", "enable", "containers", *flags)
    assert (status, out.endswith(": tool:1, tool:2\n")) == (OK, True)
    services.features.require_image(somebody.tenant_id, "tool:2")
    await millwright("features", "disable", "containers")
    status, out, _ = await millwright("features", "enable", "containers")
    assert (status, out.endswith(": tool:1, tool:2\n")) == (OK, True)
    status, _, err = await millwright("features", "enable", "programs", "--image", "tool:1")
    assert (status, "'programs' has no images" in err) == (FAILED, True)


@pytest.mark.usefixtures("somebody")
async def test_an_unknown_feature_fails_and_names_the_known(millwright: Command) -> None:
    status, out, err = await millwright("features", "enable", "progams")
    assert (status, out) == (FAILED, "")
    assert "There are: programs" in err


async def test_the_worker_takes_one_flag(millwright: Command) -> None:
    with pytest.raises(SystemExit) as ended:
        await millwright("worker", "--program-s")
    assert ended.value.code == USAGE
