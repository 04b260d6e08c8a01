"""Adding images: what builds and registries have (an OCI layout) becomes a folder for the sandbox.

`umoci` unpacks the layers, without root and without a daemon. An image appears under its name when
it is complete, and no container runs of the one before it.
"""

import json
import shutil
import subprocess
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Final

from activities.programs.image_files import aside, open_to_all
from activities.programs.sandbox.holding import changed
from activities.programs.sandbox.images import (
    ABOUT,
    About,
    Image,
    Images,
    folder_of,
    reference,
)
from foundation.errors import InvalidInputError, NotFoundError

# What a manifest says its layout's name of it is.
_NAMED: Final = "org.opencontainers.image.ref.name"
_SHOWN_BYTES: Final = 500
_MAX_JSON_BYTES: Final = 4 * 1024 * 1024


def add(folder: Path, name: str, layout: Path, tag: str | None = None) -> Image:
    """Unpack an image, in place of the one of that name if there is one.

    Args:
        folder: Of all images.
        name: How definitions call it.
        layout: Folder of an OCI layout: `skopeo copy docker://alpine:3.20 oci:LAYOUT:3.20`.
        tag: Which image of the layout; needed when there are several.

    Raises:
        InvalidInputError: When there is no such image, or it cannot be unpacked.
        ImageInUseError: When a container of the one before it runs.
    """
    wanted = reference(name)
    umoci = shutil.which("umoci")
    if umoci is None:
        raise InvalidInputError(
            "'umoci' is not installed, which unpacks images. Debian, Ubuntu: apt-get install umoci"
        )
    manifest, tag = _manifest(layout, tag)
    _check_digest(wanted, manifest)
    about = _about(wanted, layout, manifest)
    folder.mkdir(parents=True, exist_ok=True)
    # Beside its place, so that it can be moved there; named as no image is.
    with aside(folder, ".adding-") as scratch:
        bundle = scratch / "bundle"
        command = [umoci, "unpack", "--rootless", "--image", f"{layout}:{tag}", str(bundle)]
        done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - no shell
        if done.returncode != 0:
            said = done.stderr[-_SHOWN_BYTES:].decode(errors="replace").strip()
            raise InvalidInputError(f"umoci cannot unpack {layout}:{tag}: {said}")
        (bundle / ABOUT).write_text(about.model_dump_json(), encoding="utf-8")
        # In a container there is one user, whom the image does not know: what it keeps for its own
        # users would be kept from all.
        for each in (folder, bundle):
            each.chmod(0o755)
        open_to_all(bundle)
        _put(bundle, folder / folder_of(wanted))
    return Images(folder).find(wanted)


def remove(folder: Path, name: str) -> None:
    """Remove an image.

    Raises:
        NotFoundError: When it is not there.
        ImageInUseError: When a container of it runs.
    """
    place = folder / folder_of(reference(name))
    if not place.is_dir():
        raise NotFoundError(f"There is no image '{reference(name)}' in {folder}.")
    with aside(folder, ".removing-") as scratch, changed(place):
        place.rename(scratch / "bundle")


def _check_digest(wanted: str, manifest: str) -> None:
    """Let a name with a digest mean that image and no other.

    Raises:
        InvalidInputError: When this is another one.
    """
    name, _, digest = wanted.partition("@")
    if digest and digest != manifest:
        raise InvalidInputError(
            f"The image to be added is {manifest}, and not {digest}. If it is the right one, add "
            f"it as '{name}@{manifest}'; copied from another format it has another digest."
        )


def _put(bundle: Path, place: Path) -> None:
    """Move it to its place; what is there is moved away first and removed with the rest."""
    with changed(place) if place.exists() else nullcontext():
        if place.exists():
            place.rename(bundle.parent / "before")
        bundle.rename(place)


def _manifest(layout: Path, tag: str | None) -> tuple[str, str]:
    """Return the digest of the manifest, and what the layout calls it."""
    index = _json(layout / "index.json")
    named = {
        each["annotations"][_NAMED]: str(each["digest"])
        for each in index.get("manifests", [])
        if _NAMED in (each.get("annotations") or {})
    }
    if tag is None and len(named) == 1:
        (tag,) = named
    if tag is None or tag not in named:
        known = ", ".join(sorted(named)) or "none that has a name"
        raise InvalidInputError(f"Say which image of {layout} is meant (--tag). It has: {known}.")
    return named[tag], tag


def _about(wanted: str, layout: Path, digest: str) -> About:
    manifest = _json(_blob(layout, digest))
    if "config" not in manifest:
        raise InvalidInputError(
            f"{layout} has images for several machines. Copy the one for this: skopeo copy without "
            "--all."
        )
    config = _json(_blob(layout, manifest["config"]["digest"])).get("config") or {}
    return About(
        name=wanted,
        digest=digest,
        entrypoint=tuple(config.get("Entrypoint") or ()),
        cmd=tuple(config.get("Cmd") or ()),
        env=tuple(config.get("Env") or ()),
        working_dir=config.get("WorkingDir") or "/",
    )


def _blob(layout: Path, digest: str) -> Path:
    kind, _, name = digest.partition(":")
    if not (kind.isalnum() and name.isalnum()):
        raise InvalidInputError(f"'{digest[:100]}' in {layout} is no digest.")
    return layout / "blobs" / kind / name


def _json(file: Path) -> Any:
    try:
        if file.stat().st_size > _MAX_JSON_BYTES:
            raise InvalidInputError(f"{file} is too large for what it should be.")
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInputError(
            f"{file} cannot be read ({type(error).__name__}): an image is the folder of an OCI "
            "layout, which skopeo, podman, docker and buildah can write."
        ) from error
    if not isinstance(found, dict):
        raise InvalidInputError(f"{file} is not what an OCI layout has there.")
    return found
