"""A notification as the product sends it: stored secret, worker process, its own database."""

import json

from millwright_client import Millwright
from tests.fixtures.receiver import SLACK_PATH, Receiver

ALARM = """
document: { dsl: '1.0.3', namespace: press-line, name: alarm, version: '1.0.0' }
use: { secrets: [ slack ] }
do:
  - tell:
      call: notify
      with:
        slack: { url: '${ $secrets.slack }' }
        text: Line ${ .line } stopped
        deduplicate: { key: 'line-${ .line }', window: PT1H }
"""
MAIL = """
document: { dsl: '1.0.3', namespace: press-line, name: mail, version: '1.0.0' }
do:
  - tell:
      call: notify
      with: { email: { to: leader@plant.example }, title: Line 4, text: It stopped. }
"""


def test_two_runs_that_want_to_say_the_same_say_it_once(
    client: Millwright, receiver: Receiver
) -> None:
    client.secrets.put("slack", f"{receiver.url}{SLACK_PATH}")
    client.workflows.publish(ALARM)
    started = [
        client.workflows.start("press-line", "alarm", input={"line": 4}, idempotency_key=key)
        for key in ("one", "two")
    ]
    outputs = [client.wait(each.id, timeout=60).output for each in started]

    assert sorted(each["sent"] for each in outputs) == [False, True]
    assert [json.loads(each.body) for each in receiver.posted] == [{"text": "Line 4 stopped"}]


def test_a_mail_faults_where_no_server_is_set(client: Millwright) -> None:
    client.workflows.publish(MAIL)
    started = client.workflows.start("press-line", "mail")
    ended = client.wait(started.id, timeout=60)
    assert "MILLWRIGHT_SMTP_HOST" in str(ended.error)
