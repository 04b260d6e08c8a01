"""Who is asking. Made from a verified token, never from a payload."""

from dataclasses import dataclass

from foundation.errors import ForbiddenError


@dataclass(frozen=True)
class Principal:
    """One caller, as the verified access token describes it.

    Attributes:
        tenant_id: The only tenant whose data this caller can reach.
        subject: Stable id of the user or service account.
        permissions: Permission strings such as `workflow:execute`, closed over the role hierarchy.
    """

    tenant_id: str
    subject: str
    email: str
    roles: frozenset[str]
    permissions: frozenset[str]

    def require(self, permission: str) -> None:
        """Let this caller pass, or say which permission is missing.

        Raises:
            ForbiddenError: When the caller lacks it.
        """
        if permission not in self.permissions:
            raise ForbiddenError(
                f"This needs the permission '{permission}', which your roles "
                f"({', '.join(sorted(self.roles)) or 'none'}) do not give. Ask an administrator."
            )
