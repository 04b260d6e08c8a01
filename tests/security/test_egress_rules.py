"""Rules about hosts: how they are read, what they are about, that each request keeps to them."""

import asyncio
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest

from foundation.database import Database
from foundation.errors import InvalidInputError, UnavailableError
from foundation.settings import EgressSettings
from security.accounts.models import Tenant
from security.egress import UNRULED, Egress, EgressRefusedError, EgressUnknownError, WayOut
from security.egress.asking import verdict
from security.egress.rules import Rule, Rules, read_rule, read_rules
from security.egress.service import EgressRulesChangedError, EgressRuling
from security.egress.stored import KEPT_S, WITHOUT_DATABASE_S, StoredRules
from tests.api.test_health import nowhere
from tests.security.test_egress import Names, Recorder, canned

pytestmark = pytest.mark.anyio
PUBLIC = "1.1.1.1"


@pytest.mark.parametrize(
    ("text", "rule", "spelled"),
    [
        ("api.example.com", Rule(None, "api.example.com", None), "api.example.com"),
        ("API.Example.com.", Rule(None, "api.example.com", None), "api.example.com"),
        ("*.plant.example", Rule(None, "*.plant.example", None), "*.plant.example"),
        ("*", Rule(None, "*", None), "*"),
        ("HTTPS://*:8443", Rule("https", "*", 8443), "https://*:8443"),
        ("mqtts://broker:8883", Rule("mqtts", "broker", 8883), "mqtts://broker:8883"),
        ("10.20.30.7:80", Rule(None, "10.20.30.7", 80), "10.20.30.7:80"),
        ("[2606:4700::1]:443", Rule(None, "2606:4700::1", 443), "[2606:4700::1]:443"),
        ("[::ffff:10.0.0.1]", Rule(None, "10.0.0.1", None), "10.0.0.1"),
        ("bücher.example", Rule(None, "xn--bcher-kva.example", None), "xn--bcher-kva.example"),
    ],
)
def test_a_rule_is_a_host_with_what_is_around_it(text: str, rule: Rule, spelled: str) -> None:
    assert read_rule(text) == rule
    assert str(rule) == spelled
    assert read_rule(spelled) == rule


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "a b", "a/b", "https://a/path", "a?b", "user@a", "a:0", "a:70000", "a:", ":80",
        "*.*", "a.*", "*a.example", "**", "*.", "://a", "[", "[::1", "10.0.0.0/8", "0x7f.1",
        "2130706433", "a\\b", "a%2e", "a\nb", "x" * 301, "[::gggg]",
    ],
)  # fmt: skip
def test_what_is_no_rule_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InvalidInputError, match=r"\*\.plant\.example"):
        read_rule(text)


@pytest.mark.parametrize(
    ("rule", "fits", "others"),
    [
        ("a.example", ["http://a.example", "https://A.example.:1"], ["http://b.a.example"]),
        ("*.a.example", ["http://b.a.example", "http://c.b.a.example"], ["http://a.example"]),
        ("*.a.example", ["http://x.A.EXAMPLE"], ["http://xa.example", "http://a.example.evil"]),
        ("https://a.example", ["https://a.example"], ["http://a.example"]),
        ("a.example:443", ["https://a.example"], ["http://a.example", "https://a.example:8443"]),
        ("*", ["http://anything", "http://[2606:4700::1]"], []),
        ("2606:4700::1", [], []),
        ("[2606:4700::1]", ["http://[2606:4700:0::1]"], ["http://[2606:4700::2]"]),
        ("1.1.1.1", ["http://1.1.1.1", "http://[::ffff:1.1.1.1]", "http://1.1.1.1."], []),
        ("bücher.example", ["http://xn--bcher-kva.example", "http://BÜCHER.example"], []),
    ],
)
async def test_a_denied_host_is_refused_however_it_is_spelled(
    rule: str, fits: list[str], others: list[str]
) -> None:
    if not fits:
        with pytest.raises(InvalidInputError):
            read_rule(rule)
        return
    recorder = Recorder()
    egress = Egress(
        EgressSettings(deny_hosts=[rule]), UNRULED, resolve=Names([[PUBLIC]]), network=recorder
    )
    async with egress.own().client() as client:
        for url in fits:
            with pytest.raises(EgressRefusedError, match=r"the rule is '.*MILLWRIGHT_EGRESS_"):
                await client.get(url)
        assert recorder.dialled == []
        for url in others:
            with pytest.raises(httpx2.ConnectError):
                await client.get(url)
    await egress.aclose()


