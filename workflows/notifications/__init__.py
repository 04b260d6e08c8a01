"""What all workers know together about notifications: who has claimed to send which."""

from workflows.notifications.service import StoredLedger

__all__ = ["StoredLedger"]
