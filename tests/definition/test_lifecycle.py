"""Who listens to what instances tell of themselves tells nothing itself."""

import pytest

from workflows.definition import validate

TEXT = """
document:
  dsl: '1.0.3'
  namespace: n
  name: w
  version: '1.0.0'
  metadata: { millwright: { lifecycleEvents: LEVEL } }
do:
  - inside:
      do:
        - a: { listen: { to: { any: [ { with: { type: other } }, { with: { type: TYPE } } ] } } }
"""
COMPLETED = "io.serverlessworkflow.workflow.completed.v1"


def found(level: str, type_: str) -> list[tuple[str, str]]:
    text = TEXT.replace("LEVEL", level).replace("TYPE", f"'{type_}'")
    return [(each.code, each.pointer) for each in validate(text)]


@pytest.mark.parametrize(
    "type_", [COMPLETED, r"io\.serverlessworkflow\.task\..*", f"{COMPLETED}|x"]
)
@pytest.mark.parametrize("level", ["workflow", "all"])
def test_who_tells_what_it_does_cannot_listen_to_it(level: str, type_: str) -> None:
    place = "/do/0/inside/do/0/a/listen/to/any/1/with"
    assert found(level, type_) == [("endless-loop", place)]
    assert found("none", type_) == []


@pytest.mark.parametrize("type_", ["com.example.over", ".*", "${ true }", "(io).*"])
def test_who_does_not_name_their_type_does_not_hear_of_them(type_: str) -> None:
    assert found("all", type_) == []


def test_there_are_three_levels() -> None:
    path = "/document/metadata/millwright/lifecycleEvents"
    assert found("some", "x") == [("wrong-value", path)]
