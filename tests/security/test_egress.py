"""The guard at the network: nothing here dials anything but loopback servers of its own."""

import gzip
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpcore2
import httpx2
import pytest
from typing_extensions import override

from foundation.errors import InvalidInputError
from foundation.settings import EgressSettings
from security.egress import UNRULED, Egress, EgressRefusedError, check_url
from security.response_bodies import ResponseTooLargeError

pytestmark = pytest.mark.anyio
LOOPBACK = EgressSettings(allow_networks=["127.0.0.0/8"])

INSIDE = [
    "127.0.0.1", "127.8.9.1", "0.0.0.1", "10.1.2.3", "172.31.0.1", "192.168.1.1", "100.64.0.1",
    "169.254.169.254", "168.63.129.16", "192.0.0.8", "192.0.2.1", "192.88.99.1", "198.18.0.1",
    "203.0.113.7", "224.0.0.1", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1",
    "2002:7f00:1::", "3fff::1", "5f00::1", "fc00::1", "fd12::1", "fe80::1", "fec0::1", "ff02::1",
]  # fmt: skip
PUBLIC = ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "2a00:1450:4001::1"]


@dataclass
class Recorder(httpcore2.AsyncNetworkBackend):
    """Writes down what would be dialled, and does not dial."""

    dialled: list[str] = field(default_factory=list)

    @override
    async def connect_tcp(
        self, host: str, *_: object, **__: object
    ) -> httpcore2.AsyncNetworkStream:
        self.dialled.append(host)
        raise httpcore2.ConnectError("only recorded")


@dataclass
class Names:
    """A resolver with one answer, or another one each time it is asked."""

    answers: list[list[str]]
    asked: int = 0

    async def __call__(self, _host: str, _port: int) -> list[str]:
        self.asked += 1
        return self.answers[min(self.asked, len(self.answers)) - 1]


async def _dialled(url: str, names: Names, *allow: str) -> list[str]:
    recorder = Recorder()
    egress = Egress(
        EgressSettings(allow_networks=list(allow)), UNRULED, resolve=names, network=recorder
    )
    async with egress.own().client() as client:
        with pytest.raises((EgressRefusedError, httpx2.ConnectError)):
            await client.get(url)
    await egress.aclose()
    return recorder.dialled


@pytest.mark.parametrize("address", INSIDE)
async def test_a_name_that_leads_inside_is_refused(address: str) -> None:
    assert await _dialled("https://innocent.example/", Names([[address]])) == []


@pytest.mark.parametrize("address", INSIDE)
async def test_an_inside_address_is_refused_as_it_is(address: str) -> None:
    host = f"[{address}]" if ":" in address else address
    assert await _dialled(f"http://{host}/", Names([["1.1.1.1"]])) == []


@pytest.mark.parametrize("address", PUBLIC)
async def test_a_public_address_is_dialled(address: str) -> None:
    assert await _dialled("https://innocent.example/", Names([[address]])) == [address]


@pytest.mark.parametrize(
    "host",
    ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0", "①②⑦.⓪.⓪.①", "\uff11\uff12\uff17.1"],
)
async def test_loopback_in_other_spellings_is_refused_by_the_real_resolver(host: str) -> None:
    recorder = Recorder()
    egress = Egress(EgressSettings(), UNRULED, network=recorder)
    async with egress.own().client() as client:
        with pytest.raises((EgressRefusedError, httpx2.InvalidURL, httpx2.ConnectError)):
            await client.get(f"http://{host}/")
    await egress.aclose()
    assert recorder.dialled == []


async def test_only_the_public_ones_of_mixed_answers_are_dialled() -> None:
    names = Names([["127.0.0.1", "1.1.1.1", "::1", "10.0.0.1"]])
    assert await _dialled("https://mixed.example/", names) == ["1.1.1.1"]


async def test_a_name_that_changes_its_answer_is_asked_once() -> None:
    names = Names([["1.1.1.1"], ["127.0.0.1"]])
    assert await _dialled("https://rebinding.example/", names) == ["1.1.1.1"]
    assert names.asked == 1


async def test_an_allowed_network_is_reached_and_its_neighbours_are_not() -> None:
    allowed = "10.20.30.0/24"
    assert await _dialled("http://mes.plant/", Names([["10.20.30.7"]]), allowed) == ["10.20.30.7"]
    assert await _dialled("http://mes.plant/", Names([["10.20.31.7"]]), allowed) == []
    assert await _dialled("http://mes.plant/", Names([["::ffff:10.20.30.7"]]), allowed) != []


