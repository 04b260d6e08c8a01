"""HTTP in, decisions about features in and out."""

from typing import Annotated

from fastapi import APIRouter

from api.dependencies import ServicesDep, require
from api.features.schemas import FeatureName, FeatureRequest
from security.features.schemas import FeatureList, FeatureState
from security.principal import Principal

router = APIRouter(prefix="/api/v1/tenant/features", tags=["tenant"])

Reader = Annotated[Principal, require("workflow:read")]
Manager = Annotated[Principal, require("feature:manage")]


@router.get("")
def list_features(principal: Reader, parts: ServicesDep) -> FeatureList:
    """List what an administrator has to enable before this tenant can use it."""
    return parts.features.list(principal.tenant_id)


@router.get("/{name}")
def get_feature(name: FeatureName, principal: Reader, parts: ServicesDep) -> FeatureState:
    """Look at one feature: whether it is enabled, and who decided that."""
    return parts.features.get(principal.tenant_id, name)


@router.put("/{name}")
def put_feature(
    name: FeatureName, body: FeatureRequest, principal: Manager, parts: ServicesDep
) -> FeatureState:
    """Enable or disable a feature for this tenant.

    Disabled, it can be neither published nor executed any more; what runs at the moment ends.
    """
    return parts.features.put(
        principal.tenant_id, name, principal.subject, enabled=body.enabled, images=body.images
    )
