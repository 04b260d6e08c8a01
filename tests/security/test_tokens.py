"""Attack classes against the verifier. Forged tokens are made by hand, not with our own code."""

import base64
import hmac
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from joserfc.jwk import RSAKey
from pydantic import SecretStr

from deploy.local.postgres import PostgresOptions
from foundation.database import Database
from foundation.errors import UnauthenticatedError
from foundation.settings import AuthSettings, DatabaseSettings
from security.keys import SigningKeys
from security.permissions import ROLES
from security.sealing import Sealer
from security.tokens import LEEWAY_S, MAX_CHARS, AccessTokens, Subject, UnknownKeyError
from tests.fixtures.databases import fresh_database
from tests.security.clocks import Clock

ANA = Subject("plant-7", "u1", "ana@plant.example", ("operator",), "s1")
REFUSED = "The access token is not valid here"

Members = dict[str, Any]
Forge = Callable[..., str]


@dataclass(frozen=True)
class Put:
    """Give one member of a header or of the claims another value."""

    name: str
    value: object

    def __call__(self, members: Members) -> None:
        members[self.name] = self.value


@dataclass(frozen=True)
class Drop:
    """Leave one member out."""

    name: str

    def __call__(self, members: Members) -> None:
        del members[self.name]


Change = Put | Drop


def nothing(_members: Members) -> None:
    """Change nothing."""


def label(change: object) -> str:
    return repr(change)[:50]


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    header, claims, _ = token.split(".")
    return json.loads(unb64(header)), json.loads(unb64(claims))


def sign(key: RSAKey, header: object, claims: object) -> str:
    signed = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims).encode())}"
    private = key.private_key
    assert private is not None
    return f"{signed}.{b64(private.sign(signed.encode(), PKCS1v15(), SHA256()))}"


@pytest.fixture(scope="module")
def database(postgres: PostgresOptions, template_database: str) -> Iterator[Database]:
    """One for all of these tests: they only read the key that the first of them makes."""
    for url in fresh_database(postgres, template_database):
        database = Database(DatabaseSettings(url=SecretStr(url)))
        yield database
        database.close()


@pytest.fixture
def forge(keys: SigningKeys, tokens: AccessTokens) -> Forge:
    """Make a token with our own key, but with a header or claims we never write."""

    def made(
        change_header: Callable[[Members], None] = nothing,
        change_claims: Callable[[Members], None] = nothing,
    ) -> str:
        header, claims = parts(tokens.issue(ANA))
        change_header(header)
        change_claims(claims)
        return sign(keys.signing(), header, claims)

    return made


def refuse(tokens: AccessTokens, token: str) -> None:
    with pytest.raises(UnauthenticatedError, match=REFUSED):
        tokens.verify(token)


def test_a_token_says_who_is_calling(tokens: AccessTokens) -> None:
    caller = tokens.verify(tokens.issue(ANA))
    assert (caller.tenant_id, caller.subject, caller.email) == ("plant-7", "u1", ANA.email)
    assert caller.roles == {"operator"}
    assert caller.permissions == ROLES["operator"]


def test_a_token_has_the_header_and_claims_of_rfc_9068(tokens: AccessTokens) -> None:
    header, claims = parts(tokens.issue(ANA))
    assert header.keys() == {"alg", "typ", "kid"}
    assert (header["alg"], header["typ"]) == ("RS256", "at+jwt")
    assert claims.keys() == {
        *("iss", "aud", "sub", "client_id", "iat", "exp", "jti"),
        *("tenant_id", "email", "roles", "permissions", "sid"),
    }
    assert claims["exp"] - claims["iat"] == 15 * 60
    assert claims["permissions"] == sorted(ROLES["operator"])


def test_every_token_has_an_id_of_its_own(tokens: AccessTokens) -> None:
    ids = {parts(tokens.issue(ANA))[1]["jti"] for _ in range(20)}
    assert len(ids) == 20


