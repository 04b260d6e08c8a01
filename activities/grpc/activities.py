"""`grpc-call`: thin, the work is in `protos`, `messages`, `channels` and `exchange`."""

import asyncio

from temporalio import activity

from activities.grpc.channels import Channels
from activities.grpc.descriptors import Document
from activities.grpc.exchange import exchange, refuse_repetition
from activities.grpc.protos import Protos
from activities.grpc.types import GrpcCall
from activities.logins.authenticator import Authenticator
from activities.logins.types import ReadyLogin
from activities.patience import way_out
from activities.types import ActivityResult
from activities.work import Opener, Work, working
from security.egress import Egress


class GrpcActivities:
    """Activities over one guarded way out, and the channels that the process keeps."""

    def __init__(
        self, egress: Egress, channels: Channels, opener: Opener, logins: Authenticator
    ) -> None:
        self.egress = egress
        self.channels = channels
        self.opener = opener
        self.logins = logins
        self.protos = Protos(egress)

    @activity.defn(name="grpc-call")
    async def grpc_call(self, call: GrpcCall) -> ActivityResult:
        """Call one method of a described service."""
        async with working(self.opener, call) as work:
            request = work.request
            document = await self._document(work)
            method = document.method(request.service, request.method)
            refuse_repetition(request, method, maybe_sent=work.beat.lost)
            # A megabyte of JSON takes a while: not on the event loop.
            message = await asyncio.to_thread(method.encoded, request.arguments)

            async def send(login: ReadyLogin | None) -> list[bytes]:
                async with self.channels.connected(
                    request.tenant_id, request.host, request.port
                ) as channel:
                    work.beat.now_sent()
                    limit = self.egress.max_response_bytes
                    return await exchange(channel, request, method, message, login, max_bytes=limit)

            answers = await self.logins.logged_in(work, request.login, send)
            return await work.result(await asyncio.to_thread(method.decoded, answers))

    async def _document(self, work: Work[GrpcCall]) -> Document:
        call = work.request
        await way_out(self.egress, call.tenant_id)

        async def read(login: ReadyLogin | None) -> Document:
            return await self.protos.read(call.model_copy(update={"proto_login": login}))

        return await self.logins.logged_in(work, call.proto_login, read)
