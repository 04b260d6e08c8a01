"""Between JSON and the messages of a method, as the JSON mapping of protobuf has it.

What that means for authors: names in lowerCamelCase (arguments may also spell them as the `.proto`
does), 64-bit integers as text, bytes as base64, enum values by name, `Timestamp` and the like as
text. Answers also hold the fields that have their default: 0 is a measurement, not its absence.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf import json_format
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError, Message

from activities.grpc.errors import ArgumentsError
from activities.http.errors import CallFailedError
from foundation.json import JsonObject, JsonValue

# A message is no deeper than the wire format's own readers take it.
_MAX_DEPTH: Final = 100
# What the mapping raises when a value does not fit, besides its own errors.
_UNFITTING: Final = (json_format.Error, ValueError, TypeError, AttributeError, RecursionError)


@dataclass(frozen=True, slots=True)
class Method:
    """What is called.

    Attributes:
        path: As HTTP/2 has it.
        streaming: The answer is a sequence of messages.
        idempotent: Its authors say that calling twice is like calling once.
    """

    path: str
    pool: DescriptorPool
    takes: type[Message]
    gives: type[Message]
    streaming: bool
    idempotent: bool

    def encoded(self, arguments: JsonObject) -> bytes:
        """Make the message to send.

        Raises:
            ArgumentsError: When the arguments do not fit it.
        """
        message = self.takes()
        try:
            json_format.ParseDict(
                arguments, message, descriptor_pool=self.pool, max_recursion_depth=_MAX_DEPTH
            )
            return message.SerializeToString()
        except _UNFITTING as error:
            raise ArgumentsError(f"{self.path}: {error}") from error

    def decoded(self, answers: Sequence[bytes]) -> JsonValue:
        """Return what came back: an object, or for a stream an array of them.

        Raises:
            CallFailedError: When an answer is not what the `.proto` says.
        """
        try:
            found = [self._decoded(answer) for answer in answers]
        except (DecodeError, *_UNFITTING) as error:
            raise CallFailedError(
                f"{self.path} was executed, and its answer is no {self.gives.DESCRIPTOR.full_name} "
                f"({type(error).__name__}: {error}).",
                title="The answer cannot be read",
            ) from error
        return [*found] if self.streaming else found[0]

    def _decoded(self, answer: bytes) -> JsonValue:
        message = self.gives()
        message.ParseFromString(answer)
        value: Any = json_format.MessageToDict(
            message, descriptor_pool=self.pool, always_print_fields_with_no_presence=True
        )
        found: JsonValue = value
        return found
