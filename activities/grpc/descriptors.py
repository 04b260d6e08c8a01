"""From files to services and methods: one descriptor pool for each document, shared with nobody."""

from collections.abc import Iterator, Mapping
from typing import Final

from google.protobuf import (
    any_pb2,
    api_pb2,
    descriptor_pb2,
    duration_pb2,
    empty_pb2,
    field_mask_pb2,
    source_context_pb2,
    struct_pb2,
    timestamp_pb2,
    type_pb2,
    wrappers_pb2,
)
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto, MethodOptions
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

from activities.grpc.errors import ProtoError
from activities.grpc.messages import Method

WELL_KNOWN: Final[Mapping[str, bytes]] = {
    module.DESCRIPTOR.name: module.DESCRIPTOR.serialized_pb
    for module in (
        # In the order in which they build on each other.
        any_pb2,
        source_context_pb2,
        descriptor_pb2,
        duration_pb2,
        empty_pb2,
        field_mask_pb2,
        struct_pb2,
        timestamp_pb2,
        wrappers_pb2,
        type_pb2,
        api_pb2,
    )
}
# What services of others import for their options, which say nothing about what is sent. A type out
# of one of them is missed, by name.
OPTIONS_ONLY: Final = frozenset(
    {
        "buf/validate/validate.proto",
        "gogoproto/gogo.proto",
        "google/api/annotations.proto",
        "google/api/client.proto",
        "google/api/field_behavior.proto",
        "google/api/resource.proto",
        "protoc-gen-openapiv2/options/annotations.proto",
        "validate/validate.proto",
    }
)
_IDEMPOTENT: Final = frozenset({MethodOptions.NO_SIDE_EFFECTS, MethodOptions.IDEMPOTENT})
_SHOWN_NAMES: Final = 20


class Document:
    """A compiled `.proto`: its services, and the pool that their messages live in.

    Attributes:
        shown: What messages call it: its address.
    """

    def __init__(
        self, pool: DescriptorPool, services: Mapping[str, ServiceDescriptor], shown: str
    ) -> None:
        self.shown = shown
        self._pool = pool
        self._services = services
        self._methods: dict[tuple[str, str], Method] = {}

    def method(self, service: str, name: str) -> Method:
        """Return a method, compiled once.

        Raises:
            ProtoError: When there is none, or it is of a kind that is not called.
        """
        key = service, name
        if key not in self._methods:
            self._methods[key] = self._compiled(self._found(service, name))
        return self._methods[key]

    def _found(self, service: str, name: str) -> MethodDescriptor:
        if service not in self._services:
            raise ProtoError(
                f"{self.shown} describes no service '{service}'. It describes: "
                f"{_listed(self._services)}."
            )
        methods = {method.name: method for method in self._services[service].methods}
        if name not in methods:
            raise ProtoError(
                f"The service {service} has no method '{name}'. It has: {_listed(methods)}."
            )
        return methods[name]

    def _compiled(self, found: MethodDescriptor) -> Method:
        if found.client_streaming:
            raise ProtoError(
                f"{found.full_name} takes a stream of messages, which is not supported. Call a "
                "method that takes one message."
            )
        try:
            return Method(
                path=f"/{found.containing_service.full_name}/{found.name}",
                pool=self._pool,
                takes=GetMessageClass(found.input_type),
                gives=GetMessageClass(found.output_type),
                streaming=found.server_streaming,
                idempotent=found.GetOptions().idempotency_level in _IDEMPOTENT,
            )
        except RecursionError as error:
            raise ProtoError(
                f"{self.shown}: the messages of {found.full_name} lead to too many others."
            ) from error


def compiled(files: Mapping[str, FileDescriptorProto], shown: str) -> Document:
    """Compile a file and those it imports.

    Raises:
        ProtoError: When they make no sense together.
    """
    pool = DescriptorPool()
    for known in WELL_KNOWN.values():
        pool.AddSerializedFile(known)
    for file in _in_order(files, shown):
        _add(pool, file, shown)
    names = [
        f"{file.package}.{service.name}".lstrip(".")
        for file in files.values()
        for service in file.service
    ]
    return Document(pool, {name: pool.FindServiceByName(name) for name in names}, shown)


def _add(pool: DescriptorPool, file: FileDescriptorProto, shown: str) -> None:
    if f"{file.package}.".startswith("google.protobuf."):
        raise ProtoError(f"{shown}: the package google.protobuf belongs to others.")
    kept = [name for name in file.dependency if name not in OPTIONS_ONLY]
    added = FileDescriptorProto()
    added.CopyFrom(file)
    del added.dependency[:]
    added.dependency.extend(kept)
    try:
        pool.AddSerializedFile(added.SerializeToString())
    except TypeError as error:
        raise ProtoError(f"{shown}: {error}.") from error


def _in_order(
    files: Mapping[str, FileDescriptorProto], shown: str
) -> Iterator[FileDescriptorProto]:
    """Yield every file after those it imports."""
    left = dict(files)
    while left:
        ready = [
            name for name, file in left.items() if not any(each in left for each in file.dependency)
        ]
        if not ready:
            raise ProtoError(f"{shown}: {_listed(left)} import each other in a circle.")
        for name in ready:
            yield left.pop(name)


def _listed(names: Mapping[str, object]) -> str:
    return ", ".join(sorted(names)[:_SHOWN_NAMES]) or "none"