def test_our_own_key_and_unchanged_claims_pass(tokens: AccessTokens, forge: Forge) -> None:
    assert tokens.verify(forge()).subject == "u1"


def test_an_expired_token_says_to_refresh(tokens: AccessTokens, clock: Clock) -> None:
    token = tokens.issue(ANA)
    clock.pass_by(15 * 60 + LEEWAY_S - 1)
    tokens.verify(token)
    clock.pass_by(1)
    with pytest.raises(UnauthenticatedError, match=r"expired\. Get another from POST .*refresh"):
        tokens.verify(token)


@pytest.mark.parametrize(
    "change",
    [
        Drop("iss"), Drop("aud"), Drop("sub"), Drop("tenant_id"), Drop("email"), Drop("roles"),
        Drop("permissions"), Drop("jti"), Drop("sid"), Drop("iat"), Drop("exp"),
        Put("iss", "https://elsewhere.example"), Put("iss", ["millwright"]), Put("iss", ""),
        Put("aud", "another-api"), Put("aud", ["millwright-api"]), Put("aud", None), Put("aud", {}),
        Put("sub", ""), Put("sub", 7), Put("sub", None), Put("sub", "x" * 4000),
        Put("tenant_id", ""), Put("tenant_id", "a/b"), Put("tenant_id", "Plant"),
        Put("tenant_id", "plant-7\n"), Put("tenant_id", ["plant-7"]), Put("tenant_id", "x" * 64),
        Put("roles", "admin"), Put("roles", {"admin": True}), Put("roles", [1]),
        Put("permissions", "workflow:execute"), Put("permissions", None),
        Put("jti", 1), Put("sid", None),
        Put("exp", "9999999999"), Put("exp", True), Put("exp", 1e300), Put("exp", None),
        Put("exp", float("nan")), Put("exp", float("inf")), Put("exp", 10**400), Put("exp", 0),
        Put("iat", "0"), Put("iat", None), Put("iat", -1), Put("iat", 1.5), Put("iat", 10**12),
        Put("nbf", 10**11), Put("nbf", "now"),
    ],
    ids=label,
)  # fmt: skip
def test_claims_that_are_missing_wrong_or_of_another_type_are_refused(
    tokens: AccessTokens, forge: Forge, change: Change
) -> None:
    with pytest.raises(UnauthenticatedError):
        tokens.verify(forge(change_claims=change))


def test_a_life_longer_than_we_give_is_refused(tokens: AccessTokens, forge: Forge) -> None:
    def longer(claims: Members) -> None:
        claims["exp"] += 1

    refuse(tokens, forge(change_claims=longer))


@pytest.mark.parametrize("claims", [[], "x", 1, None, [{}], {}])
def test_claims_that_are_no_object_are_refused(
    tokens: AccessTokens, keys: SigningKeys, claims: object
) -> None:
    header, _ = parts(tokens.issue(ANA))
    refuse(tokens, sign(keys.signing(), header, claims))


@pytest.mark.parametrize(
    "change",
    [
        Drop("typ"), Put("typ", "JWT"), Put("typ", "at+JWT"), Put("typ", "dpop+jwt"),
        Put("typ", ["at+jwt"]), Drop("kid"), Put("kid", None), Put("kid", 1), Put("kid", ["x"]),
        Drop("alg"), Put("alg", "RS384"), Put("alg", "PS256"), Put("alg", "rs256"),
        Put("alg", None), Put("alg", ["RS256"]), Put("alg", {}),
        Put("crit", ["exp"]), Put("crit", []), Put("b64", False), Put("jku", "https://x.example"),
        Put("x5u", "https://x.example"), Put("x5c", ["AAAA"]), Put("x5t", "AAAA"),
        Put("jwk", {"kty": "RSA"}), Put("cty", "JWT"), Put("zip", "DEF"), Put("enc", "A256GCM"),
        Put("nonce", "1"), Put("url", "x"),
    ],
    ids=label,
)  # fmt: skip
def test_headers_beside_the_one_we_write_are_refused_even_when_well_signed(
    tokens: AccessTokens, forge: Forge, change: Change
) -> None:
    refuse(tokens, forge(change_header=change))


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", ""])
def test_a_token_without_a_signature_is_refused(tokens: AccessTokens, algorithm: str) -> None:
    header, claims = parts(tokens.issue(ANA))
    head = b64(json.dumps(header | {"alg": algorithm}).encode())
    body = b64(json.dumps(claims).encode())
    for token in (f"{head}.{body}.", f"{head}.{body}.AA", f"{head}.{body}"):
        refuse(tokens, token)


