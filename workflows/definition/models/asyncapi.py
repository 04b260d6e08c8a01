"""Arguments of `call: asyncapi`."""

from typing import Literal, Self

from pydantic import model_validator

from workflows.definition.models.authentication import AuthenticationSpec
from workflows.definition.models.base import Given, JsonMap, Model, exactly_one
from workflows.definition.models.events import SubscriptionIterator
from workflows.definition.models.values import DurationSpec, ExpressionLine, ExternalResource


class AsyncApiServer(Model):
    """Which server of the document."""

    name: str
    variables: Given[JsonMap] = None


class AsyncApiMessage(Model):
    """What to send."""

    payload: Given[JsonMap] = None
    headers: Given[JsonMap] = None


class AsyncApiConsumption(Model):
    """How many messages to take."""

    for_: Given[DurationSpec] = None
    amount: Given[int] = None
    while_: Given[ExpressionLine] = None
    until: Given[ExpressionLine] = None

    @model_validator(mode="after")
    def _one_bound(self) -> Self:
        exactly_one(self, "amount", "while_", "until")
        return self


class AsyncApiSubscription(Model):
    """Which messages to take, and what to do with each."""

    filter: Given[ExpressionLine] = None
    consume: AsyncApiConsumption
    foreach: Given[SubscriptionIterator] = None


class AsyncApiArguments(Model):
    """Send a message, or take some."""

    document: ExternalResource
    channel: Given[str] = None
    operation: Given[str] = None
    server: Given[AsyncApiServer] = None
    protocol: Given[
        Literal[
            "amqp",
            "amqp1",
            "anypointmq",
            "googlepubsub",
            "http",
            "ibmmq",
            "jms",
            "kafka",
            "mercure",
            "mqtt",
            "mqtt5",
            "nats",
            "pulsar",
            "redis",
            "sns",
            "solace",
            "sqs",
            "stomp",
            "ws",
        ]
    ] = None
    message: Given[AsyncApiMessage] = None
    subscription: Given[AsyncApiSubscription] = None
    authentication: Given[AuthenticationSpec] = None

    @model_validator(mode="after")
    def _one_operation(self) -> Self:
        exactly_one(self, "operation", "channel")
        exactly_one(self, "message", "subscription")
        return self
