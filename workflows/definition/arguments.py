"""Base of what the functions of the default catalogue take."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from workflows.definition.findings import Path
from workflows.definition.models.base import wire_name


class Arguments(BaseModel):
    """Any value may be an expression until it is evaluated.

    Attributes:
        SECRETS: Where secrets stand, which nobody is to write out.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, alias_generator=wire_name)

    SECRETS: ClassVar[tuple[Path, ...]] = ()
