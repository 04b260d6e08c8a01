"""`http-call` and `openapi-call`: thin, the work is in `exchange`, `openapi` and `logins`."""

from typing import Any

from temporalio import activity

from activities.http.exchange import exchange, refuse_repetition
from activities.http.openapi import Documents, request_for
from activities.http.types import HttpCall, OpenApiCall
from activities.logins.authenticator import Authenticator
from activities.logins.types import ReadyLogin
from activities.patience import way_out
from activities.types import ActivityResult
from activities.work import Opener, Work, working
from foundation.json import JsonObject, JsonValue
from security.egress import Egress


class HttpActivities:
    """Activities over one guarded way out."""

    def __init__(self, egress: Egress, opener: Opener, logins: Authenticator) -> None:
        self.opener = opener
        self.egress = egress
        self.logins = logins
        self.documents = Documents(egress)

    @activity.defn(name="http-call")
    async def http_call(self, call: HttpCall) -> ActivityResult:
        """Send one request."""
        async with working(self.opener, call) as work:
            return await work.result(await self._sent(work, work.request))

    @activity.defn(name="openapi-call")
    async def openapi_call(self, call: OpenApiCall) -> ActivityResult:
        """Call one operation of a described API."""
        async with working(self.opener, call) as work:
            request = request_for(await self._document(work), work.request)
            return await work.result(await self._sent(work, request))

    async def _document(self, work: Work[OpenApiCall]) -> JsonObject:
        call = work.request
        await way_out(self.egress, call.tenant_id)

        async def read(login: ReadyLogin | None) -> JsonObject:
            return await self.documents.read(call.model_copy(update={"document_login": login}))

        return await self.logins.logged_in(work, call.document_login, read)

    async def _sent(self, work: Work[Any], request: HttpCall) -> JsonValue:
        refuse_repetition(request, maybe_sent=work.beat.lost)

        await way_out(self.egress, request.tenant_id)

        async def send(login: ReadyLogin | None) -> JsonValue:
            work.beat.now_sent()
            ready = request.model_copy(update={"login": login})
            return await exchange(self.egress, ready, work.mask.data)

        return await self.logins.logged_in(work, request.login, send)
