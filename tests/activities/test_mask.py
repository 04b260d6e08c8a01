"""What comes back passes a mask: a secret is found however it is spelled."""

import base64

import httpx2
import pytest

from activities.work import Mask


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
