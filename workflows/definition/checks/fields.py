"""Every field of a definition that its author wrote, with its place. Checks pick by owner and name.

It goes through the models, not into the author's own data.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple, TypeAlias

from pydantic import BaseModel

from workflows.definition.findings import Path
from workflows.definition.models.base import Named

# Which field: the model that has it, and its name in Python.
FieldKey: TypeAlias = tuple[type[BaseModel], str]


class FieldAt(NamedTuple):
    """One field."""

    path: Path
    owner: BaseModel
    name: str
    value: object

    @property
    def key(self) -> FieldKey:
        """The model that has it, and its name."""
        return type(self.owner), self.name


def fields_of(model: BaseModel, path: Path = ()) -> Iterator[FieldAt]:
    """Go through all fields that are written in a model and in the models it holds."""
    if isinstance(model, Named):
        _, body = (value for _, value in model)
        yield from _inside(body, (*path, model.name))
        return
    for name, field in type(model).model_fields.items():
        if name in model.model_fields_set:
            here, value = (*path, field.alias or name), getattr(model, name)
            yield FieldAt(here, model, name, value)
            yield from _inside(value, here)


def _inside(value: object, path: Path) -> Iterator[FieldAt]:
    match value:
        case None | str() | bool() | int() | float():
            # Most are plain, and to ask for the others takes ten times as long.
            pass
        case BaseModel():
            yield from fields_of(value, path)
        case tuple():
            for index, item in enumerate(value):
                yield from _inside(item, (*path, index))
        case Mapping():
            for key, item in value.items():
                if isinstance(item, BaseModel):
                    yield from fields_of(item, (*path, key))
        case _:
            pass  # a plain value has no fields
