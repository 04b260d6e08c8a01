"""How commands that speak to the API find it, and as whom they log in.

Passwords and tokens come from the environment or from the folder of a local stack, never from the
command line, which other users of a machine can see.
"""

import argparse
from ipaddress import ip_address
from urllib.parse import urlsplit

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from deploy.local.first_user import EMAIL, TENANT
from deploy.local.folder import Folder
from foundation.errors import UnauthenticatedError
from foundation.settings import Settings
from millwright_client import Millwright


class ConnectionSettings(BaseSettings):
    """Where the API is, and who is asking; each as `MILLWRIGHT_CLIENT_<NAME>`.

    Attributes:
        token: An access token; instead of e-mail address and password.
        tenant: Needed when the address is known in several.
    """

    model_config = SettingsConfigDict(
        env_prefix="MILLWRIGHT_CLIENT_", env_file=".env", extra="ignore", frozen=True
    )

    url: str | None = None
    token: SecretStr | None = None
    email: str | None = None
    password: SecretStr | None = None
    tenant: str | None = None


def connected(flags: argparse.Namespace) -> Millwright:
    """Make a client; without any setting, for the stack of `millwright dev`.

    Raises:
        UnauthenticatedError: When nothing says who is asking.
        millwright_client.MillwrightError: When the API gives no answer, or refuses.
    """
    given, settings = ConnectionSettings(), Settings()
    url = flags.url or given.url or f"http://{settings.api.host}:{settings.api.port}"
    if given.token is not None:
        return Millwright(url, given.token.get_secret_value())
    if given.email is not None and given.password is not None:
        password = given.password.get_secret_value()
        return Millwright.login(url, given.email, password, tenant=given.tenant)
    own = Folder(settings.local.data_dir).password
    if own.is_file() and _here(url):
        return Millwright.login(url, EMAIL, own.read_text().strip(), tenant=TENANT)
    raise UnauthenticatedError(
        f"Nothing says who is asking {url}. Set MILLWRIGHT_CLIENT_EMAIL and "
        "MILLWRIGHT_CLIENT_PASSWORD, or MILLWRIGHT_CLIENT_TOKEN to an access token."
    )


def _here(url: str) -> bool:
    """Tell whether an address is on this machine: the stack's password goes nowhere else."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
