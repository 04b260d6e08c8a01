"""Send messages to, and take them from, what AsyncAPI documents describe."""

from activities.asyncapi.activities import AsyncApiActivities
from activities.asyncapi.types import AsyncApiConsume, AsyncApiPublish, Delivery, Polled

__all__ = ["AsyncApiActivities", "AsyncApiConsume", "AsyncApiPublish", "Delivery", "Polled"]