@pytest.mark.parametrize("host", ["0x01010101", "16843009", "1.1", "1.1.257", "0x1.1.1.1"])
async def test_an_address_that_only_some_understand_is_none(host: str) -> None:
    """Otherwise a rule about 1.1.1.1 would not be one about it."""
    egress = Egress(EgressSettings(deny_hosts=[PUBLIC]), UNRULED, resolve=Names([[PUBLIC]]))
    async with egress.own().client() as client:
        with pytest.raises(EgressRefusedError, match="four numbers with dots"):
            await client.get(f"http://{host}/")
    await egress.aclose()


async def test_the_header_host_cannot_name_another_host_than_the_address() -> None:
    egress = Egress(
        EgressSettings(allow_hosts=["a.example"]), UNRULED, resolve=Names([[PUBLIC]]),
        network=Recorder(),
    )  # fmt: skip
    async with egress.own().client() as client:
        with pytest.raises(EgressRefusedError, match="header 'Host'"):
            await client.get("https://a.example/", headers={"Host": "b.example"})
        with pytest.raises(httpx2.ConnectError):
            await client.get("https://a.example/", headers={"Host": "A.example"})
    await egress.aclose()


def test_what_is_denied_is_refused_whatever_is_allowed() -> None:
    rules = Rules("us", "Ask us.", read_rules(["*.a.example"]), read_rules(["x.a.example"]))
    assert rules.refusal("http", "y.a.example", 80) is None
    assert rules.refusal("http", "x.a.example", 80) == (
        "Requests to 'x.a.example', port 80, are denied by us: the rule is 'x.a.example'. Ask us."
    )
    assert rules.refusal("mqtt", "b.example", 1883) == (
        "Requests over mqtt to 'b.example', port 1883, are not among those that us allows. Ask us."
    )


@pytest.mark.parametrize("setting", ["allow_hosts", "deny_hosts"])
def test_a_setting_that_is_no_rule_is_refused_by_name(setting: str) -> None:
    with pytest.raises(InvalidInputError, match=f"MILLWRIGHT_EGRESS_.*{setting.upper()}"):
        Egress(EgressSettings(**{setting: ["a/b"]}), UNRULED)


# --- of tenants ------------------------------------------------------------------------------


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Away:
    """A database that can be away."""

    database: Database
    away: bool = False
    asked: int = 0
    there: Any = field(init=False)

    def session(self) -> Any:
        self.asked += 1
        return nowhere().session() if self.away else self.database.session()


@pytest.fixture
def tenants(database: Database) -> Database:
    with database.session() as session:
        session.add_all([Tenant(id="north", name="North"), Tenant(id="south", name="South")])
    return database


@pytest.fixture
async def egress(tenants: Database) -> AsyncIterator[Egress]:
    names, settings = Names([[PUBLIC]]), EgressSettings(deny_hosts=["never.example"])
    made = Egress(settings, StoredRules(tenants), resolve=names, network=Recorder())
    yield made
    await made.aclose()


async def goes(way: WayOut, url: str) -> bool:
    """Whether a request leaves, as far as asking and sending agree about it."""
    async with way.client() as client:
        try:
            await client.get(url)
        except EgressRefusedError:
            left = False
        except httpx2.ConnectError:
            left = True  # only recorded
    assert (await verdict(way, url)).allowed is left
    return left


async def test_a_tenant_narrows_what_it_may_reach_and_nobody_else_is_concerned(
    tenants: Database, egress: Egress
) -> None:
    ruling = EgressRuling(tenants, egress.forget)
    assert await goes(await egress.of("north"), "https://b.example/")
    state = ruling.put("north", "ana", allow=["A.example", "never.example"], deny=["a.example:81"])
    assert (state.allow, state.version) == (["a.example", "never.example"], 1)
    north, south = await egress.of("north"), await egress.of("south")
    assert await goes(north, "https://a.example/")
    assert not await goes(north, "http://a.example:81/")
    assert not await goes(north, "https://b.example/")
    assert not await goes(north, "https://never.example/"), "the operator's word stands"
    assert await goes(south, "https://b.example/")
    assert await goes(egress.own(), "https://b.example/")
    answer = await verdict(north, "mqtts://b.example:8883")
    assert "PUT /api/v1/tenant/egress" in str(answer.why)