async def test_a_refusal_names_the_host_and_the_setting_but_not_the_inside_address() -> None:
    egress = Egress(EgressSettings(), UNRULED, resolve=Names([["10.9.8.7"]]), network=Recorder())
    async with egress.own().client() as client:
        with pytest.raises(EgressRefusedError) as caught:
            await client.get("http://mes.plant/secret?token=t0p")
    await egress.aclose()
    assert "mes.plant" in str(caught.value)
    assert "MILLWRIGHT_EGRESS_ALLOW_NETWORKS" in str(caught.value)
    assert "10.9.8.7" not in str(caught.value)
    assert "t0p" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://public.example/", "file:///etc/passwd", "gopher://public.example/",
        "//public.example", "http://user:pw@public.example/", "http://user@public.example/",
        "http:///nowhere", "",
        "http://public.example\\@127.0.0.1/", "http://public.example /", "http://a\tb/",
        "http://a\nb/", "http://a%00b/", "http://[::1%25lo]/", "http://a,b/",
        "http://a:99999/", "http://a:0/", "javascript:alert(1)",
    ],
)  # fmt: skip
def test_a_url_that_parsers_may_read_differently_is_refused(url: str) -> None:
    with pytest.raises(EgressRefusedError):
        check_url(url)


@pytest.mark.parametrize(
    "url", ["http://mcp.example/mcp", "https://bücher.example:8443/a?b=c", "http://[2606:4700::1]/"]
)
def test_an_ordinary_url_is_accepted(url: str) -> None:
    assert check_url(url).host


async def test_credentials_in_a_url_are_refused_when_it_is_used() -> None:
    assert await _dialled("http://user:pw@public.example/", Names([["1.1.1.1"]])) == []


async def test_a_scheme_other_than_http_is_refused_when_it_is_used() -> None:
    assert await _dialled("ws://public.example/", Names([["1.1.1.1"]])) == []


@pytest.mark.parametrize("network", ["10.0.0.1/8", "plant", "", "10.0.0.0/33"])
def test_a_setting_that_is_no_network_is_refused_by_name(network: str) -> None:
    with pytest.raises(InvalidInputError, match="MILLWRIGHT_EGRESS_ALLOW_NETWORKS"):
        Egress(EgressSettings(allow_networks=[network]), UNRULED)


def test_a_host_map_to_something_else_than_a_url_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"HOST_MAP for 'a\.example'"):
        Egress(EgressSettings(host_map={"a.example": "localhost:80"}), UNRULED)


# --- against a server of our own -------------------------------------------------------------


@dataclass
class Canned:
    """Answers every connection with the same bytes and keeps what it was sent."""

    port: int
    seen: list[bytes] = field(default_factory=list)
    connections: int = 0


@contextmanager
def canned(*answers: bytes, keep_alive: bool = False) -> Iterator[Canned]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = Canned(listener.getsockname()[1])

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            server.connections += 1
            with connection:
                while request := connection.recv(65536):
                    server.seen.append(request)
                    try:
                        for answer in answers:
                            connection.sendall(answer)
                    except OSError:
                        break
                    if not keep_alive:
                        break

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield server
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def _answer(body: bytes, *headers: str, length: bool = True) -> bytes:
    lines = ["HTTP/1.1 200 OK", *headers, *([f"Content-Length: {len(body)}"] if length else [])]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


@pytest.fixture
async def egress() -> AsyncIterator[Egress]:
    made = Egress(LOOPBACK, UNRULED)
    yield made
    await made.aclose()


async def test_a_mapped_host_keeps_its_path_and_host_header() -> None:
    with canned(_answer(b"pets")) as server:
        mapped = {"petstore.swagger.io": f"http://127.0.0.1:{server.port}"}
        egress = Egress(LOOPBACK.model_copy(update={"host_map": mapped}), UNRULED)
        async with egress.own().client() as client:
            answer = await client.get("https://petstore.swagger.io/v2/pet?status=sold")
        await egress.aclose()
    assert answer.text == "pets"
    assert str(answer.request.url) == "https://petstore.swagger.io/v2/pet?status=sold"
    request = server.seen[0].decode()
    assert request.startswith("GET /v2/pet?status=sold HTTP/1.1\r\n")
    assert "host: petstore.swagger.io\r\n" in request.lower()


