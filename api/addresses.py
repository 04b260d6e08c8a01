"""Where this API is reached."""

from foundation.settings import ApiSettings


def base_url(settings: ApiSettings) -> str:
    """Return where this API is reached, as its settings say; a `Host` header is anybody's word."""
    return (settings.public_url or f"http://{settings.host}:{settings.port}").rstrip("/")
