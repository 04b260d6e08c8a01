"""`notify`: thin, the work is in `notifier`."""

from dataclasses import replace
from urllib.parse import urlsplit

from temporalio import activity

from activities.notify.notification import Notification
from activities.notify.notifier import Notifier
from activities.notify.personal import is_personal, without_marks
from activities.notify.types import NotifyCall
from activities.types import ActivityResult
from activities.work import Opener, working
from foundation.json import ReadableJson, digest


class NotifyActivities:
    """Activities over one notifier."""

    def __init__(self, notifier: Notifier, opener: Opener) -> None:
        self.notifier = notifier
        self.opener = opener

    @activity.defn(name="notify")
    async def notify(self, call: NotifyCall) -> ActivityResult:
        """Tell somebody something."""
        async with working(self.opener, call) as work:
            opened = work.request
            if call.sealed is not None:
                work.mask.hide(_keys(opened))
            notification = Notification(
                id=_id(call),
                time=activity.info().scheduled_time,
                title=opened.title,
                text=opened.text,
            )
            if is_personal(opened):
                run = activity.info().workflow_id or ""
                sent = self.notifier.notify_each(opened, notification, run, work.mask.hide)
            else:
                text = without_marks(opened.text)
                sent = self.notifier.notify(opened, replace(notification, text=text))
            return await work.result(await sent)


def _keys(opened: NotifyCall) -> list[str]:
    """Return what is a key in an address that was sealed: a receiver may repeat a part of it."""
    urls = [each.url for each in (opened.slack, opened.webhook) if each is not None]
    paths = [urlsplit(url).path for url in urls]
    return [*paths, *(path.rpartition("/")[2] for path in paths)]


def _id(call: NotifyCall) -> str:
    """Return what is the same on every attempt; the author may have chosen something wider."""
    info = activity.info()
    key: ReadableJson = (
        [info.workflow_id, info.workflow_run_id, info.activity_id]
        if call.idempotency_key is None
        else [call.tenant_id, call.idempotency_key]
    )
    # Hashed: it goes to receivers whom the names of tenants and workflows do not concern.
    return f"ntf_{digest(key)[:32]}"
