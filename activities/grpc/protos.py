"""The `.proto` of a service: read over HTTP with what it imports, kept for a few minutes."""

import asyncio
import base64
import re
import time
from collections.abc import Mapping
from typing import Final, TypeAlias
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

from cachetools import TTLCache
from google.protobuf.descriptor_pb2 import FileDescriptorProto

from activities.grpc.descriptors import OPTIONS_ONLY, WELL_KNOWN, Document, compiled
from activities.grpc.errors import ProtoError
from activities.grpc.language import parsed
from activities.grpc.types import GrpcCall
from activities.http.errors import CallFailedError, CallUnansweredError
from activities.http.exchange import exchange
from activities.http.types import HttpCall
from activities.logins.types import Login
from security.egress import Egress

# A service changes with a deployment, not with a request.
KEEP_S: Final = 300
# Of a file and everything it imports. The largest that people write have a third of this; reading
# that much takes a third of a second of a core.
MAX_BYTES: Final = 256 * 1024
MAX_FILES: Final = 50
_IMPORT: Final = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9_.-]*/)*[A-Za-z0-9_-][A-Za-z0-9_.-]*")
_NOT_FOUND: Final = 404
_Key: TypeAlias = tuple[str, str, Login | None]


class Protos:
    """Documents, compiled, by their address."""

    def __init__(self, egress: Egress) -> None:
        self._egress = egress
        # The tenant is part of the key: a document may differ by who asks.
        self._kept: TTLCache[_Key, Document, float] = TTLCache(128, KEEP_S, time.monotonic)
        # A loop of a hundred calls at once reads its document once.
        self._reading: WeakValueDictionary[_Key, asyncio.Lock] = WeakValueDictionary()

    async def read(self, call: GrpcCall) -> Document:
        """Return the document that a call refers to.

        Raises:
            ProtoError: When what is there cannot be used.
            UpstreamError: When it cannot be read.
        """
        key = (call.tenant_id, call.proto_uri, call.proto_login)
        try:
            async with (
                asyncio.timeout(call.timeout_s),
                self._reading.setdefault(key, asyncio.Lock()),
            ):
                document = self._kept.get(key)
                if document is None:
                    document = self._kept[key] = await self._compiled(call)
                return document
        except TimeoutError as error:
            raise CallUnansweredError(
                f"{_shown(call.proto_uri)} and its imports were not read within "
                f"{call.timeout_s:g} s.",
                retryable=True,
                kind="timeout",
            ) from error

    async def _compiled(self, call: GrpcCall) -> Document:
        files = await _Reading(self._egress, call).everything()
        return await asyncio.to_thread(compiled, files, _shown(call.proto_uri))


class _Reading:
    """One document, and all that it imports."""

    def __init__(self, egress: Egress, call: GrpcCall) -> None:
        self._egress = egress
        self._call = call
        self._shown = _shown(call.proto_uri)
        self._left = MAX_BYTES
        self._files: dict[str, FileDescriptorProto] = {}

    async def everything(self) -> Mapping[str, FileDescriptorProto]:
        """Return the files by the names they are imported as."""
        first = await self._parsed("", self._call.proto_uri, None)
        folder, _, name = urlsplit(self._call.proto_uri).path.rpartition("/")
        root, first.name = _root(folder, name or "service.proto", first.package)
        self._files[first.name] = first
        await self._imports(first, root)
        return self._files

    async def _imports(self, first: FileDescriptorProto, root: str) -> None:
        waiting = [(name, first.name) for name in first.dependency]
        while waiting:
            name, importer = waiting.pop()
            if name in self._files or name in WELL_KNOWN or name in OPTIONS_ONLY:
                continue
            if len(self._files) == MAX_FILES:
                raise ProtoError(
                    f"{self._shown} imports more than {MAX_FILES} files. Point to a file with less "
                    "around it."
                )
            self._files[name] = file = await self._parsed(name, self._beside(name, root), importer)
            waiting += [(each, name) for each in file.dependency]

    def _beside(self, name: str, root: str) -> str:
        if not _IMPORT.fullmatch(name):
            raise ProtoError(f"{self._shown} imports '{name[:100]}', which is no path.")
        # What follows `?` stays: it may say which branch of a repository.
        return urlsplit(self._call.proto_uri)._replace(path=f"{root}/{name}").geturl()

    async def _parsed(self, name: str, uri: str, importer: str | None) -> FileDescriptorProto:
        text = await self._text(uri, importer)
        return await asyncio.to_thread(parsed, text, name, _shown(uri))

    async def _text(self, uri: str, importer: str | None) -> str:
        shown = _shown(uri)
        try:
            content = await exchange(self._egress, self._request(uri))
        except CallFailedError as error:
            if importer is None or error.upstream_status != _NOT_FOUND:
                raise
            raise ProtoError(
                f"'{importer}' imports a file that is not at {shown}. Put it there, or take the "
                "import out: beside the document only google/protobuf is known."
            ) from error
        raw = base64.b64decode(content) if isinstance(content, str) else b""
        self._left -= len(raw)
        if self._left < 0:
            raise ProtoError(
                f"{self._shown} and its imports have more than {MAX_BYTES:,} bytes. Point to a "
                "file with less around it."
            )
        try:
            return raw.decode()
        except UnicodeDecodeError as error:
            raise ProtoError(f"{shown} is no text in UTF-8.") from error

    def _request(self, uri: str) -> HttpCall:
        return HttpCall(
            tenant_id=self._call.tenant_id,
            method="GET",
            uri=uri,
            login=self._call.proto_login,
            output="raw",
            timeout_s=self._call.timeout_s,
        )


def _root(folder: str, name: str, package: str) -> tuple[str, str]:
    """Find the folder that imports start from, and what the file is called from there.

    By custom a file of the package `acme.line.v1` lies in the folder `acme/line/v1`, and files
    import each other by the whole path. Without that custom they lie in one folder.
    """
    path = package.replace(".", "/")
    if path and f"/{folder.lstrip('/')}".endswith(f"/{path}"):
        return folder[: -len(path)].rstrip("/"), f"{path}/{name}"
    return folder, name


def _shown(uri: str) -> str:
    """Return an address without its query, which may carry a key."""
    return uri.partition("?")[0]
