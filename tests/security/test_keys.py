import base64
import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from foundation.database import Database
from foundation.json import canonical
from security.keys import REFRESH_EVERY_S, SigningKeys
from security.models import SigningKey
from security.sealing import SealBrokenError, Sealer
from tests.security.clocks import Clock


def test_the_first_use_makes_one_key_of_2048_bits(keys: SigningKeys, database: Database) -> None:
    assert keys.signing().raw_value.key_size == 2048
    with database.session() as session:
        assert session.scalar(select(func.count()).select_from(SigningKey)) == 1


def test_replicas_that_start_together_agree_on_one_key(database: Database, sealer: Sealer) -> None:
    replicas = [SigningKeys(database, sealer) for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        found = {key.thumbprint() for key in threads.map(SigningKeys.signing, replicas)}
    assert len(found) == 1


def test_a_restarted_process_reads_the_same_key(
    keys: SigningKeys, database: Database, sealer: Sealer
) -> None:
    made = keys.signing().thumbprint()
    assert SigningKeys(database, sealer).signing().thumbprint() == made


def test_the_key_id_is_the_sha_256_thumbprint_of_rfc_7638(keys: SigningKeys) -> None:
    (jwk,) = keys.jwks()["keys"]
    required = canonical({name: jwk[name] for name in ("e", "kty", "n")})
    thumbprint = base64.urlsafe_b64encode(hashlib.sha256(required).digest())
    assert jwk["kid"] == thumbprint.rstrip(b"=").decode()


def test_the_published_keys_hold_no_private_part(keys: SigningKeys) -> None:
    assert [set(jwk) for jwk in keys.jwks()["keys"]] == [{"kty", "n", "e", "kid", "use", "alg"}]


def test_the_private_key_is_sealed_in_the_database(keys: SigningKeys, database: Database) -> None:
    private = keys.signing().as_dict(private=True)
    with database.session() as session:
        row = session.scalars(select(SigningKey)).one()
    assert isinstance(private["d"], str)
    assert private["d"] not in row.sealed
    assert '"d"' not in row.sealed


def test_keys_do_not_open_with_another_master_key(keys: SigningKeys, database: Database) -> None:
    keys.signing()
    with pytest.raises(SealBrokenError):
        SigningKeys(database, Sealer(bytes(32))).signing()


def test_a_row_moved_under_another_key_id_does_not_open(
    keys: SigningKeys, database: Database, sealer: Sealer
) -> None:
    keys.signing()
    with database.session() as session:
        session.scalars(select(SigningKey)).one().kid = "another"
    with pytest.raises(SealBrokenError):
        SigningKeys(database, sealer).signing()


def test_the_newest_key_signs_and_the_older_still_verify(
    keys: SigningKeys, database: Database, sealer: Sealer
) -> None:
    old = keys.signing().thumbprint()
    new = keys.rotate()
    reread = SigningKeys(database, sealer)
    assert reread.signing().thumbprint() == new
    assert reread.get(old) is not None


def test_unknown_key_ids_cause_few_reads(
    keys: SigningKeys, database: Database, sealer: Sealer, clock: Clock
) -> None:
    keys.signing()
    new = SigningKeys(database, sealer).rotate()
    keys.refresh()
    assert keys.get(new) is None
    clock.pass_by(REFRESH_EVERY_S)
    keys.refresh()
    assert keys.get(new) is not None