@pytest.mark.parametrize("form", ["pem", "der", "jwk", "n"])
def test_the_public_key_is_no_hmac_secret(
    tokens: AccessTokens, keys: SigningKeys, form: str
) -> None:
    public = keys.signing().as_dict(private=False)
    secret = {
        "pem": keys.signing().as_pem(private=False),
        "der": keys.signing().as_der(private=False),
        "jwk": json.dumps(public).encode(),
        "n": str(public["n"]).encode(),
    }[form]
    header, claims = parts(tokens.issue(ANA))
    for algorithm in ("HS256", "RS256"):
        changed = json.dumps(header | {"alg": algorithm}).encode()
        signed = f"{b64(changed)}.{b64(json.dumps(claims).encode())}"
        refuse(tokens, f"{signed}.{b64(hmac.digest(secret, signed.encode(), 'sha256'))}")


def test_a_key_in_the_header_is_not_trusted(tokens: AccessTokens) -> None:
    attacker = RSAKey.generate_key(2048)
    header, claims = parts(tokens.issue(ANA))
    brought = {"jwk": attacker.as_dict(private=False), "kid": attacker.thumbprint()}
    refuse(tokens, sign(attacker, header | brought, claims))
    refuse(tokens, sign(attacker, header | {"jwk": brought["jwk"]}, claims))


def test_another_key_under_our_key_id_is_refused(tokens: AccessTokens) -> None:
    header, claims = parts(tokens.issue(ANA))
    refuse(tokens, sign(RSAKey.generate_key(2048), header, claims))


def test_an_unknown_key_id_is_told_apart_and_still_refused(tokens: AccessTokens) -> None:
    attacker = RSAKey.generate_key(2048)
    header, claims = parts(tokens.issue(ANA))
    with pytest.raises(UnknownKeyError, match=REFUSED):
        tokens.verify(sign(attacker, header | {"kid": attacker.thumbprint()}, claims))


@pytest.mark.parametrize("kid", ["../../etc/passwd", "' or 1=1 --", "", "\x00", "x" * 300])
def test_a_hostile_key_id_finds_no_key(tokens: AccessTokens, forge: Forge, kid: str) -> None:
    refuse(tokens, forge(change_header=Put("kid", kid)))


def test_a_token_of_another_installation_is_refused(
    tokens: AccessTokens, keys: SigningKeys, clock: Clock
) -> None:
    for other in (AuthSettings(issuer="other"), AuthSettings(audience="other-api")):
        refuse(tokens, AccessTokens(keys, other, clock=clock.seconds).issue(ANA))


def test_another_replica_verifies_what_this_one_signed(
    tokens: AccessTokens, database: Database, sealer: Sealer, clock: Clock
) -> None:
    replica = AccessTokens(SigningKeys(database, sealer), AuthSettings(), clock=clock.seconds)
    token = tokens.issue(ANA)
    with pytest.raises(UnknownKeyError):
        replica.verify(token)
    replica.keys.refresh()
    assert replica.verify(token).subject == "u1"


