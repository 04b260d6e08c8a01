"""Build the desk of one process."""

from datetime import timedelta

from temporalio.client import Client

from foundation.database import Database
from foundation.settings import EventSettings, MqttSettings
from workflows.events.ledger import Ledger
from workflows.events.service import Events


def build_events(
    database: Database,
    client: Client,
    settings: EventSettings,
    mqtt: MqttSettings = MqttSettings(),  # noqa: B008 - frozen
) -> Events:
    """Wire it; the connections belong to the caller."""
    kept, remembered = (timedelta(seconds=each) for each in (settings.keep_s, settings.remember_s))
    return Events(Ledger(database, kept, remembered), client, broker=mqtt.host is not None)
