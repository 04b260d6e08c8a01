"""What comes back passes a mask: a secret is found however it is spelled."""

import base64
import html
import json
import tracemalloc
from collections.abc import Callable

import httpx2
import pytest

from foundation.json import JsonValue
from security.mask import Mask


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


SECRET = 'k3y "of" the <line>/ä?>~\nsecond line'


@pytest.mark.parametrize(
    "spelled",
    [
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        json.dumps(SECRET).replace("/", "\\/"),
        json.dumps(json.dumps({"told": json.dumps(SECRET)})),
        "".join(f"\\u{ord(letter):04X}" for letter in SECRET),
        html.escape(SECRET),
        "".join(f"&#{ord(letter)};" for letter in SECRET),
        "".join(f"&#x{ord(letter):x};" for letter in SECRET),
        html.escape(json.dumps(SECRET)),
        repr(SECRET),
        repr(repr(SECRET)),
        " ".join(SECRET.split()),
    ],
)
def test_a_secret_is_hidden_where_it_is_quoted(spelled: str) -> None:
    masked = hiding(SECRET).text(f"He said {spelled} & left")
    assert "***" in masked
    for word in ("k3y", "6b", "line", "second"):
        assert word not in masked
    assert masked.startswith("He said ")
    assert masked.endswith(" & left")
    assert b"second" not in hiding(SECRET).data(spelled.encode())


def test_letters_beyond_the_first_plane_are_read() -> None:
    secret = "k3y-\U0001f511-\U0001f512"
    assert hiding(secret).text(json.dumps([secret])) == '["***"]'
    spelled = json.dumps(secret.replace("-", "%2D"))
    assert hiding(secret).text(f"<{spelled}>") == '<"***">'


@pytest.mark.parametrize("before", ["", "a", "ab", "abc", "kim:"])
@pytest.mark.parametrize("after", ["", "z", "zz", "zzz"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_secret_is_hidden_in_base64_wherever_it_stands(
    before: str, after: str, encode: Callable[[bytes], bytes]
) -> None:
    secret = "k3y?>~of\xff-the-line"
    spelled = encode(f"{before}{secret}{after}".encode()).decode()
    mask = hiding(secret)
    for shown in (spelled, spelled.rstrip("="), json.dumps(spelled).replace("/", "\\/")):
        masked = mask.text(shown)
        assert "***" in masked
        # At each end a letter may hold some bits of it.
        assert len(masked) <= len("***") + 4 * 4


def test_what_looks_quoted_and_is_not_stays_as_it_is() -> None:
    for text in ("C:\\new\\u0041 100% &amp; 5+5 &copy; \\ud800", "&nbsp&#;&#99999999; %zz"):
        assert hiding("hidden").text(text) == text


def test_a_secret_that_is_little_when_it_is_read_hides_only_itself() -> None:
    assert hiding("%41%42").text("AB%20ab <%41%42>") == "AB%20ab <***>"
    assert hiding("   \n ").text("a b  c%20") == "a b  c%20"


def test_of_a_text_that_was_cut_the_rest_of_a_secret_is_hidden() -> None:
    secret = "k3y-of-the-line-for-the-press"
    mask = hiding(secret)
    assert mask.cut_text("I was given k3y-of-th") == "I was given ***"
    assert mask.cut_text("I was given k3y-of-th...") == "I was given ***..."
    assert mask.cut_text("for-the-press is what I was given") == "*** is what I was given"
    assert mask.cut_text("e-line-for") == "***"
    assert mask.cut_text("I was given k3y") == "I was given k3y"
    assert mask.text("I was given k3y-of-th") == "I was given k3y-of-th"


@pytest.mark.parametrize(
    ("secret", "text", "masked"),
    [
        ("%80abcdef", "xÀabcdef %", "x*** %"),
        ("abcdef%C3", "<abcdefÀ> %", "<***> %"),
        ("%82%ACabcdef", "100 €ABCDEF, 5%25", "100 ***, 5%25"),
        ("%80abcdef%F0%9F", "Àabcdef\U0001f511Àabcdef\U0001f512 %", "****** %"),
    ],
)
def test_a_letter_of_which_a_secret_has_a_part_is_hidden_as_a_whole(
    secret: str, text: str, masked: str
) -> None:
    assert hiding(secret).text(text) == masked


def test_of_bytes_no_more_is_hidden_than_the_secret() -> None:
    assert hiding("%80abcdef").data("xÀabcdef %".encode()) == b"x\xc3*** %"


def test_of_many_escapes_no_large_table_is_made() -> None:
    escape = '\\"'
    text = escape * 50_000 + "k3y%2Dof"
    mask = hiding("k3y-of")
    assert mask.text("%41 k3y%2Dof") == "%41 ***"
    tracemalloc.start()
    masked = mask.text(text)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert masked == escape * 50_000 + "***"
    assert most < 60 * len(text)


LONG = "k3y-of-the-line?>~" * 5


@pytest.mark.parametrize("before", ["", "a", "user: kim, password: "])
@pytest.mark.parametrize("width", [60, 64, 76])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\n  ", "\n\t"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_secret_is_hidden_in_base64_that_is_broken_into_lines(
    before: str, width: int, line_end: str, encode: Callable[[bytes], bytes]
) -> None:
    whole = encode(f"{before}{LONG} and more".encode()).decode()
    starts = range(0, len(whole), width)
    spelled = f"key: {line_end.join(whole[each : each + width] for each in starts)}\n# ß"
    # What stands around it stays, and letters that hold some bits of it.
    begin, end = len(before) * 8 // 6, len(" and more") * 8 // 6 + 4
    for shown in (spelled, json.dumps(spelled), json.dumps(json.dumps([spelled]))):
        masked = hiding(LONG).text(shown)
        assert "***" in masked
        assert len(masked) <= len(shown) - len(whole) + begin + end + len("***") + 4
        assert whole[:begin] in masked
    masked_data = hiding(LONG).data(spelled.encode())
    assert masked_data.decode() == hiding(LONG).text(spelled)
    assert masked_data.startswith(b"key: ")
    assert masked_data.endswith("\n# ß".encode())


def test_as_base64_writes_a_file_nothing_of_a_secret_is_left() -> None:
    assert hiding(LONG).text(base64.encodebytes(LONG.encode()).decode()) == "***\n"
    assert hiding(LONG).data(base64.encodebytes(LONG.encode())) == b"***\n"


def test_short_lines_are_not_read_as_one() -> None:
    assert hiding("abcdefgh").text("see YWJj\nZGVmZ2g=") == "see YWJj\nZGVmZ2g="


@pytest.mark.parametrize(
    ("secret", "number"),
    [
        ("12345678", 12345678),
        ("12345678", 12345678.0),
        ("12345678", -12345678),
        ("0012345678", 12345678),
        ("12345678901234567891", 1.2345678901234567e19),
    ],
)
def test_a_secret_of_digits_is_hidden_as_a_number(secret: str, number: float) -> None:
    assert hiding(secret).value({"a": [number, 5]}) == {"a": ["***", 5]}


def test_other_numbers_stay_as_they_are() -> None:
    value: JsonValue = [123456789, 1, True, False, 1234.5, 0, None]
    assert json.dumps(hiding("12345678", "0001", "0000", "1234").value(value)) == json.dumps(value)
    assert hiding("9" * 5000).value([1]) == [1]
