"""Our top-level names are ours.

Other published distributions install packages called `workflows` or `security`. If one of them ever
reaches this environment, say so before imports go strange.
"""

import tomllib
from importlib.metadata import packages_distributions

import pytest

from tests.shared_data import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGES = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]


@pytest.mark.parametrize("package", PACKAGES)
def test_no_other_distribution_installs_a_package_with_our_name(package: str) -> None:
    assert set(packages_distributions().get(package, [])) <= {"millwright"}


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_says_what_it_is_for(package: str) -> None:
    assert (ROOT / package / "__init__.py").read_text(encoding="utf-8").startswith('"""')
