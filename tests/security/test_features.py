"""What tenants may use is off until somebody says otherwise, and nobody else's decision."""

import pytest

from foundation.database import Database
from foundation.errors import NotFoundError
from security.accounts.models import Tenant
from security.features.service import FeatureOffError, Features


@pytest.fixture
def features(database: Database) -> Features:
    with database.session() as session:
        session.add_all([Tenant(id="north", name="North"), Tenant(id="south", name="South")])
    return Features(database)


def test_everything_is_off_until_somebody_enables_it(features: Features) -> None:
    (programs,) = features.list("north").items
    assert (programs.name, programs.enabled, programs.changed_by) == ("programs", False, None)
    with pytest.raises(FeatureOffError, match="millwright features enable programs"):
        features.require("north", "programs")
    assert features.off("north").keys() == {"programs"}


def test_a_decision_is_kept_with_who_made_it_and_holds_for_one_tenant(features: Features) -> None:
    features.put("north", "programs", "ana", enabled=True)
    features.require("north", "programs")
    assert features.get("north", "programs").changed_by == "ana"
    assert features.off("north") == {}
    with pytest.raises(FeatureOffError):
        features.require("south", "programs")


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
