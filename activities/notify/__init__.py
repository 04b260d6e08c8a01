"""Notifications: Slack, e-mail and webhooks, each at least once and no more often than wanted."""

from activities.notify.activities import NotifyActivities
from activities.notify.mail import MailServer
from activities.notify.notifier import Notifier
from activities.notify.types import NotifyCall

__all__ = ["MailServer", "Notifier", "NotifyActivities", "NotifyCall"]
