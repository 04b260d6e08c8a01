"""What all models share: frozen, strict, and they write themselves back as they were written."""

from collections.abc import Callable
from typing import Annotated, Any, Final, TypeAlias, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    GetPydanticSchema,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    WrapSerializer,
    model_serializer,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError, core_schema

from foundation.json import JsonObject, JsonValue
from workflows.definition.findings import Code, shown

# Steps of an error's place that are not keys of the document begin with this; no key can.
NOT_A_KEY: Final = "\0"
NAME: Final = "\0name"
ONLY_MEMBER: Final = "\0only member"
TEXT: Final = "\0text"
OBJECT: Final = "\0object"

T = TypeVar("T")


def wire_name(name: str) -> str:
    """Spell an attribute as the language does: `except_when` is `exceptWhen`, `if_` is `if`."""
    return to_camel(name.removesuffix("_"))


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, alias_generator=wire_name)


class Model(_Frozen):
    """Base of all models of the language."""

    @model_serializer(mode="wrap")
    def _as_written(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what the author left out: defaults are ours, not part of the document."""
        fields = type(self).model_fields
        known = self.model_fields_set & fields.keys()
        written = {*self.model_fields_set, *(fields[name].alias for name in known)}
        return {key: value for key, value in handler(self).items() if key in written}


def _as_list(value: tuple[object, ...], handler: SerializerFunctionWrapHandler) -> list[object]:
    return list(handler(value))


def _present(value: object) -> object:
    if value is None:
        raise refusal(Code.WRONG_TYPE, "There is nothing here. Write a value, or remove the key.")
    return value


# Something that may be left out. A key without a value is a mistake, not a way of leaving it out.
Given: TypeAlias = Annotated[T | None, BeforeValidator(_present)]

# A list of models. Frozen here, a list again in the document.
Many: TypeAlias = Annotated[tuple[T, ...], Field(strict=False), WrapSerializer(_as_list)]

# The author's own data. The loader made it, so it is JSON; it is neither checked again nor copied.
Json: TypeAlias = Annotated[
    JsonValue, GetPydanticSchema(lambda _source, _handler: core_schema.any_schema())
]
JsonMap: TypeAlias = Annotated[
    JsonObject,
    GetPydanticSchema(
        lambda _source, _handler: core_schema.dict_schema(
            core_schema.str_schema(), core_schema.any_schema()
        )
    ),
]
JsonList: TypeAlias = Annotated[
    list[JsonValue],
    GetPydanticSchema(lambda _source, _handler: core_schema.list_schema(core_schema.any_schema())),
]


def refusal(code: Code, message: str) -> PydanticCustomError:
    """Make the error that a validator raises; its type is the code of the finding."""
    # Braces are placeholders to pydantic.
    return PydanticCustomError(code.value, "{message}", {"message": message})


def choice(text: str, other: str, *, other_tag: str = OBJECT) -> Discriminator:
    """Choose between text and one other shape by looking at the value, so errors fit the choice.

    Args:
        text: What the text is, for the message.
        other: What the other shape is, for the message.
        other_tag: The tag of the other shape.
    """

    def tag_of(value: object) -> str | None:
        if isinstance(value, str):
            return TEXT
        return other_tag if isinstance(value, (dict, list, tuple, BaseModel)) else None

    return Discriminator(
        tag_of,
        custom_error_type=Code.WRONG_TYPE.value,
        custom_error_message=f"This must be {text} or {other}.",
    )


def exactly_one(model: BaseModel, *names: str) -> None:
    """Refuse a model in which none or several of these are set.

    Raises:
        PydanticCustomError: With the names as the document spells them.
    """
    present = [wire_name(name) for name in names if name in model.model_fields_set]
    if len(present) == 1:
        return
    known = ", ".join(f"'{wire_name(name)}'" for name in names)
    message = (
        f"Only one of {known} can be here, not {' and '.join(map(shown, present))}."
        if present
        else f"One of {known} is missing."
    )
    raise refusal(Code.WRONG_VALUE if present else Code.MISSING_KEY, message)


def at_least_one(model: BaseModel, *names: str) -> None:
    """Refuse a model in which none of these is set.

    Raises:
        PydanticCustomError: With the names as the document spells them.
    """
    if model.model_fields_set.isdisjoint(names):
        known = ", ".join(f"'{wire_name(name)}'" for name in names)
        raise refusal(Code.MISSING_KEY, f"One of {known} is missing.")


def single_member(what: str) -> Callable[[object], object]:
    """Make the validator of list items such as `- name: {...}`.

    Args:
        what: What the item is, for the message.
    """

    def split(value: object) -> object:
        if not isinstance(value, dict):
            return value
        if len(value) != 1:
            message = (
                f"{what} is '- name: {{...}}' with one name, not {len(value)}. Check the "
                "indentation below the name."
            )
            raise refusal(Code.WRONG_VALUE, message)
        ((name, body),) = value.items()
        if not name:
            raise refusal(Code.WRONG_VALUE, f"{what} needs a name that is not empty.")
        return {NAME: name, ONLY_MEMBER: body}

    return split


class Named(_Frozen):
    """An item of a list such as `- name: {...}`; subclasses add the one field of its body."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    name: str = Field(alias=NAME)

    # Plain, because pydantic calls a wrapping one twice when its model is part of another.
    @model_serializer(mode="plain")
    def _as_written(self, info: SerializationInfo) -> dict[str, Any]:
        _, body = (value for _, value in self)
        return {
            self.name: body.model_dump(
                mode=info.mode, by_alias=info.by_alias, exclude_none=info.exclude_none
            )
        }
