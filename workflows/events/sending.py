"""One batch of events on its way to a broker: what the broker says of one is settled at once."""

import asyncio
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import structlog
from anyio import to_thread

from activities.asyncapi.connection import Connection
from activities.asyncapi.errors import BrokerRefusedError
from activities.http.errors import CallUnansweredError, CallUnreachedError, RequestError
from foundation.errors import MillwrightError
from foundation.settings import MqttSettings
from workflows.events.mqtt_binding import message_of
from workflows.events.outbox import Outbox, Refusal
from workflows.events.outgoing import Outgoing, Turn, named

log = structlog.get_logger()

UNCONFIRMED: Final = "The broker does not confirm what is sent to it."
# Not confirmed, or "not now": of this event, or of all? It is sent by itself to find out.
DOUBTFUL: Final = (CallUnansweredError, CallUnreachedError)
# What a broker says of an event: that it has it, that it does not want it, or something that is
# not about this event.
Answer: TypeAlias = Refusal | MillwrightError | None


@dataclass
class Sent:
    """What came of a batch.

    Attributes:
        is_any_taken: The broker has got something.
        is_any_fault: It does not want something; some brokers break off the connection then.
        is_doubtful: One that was sent by itself was not confirmed; nobody knows whose fault it is.
        failure: Why not everything was answered.
    """

    is_any_taken: bool = False
    is_any_fault: bool = False
    is_doubtful: bool = False
    failure: MillwrightError | None = None


class Sending:
    """Sends batches of one turn over one connection.

    Args:
        patience_s: A broker that says nothing for so long is away.
    """

    def __init__(
        self,
        connection: Connection,
        settings: MqttSettings,
        outbox: Outbox,
        turn: Turn,
        patience_s: float,
    ) -> None:
        self._connection = connection
        self._settings = settings
        self._outbox = outbox
        self._turn = turn
        self._patience_s = patience_s

    async def send(self, batch: Sequence[Outgoing]) -> Sent:
        """Send events in their order, for as long as the broker goes on saying something.

        Raises:
            TurnLostError: When somebody else sends the tenant's events.
            UnavailableError: When the database is away.
        """
        sent = Sent()
        open_ = {asyncio.create_task(self._publish(each)): each for each in batch}
        doubtful: list[Outgoing] = []
        try:
            while open_:
                done, _ = await asyncio.wait(
                    open_, timeout=self._patience_s, return_when=asyncio.FIRST_COMPLETED
                )
                if not done:
                    sent.failure = sent.failure or CallUnansweredError(UNCONFIRMED, retryable=True)
                    doubtful += open_.values()
                    break
                answers = [(open_.pop(each), each.result()) for each in done]
                await self._settle(answers, sent)
                doubtful += (each for each, answer in answers if isinstance(answer, DOUBTFUL))
        finally:
            for each in open_:
                each.cancel()
        if doubtful and not sent.is_any_fault:
            await self._doubt(doubtful, sent)
        return sent

    async def _settle(self, answers: Sequence[tuple[Outgoing, Answer]], sent: Sent) -> None:
        taken: list[int] = []
        refused: dict[int, Refusal] = {}
        for outgoing, answer in answers:
            match answer:
                case None:
                    taken.append(outgoing.sequence)
                case Refusal():
                    refused[outgoing.sequence] = answer
                    log.warning("event_refused", **self._named(outgoing), why=answer.why)
                case _:
                    sent.failure = sent.failure or answer
        if not taken and not refused:
            return
        sent.is_any_taken |= bool(taken)
        sent.is_any_fault |= bool(refused)
        gone = await to_thread.run_sync(self._outbox.settle, self._turn, taken, refused)
        self._tell_set_aside(gone, [outgoing for outgoing, _ in answers])

    async def _doubt(self, doubtful: Sequence[Outgoing], sent: Sent) -> None:
        sequences, why = [each.sequence for each in doubtful], str(sent.failure)
        verdict = await to_thread.run_sync(self._outbox.unconfirmed, self._turn, sequences, why)
        sent.is_any_fault = verdict.is_its_fault
        sent.is_doubtful = len(doubtful) == 1
        self._tell_set_aside(verdict.set_aside, doubtful)

    async def _publish(self, outgoing: Outgoing) -> Answer:
        try:
            message = message_of(
                json.loads(outgoing.body),
                self._turn.tenant_id,
                self._settings.prefix,
                is_5=self._settings.version == "5",
            )
            await self._connection.publish(
                message.topic,
                message.payload,
                retain=False,
                headers=message.properties,
                content_type=message.content_type,
            )
        except BrokerRefusedError as error:
            return Refusal(str(error))
        except (RequestError, ValueError) as error:
            # It cannot even be sent.
            return Refusal(str(error), is_final=True)
        except MillwrightError as error:
            return error
        return None

    def _tell_set_aside(self, gone: Iterable[int], outgoing: Sequence[Outgoing]) -> None:
        for each in outgoing:
            if each.sequence in gone:
                log.error("event_set_aside", **self._named(each), next="millwright events list")

    def _named(self, outgoing: Outgoing) -> dict[str, str]:
        source, id_, type_ = named(outgoing.body)
        return {"tenant_id": self._turn.tenant_id, "source": source, "id": id_, "type": type_}
