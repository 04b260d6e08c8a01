"""Connections: to whom, under which name, how long."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from activities.grpc.channels import KEEP_S, MAX_KEPT, Channels, roots_of_http
from activities.http.errors import CallUnreachedError
from foundation.settings import EgressSettings
from security.egress import UNRULED, Egress, EgressRefusedError
from tests.fixtures.grpc_line import HOST, Line

pytestmark = pytest.mark.anyio
STOP = "/press.v1.Line/Stop"


async def called(channels: Channels, host: str, port: int) -> None:
    async with channels.connected("press", host, port) as channel:
        stop: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(STOP)
        await stop(b"", timeout=10)


@dataclass
class Names:
    """A resolver that changes its mind."""

    answers: list[str]
    asked: int = 0

    async def __call__(self, _host: str, _port: int) -> list[str]:
        self.asked += 1
        return [self.answers[min(self.asked, len(self.answers)) - 1]]


def guarded(names: Names, **hosts: str) -> Channels:
    settings = EgressSettings(allow_networks=["127.0.0.1/32"], host_map=hosts)
    return Channels(Egress(settings, UNRULED, resolve=names))


async def test_the_address_that_was_checked_is_the_one_that_is_called(line: Line) -> None:
    names = Names([HOST, "10.0.0.1"])
    channels = guarded(names)
    await called(channels, "line.example", line.port)
    assert (names.asked, line.calls["Stop"]) == (1, 1)
    # The name leads inside now: the connection that is open does not help.
    with pytest.raises(EgressRefusedError):
        await called(channels, "line.example", line.port)
    await channels.aclose()


async def test_a_mapped_host_is_called_elsewhere_under_its_own_name(line: Line) -> None:
    channels = guarded(Names(["10.0.0.1"]), **{"line.example": f"http://{HOST}:{line.port}"})
    await called(channels, "line.example", 50_051)
    assert line.calls["Stop"] == 1
    (target,) = channels.kept
    assert (target.authority, target.port) == ("line.example:50051", line.port)
    await channels.aclose()


async def test_a_proxy_of_the_environment_is_not_asked(
    line: Line, channels: Channels, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("grpc_proxy", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    await called(channels, HOST, line.port)
    assert line.calls["Stop"] == 1


@pytest.mark.parametrize(
    "anyio_backend", [pytest.param(("asyncio", {"use_uvloop": True}), id="uvloop")]
)
async def test_the_loop_of_a_worker_will_do(line: Line, channels: Channels) -> None:
    assert "uvloop" in type(asyncio.get_running_loop()).__module__
    await called(channels, HOST, line.port)
    assert line.calls["Stop"] == 1


async def test_what_nobody_uses_is_closed(line: Line, channels: Channels) -> None:
    await called(channels, HOST, line.port)
    (first,) = channels.kept.values()
    first.used = time.monotonic() - KEEP_S - 1
    await called(channels, "localhost", line.port)
    assert [target.host for target in channels.kept] == ["localhost"]
    assert first.channel.get_state() == grpc.ChannelConnectivity.SHUTDOWN


async def test_no_more_channels_are_kept_than_allowed(line: Line) -> None:
    channels = guarded(Names([HOST]))
    for number in range(MAX_KEPT + 5):
        await called(channels, f"line{number}.example", line.port)
    assert len(channels.kept) == MAX_KEPT
    assert "line0.example" not in {target.host for target in channels.kept}
    await channels.aclose()
    assert not channels.kept


async def test_a_compressed_answer_is_unpacked_no_further_than_allowed(channels: Channels) -> None:
    line, server = Line(), grpc.aio.server(compression=grpc.Compression.Gzip)
    server.add_generic_rpc_handlers([line.handler()])
    port = server.add_insecure_port(f"{HOST}:0")
    await server.start()
    async with channels.connected("press", HOST, port) as channel:
        measure: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
            "/press.v1.Line/Measure"
        )
        small, large = (
            line.new("MeasureRequest", padding=padding).SerializeToString()
            for padding in (1_000, 3_000_000)
        )
        assert b"x" * 1_000 in await measure(small)
        with pytest.raises(grpc.aio.AioRpcError, match="Decompressed message larger than max"):
            await measure(large)
    await server.stop(None)


@dataclass
class Certified:
    """A line with TLS, whose certificate says `line.example`."""

    line: Line
    port: int
    roots: bytes


@pytest.fixture
async def certified() -> AsyncIterator[Certified]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "line.example")])
    now = datetime.now(tz=UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.DNSName("line.example"), x509.IPAddress(ip_address("10.9.9.9"))]
            ),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(Encoding.PEM)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    line, server = Line(), grpc.aio.server()
    server.add_generic_rpc_handlers([line.handler()])
    credentials = grpc.ssl_server_credentials([(private, pem)])
    port = server.add_secure_port(f"{HOST}:0", credentials)
    await server.start()
    yield Certified(line, port, pem)
    await server.stop(None)


def over_tls(certified: Certified, host: str, roots: bytes | None) -> Channels:
    settings = EgressSettings(
        allow_networks=["127.0.0.0/8"], host_map={host: f"http://{HOST}:{certified.port}"}
    )
    return Channels(Egress(settings, UNRULED), roots=roots)


async def test_port_443_is_tls_and_the_certificate_has_the_name(certified: Certified) -> None:
    channels = over_tls(certified, "line.example", certified.roots)
    await called(channels, "line.example", 443)
    assert certified.line.calls["Stop"] == 1
    await channels.aclose()


@pytest.mark.parametrize("host", ["other.example", "127.0.0.1"])
async def test_a_certificate_of_another_name_is_refused(certified: Certified, host: str) -> None:
    channels = over_tls(certified, host, certified.roots)
    with pytest.raises(CallUnreachedError):
        await called(channels, host, 443)
    assert not certified.line.calls
    await channels.aclose()


async def test_a_certificate_that_nobody_signed_is_refused(certified: Certified) -> None:
    channels = over_tls(certified, "line.example", None)
    with pytest.raises(CallUnreachedError):
        await called(channels, "line.example", 443)
    assert not certified.line.calls
    await channels.aclose()


def test_the_authorities_of_http_are_trusted() -> None:
    assert (roots_of_http() or b"").count(b"BEGIN CERTIFICATE") > 10


async def test_a_port_without_tls_is_told_apart_from_one_with(certified: Certified) -> None:
    channels = guarded(Names([HOST]))
    with pytest.raises((grpc.aio.AioRpcError, CallUnreachedError)):
        await called(channels, HOST, certified.port)
    await channels.aclose()
