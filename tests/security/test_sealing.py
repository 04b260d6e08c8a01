import base64

import pytest
from pydantic import SecretStr

from foundation.settings import SecuritySettings
from security.sealing import MasterKeyError, SealBrokenError, Sealer

KEY = bytes(range(32))
SECRET = b"hunter2 \xff\x00"


@pytest.fixture
def sealer() -> Sealer:
    return Sealer(KEY)


def test_a_sealed_secret_opens_for_the_same_tenant_purpose_and_record(sealer: Sealer) -> None:
    sealed = sealer.seal("press", "mcp-credential", "7", SECRET)
    assert sealer.open("press", "mcp-credential", "7", sealed) == SECRET


def test_a_sealed_secret_survives_a_restart(sealer: Sealer) -> None:
    sealed = sealer.seal("press", "mcp-credential", "7", SECRET)
    assert Sealer(KEY).open("press", "mcp-credential", "7", sealed) == SECRET


def test_sealing_twice_gives_different_text_without_the_secret(sealer: Sealer) -> None:
    first = sealer.seal("press", "mcp-credential", "7", b"hunter2")
    assert first != sealer.seal("press", "mcp-credential", "7", b"hunter2")
    assert "hunter2" not in first
    assert base64.b64encode(b"hunter2").decode()[:8] not in first


@pytest.mark.parametrize(
    ("tenant_id", "purpose", "record_id"),
    [
        ("paint", "mcp-credential", "7"),
        ("press", "signing-key", "7"),
        ("press", "mcp-credential", "8"),
        ("press", "mcp-credential", ""),
    ],
)
def test_a_secret_does_not_open_elsewhere(
    sealer: Sealer, tenant_id: str, purpose: str, record_id: str
) -> None:
    sealed = sealer.seal("press", "mcp-credential", "7", SECRET)
    with pytest.raises(SealBrokenError):
        sealer.open(tenant_id, purpose, record_id, sealed)


def test_the_parts_of_the_context_cannot_be_shifted_into_each_other(sealer: Sealer) -> None:
    sealed = sealer.seal("press", "a", "b,c", SECRET)
    with pytest.raises(SealBrokenError):
        sealer.open("press", "a,b", "c", sealed)


def _tampered(sealed: str) -> list[str]:
    version, key_id, body = sealed.split(".")
    raw = bytearray(base64.urlsafe_b64decode(body))
    changed = [bytes(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]) for at in range(len(raw))]
    return [
        *(f"{version}.{key_id}.{base64.urlsafe_b64encode(one).decode()}" for one in changed),
        f"v2.{key_id}.{body}",
        f"{version}.{'0' * 16}.{body}",
        f"{version}.{key_id}.",
        f"{version}.{key_id}.AAAA",
        f"{version}.{key_id}.not base64!",
        f"{version}.{key_id}.{body}é",
        "",
        "plain text",
    ]


def test_no_change_of_a_sealed_secret_goes_unnoticed(sealer: Sealer) -> None:
    for tampered in _tampered(sealer.seal("press", "mcp-credential", "7", SECRET)):
        with pytest.raises(SealBrokenError):
            sealer.open("press", "mcp-credential", "7", tampered)


def test_every_failure_to_open_says_the_same(sealer: Sealer) -> None:
    sealed = sealer.seal("press", "mcp-credential", "7", b"hunter2")
    said = set()
    for tenant_id, value in [("paint", sealed), ("press", "plain text"), ("press", sealed[:-8])]:
        with pytest.raises(SealBrokenError) as caught:
            sealer.open(tenant_id, "mcp-credential", "7", value)
        said.add(str(caught.value))
        assert caught.value.__cause__ is None
    assert len(said) == 1
    assert "hunter2" not in said.pop()


def test_another_master_key_does_not_open_it(sealer: Sealer) -> None:
    sealed = sealer.seal("press", "mcp-credential", "7", SECRET)
    with pytest.raises(SealBrokenError):
        Sealer(bytes(32)).open("press", "mcp-credential", "7", sealed)


def test_the_key_of_the_settings_is_used() -> None:
    settings = SecuritySettings(master_key=SecretStr(base64.b64encode(KEY).decode()))
    sealed = Sealer.from_settings(settings).seal("press", "p", "7", SECRET)
    assert Sealer(KEY).open("press", "p", "7", sealed) == SECRET


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, "is not set"),
        ("", "has 0 bytes"),
        ("c2hvcnQ=", "has 5 bytes"),
        ("not base64 at all", "is not base64"),
    ],
)
def test_a_missing_or_wrong_key_is_refused_with_the_way_to_make_one(
    given: str | None, said: str
) -> None:
    settings = SecuritySettings(master_key=None if given is None else SecretStr(given))
    with pytest.raises(MasterKeyError, match=said) as caught:
        Sealer.from_settings(settings)
    assert "MILLWRIGHT_SECURITY_MASTER_KEY" in str(caught.value)
    assert "openssl rand -base64 32" in str(caught.value)


def test_a_sealer_does_not_show_its_key(sealer: Sealer) -> None:
    assert base64.b64encode(KEY).decode() not in repr(vars(sealer))
    assert repr(KEY) not in repr(vars(sealer))


def test_a_derived_key_is_the_same_in_every_process_and_differs_by_purpose_and_master_key() -> None:
    master, other = bytes(range(32)), bytes(32)
    assert Sealer(master).derive("page-tokens") == Sealer(master).derive("page-tokens")
    keys = {
        Sealer(master).derive("page-tokens"),
        Sealer(master).derive("cookies"),
        Sealer(other).derive("page-tokens"),
    }
    assert {len(key) for key in keys} == {32}
    assert len(keys) == 3
