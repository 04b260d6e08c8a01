"""gRPC calls of a definition."""

from activities.grpc.activities import GrpcActivities
from activities.grpc.types import GrpcCall

__all__ = ["GrpcActivities", "GrpcCall"]