async def test_a_mapped_host_is_guarded_like_any_other() -> None:
    egress = Egress(EgressSettings(host_map={"a.example": "http://127.0.0.1:9"}), UNRULED)
    async with egress.own().client() as client:
        with pytest.raises(EgressRefusedError):
            await client.get("https://a.example/")
    await egress.aclose()


async def test_clients_share_connections_and_closing_one_leaves_them_open(egress: Egress) -> None:
    with canned(_answer(b"ok"), keep_alive=True) as server:
        for _ in range(3):
            async with egress.own().client() as client:
                await client.get(f"http://127.0.0.1:{server.port}/")
        assert server.connections == 1
        await egress.aclose()


async def test_cookies_and_headers_of_one_client_are_not_seen_by_the_next(egress: Egress) -> None:
    # A server that hangs up without a word races with the next request.
    answer = _answer(b"ok", "Set-Cookie: session=tenant-a", "Connection: close")
    with canned(answer) as server:
        async with egress.own().client(headers={"Authorization": "Bearer tenant-a"}) as client:
            await client.get(f"http://127.0.0.1:{server.port}/")
        async with egress.own().client() as client:
            await client.get(f"http://127.0.0.1:{server.port}/")
    assert b"tenant-a" in server.seen[0]
    assert b"tenant-a" not in server.seen[1]


@pytest.mark.parametrize("length", [True, False])
async def test_an_answer_over_the_limit_is_cut_off(egress: Egress, *, length: bool) -> None:
    with canned(_answer(b"x" * 5_000_000, length=length)) as server:
        async with egress.own().client(max_bytes=10_000) as client:
            with pytest.raises(ResponseTooLargeError, match=r"127\.0\.0\.1 is larger than 10,000"):
                await client.get(f"http://127.0.0.1:{server.port}/")


async def test_an_answer_of_exactly_the_limit_is_read(egress: Egress) -> None:
    with canned(_answer(b"x" * 10_000, length=False)) as server:
        async with egress.own().client(max_bytes=10_000) as client:
            answer = await client.get(f"http://127.0.0.1:{server.port}/")
    assert len(answer.content) == 10_000


async def test_a_compressed_answer_is_unpacked(egress: Egress) -> None:
    with canned(_answer(gzip.compress(b"defects: 7"), "Content-Encoding: gzip")) as server:
        async with egress.own().client() as client:
            answer = await client.get(f"http://127.0.0.1:{server.port}/")
    assert answer.text == "defects: 7"
    assert b"accept-encoding: gzip\r\n" in server.seen[0].lower()


async def test_what_a_compressed_answer_becomes_counts(egress: Egress) -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    with canned(_answer(bomb, "Content-Encoding: gzip")) as server:
        async with egress.own().client(max_bytes=100_000) as client:
            with pytest.raises(ResponseTooLargeError):
                await client.get(f"http://127.0.0.1:{server.port}/")


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("br", b"whatever"),
        ("gzip, gzip", gzip.compress(gzip.compress(b"x"))),
        ("gzip", b"not gzip"),
        ("gzip", gzip.compress(b"cut in the middle")[:-9]),
        ("gzip", gzip.compress(b"a") + gzip.compress(b"b")),
    ],
    # The bytes hold the time of compressing; test processes must agree on names.
    ids=["unknown", "twice", "not gzip", "cut off", "two members"],
)
async def test_an_encoding_that_was_not_asked_for_or_is_broken_is_an_error(
    egress: Egress, encoding: str, body: bytes
) -> None:
    with canned(_answer(body, f"Content-Encoding: {encoding}")) as server:
        async with egress.own().client() as client:
            with pytest.raises(httpx2.DecodingError):
                await client.get(f"http://127.0.0.1:{server.port}/")


