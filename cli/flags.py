"""Settings as the flags of a command change them."""

import argparse
from pathlib import Path

from pydantic import BaseModel

from foundation.settings import Settings


def stack_settings(flags: argparse.Namespace) -> Settings:
    """Read the settings of this process, and let the flags that were given win.

    Raises:
        pydantic.ValidationError: When a setting cannot be read.
    """
    settings = Settings()
    data_dir = Path(flags.data_dir) if flags.data_dir else None
    local = _changed(
        settings.local,
        data_dir=data_dir,
        temporal_port=flags.temporal_port,
        ui_port=flags.ui_port,
        excel_port=flags.excel_port,
    )
    api = _changed(settings.api, port=flags.api_port)
    return settings.model_copy(update={"local": local, "api": api})


def _changed(group: BaseModel, **values: object) -> BaseModel:
    given = {name: value for name, value in values.items() if value is not None}
    return group.model_copy(update=given)
