import time
import unicodedata

import bcrypt
import pytest
from pwdlib.hashers.argon2 import Argon2Hasher

from foundation.errors import InvalidInputError
from security.passwords import MAX_CHARS, MIN_CHARS, Passwords

RIGHT = "correct horse battery"


@pytest.fixture(scope="module")
def passwords() -> Passwords:
    return Passwords()


def test_new_hashes_are_argon2id_with_19_mib_two_passes_one_lane(passwords: Passwords) -> None:
    assert passwords.hash(RIGHT).startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_a_password_fits_its_own_hash_and_no_other(passwords: Passwords) -> None:
    stored = passwords.hash(RIGHT)
    assert passwords.verify(RIGHT, stored).right
    assert not passwords.verify(RIGHT + " ", stored).right
    assert not passwords.verify("", stored).right


def test_an_up_to_date_hash_is_kept(passwords: Passwords) -> None:
    assert passwords.verify(RIGHT, passwords.hash(RIGHT)).new_hash is None


def test_a_bcrypt_hash_is_accepted_and_upgraded(passwords: Passwords) -> None:
    stored = bcrypt.hashpw(RIGHT.encode(), bcrypt.gensalt(4)).decode()
    verdict = passwords.verify(RIGHT, stored)
    assert verdict.right
    assert verdict.new_hash is not None
    assert verdict.new_hash.startswith("$argon2id$")
    assert passwords.verify(RIGHT, verdict.new_hash).right


def test_a_wrong_password_does_not_upgrade_a_bcrypt_hash(passwords: Passwords) -> None:
    stored = bcrypt.hashpw(RIGHT.encode(), bcrypt.gensalt(4)).decode()
    verdict = passwords.verify("something else", stored)
    assert not verdict.right
    assert verdict.new_hash is None


def test_a_weaker_argon2_hash_is_upgraded(passwords: Passwords) -> None:
    weak = Argon2Hasher(time_cost=1, memory_cost=64, parallelism=1).hash(RIGHT)
    verdict = passwords.verify(RIGHT, weak)
    assert verdict.right
    assert verdict.new_hash is not None


def test_a_password_too_long_for_bcrypt_is_wrong_and_no_error(passwords: Passwords) -> None:
    stored = bcrypt.hashpw(RIGHT.encode(), bcrypt.gensalt(4)).decode()
    # 25 Hangul syllables are 75 bytes; bcrypt takes 72.
    assert not passwords.verify("가" * 25, stored).right


def test_a_long_korean_password_works_in_full(passwords: Passwords) -> None:
    stored = passwords.hash("안전한비밀번호" * 20)
    assert passwords.verify("안전한비밀번호" * 20, stored).right
    assert not passwords.verify("안전한비밀번호" * 19 + "안전한비밀번", stored).right


def test_composed_and_decomposed_spelling_are_the_same_password(passwords: Passwords) -> None:
    typed = "생산라인의비밀번호입니다"
    stored = passwords.hash(unicodedata.normalize("NFC", typed))
    assert passwords.verify(unicodedata.normalize("NFD", typed), stored).right


@pytest.mark.parametrize("length", [0, MIN_CHARS - 1, MAX_CHARS + 1])
def test_a_password_of_the_wrong_length_cannot_be_set(passwords: Passwords, length: int) -> None:
    with pytest.raises(InvalidInputError, match=f"12 to 256 characters; this one has {length}"):
        passwords.hash("x" * length)


def test_an_endless_password_is_wrong_without_being_hashed(passwords: Passwords) -> None:
    stored = passwords.hash(RIGHT)
    assert not passwords.verify("x" * 10_000_000, stored).right


def test_nobody_has_no_right_password(passwords: Passwords) -> None:
    assert not passwords.verify(RIGHT, None).right


def test_a_hash_of_unknown_kind_lets_nobody_in(passwords: Passwords) -> None:
    assert not passwords.verify("plain text", "plain text").right
    assert not passwords.verify("", "").right


def test_half_a_character_is_named_and_no_crash(passwords: Passwords) -> None:
    with pytest.raises(InvalidInputError, match="half a character"):
        passwords.hash("\ud800" * 20)


def test_an_unknown_user_takes_as_long_as_a_wrong_password(passwords: Passwords) -> None:
    stored = passwords.hash(RIGHT)

    def fastest(stored_hash: str | None) -> float:
        def once() -> float:
            began = time.perf_counter()
            passwords.verify("wrong password", stored_hash)
            return time.perf_counter() - began

        return min(once() for _ in range(9))

    # The same work, so the same time: far apart only if the hashing were left out (1000 times).
    assert 0.2 < fastest(None) / fastest(stored) < 5
