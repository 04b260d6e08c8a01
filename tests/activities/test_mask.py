"""What comes back passes a mask: a secret is found however it is spelled."""

import base64

import httpx2
import pytest

from activities.mask import Mask


def hiding(*texts: str) -> Mask:
    mask = Mask()
    mask.hide(texts)
    return mask


@pytest.mark.parametrize("secret", ["S3CR3T-CANARY-77", "Geheim-Wörter", "Σίσυφος.Straße"])
@pytest.mark.parametrize("around", ["%s", "a%s", "ä%s-ö"])
@pytest.mark.parametrize("ends", [".invalid", ""])
def test_a_secret_is_hidden_in_the_name_of_a_host(secret: str, around: str, ends: str) -> None:
    url = httpx2.URL(f"http://{around % secret}{ends}/x")
    for spelled in (url.host, url.raw_host.decode(), str(url), url.host.upper()):
        assert_hidden(hiding(secret), spelled, secret)


def assert_hidden(mask: Mask, spelled: str, secret: str) -> None:
    text = f"The name {spelled} does not resolve"
    masked = mask.text(text)
    assert "***" in masked
    assert masked.startswith("The name ")
    assert masked.endswith(" does not resolve")
    assert secret.split(".", maxsplit=1)[0].casefold() not in masked.casefold()
    assert b"***" in mask.data(text.encode())


def test_other_hosts_stay_as_they_are() -> None:
    url = "http://xn--wrter-jua.invalid/x and xn--not a label, xn--\u00ff"
    assert hiding("geheim").text(url) == url
    assert hiding("geheim").data(b"\xff\x00xn--wrter-jua") == b"\xff\x00xn--wrter-jua"
    assert Mask().data(b"\xff\x00") == b"\xff\x00"


def test_a_secret_is_hidden_in_other_letters_and_encodings() -> None:
    mask = hiding("Pa55 W0rd!")
    encoded = base64.b64encode(b"Pa55 W0rd!").decode()
    for spelled in ("Pa55 W0rd!", "pa55%20w0rd%21", "PA55+W0RD%21", encoded):
        assert mask.text(f"<{spelled}>") == "<***>"


def test_what_is_too_short_to_be_a_secret_hides_nothing() -> None:
    assert hiding("abc").text("abc xn--abc-jua") == "abc xn--abc-jua"


@pytest.mark.parametrize(
    "secret",
    [
        "pass word/x=1",
        "geheimß/Wort",
        "50%25 off",
        "a\\b|c^d`{e}",
        "key with+plus&more=1",
        "\uff54oken-Straße",
    ],
)
def test_a_secret_is_hidden_where_a_client_has_encoded_a_part_of_it(secret: str) -> None:
    mask = hiding(secret)
    for url in (
        httpx2.URL(f"http://h/{secret}"),
        httpx2.URL(f"http://h/?q={secret}"),
        httpx2.URL("http://h/", params={"q": secret}),
        httpx2.URL("http://h/", params={"q": secret.upper()}),
    ):
        for spelled in (str(url), str(url).lower(), url.raw_path.decode()):
            assert_hidden_in(mask, spelled)


def assert_hidden_in(mask: Mask, spelled: str) -> None:
    masked = mask.text(f"GET {spelled}: 404")
    assert masked.endswith("***: 404")
    assert mask.data(f"GET {spelled}: 404".encode()).endswith(b"***: 404")


def test_an_encoded_secret_is_hidden_also_among_other_bytes() -> None:
    found = hiding("geheimß/Wort").data(b"\xff geheim%c3%9f/Wort \xc3 geheim\xc3\x9f%2fWort+")
    assert found == b"\xff *** \xc3 ***+"


def test_a_wide_letter_of_a_secret_is_a_letter_in_the_name_of_a_host() -> None:
    assert_hidden(hiding("\uff54oken-Straße"), "http://token-strasse.invalid/", "oken")
