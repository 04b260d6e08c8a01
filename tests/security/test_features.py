"""What tenants may use is off until somebody says otherwise, and nobody else's decision."""

import pytest

from foundation.database import Database
from foundation.errors import InvalidInputError, NotFoundError
from security.accounts.models import Tenant
from security.features.images import ImageNameError
from security.features.service import FeatureOffError, Features, ImageNotAllowedError


@pytest.fixture
def features(database: Database) -> Features:
    with database.session() as session:
        session.add_all([Tenant(id="north", name="North"), Tenant(id="south", name="South")])
    return Features(database)


def test_everything_is_off_until_somebody_enables_it(features: Features) -> None:
    programs, containers = features.list("north").items
    assert (containers.name, containers.enabled, containers.images) == ("containers", False, [])
    assert (programs.name, programs.enabled, programs.changed_by) == ("programs", False, None)
    with pytest.raises(FeatureOffError, match="millwright features enable programs"):
        features.require("north", "programs")
    assert features.off("north").keys() == {"programs", "containers"}


def test_a_decision_is_kept_with_who_made_it_and_holds_for_one_tenant(features: Features) -> None:
    features.put("north", "programs", "ana", enabled=True)
    features.require("north", "programs")
    assert features.get("north", "programs").changed_by == "ana"
    assert features.off("north").keys() == {"containers"}
    with pytest.raises(FeatureOffError):
        features.require("south", "programs")


def test_an_image_is_run_when_it_is_allowed_by_its_name(features: Features) -> None:
    exact = f"tool:2@sha256:{'a' * 64}"
    with pytest.raises(FeatureOffError, match="enable containers --image NAME"):
        features.require_image("north", "tool")
    put = features.put("north", "containers", "ana", enabled=True, images=["tool", exact, "tool"])
    assert put.images == features.get("north", "containers").images == ["tool:latest", exact]
    for allowed in ("tool", "tool:latest", exact):
        features.require_image("north", allowed)
    for other in ("tool:2", f"tool@sha256:{'a' * 64}", f"tool:2@sha256:{'b' * 64}", "TOOL"):
        with pytest.raises(ImageNotAllowedError, match="Allowed: tool:latest, tool:2@sha256"):
            features.require_image("north", other)
    with pytest.raises(ImageNameError):
        features.require_image("north", "../tool")
    with pytest.raises(FeatureOffError):
        features.require_image("south", "tool")


def test_a_list_of_images_takes_the_place_of_the_one_before_and_outlives_being_off(
    features: Features,
) -> None:
    features.put("north", "containers", "ana", enabled=True, images=["a", "b"])
    features.put("north", "containers", "ana", enabled=True, images=["b"])
    features.require_image("north", "b")
    with pytest.raises(ImageNotAllowedError):
        features.require_image("north", "a")
    off = features.put("north", "containers", "ben", enabled=False)
    assert (off.images, off.changed_by) == (["b:latest"], "ben")
    with pytest.raises(FeatureOffError):
        features.require_image("north", "b")
    features.put("north", "containers", "ana", enabled=True)
    features.require_image("north", "b")
    features.put("north", "containers", "ana", enabled=True, images=[])
    with pytest.raises(ImageNotAllowedError, match="Allowed: none"):
        features.require_image("north", "b")


def test_only_containers_have_images_and_each_has_a_name(features: Features) -> None:
    with pytest.raises(InvalidInputError, match="'programs' has no images"):
        features.put("north", "programs", "ana", enabled=True, images=["a"])
    with pytest.raises(ImageNameError, match="'a b' cannot be the name of an image"):
        features.put("north", "containers", "ana", enabled=True, images=["a b"])
    assert not features.get("north", "containers").enabled


def test_what_is_switched_off_is_off_at_once(features: Features, database: Database) -> None:
    features.put("north", "programs", "ana", enabled=True)
    features.require("north", "programs")
    Features(database).put("north", "programs", "ben", enabled=False)
    with pytest.raises(FeatureOffError):
        features.require("north", "programs")


def test_an_unknown_feature_is_refused_by_name(features: Features) -> None:
    for act in (
        lambda: features.get("north", "programms"),
        lambda: features.put("north", "programms", "ana", enabled=True),
        lambda: features.require("north", "programms"),
    ):
        with pytest.raises(NotFoundError, match="There are: programs"):
            act()
