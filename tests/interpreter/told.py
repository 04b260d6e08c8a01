"""What instances have told others of themselves, as it was kept."""

import json
from typing import Any

from sqlalchemy import select

from foundation.database import Database
from workflows.events.models import Event

_PREFIX = "io.serverlessworkflow."
_HEAD = """
document:
  dsl: '1.0.3'
  namespace: tests
  name: told
  version: '1.2.0'
  metadata: { millwright: { lifecycleEvents: LEVEL } }
"""
WORKFLOW, ALL = (_HEAD.replace("LEVEL", level) for level in ("workflow", "all"))


class Told:
    """The lifecycle events of a tenant, in their order."""

    def __init__(self, database: Database, tenant: str) -> None:
        with database.session() as session:
            found = select(Event.body).where(Event.tenant_id == tenant).order_by(Event.sequence)
            kept = [json.loads(body) for body in session.scalars(found)]
        self.events: list[Any] = [each for each in kept if each["type"].startswith(_PREFIX)]

    def of(self, kind: str) -> list[tuple[str, Any]]:
        """Return what happened and its data, for events about a `workflow` or a `task`."""
        prefix = f"{_PREFIX}{kind}."
        return [
            (each["type"].removeprefix(prefix).removesuffix(".v1"), each["data"])
            for each in self.events
            if each["type"].startswith(prefix)
        ]

    @property
    def tasks(self) -> list[str]:
        """Return what happened to which task: `started /do/0/a`."""
        return [f"{what} {data['task']}" for what, data in self.of("task")]

    @property
    def phases(self) -> list[str]:
        return [data["status"] for what, data in self.of("workflow") if what == "status-changed"]

    @property
    def workflow(self) -> list[str]:
        return [what for what, _ in self.of("workflow") if what != "status-changed"]

    def data(self, what: str) -> Any:
        """Return the data of the only event of that type."""
        ((_, data),) = [
            each for kind in ("workflow", "task") for each in self.of(kind) if each[0] == what
        ]
        return data
