"""`millwright images`: what containers may be made of, on the machine of a worker for programs."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from activities.programs.sandbox import Image, Images
from activities.programs.unpacking import add, remove
from cli.failures import MisuseError
from cli.following import OK, print_json
from cli.tables import columns
from foundation.settings import Settings


def run(flags: argparse.Namespace) -> int:
    """Do what the verb says."""
    folder = Settings().programs.images
    if folder is None:
        raise MisuseError(
            "Say where images are: MILLWRIGHT_PROGRAMS_IMAGES, a folder that the worker for "
            "programs and its user of no one can read."
        )
    match flags.verb:
        case "add":
            _show([add(folder, flags.name, Path(flags.layout), flags.tag)], flags)
        case "list":
            _show(list(Images(folder).all()), flags)
        case _:
            remove(folder, flags.name)
            if flags.json:
                print_json({"name": flags.name, "removed": True})
            else:
                print(f"Removed the image '{flags.name}'.")
    return OK


def _show(images: Sequence[Image], flags: argparse.Namespace) -> None:
    if flags.json:
        print_json([each.about.model_dump() for each in images])
        return
    if not images:
        print("There are no images. Add one with: millwright images add NAME LAYOUT")
        return
    rows = [("IMAGE", "DIGEST", "RUNS")]
    rows += [
        (each.about.name, each.about.digest, " ".join([*each.about.entrypoint, *each.about.cmd]))
        for each in images
    ]
    print("\n".join(columns(rows)))
