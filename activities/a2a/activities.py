"""`a2a-call`: thin, the work is in `card` and `exchange`."""

from uuid import NAMESPACE_OID, uuid5

from temporalio import activity

from activities.a2a.card import Cards
from activities.a2a.errors import A2aError
from activities.a2a.exchange import ask, refuse_repetition, request_for
from activities.a2a.stream import Results
from activities.a2a.types import A2aCall
from activities.logins.authenticator import Authenticator
from activities.logins.types import ReadyLogin
from activities.patience import way_out
from activities.types import ActivityResult
from activities.work import Opener, Work, working
from foundation.json import JsonValue, ReadableJson, digest
from security.egress import Egress


class A2aActivities:
    """Activities over one guarded way out."""

    def __init__(self, egress: Egress, opener: Opener, logins: Authenticator) -> None:
        self.opener = opener
        self.egress = egress
        self.logins = logins
        self.cards = Cards(egress)

    @activity.defn(name="a2a-call")
    async def a2a_call(self, call: A2aCall) -> ActivityResult:
        """Ask an agent."""
        async with working(self.opener, call) as work:

            async def send(login: ReadyLogin | None) -> JsonValue:
                opened = work.request.model_copy(update={"login": login})
                confidential = call.sealed is not None or login is not None
                return await self._asked(work, opened, confidential=confidential)

            return await work.result(await self.logins.logged_in(work, work.request.login, send))

    async def _asked(self, work: Work[A2aCall], call: A2aCall, *, confidential: bool) -> JsonValue:
        def told(results: Results) -> None:
            work.report({"results": len(results.items), "state": results.state})

        await way_out(self.egress, call.tenant_id)
        try:
            agent = await self.cards.agent(call, confidential=confidential)
            request = request_for(call, agent, _message_id(call))
            refuse_repetition(request, maybe_sent=work.beat.lost)
            work.beat.now_sent()
            return await ask(self.egress, request, told)
        except A2aError:
            # Perhaps the agent has moved: the next attempt reads its card again.
            self.cards.forget(call)
            raise


def _message_id(call: A2aCall) -> str:
    """Return what is the same on every attempt: an agent can tell that it has seen it before.

    The author may have chosen something wider.
    """
    info = activity.info()
    key: ReadableJson = (
        [info.workflow_id, info.workflow_run_id, info.activity_id]
        if call.idempotency_key is None
        else [call.tenant_id, call.idempotency_key]
    )
    # Hashed: it goes to agents whom the names of tenants and workflows do not concern.
    return str(uuid5(NAMESPACE_OID, digest(key)))
