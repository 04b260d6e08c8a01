"""Features of a tenant: off until an administrator says otherwise, and asked anew every time.

Nothing is kept in memory: what is switched off is off for the next use, in every process.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import structlog

from foundation.database import Database
from foundation.errors import ForbiddenError, InvalidInputError, MillwrightError, NotFoundError
from security.features.images import image_name
from security.features.models import TenantFeature
from security.features.repository import FeatureRows
from security.features.schemas import CONTAINERS, FEATURES, FeatureList, FeatureState

_log = structlog.get_logger(__name__)

# What enabling takes besides the name.
_WITH: Final[Mapping[str, str]] = {CONTAINERS: " --image NAME"}


class FeatureOffError(ForbiddenError):
    """The tenant may not use it."""

    code = "feature-off"
    title = "The tenant may not use this"

    def __init__(self, name: str) -> None:
        super().__init__(how_to_enable(name))


class ImageNotAllowedError(ForbiddenError):
    """The tenant may run containers, and not of this image."""

    code = "image-not-allowed"
    title = "The tenant may not run this image"

    def __init__(self, image: str, allowed: Sequence[str]) -> None:
        super().__init__(
            f"The image '{image}' is not allowed for this tenant. Allowed: "
            f"{', '.join(allowed) or 'none'}. An administrator gives another list with 'millwright "
            f"features enable {CONTAINERS} --image NAME' or "
            f"PUT /api/v1/tenant/features/{CONTAINERS}."
        )


def how_to_enable(name: str) -> str:
    """Say who can enable a feature, and how."""
    return (
        f"The feature '{name}' is not enabled for this tenant. An administrator enables it with "
        f"'millwright features enable {name}{_WITH.get(name, '')}' or "
        f"PUT /api/v1/tenant/features/{name}."
    )


class Features:
    """The decisions; sync, call it from a thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self, tenant_id: str) -> FeatureList:
        """Return all features there are, as they are for this tenant."""
        with self._database.session() as session:
            decided = {row.name: row for row in FeatureRows(session, tenant_id).all()}
            return FeatureList(items=[_state(name, decided.get(name)) for name in FEATURES])

    def get(self, tenant_id: str, name: str) -> FeatureState:
        """Return one feature.

        Raises:
            NotFoundError: There is no such feature.
        """
        _check_name(name)
        return next(each for each in self.list(tenant_id).items if each.name == name)

    def put(
        self,
        tenant_id: str,
        name: str,
        by: str,
        *,
        enabled: bool,
        images: Sequence[str] | None = None,
    ) -> FeatureState:
        """Switch a feature on or off.

        Args:
            images: Of `containers`, all that may be run from now on; None leaves them as they are.

        Raises:
            NotFoundError: There is no such feature.
            InvalidInputError: It has no images, or no image can be called so.
        """
        _check_name(name)
        if images is not None and name != CONTAINERS:
            raise InvalidInputError(f"The feature '{name}' has no images; '{CONTAINERS}' has.")
        # Each once, in the order in which they were given.
        spelled = list(dict.fromkeys(map(image_name, images or ())))
        fresh = TenantFeature(
            tenant_id=tenant_id,
            name=name,
            enabled=enabled,
            images=spelled,
            changed_at=datetime.now(tz=UTC),
            changed_by=by,
        )
        with self._database.session() as session:
            allowed = FeatureRows(session, tenant_id).put(fresh, keep_images=images is None)
        _log.info(
            "feature_switched",
            tenant=tenant_id,
            feature=name,
            enabled=enabled,
            images=list(allowed),
            by=by,
        )
        return _state(name, fresh).model_copy(update={"images": list(allowed)})

    def off(self, tenant_id: str) -> dict[str, str]:
        """Name what this tenant may not use, and say how that changes."""
        found = self.list(tenant_id).items
        return {each.name: how_to_enable(each.name) for each in found if not each.enabled}

    def require(self, tenant_id: str, name: str) -> None:
        """Let a tenant pass that may use a feature.

        Raises:
            FeatureOffError: It may not, and who can change that.
        """
        if not self.get(tenant_id, name).enabled:
            raise FeatureOffError(name)

    def require_image(self, tenant_id: str, image: str) -> None:
        """Let a tenant pass that may run an image.

        Raises:
            FeatureOffError: It may run none, and who can change that.
            ImageNotAllowedError: It may not run this one, and who can change that.
            InvalidInputError: No image can be called so.
        """
        found = self.get(tenant_id, CONTAINERS)
        if not found.enabled:
            raise FeatureOffError(CONTAINERS)
        _require_image(image, found.images)

    def image_refusal(self, tenant_id: str) -> Callable[[str], str | None]:
        """Return what says why the tenant may not run an image; None when it may."""
        allowed = self.get(tenant_id, CONTAINERS).images

        def refusal(image: str) -> str | None:
            try:
                _require_image(image, allowed)
            except MillwrightError as error:
                return error.message
            return None

        return refusal


def _require_image(image: str, allowed: Sequence[str]) -> None:
    wanted = image_name(image)
    if wanted not in allowed:
        raise ImageNotAllowedError(wanted, allowed)


def _check_name(name: str) -> None:
    if name not in FEATURES:
        raise NotFoundError(
            f"There is no feature called '{name[:63]}'. There are: {', '.join(FEATURES)}."
        )


def _state(name: str, row: TenantFeature | None) -> FeatureState:
    if row is None:
        return FeatureState(name=name, purpose=FEATURES[name], enabled=False)
    return FeatureState(
        name=name,
        purpose=FEATURES[name],
        enabled=row.enabled,
        images=row.images,
        changed_at=row.changed_at,
        changed_by=row.changed_by,
    )
