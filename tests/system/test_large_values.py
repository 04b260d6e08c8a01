"""A large value goes in over REST, through a run, and out again."""

from millwright_client import Millwright

TURN = """
document: { dsl: '1.0.3', namespace: press-line, name: turn, version: '1.0.0' }
do:
  - turn: { set: '${ .rows }' }
"""


def test_three_megabytes_go_in_and_come_out(client: Millwright) -> None:
    client.workflows.publish(TURN)
    rows = ["a" * 1_500_000, "b" * 1_500_000]
    started = client.workflows.start("press-line", "turn", input={"rows": rows})
    ended = client.wait(started.id, timeout=60)
    assert ended.status == "COMPLETED", ended.error
    assert ended.output == rows
    assert ended.input == {"rows": rows}