async def test_rules_are_replaced_only_as_they_were_seen(tenants: Database, egress: Egress) -> None:
    ruling = EgressRuling(tenants, egress.forget)
    assert ruling.get("north").etag == '"0"'
    first = ruling.put("north", "ana", allow=[], deny=["a.example"], etag='"0"')
    for stale in ('"0"', '"7"'):
        with pytest.raises(EgressRulesChangedError):
            ruling.put("north", "ben", allow=[], deny=[], etag=stale)
    assert ruling.put("north", "ben", allow=[], deny=[], etag=first.etag).changed_by == "ben"
    with pytest.raises(InvalidInputError, match="201 rules"):
        ruling.put("north", "ben", allow=[f"h{n}.example" for n in range(201)], deny=[])
    assert ruling.get("north").version == 2


async def test_rules_are_kept_for_a_while_and_hold_without_the_database(
    tenants: Database,
) -> None:
    clock, away = Clock(), Away(tenants)
    rules = StoredRules(away, clock)  # type: ignore[arg-type]
    ruling = EgressRuling(tenants, lambda _: None)  # another process: tells nobody
    assert await rules.of("north") is None
    ruling.put("north", "ana", allow=[], deny=["a.example"])
    assert await rules.of("north") is None
    assert away.asked == 1
    clock.now += KEPT_S
    found = await rules.of("north")
    assert found is not None
    away.away = True
    clock.now += WITHOUT_DATABASE_S - 1
    assert await rules.of("north") == found
    clock.now += 1
    with pytest.raises(EgressUnknownError, match="Nothing was sent"):
        await rules.of("north")
    with pytest.raises(UnavailableError):
        await rules.of("south")
    away.away = False
    clock.now += 2
    assert await rules.of("north") == found
    rules.forget("north")
    ruling.put("north", "ana", allow=[], deny=[])
    assert await rules.of("north") != found


async def test_of_many_requests_that_meet_an_absent_database_one_asks_it(tenants: Database) -> None:
    clock, away = Clock(), Away(tenants, away=True)
    rules = StoredRules(away, clock)  # type: ignore[arg-type]
    met = await asyncio.gather(*(rules.of("north") for _ in range(12)), return_exceptions=True)
    assert {type(each) for each in met} == {EgressUnknownError}
    assert away.asked == 1
    away.away = False
    clock.now += 2
    assert await rules.of("north") is None


async def test_a_database_that_hangs_holds_up_no_request_for_long(tenants: Database) -> None:
    away = Away(tenants)
    rules = StoredRules(away)  # type: ignore[arg-type]
    hold = threading.Event()

    def hanging() -> Any:
        hold.wait(60)
        raise UnavailableError("Too late for anybody.")

    away.session = hanging  # type: ignore[method-assign]
    try:
        with pytest.raises(EgressUnknownError, match="in time"):
            await rules.of("north")
    finally:
        hold.set()


async def test_a_request_has_one_length(egress: Egress) -> None:
    async with egress.own().client() as client:
        for headers in (
            {"Transfer-Encoding": "chunked", "Content-Length": "3"},
            [("content-length", "3"), ("transfer-encoding", "identity")],
        ):
            with pytest.raises(EgressRefusedError, match="Content-Length"):
                await client.post("https://a.example/", headers=headers, content=b"abc")


async def test_a_tenants_networks_and_its_open_connections_are_nobody_elses() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    settings = EgressSettings(tenant_networks={"north": ["127.0.0.0/8"]})
    with canned(answer, keep_alive=True) as server:
        egress = Egress(settings, UNRULED)
        url = f"http://127.0.0.1:{server.port}/"
        for _ in range(2):
            async with (await egress.of("north")).client() as client:
                assert (await client.get(url)).text == "ok"
        assert server.connections == 1
        for way in (await egress.of("south"), egress.own()):
            async with way.client() as client:
                with pytest.raises(EgressRefusedError):
                    await client.get(url)
        await egress.aclose()
        assert len(server.seen) == 2
