"""Where the description of a service comes from, and what it may not do on the way."""

import pytest

from activities.grpc.errors import ProtoError
from activities.grpc.protos import MAX_BYTES, MAX_FILES
from activities.grpc.protos import Protos as Reader
from activities.grpc.types import GrpcCall
from activities.http.errors import CallFailedError, CallUnansweredError
from activities.logins import PlainLogin
from security.egress import Egress, EgressRefusedError
from tests.fixtures.grpc_line import READER, Protos

pytestmark = pytest.mark.anyio

HEAD = 'syntax = "proto3";\n'
SERVICE = "message M {} service S { rpc A(M) returns (M); }"


@pytest.fixture
def reader(egress: Egress) -> Reader:
    return Reader(egress)


def call(uri: str, login: PlainLogin | None = None, tenant: str = "press") -> GrpcCall:
    return GrpcCall(
        tenant_id=tenant, proto_uri=uri, proto_login=login, service="S", host="h", port=1,
        method="A",
    )  # fmt: skip


def importing(*names: str, package: str = "") -> str:
    package = f"package {package};" if package else ""
    return HEAD + package + "".join(f'import "{name}";' for name in names) + SERVICE


async def test_imports_are_read_from_the_root_that_the_package_tells(
    reader: Reader, protos: Protos
) -> None:
    assert (await reader.read(call(protos.line))).method("press.v1.Line", "Stop").path
    assert protos.read == {"press/v1/line.proto": 1, "press/v1/parts.proto": 1}


async def test_imports_lie_beside_a_file_in_a_folder_of_another_name(
    reader: Reader, protos: Protos
) -> None:
    protos.holds(HEAD + "package x;", "any/where/x.proto")
    await reader.read(call(protos.holds(importing("x.proto", package="a.b"), "any/where/a.proto")))
    assert set(protos.read) == {"any/where/a.proto", "any/where/x.proto"}


async def test_what_follows_the_address_goes_with_the_imports(
    reader: Reader, protos: Protos
) -> None:
    protos.holds(HEAD, "x.proto")
    await reader.read(call(protos.holds(importing("x.proto")) + "?ref=main"))
    assert protos.read == {"it.proto": 1, "x.proto": 1}


async def test_a_document_is_read_once_for_a_tenant_and_a_login(
    reader: Reader, protos: Protos
) -> None:
    login = PlainLogin(scheme="basic", username="reader", secret="letmein")
    for _ in range(2):
        assert await reader.read(call(protos.line)) is await reader.read(call(protos.line))
        await reader.read(call(protos.line, login))
        await reader.read(call(protos.line, tenant="paint"))
    assert protos.read["press/v1/line.proto"] == 3


async def test_the_login_is_sent_for_the_document_and_its_imports(
    reader: Reader, protos: Protos
) -> None:
    protos.login = READER
    login = PlainLogin(scheme="basic", username="reader", secret="letmein")
    await reader.read(call(protos.line, login))
    with pytest.raises(CallFailedError, match="401"):
        await reader.read(call(protos.line))


async def test_an_import_that_is_not_there_is_named(reader: Reader, protos: Protos) -> None:
    with pytest.raises(ProtoError) as caught:
        await reader.read(call(protos.holds(importing("acme/missing.proto"))))
    assert "'it.proto' imports a file that is not at " in str(caught.value)
    assert protos.uri("acme/missing.proto") in str(caught.value)


@pytest.mark.parametrize(
    "name",
    [
        "../secret.proto", "a/../b.proto", "/etc/passwd", "http://169.254.169.254/x", "//host/x",
        "a//b.proto", "a b.proto", "a?b", "a#b", "a%2e%2e/b", "..", "", "a\\\\b", "@host/x",
    ],
)  # fmt: skip
async def test_an_import_cannot_lead_elsewhere(reader: Reader, protos: Protos, name: str) -> None:
    with pytest.raises(ProtoError, match="is no path"):
        await reader.read(call(protos.holds(importing(name))))
    assert protos.read.total() == 1


async def test_size_and_number_of_files_are_bounded(reader: Reader, protos: Protos) -> None:
    half = "//" + "x" * (MAX_BYTES // 2)
    protos.holds(HEAD + half, "half.proto")
    with pytest.raises(ProtoError, match="more than 262,144 bytes"):
        await reader.read(call(protos.holds(importing("half.proto") + half)))
    for number in range(MAX_FILES):
        protos.holds(importing(f"f{number + 1}.proto"), f"f{number}.proto")
    with pytest.raises(ProtoError, match="more than 50 files"):
        await reader.read(call(protos.uri("f0.proto")))


async def test_files_that_import_each_other_end(reader: Reader, protos: Protos) -> None:
    protos.holds(HEAD + 'import "it.proto";', "x.proto")
    with pytest.raises(ProtoError, match="in a circle"):
        await reader.read(call(protos.holds(importing("x.proto"))))


@pytest.mark.parametrize("content", [b"\xff\xfe", b"<html>404</html>", b'{"openapi": "3.1.0"}'])
async def test_something_else_is_no_proto(reader: Reader, protos: Protos, content: bytes) -> None:
    protos.files["it.proto"] = content
    with pytest.raises(ProtoError):
        await reader.read(call(protos.uri("it.proto")))


@pytest.mark.parametrize("uri", ["file://app/greet.proto", "http://[::1", "greet.proto", ""])
async def test_an_address_that_is_not_http_is_refused(reader: Reader, uri: str) -> None:
    with pytest.raises((EgressRefusedError, CallFailedError)):
        await reader.read(call(uri))


async def test_reading_ends_in_time(reader: Reader, protos: Protos) -> None:
    slow = call(protos.line).model_copy(update={"timeout_s": 0.0})
    with pytest.raises(CallUnansweredError) as caught:
        await reader.read(slow)
    assert (caught.value.kind, caught.value.retryable) == ("timeout", True)
