import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from api.services import Services
from foundation.settings import AuthSettings
from security.keys import SigningKeys
from security.tokens import AccessTokens, Subject
from tests.api.people import PASSWORD, Person

pytestmark = pytest.mark.anyio

LOGIN = "/api/v1/auth/login"
REFRESH = "/api/v1/auth/refresh"
ME = "/api/v1/auth/me"


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_logging_in_gives_a_token_that_tells_who_one_is(
    http: httpx2.AsyncClient, admin: Person
) -> None:
    answer = await http.post(LOGIN, json={"email": admin.email, "password": PASSWORD})
    assert answer.status_code == 200
    body = answer.json()
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 900)
    assert answer.headers["cache-control"] == "no-store"
    me = (await http.get(ME, headers=bearer(body["access_token"]))).json()
    assert (me["tenant_id"], me["user_id"], me["email"]) == ("plant-7", admin.user_id, admin.email)
    assert me["roles"] == ["admin"]
    assert "user:manage" in me["permissions"]


async def test_anybody_can_verify_our_tokens_with_the_published_keys(
    http: httpx2.AsyncClient, admin: Person
) -> None:
    answer = await http.get("/.well-known/jwks.json")
    assert answer.headers["cache-control"] == "public, max-age=300"
    published = KeySet.import_key_set(answer.json())
    claims = jwt.decode(admin.access_token, published, algorithms=["RS256"]).claims
    assert claims["sub"] == admin.user_id


async def test_a_wrong_password_is_a_problem_that_says_no_more(
    http: httpx2.AsyncClient, admin: Person
) -> None:
    wrong = await http.post(LOGIN, json={"email": admin.email, "password": "wrong"})
    nobody = await http.post(LOGIN, json={"email": "no@body.example", "password": "wrong"})
    assert wrong.status_code == nobody.status_code == 401
    assert wrong.headers["content-type"] == "application/problem+json"
    assert wrong.headers["www-authenticate"] == 'Bearer realm="millwright"'
    assert wrong.json() == nobody.json()


async def test_the_tenant_can_be_named(
    http: httpx2.AsyncClient, admin: Person, stranger: Person
) -> None:
    login = {"email": admin.email, "password": PASSWORD}
    right = await http.post(LOGIN, json={**login, "tenant": admin.tenant_id})
    wrong = await http.post(LOGIN, json={**login, "tenant": stranger.tenant_id})
    assert (right.status_code, wrong.status_code) == (200, 401)


async def test_a_refresh_token_is_good_once(http: httpx2.AsyncClient, admin: Person) -> None:
    first = await http.post(REFRESH, json={"refresh_token": admin.refresh_token})
    assert first.status_code == 200
    again = await http.post(REFRESH, json={"refresh_token": admin.refresh_token})
    assert again.status_code == 401
    child = await http.post(REFRESH, json={"refresh_token": first.json()["refresh_token"]})
    assert child.status_code == 401


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", "Basic YTpi", "bearer", "Token x", "Bearer a b", "Bearer x,Bearer y"],
)
async def test_without_a_token_the_answer_says_where_to_get_one(
    http: httpx2.AsyncClient, authorization: str
) -> None:
    answer = await http.get(ME, headers={"Authorization": authorization})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith('Bearer realm="millwright"')
    assert "POST /api/v1/auth/login" in answer.json()["detail"]


async def test_a_forged_token_is_called_invalid(http: httpx2.AsyncClient, admin: Person) -> None:
    head, claims, signature = admin.access_token.split(".")
    forged = f"{head}.{claims}.{signature[:-4]}AAAA"
    answer = await http.get(ME, headers=bearer(forged))
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].endswith('error="invalid_token"')


async def test_tokens_of_another_kind_issuer_or_time_are_refused(
    http: httpx2.AsyncClient, admin: Person, services: Services
) -> None:
    subject = Subject(admin.tenant_id, admin.user_id, admin.email, ("admin",), "s")
    keys = services.tokens.keys
    foreign = AccessTokens(keys, AuthSettings(issuer="elsewhere")).issue(subject)
    other_api = AccessTokens(keys, AuthSettings(audience="elsewhere")).issue(subject)
    expired = AccessTokens(keys, AuthSettings(), clock=lambda: 1_000_000_000).issue(subject)
    for token in (foreign, other_api, expired, admin.refresh_token, "x" * 9000):
        assert (await http.get(ME, headers=bearer(token))).status_code == 401


async def test_a_token_signed_with_a_key_made_meanwhile_elsewhere_is_accepted(
    http: httpx2.AsyncClient, admin: Person, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    await http.get(ME, headers=admin.headers)
    keys = services.tokens.keys
    elsewhere = SigningKeys(services.database, keys._sealer)
    elsewhere.rotate()
    # As if the last read were longer ago than unknown key ids may cause another.
    monkeypatch.setattr(keys, "_read_at", keys._read_at - 60)
    subject = Subject(admin.tenant_id, admin.user_id, admin.email, ("admin",), "s")
    token = AccessTokens(elsewhere, AuthSettings()).issue(subject)
    assert (await http.get(ME, headers=bearer(token))).status_code == 200


async def test_a_token_of_an_unknown_key_is_refused(
    http: httpx2.AsyncClient, admin: Person
) -> None:
    attacker = RSAKey.generate_key(2048)
    claims = jwt.decode(admin.access_token, await published(http), algorithms=["RS256"]).claims
    header = {"alg": "RS256", "typ": "at+jwt", "kid": attacker.thumbprint()}
    answer = await http.get(ME, headers=bearer(jwt.encode(header, claims, attacker)))
    assert answer.status_code == 401


async def published(http: httpx2.AsyncClient) -> KeySet:
    return KeySet.import_key_set((await http.get("/.well-known/jwks.json")).json())


async def test_a_permission_the_roles_do_not_give_is_named(
    http: httpx2.AsyncClient, services: Services, viewer: Person
) -> None:
    narrow = Subject(viewer.tenant_id, viewer.user_id, viewer.email, (), "s")
    answer = await http.get(ME, headers=bearer(services.tokens.issue(narrow)))
    assert answer.status_code == 403
    assert answer.json()["type"] == "urn:millwright:problem:forbidden"
    assert "'account:read'" in answer.json()["detail"]
    assert answer.headers["www-authenticate"].endswith('error="insufficient_scope"')


async def test_everybody_sees_only_his_own_account(
    http: httpx2.AsyncClient, admin: Person, stranger: Person
) -> None:
    for one in (admin, stranger):
        me = (await http.get(ME, headers=one.headers)).json()
        assert (me["tenant_id"], me["user_id"]) == (one.tenant_id, one.user_id)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/email"),
        ({"email": "a@b", "password": ""}, "/password"),
        ({"email": "a@b", "password": "x" * 257}, "/password"),
        ({"email": 1, "password": "x"}, "/email"),
        ({"email": "a@b", "password": "x", "tennant": "plant-7"}, "/tennant"),
        ({"email": "a@b", "password": "x", "tenant": ["plant-7"]}, "/tenant"),
        ([], ""),
    ],
    ids=str,
)
async def test_a_log_in_of_the_wrong_shape_names_the_place(
    http: httpx2.AsyncClient, body: object, pointer: str
) -> None:
    answer = await http.post(LOGIN, json=body)
    assert answer.status_code == 422
    assert pointer in [error["pointer"] for error in answer.json()["errors"]]
    assert "x" * 257 not in answer.text