async def test_head_of_something_large_is_answered(egress: Egress) -> None:
    with canned(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n") as server:
        async with egress.own().client(max_bytes=10) as client:
            answer = await client.head(f"http://127.0.0.1:{server.port}/")
    assert answer.headers["content-length"] == "99999999"


async def test_a_long_stream_of_small_events_passes_when_events_are_counted(
    egress: Egress,
) -> None:
    event = b"data: " + b"x" * 500 + b"\r\n\r\n"
    head = _answer(b"", "Content-Type: text/event-stream", length=False)
    with canned(head, *([event] * 400)) as server:
        transport = egress.own().transport(max_bytes=70_000, per_event=True)
        async with httpx2.AsyncClient(transport=transport) as client:
            answer = await client.get(f"http://127.0.0.1:{server.port}/")
    assert len(answer.content) == 400 * len(event)


async def test_one_large_event_does_not_pass(egress: Egress) -> None:
    head = _answer(b"", "Content-Type: text/event-stream", length=False)
    with canned(head, b"data: 1\n\n", b"data: " + b"x" * 2_000_000 + b"\n\n") as server:
        transport = egress.own().transport(max_bytes=70_000, per_event=True)
        async with httpx2.AsyncClient(transport=transport) as client:
            with pytest.raises(ResponseTooLargeError):
                await client.get(f"http://127.0.0.1:{server.port}/")


async def test_redirects_come_back_to_the_guard_with_each_hop(egress: Egress) -> None:
    redirect = (
        b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/latest/\r\n"
        b"Content-Length: 0\r\nConnection: close\r\n\r\n"
    )
    with canned(redirect) as server:
        async with egress.own().client() as client:
            url = f"http://127.0.0.1:{server.port}/"
            assert (await client.get(url)).status_code == 302
            with pytest.raises(EgressRefusedError, match=r"169\.254\.169\.254"):
                await client.get(url, follow_redirects=True)


async def test_a_name_without_an_address_is_a_failed_connection(egress: Egress) -> None:
    async with egress.own().client() as client:
        with pytest.raises(httpx2.ConnectError, match=r"nowhere\.invalid does not resolve"):
            await client.get("http://nowhere.invalid/")


async def test_the_next_address_is_tried_when_one_does_not_answer() -> None:
    with canned(_answer(b"second")) as server:
        egress = Egress(LOOPBACK, UNRULED, resolve=Names([["127.0.0.2", "127.0.0.1"]]))
        async with egress.own().client() as client:
            answer = await client.get(f"http://two.example:{server.port}/")
        await egress.aclose()
    assert answer.text == "second"


async def test_the_certificate_is_checked_against_the_name_not_the_address() -> None:
    """A server name reaches the TLS layer although the connection goes to an address."""
    hello: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            hello.append(connection.recv(65536))

    thread = threading.Thread(target=serve)
    thread.start()
    egress = Egress(LOOPBACK, UNRULED, resolve=Names([["127.0.0.1"]]))
    async with egress.own().client() as client:
        with pytest.raises(httpx2.ConnectError):
            await client.get(f"https://named.example:{listener.getsockname()[1]}/")
    thread.join()
    listener.close()
    await egress.aclose()
    assert b"named.example" in hello[0]


async def _address(host: str, port: int, names: Names, **settings: Any) -> tuple[str, int]:
    egress = Egress(EgressSettings(**settings), UNRULED, resolve=names, network=Recorder())
    try:
        return await egress.own().address("mqtt", host, port)
    finally:
        await egress.aclose()


@pytest.mark.parametrize("address", INSIDE)
async def test_other_protocols_get_no_inside_address_either(address: str) -> None:
    for host in ("innocent.example", address):
        with pytest.raises(EgressRefusedError):
            await _address(host, 1883, Names([[address]]))


async def test_other_protocols_get_the_first_address_that_may_be_dialled() -> None:
    names = Names([["127.0.0.1", "1.1.1.1"]])
    assert await _address("mixed.example", 1883, names) == ("1.1.1.1", 1883)
    plant = {"allow_networks": ["10.20.0.0/16"]}
    assert await _address("broker", 1883, Names([["10.20.3.4"]]), **plant) == ("10.20.3.4", 1883)


async def test_other_protocols_honour_the_host_map_and_check_where_it_leads() -> None:
    mapped = {"host_map": {"broker.example": "http://127.0.0.1:9001"}}
    allowed = {**mapped, "allow_networks": ["127.0.0.0/8"]}
    names = Names([["1.1.1.1"]])
    assert await _address("Broker.example", 1883, names, **allowed) == ("127.0.0.1", 9001)
    with pytest.raises(EgressRefusedError):
        await _address("broker.example", 1883, names, **mapped)


@pytest.mark.parametrize(
    ("host", "port"), [("a/b", 1), ("", 1), ("a b", 1), ("a", 0), ("a", 70000)]
)
async def test_other_protocols_go_to_hosts_and_ports_only(host: str, port: int) -> None:
    with pytest.raises(EgressRefusedError):
        await _address(host, port, Names([["1.1.1.1"]]))
