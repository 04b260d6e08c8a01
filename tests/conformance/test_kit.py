"""The conformance kit of the language, unmodified, against the running product.

Its steps are in `conftest`. The two hosts that it calls are answered on loopback.
"""

from pytest_bdd import scenarios

from tests.shared_data import shared

scenarios(str(shared("data/ows/ctk/features")))
