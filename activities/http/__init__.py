"""HTTP requests and OpenAPI operations of a definition."""

from activities.http.activities import HttpActivities
from activities.http.types import HttpCall, OpenApiCall

__all__ = ["HttpActivities", "HttpCall", "OpenApiCall"]
