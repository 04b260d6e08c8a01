"""What a tenant may not use, as the checks of definitions want it."""

from security.features.service import Features
from workflows.definition.off import Off


def off_of(features: Features, tenant_id: str) -> Off:
    """Ask what is off for a tenant at this moment; in a thread."""
    return Off(features.off(tenant_id), features.image_refusal(tenant_id))
