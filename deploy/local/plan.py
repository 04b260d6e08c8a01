"""What a local stack will start, where, and with which settings: decided before anything runs."""

from pydantic import SecretStr

from deploy.local.folder import Folder, kept_secret, new_master_key
from deploy.local.ports import LOOPBACK, Wanted
from foundation.errors import ConflictError
from foundation.settings import Settings

# On this machine people register MCP servers that run on it too.
LOCAL_NETWORKS = ["127.0.0.0/8", "::1/128"]


def require_local(settings: Settings) -> None:
    """Keep the stand-ins of one machine out of an installation.

    Raises:
        ConflictError: When the profile is not `local`.
    """
    if settings.profile != "local":
        raise ConflictError(
            f"MILLWRIGHT_PROFILE is '{settings.profile}', and the local stack has no place there: "
            "start `python -m api` and `python -m workers` with the installation's settings."
        )


def uses_own_temporal(settings: Settings) -> bool:
    """Tell whether the user named a Temporal to use."""
    return "address" in settings.temporal.model_fields_set


def uses_own_database(settings: Settings) -> bool:
    """Tell whether the user named a PostgreSQL to use."""
    return "url" in settings.database.model_fields_set


def wanted_ports(settings: Settings, *, excel: bool) -> list[Wanted]:
    """List what will listen where."""
    local = settings.local
    wanted = [_wanted(settings.api.port, "The API", "api", host=settings.api.host)]
    if not uses_own_temporal(settings):
        wanted.append(_wanted(local.temporal_port, "The Temporal server", "local_temporal"))
        wanted.append(_wanted(local.ui_port, "The Temporal Web UI", "local_ui"))
    if excel:
        wanted.append(_wanted(local.excel_port, "The Excel MCP server", "local_excel"))
    return wanted


def with_local_defaults(settings: Settings, folder: Folder) -> Settings:
    """Fill in what an installation would have to decide, unless the user has decided it."""
    if settings.security.master_key is None:
        key = SecretStr(kept_secret(folder.master_key, new_master_key()))
        settings = changed(settings, "security", master_key=key)
    if "allow_networks" not in settings.egress.model_fields_set:
        settings = changed(settings, "egress", allow_networks=LOCAL_NETWORKS)
    if not {"store", "folder"} & settings.blobs.model_fields_set:
        settings = changed(settings, "blobs", folder=folder.blobs.absolute())
    return settings


def changed(settings: Settings, group: str, **values: object) -> Settings:
    """Copy the settings with some fields of one group replaced."""
    copy = getattr(settings, group).model_copy(update=values)
    return settings.model_copy(update={group: copy})


def _wanted(port: int, purpose: str, name: str, host: str = LOOPBACK) -> Wanted:
    flag = "--" + name.removeprefix("local_") + "-port"
    return Wanted(port, purpose, f"{flag} or MILLWRIGHT_{name.upper()}_PORT", host)