def test_changing_any_part_breaks_the_signature(tokens: AccessTokens) -> None:
    header, claims, signature = tokens.issue(ANA).split(".")
    mine = json.loads(unb64(claims)) | {"roles": ["admin"], "permissions": ["user:manage"]}
    refuse(tokens, f"{header}.{b64(json.dumps(mine).encode())}.{signature}")
    flipped = bytes([unb64(signature)[0] ^ 1]) + unb64(signature)[1:]
    refuse(tokens, f"{header}.{claims}.{b64(flipped)}")
    refuse(tokens, f"{header}.{claims}.{b64(bytes(256))}")


SPELLINGS: dict[str, Callable[[str], str]] = {
    "padding": lambda token: token + "=",
    "newline": lambda token: token + "\n",
    "space": lambda token: " " + token,
    "empty part": lambda token: token.replace(".", ".."),
    "fourth part": lambda token: token + ".AAAA",
    "no signature": lambda token: token.rsplit(".", 1)[0],
    "leading dot": lambda token: "." + token,
    "escaped dots": lambda token: token.replace(".", "%2e"),
    "nul": lambda token: token + "\x00",
    "scheme twice": lambda token: "Bearer " + token,
    "json": lambda token: json.dumps({"token": token}),
    "standard base64": lambda token: token[:-1] + "+",
    "not ascii": lambda token: token[:40] + "é" + token[41:],
    "nothing": lambda _: "",
    "dots only": lambda _: "..",
    "letters": lambda _: "a.b.c",
    "brackets": lambda _: "[[[.[[[.[[[",
    "five parts": lambda token: token + ".AA.AA",
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_other_spellings_of_a_token_are_refused(tokens: AccessTokens, spelling: str) -> None:
    refuse(tokens, SPELLINGS[spelling](tokens.issue(ANA)))


def test_a_token_over_8_kib_is_refused_before_it_is_parsed(
    tokens: AccessTokens, forge: Forge
) -> None:
    long = forge(change_claims=Put("padding", "x" * MAX_CHARS))
    assert len(long) > MAX_CHARS
    refuse(tokens, long)


def test_deep_nesting_is_refused_and_no_crash(tokens: AccessTokens) -> None:
    header, claims, signature = tokens.issue(ANA).split(".")
    deep = b64(b"[" * 3000)
    refuse(tokens, f"{deep}.{claims}.{signature}")
    refuse(tokens, f"{b64(b'[' * 300)}.{claims}.{signature}")
    refuse(tokens, f"{header}.{deep}.{signature}")


def test_the_permissions_of_a_token_narrow_what_the_roles_give(
    tokens: AccessTokens, forge: Forge
) -> None:
    narrow = forge(change_claims=Put("permissions", ["workflow:read"]))
    assert tokens.verify(narrow).permissions == {"workflow:read"}


def test_the_permissions_of_a_token_never_go_beyond_its_roles(
    tokens: AccessTokens, forge: Forge
) -> None:
    wide = forge(change_claims=Put("permissions", ["workflow:read", "user:manage", "*:*"]))
    assert tokens.verify(wide).permissions == {"workflow:read"}


def test_a_role_this_release_does_not_know_permits_nothing(
    tokens: AccessTokens, forge: Forge
) -> None:
    unknown = forge(change_claims=Put("roles", ["root"]))
    assert tokens.verify(unknown).permissions == frozenset()


segment = st.one_of(
    st.binary(max_size=60),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["alg", "typ", "kid", "crit", "b64"]), inner)
        ),
        max_leaves=6,
    ).map(lambda value: json.dumps(value).encode()),
    st.just(b'{"alg":"RS256","typ":"at+jwt","kid":"x"}'),
).map(b64)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(st.one_of(st.text(), st.lists(segment, min_size=3, max_size=3).map(".".join)))
@example("\ud800.a.b")
def test_whatever_is_sent_is_refused_and_nothing_else_is_raised(
    tokens: AccessTokens, token: str
) -> None:
    with pytest.raises(UnauthenticatedError):
        tokens.verify(token)
