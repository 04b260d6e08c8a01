"""Statements of `.proto` files (proto2 and proto3), from the outside inwards.

Names of types stay as they are written; the descriptor pool finds out what they mean.
"""

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    MethodDescriptorProto,
    MethodOptions,
    ServiceDescriptorProto,
)

from activities.grpc.language.cursor import Cursor
from activities.grpc.language.tokens import Source

# protoc takes no more either.
MAX_DEPTH: Final = 31
_SCALARS: Final[Mapping[str, "FieldDescriptorProto.Type.ValueType"]] = {
    name: FieldDescriptorProto.Type.Value(f"TYPE_{name.upper()}")
    for name in (
        "double", "float", "int64", "uint64", "int32", "fixed64", "fixed32", "bool", "string",
        "bytes", "uint32", "sfixed32", "sfixed64", "sint32", "sint64",
    )
}  # fmt: skip
_LABELS: Final[Mapping[str, "FieldDescriptorProto.Label.ValueType"]] = {
    name: FieldDescriptorProto.Label.Value(f"LABEL_{name.upper()}")
    for name in ("optional", "required", "repeated")
}
_IDEMPOTENCY: Final[Mapping[str, "MethodOptions.IdempotencyLevel.ValueType"]] = dict(
    MethodOptions.IdempotencyLevel.items()
)
_Statements: TypeAlias = Mapping[str, Callable[[], None]]


def parsed(text: str, name: str, shown: str) -> FileDescriptorProto:
    """Read a file.

    Args:
        name: What others import it as.
        shown: What messages call it.

    Raises:
        ProtoError: Names the line and what is wrong there.
    """
    cursor = Cursor(Source(text, shown))
    file = FileDescriptorProto(name=name)
    try:
        _File(cursor, file).read()
    except ValueError as error:
        # The descriptor's own fields have bounds: numbers of 32 bits, texts of UTF-8.
        cursor.fail(f"{error}")
    return file


class _File:
    def __init__(self, cursor: Cursor, file: FileDescriptorProto) -> None:
        self.cursor = cursor
        self.file = file

    def read(self) -> None:
        self._syntax()
        statements: _Statements = {
            ";": lambda: None,
            "package": self._package,
            "import": self._import,
            "option": self.cursor.skip_statement,
            "extend": lambda: _skip_extension(self.cursor),
            "message": lambda: self.message(self.file.message_type.add(), 1),
            "enum": lambda: _enum(self.cursor, self.file.enum_type.add()),
            "service": lambda: _service(self.cursor, self.file.service.add()),
        }
        while self.cursor.next.kind != "end":
            token = self.cursor.take()
            statement = statements.get(token.text)
            if statement is None:
                self.cursor.fail(f"'{token.text[:40]}' begins no statement of a .proto", token)
            statement()

    def message(self, message: DescriptorProto, depth: int) -> None:
        if depth > MAX_DEPTH:
            self.cursor.fail(f"messages within messages, more than {MAX_DEPTH} deep")
        _Message(self, message, depth).read()

    @property
    def proto3(self) -> bool:
        return self.file.syntax == "proto3"

    def _syntax(self) -> None:
        if self.cursor.next.text == "edition":
            self.cursor.fail('editions are not supported; write syntax = "proto3"')
        if self.cursor.taken("syntax"):
            self.cursor.expect("=")
            self.file.syntax = self.cursor.text()
            self.cursor.expect(";")
            if self.file.syntax not in {"proto2", "proto3"}:
                self.cursor.fail(f"the syntax is '{self.file.syntax[:40]}', not proto2 or proto3")

    def _package(self) -> None:
        self.file.package = self.cursor.dotted()
        self.cursor.expect(";")

    def _import(self) -> None:
        for word in ("public", "weak"):
            self.cursor.taken(word)
        self.file.dependency.append(self.cursor.text())
        self.cursor.expect(";")


