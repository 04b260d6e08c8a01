"""When a definition starts by itself: what cannot be is refused when it is published."""

import pytest

from workflows.definition import validate

TEXT = """
document:
  dsl: '1.0.3'
  namespace: tests
  name: sample
  version: '1.0.0'
  metadata: {{ millwright: {{ schedule: {{ timeZone: {zone} }} }} }}
schedule: {{ cron: '0 6 * * *' }}
do: [ {{ a: {{ set: {{ b: 1 }} }} }} ]
"""


@pytest.mark.parametrize("zone", ["UTC", "Asia/Seoul", "Etc/GMT+9"])
def test_a_time_zone_of_every_machine_is_taken(zone: str) -> None:
    assert validate(TEXT.format(zone=zone)) == []


@pytest.mark.parametrize(
    "zone", ["localtime", "Factory", "posixrules", "right/Asia/Seoul", "posix/UTC", "Mars/Base", ""]
)
def test_a_time_zone_that_only_one_machine_knows_is_refused(zone: str) -> None:
    (found,) = validate(TEXT.format(zone=f"'{zone}'"))
    assert found.pointer == "/document/metadata/millwright/schedule/timeZone"
    assert "Asia/Seoul" in found.message
