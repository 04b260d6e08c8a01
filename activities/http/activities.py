"""`http-call` and `openapi-call`: thin, the work is in `exchange` and `openapi`."""

from temporalio import activity

from activities.http.exchange import exchange, refuse_repetition
from activities.http.openapi import Documents, request_for
from activities.http.types import HttpCall, OpenApiCall
from activities.types import ActivityResult
from activities.work import Opener, working
from security.egress import Egress


class HttpActivities:
    """Activities over one guarded way out."""

    def __init__(self, egress: Egress, opener: Opener) -> None:
        self.opener = opener
        self.egress = egress
        self.documents = Documents(egress)

    @activity.defn(name="http-call")
    async def http_call(self, call: HttpCall) -> ActivityResult:
        """Send one request."""
        async with working(self.opener, call) as work:
            refuse_repetition(work.request, maybe_sent=work.beat.lost)
            work.beat.now_sent()
            return work.result(await exchange(self.egress, work.request))

    @activity.defn(name="openapi-call")
    async def openapi_call(self, call: OpenApiCall) -> ActivityResult:
        """Call one operation of a described API."""
        async with working(self.opener, call) as work:
            request = request_for(await self.documents.read(work.request), work.request)
            refuse_repetition(request, maybe_sent=work.beat.lost)
            work.beat.now_sent()
            return work.result(await exchange(self.egress, request))
