"""The two versions of A2A over JSON-RPC: names of methods, and what a message has in each.

The language speaks 0.3. To an agent that knows only 1.0 the same requests go under the names of
1.0; parameters are sent as the author wrote them, but for the role of a message.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from activities.a2a.errors import MessageError
from foundation.json import JsonObject

# They change nothing, so they may be repeated.
READS: Final = frozenset(
    {
        "tasks/get",
        "tasks/list",
        "tasks/resubscribe",
        "tasks/pushNotificationConfig/get",
        "tasks/pushNotificationConfig/list",
        "agent/getAuthenticatedExtendedCard",
    }
)
STREAMS: Final = frozenset({"message/stream", "tasks/resubscribe"})
_MESSAGES: Final = frozenset({"message/send", "message/stream"})


@dataclass(frozen=True)
class Protocol:
    """One version.

    Attributes:
        version: Major and minor.
        methods: What it calls the methods of the language, where it differs.
        roles: What it calls the roles of a message, where it differs.
        message: What a message has when its author does not say.
        missing: Methods that it does not have.
    """

    version: str
    methods: Mapping[str, str]
    roles: Mapping[str, str]
    message: Mapping[str, str]
    headers: Mapping[str, str]
    missing: frozenset[str] = frozenset()

    def request(
        self, method: str, parameters: JsonObject, message_id: str, tenant: str | None
    ) -> JsonObject:
        """Spell a request.

        Args:
            message_id: For a message without one.
            tenant: Whom the agent's address serves, where its card says so.

        Raises:
            MessageError: When a message is to be sent and there is none.
        """
        params = {"tenant": tenant, **parameters} if tenant else dict(parameters)
        if method in _MESSAGES:
            params["message"] = self._message(method, params, message_id)
        name = self.methods.get(method, method)
        return {"jsonrpc": "2.0", "id": message_id, "method": name, "params": params}

    def _message(self, method: str, params: JsonObject, message_id: str) -> JsonObject:
        given = params.get("message")
        if not isinstance(given, dict):
            raise MessageError(
                f"'{method}' needs 'parameters.message', an object with 'parts': "
                "{message: {parts: [{kind: text, text: ...}]}}."
            )
        message = {**self.message, "messageId": message_id, **given}
        role = message["role"]
        return {**message, "role": self.roles.get(role, role) if isinstance(role, str) else role}


V0_3: Final = Protocol(
    version="0.3",
    methods={},
    roles={},
    message={"kind": "message", "role": "user"},
    headers={},
    missing=frozenset({"tasks/list"}),
)
V1_0: Final = Protocol(
    version="1.0",
    methods={
        "message/send": "SendMessage",
        "message/stream": "SendStreamingMessage",
        "tasks/get": "GetTask",
        "tasks/list": "ListTasks",
        "tasks/cancel": "CancelTask",
        "tasks/resubscribe": "SubscribeToTask",
        "tasks/pushNotificationConfig/set": "CreateTaskPushNotificationConfig",
        "tasks/pushNotificationConfig/get": "GetTaskPushNotificationConfig",
        "tasks/pushNotificationConfig/list": "ListTaskPushNotificationConfigs",
        "tasks/pushNotificationConfig/delete": "DeleteTaskPushNotificationConfig",
        "agent/getAuthenticatedExtendedCard": "GetExtendedAgentCard",
    },
    roles={"user": "ROLE_USER", "agent": "ROLE_AGENT"},
    message={"role": "ROLE_USER"},
    # Without it an agent takes a request for one of 0.3.
    headers={"A2A-Version": "1.0"},
)


def protocol_of(version: str) -> Protocol | None:
    """Return the protocol of an interface, or nothing for a version that is not spoken here."""
    major, _, minor = version.partition(".")
    if major == "1":
        return V1_0
    # 0.2 had the methods of 0.3; 0.1 had others.
    return V0_3 if major == "0" and minor.partition(".")[0] in {"2", "3"} else None