class _Message:
    def __init__(self, file: _File, message: DescriptorProto, depth: int) -> None:
        self.file = file
        self.cursor = file.cursor
        self.message = message
        self.depth = depth

    def read(self) -> None:
        self.message.name = self.cursor.word()
        self.cursor.expect("{")
        statements: _Statements = {
            ";": lambda: None,
            "message": lambda: self.file.message(self.message.nested_type.add(), self.depth + 1),
            "enum": lambda: _enum(self.cursor, self.message.enum_type.add()),
            "extend": lambda: _skip_extension(self.cursor),
            "option": self.cursor.skip_statement,
            "extensions": self.cursor.skip_statement,
            "reserved": self.cursor.skip_statement,
            "oneof": self._oneof,
        }
        while not self.cursor.taken("}"):
            statement = statements.get(self.cursor.next.text)
            if statement is None:
                self._field()
            else:
                self.cursor.take()
                statement()
        self._close_optionals()

    def _oneof(self) -> None:
        index = len(self.message.oneof_decl)
        self.message.oneof_decl.add(name=self.cursor.word())
        self.cursor.expect("{")
        while not self.cursor.taken("}"):
            if self.cursor.taken("option"):
                self.cursor.skip_statement()
            else:
                self._one_field(_LABELS["optional"]).oneof_index = index

    def _field(self) -> None:
        label = _LABELS.get(self.cursor.next.text)
        if label is not None:
            self.cursor.take()
        elif self.cursor.next.text == "map":
            self._map_or_field()
            return
        elif not self.file.proto3:
            self.cursor.fail("a field of proto2 begins with optional, required or repeated")
        field = self._one_field(label or _LABELS["optional"])
        if self.file.proto3 and label == _LABELS["optional"]:
            field.proto3_optional = True

    def _one_field(self, label: "FieldDescriptorProto.Label.ValueType") -> FieldDescriptorProto:
        if self.cursor.next.text == "group":
            self.cursor.fail("groups are not supported; use a message")
        field = self.message.field.add(label=label)
        self._typed(field, self.cursor.dotted())
        self._named(field)
        return field

    def _typed(self, field: FieldDescriptorProto, name: str) -> None:
        if name in _SCALARS:
            field.type = _SCALARS[name]
        else:
            field.type_name = name

    def _named(self, field: FieldDescriptorProto) -> None:
        field.name = self.cursor.word()
        self.cursor.expect("=")
        field.number = self.cursor.number()
        for name, value in _options(self.cursor):
            if name == "json_name":
                field.json_name = value[1:-1]
            if name == "packed":
                field.options.packed = value == "true"
        self.cursor.expect(";")

    def _map_or_field(self) -> None:
        word = self.cursor.take()
        if not self.cursor.taken("<"):
            self.cursor.fail("'map' needs the types of keys and values: map<string, int32>", word)
        field = self.message.field.add(label=_LABELS["repeated"])
        entry = self.message.nested_type.add()
        entry.options.map_entry = True
        for number, name in enumerate(("key", "value"), 1):
            part = entry.field.add(name=name, number=number, label=_LABELS["optional"])
            self._typed(part, self.cursor.dotted())
            self.cursor.expect("," if name == "key" else ">")
        self._named(field)
        entry.name = "".join(word[:1].upper() + word[1:] for word in field.name.split("_"))
        entry.name += "Entry"
        field.type = FieldDescriptorProto.TYPE_MESSAGE
        field.type_name = entry.name

    def _close_optionals(self) -> None:
        """Give each `optional` of proto3 the oneof of its own that stands for it."""
        for field in self.message.field:
            if field.proto3_optional:
                field.oneof_index = len(self.message.oneof_decl)
                self.message.oneof_decl.add(name=f"_{field.name}")


def _enum(cursor: Cursor, enum: EnumDescriptorProto) -> None:
    enum.name = cursor.word()
    cursor.expect("{")
    while not cursor.taken("}"):
        if cursor.taken("option"):
            name, value = cursor.option()
            cursor.expect(";")
            if (name, value) == ("allow_alias", "true"):
                enum.options.allow_alias = True
        elif cursor.taken("reserved"):
            cursor.skip_statement()
        elif not cursor.taken(";"):
            constant = enum.value.add(name=cursor.word())
            cursor.expect("=")
            constant.number = cursor.number()
            _options(cursor)
            cursor.expect(";")


def _service(cursor: Cursor, service: ServiceDescriptorProto) -> None:
    service.name = cursor.word()
    cursor.expect("{")
    while not cursor.taken("}"):
        if cursor.taken("option"):
            cursor.skip_statement()
        elif not cursor.taken(";"):
            cursor.expect("rpc")
            _method(cursor, service.method.add())


def _method(cursor: Cursor, method: MethodDescriptorProto) -> None:
    method.name = cursor.word()
    method.input_type, method.client_streaming = _message_of(cursor)
    cursor.expect("returns")
    method.output_type, method.server_streaming = _message_of(cursor)
    if cursor.taken("{"):
        while not cursor.taken("}"):
            if not cursor.taken(";"):
                _method_option(cursor, method)
    else:
        cursor.expect(";")


def _message_of(cursor: Cursor) -> tuple[str, bool]:
    """Read `(Type)` or `(stream Type)`."""
    cursor.expect("(")
    name = cursor.dotted()
    streaming = name == "stream" and cursor.next.text != ")"
    if streaming:
        name = cursor.dotted()
    cursor.expect(")")
    return name, streaming


def _method_option(cursor: Cursor, method: MethodDescriptorProto) -> None:
    cursor.expect("option")
    name, value = cursor.option()
    cursor.expect(";")
    if name == "idempotency_level":
        if value not in _IDEMPOTENCY:
            cursor.fail(f"'{value[:40]}' is no idempotency_level")
        method.options.idempotency_level = _IDEMPOTENCY[value]


def _options(cursor: Cursor) -> list[tuple[str, str]]:
    """Read `[name = value, ...]`, if it is there."""
    if not cursor.taken("["):
        return []
    found = [cursor.option()]
    while cursor.taken(","):
        found.append(cursor.option())
    cursor.expect("]")
    return found


def _skip_extension(cursor: Cursor) -> None:
    cursor.dotted()
    cursor.skip_block()
