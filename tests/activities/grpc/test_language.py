"""Our reader of `.proto` files against protoc, and against those who mean harm."""

from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool

from activities.grpc.descriptors import compiled
from activities.grpc.errors import ProtoError
from activities.grpc.language import parsed
from tests.fixtures.protos import FOLDER, GOOGLE, compiled_by_protoc

FILES = {
    str(path.relative_to(folder)): path
    for folder in (FOLDER, GOOGLE)
    for path in sorted(folder.rglob("*.proto"))
}
# Parts of a description that say nothing about what is sent, and defaults, which JSON never shows.
NOT_SENT = (
    "extension", "extension_range", "reserved_range", "reserved_name", "default_value",
    "public_dependency", "weak_dependency", "visibility",
)  # fmt: skip
KEPT_OPTIONS = {"map_entry", "allow_alias", "packed", "idempotency_level"}


@pytest.mark.parametrize("name", FILES)
def test_a_file_means_what_it_means_to_protoc(name: str) -> None:
    *imports, theirs = compiled_by_protoc(name)
    ours = parsed(FILES[name].read_text(), name, name)
    assert meaning(ours, imports) == meaning(theirs, imports)


def meaning(file: FileDescriptorProto, imports: list[FileDescriptorProto]) -> Any:
    """Return a file with all names resolved, and the names that its fields have in JSON."""
    pool = DescriptorPool()
    for each in [*imports, file]:
        pool.AddSerializedFile(each.SerializeToString())
    found = pool.FindFileByName(file.name)
    resolved = FileDescriptorProto()
    found.CopyToProto(resolved)
    strip(resolved)
    json_names = {
        field.full_name: field.json_name
        for message in messages_of(found.message_types_by_name.values())
        for field in message.fields
    }
    return str(resolved), json_names


def strip(message: Any) -> None:
    for name in (*NOT_SENT, "json_name", "source_code_info"):
        if name in message.DESCRIPTOR.fields_by_name:
            message.ClearField(name)
    for field, value in message.ListFields():
        if field.name == "options":
            strip_options(value)
            if not value.ByteSize():
                message.ClearField("options")
        elif field.message_type is not None:
            for each in value if field.is_repeated else [value]:
                strip(each)


def strip_options(options: Any) -> None:
    for option, _ in options.ListFields():
        # Other parts of the process may have made known what extends it.
        if option.is_extension:
            options.ClearExtension(option)
        elif option.name not in KEPT_OPTIONS:
            options.ClearField(option.name)
    options.DiscardUnknownFields()


def messages_of(messages: Any) -> Iterator[Any]:
    for message in messages:
        yield message
        yield from messages_of(message.nested_types)


HEAD = 'syntax = "proto3";\n'


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("message M { string a = ; }", 2, "';' stands where a whole number belongs"),
        ("message M {\n string a = 1\n int32 b = 2; }", 4, "';' is missing before 'int32'"),
        ("message M { string a = 1;", 2, "'the end of the file' stands where a name belongs"),
        ("messag M { }", 2, "'messag' begins no statement"),
        ("message 7 { }", 2, "'7' stands where a name belongs"),
        ("message M { string a = 1.5; }", 2, "'1.5' stands where a whole number belongs"),
        ("message M { string a = 99999999999; }", 2, "Value out of range"),
        ("message M { map a = 1; }", 2, "'map' needs the types of keys and values"),
        ("service S { rpc A(M) M; }", 2, "'returns' is missing before 'M'"),
        ("service S { rpc A(M) returns (M) { option idempotency_level = OFTEN; } }", 2, "OFTEN"),
        ("option a = {{ ;", 2, "'{' is never closed"),
        ('option a = "open;', 2, "cannot be read"),
        ("/* never closed", 2, "'/* never closed' cannot be read"),
        ("message M { § }", 2, "'§ }' cannot be read"),
        ("\x00", 2, "cannot be read"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(text: str, line: int, what: str) -> None:
    with pytest.raises(ProtoError) as caught:
        parsed(HEAD + text, "a.proto", "http://e.com/a.proto")
    assert f"http://e.com/a.proto, line {line}: " in str(caught.value)
    assert what in str(caught.value)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('edition = "2023";', "editions are not supported"),
        ('syntax = "proto4";', "'proto4'"),
        ("message M { string a = 1; }", "begins with optional, required or repeated"),
        ("message M { optional group G = 1 { } }", "groups are not supported"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(text: str, what: str) -> None:
    with pytest.raises(ProtoError, match=what):
        parsed(text, "a.proto", "a")


OPTIONS = (
    'syntax = "proto2"; import "google/protobuf/descriptor.proto"; message M { optional M m = 1; } '
    "extend google.protobuf.FileOptions { optional M x = 50000; } "
)


@pytest.mark.parametrize(
    "text",
    [
        # The first two end a process that runs protoc.
        OPTIONS + "option (x) = {" + "m {" * 20_000 + "}" * 20_000 + "};",
        OPTIONS + "option (x)" + ".m" * 3_000 + " = {};",
        HEAD + "message M { reserved " + ",".join(map(str, range(1, 80_001, 2))) + "; }",
        HEAD + "".join(f"message M{number} {{}}" for number in range(15_000)),
        HEAD + f"package {'.'.join(['a'] * 200)};",
    ],
    ids=["nested options", "long option name", "many reserved", "many messages", "long package"],
)
def test_a_file_that_harms_protoc_is_read(text: str) -> None:
    file = parsed(text, "a.proto", "a")
    assert compiled({"a.proto": file}, "a").shown == "a"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("message A {" * 5_000 + "}" * 5_000, "more than 31 deep"),
        ("message M { Missing m = 1; }", "Missing"),
        ("message M { int32 a = 1; int32 b = 1; }", "duplicate field number"),
        ("message M { int32 a = 0; }", "a: "),
        ("message M {} message M {}", "duplicate symbol"),
        ("package google.protobuf; message Timestamp { M m = 1; } message M {}", "belongs to"),
        ("package google.protobuf.evil; message M {}", "belongs to others"),
        ("enum E {}", "at least one value"),
        ('import "a.proto";', "in a circle"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused(text: str, what: str) -> None:
    with pytest.raises(ProtoError, match=what):
        compiled({"a.proto": parsed(HEAD + text, "a.proto", "a")}, "a")


def test_messages_that_lead_to_very_many_others_are_refused() -> None:
    chain = "".join(f"message M{n} {{ M{n + 1} m = 1; }}" for n in range(7_000))
    service = "message M7000 {} service S { rpc A(M0) returns (M0); }"
    document = compiled({"a.proto": parsed(HEAD + chain + service, "a.proto", "a")}, "a")
    with pytest.raises(ProtoError, match="too many others"):
        document.method("S", "A")
