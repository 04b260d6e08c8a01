"""`http-call` and `openapi-call`: thin, the work is in `exchange` and `openapi`."""

from temporalio import activity

from activities.faults import translated
from activities.heartbeat import beating
from activities.http.exchange import exchange, refuse_repetition
from activities.http.openapi import Documents, request_for
from activities.http.types import HttpCall, OpenApiCall
from activities.types import ActivityResult, result_of
from security.egress import Egress


class HttpActivities:
    """Activities over one guarded way out."""

    def __init__(self, egress: Egress) -> None:
        self.egress = egress
        self.documents = Documents(egress)

    @activity.defn(name="http-call")
    async def http_call(self, call: HttpCall) -> ActivityResult:
        """Send one request."""
        with translated():
            async with beating() as beat:
                refuse_repetition(call, maybe_sent=beat.lost)
                beat.now_sent()
                return result_of(await exchange(self.egress, call))

    @activity.defn(name="openapi-call")
    async def openapi_call(self, call: OpenApiCall) -> ActivityResult:
        """Call one operation of a described API."""
        with translated():
            async with beating() as beat:
                request = request_for(await self.documents.read(call), call)
                refuse_repetition(request, maybe_sent=beat.lost)
                beat.now_sent()
                return result_of(await exchange(self.egress, request))
