import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimaise.errors import Forbidden, Invalid
from cimaise.storage.base import Grant
from cimaise.storage.measured import MeasuredStorage
from cimaise.storage.s3 import Accounts, Credentials, S3Storage, parse_location
from cimaise.storage.signed_urls import SignedUrls, lifetime_s

NOW = datetime(2026, 3, 9, 10, 11, 12, tzinfo=UTC)
SECRET = b"a secret of the tests"
SOON = NOW + timedelta(minutes=5)
KEY = "incoming/0001"


def made(secret: bytes = SECRET, base: str = "https://media.example/") -> SignedUrls:
    return SignedUrls(secret=secret, public_url=base, now=lambda: NOW)


def token_of(url: str) -> str:
    before, _, token = url.partition("/storage/")
    assert before == "https://media.example"
    return token


def put_token(urls: SignedUrls) -> str:
    return token_of(urls.put(KEY, size=5, content_type="image/png", expires_at=SOON).url)


def refused(urls: SignedUrls, token: str, now: datetime = NOW) -> str:
    with pytest.raises(Forbidden) as caught:
        urls.open_grant(token, now)
    return caught.value.code


def test_a_put_grant_comes_back_as_it_was_signed():
    signed = made().put(KEY, size=5, content_type="image/png", expires_at=SOON)
    assert (signed.method, dict(signed.headers)) == ("PUT", {"Content-Type": "image/png"})
    assert made().open_grant(token_of(signed.url), NOW) == Grant(
        "put", KEY, SOON, size=5, content_type="image/png"
    )


def test_a_part_grant_comes_back_as_it_was_signed():
    signed = made().part(KEY, "upload", 3, size=5, expires_at=SOON)
    assert (signed.method, dict(signed.headers)) == ("PUT", {})
    assert made().open_grant(token_of(signed.url), NOW) == Grant(
        "part", KEY, SOON, size=5, upload_id="upload", part_number=3
    )


def test_a_grant_for_a_part_of_unknown_length_says_the_most_and_for_whom():
    signed = made().part(KEY, "upload", 3, max_bytes=9, session_id="one", expires_at=SOON)
    assert made().open_grant(token_of(signed.url), NOW) == Grant(
        "part", KEY, SOON, upload_id="upload", part_number=3, max_bytes=9, session_id="one"
    )


def test_a_part_without_any_length_is_not_signed():
    with pytest.raises(ValueError, match="length"):
        made().part(KEY, "upload", 3, expires_at=SOON)


def test_a_get_grant_comes_back_as_it_was_signed():
    signed = made().get(
        KEY, expires_at=SOON, content_type="text/plain", content_disposition="inline; é"
    )
    assert (signed.method, dict(signed.headers)) == ("GET", {})
    assert made().open_grant(token_of(signed.url), NOW) == Grant(
        "get", KEY, SOON, content_type="text/plain", content_disposition="inline; é"
    )


def test_a_token_is_fit_for_a_path():
    token = put_token(made())
    assert token.replace(".", "").replace("-", "").replace("_", "").isalnum()
    assert len(token) < 400


def test_a_token_expires_at_its_time():
    token = put_token(made())
    assert made().open_grant(token, SOON - timedelta(microseconds=1)).key == KEY
    assert refused(made(), token, SOON) == "expired_signature"
    assert refused(made(), token, SOON + timedelta(days=1)) == "expired_signature"


def test_another_secret_signs_nothing_of_ours():
    assert refused(made(secret=b"another secret of tests"), put_token(made())) == "bad_signature"


def test_what_the_same_secret_signed_for_another_purpose_is_worthless():
    body = put_token(made()).partition(".")[0]
    for label in (SECRET, hmac.digest(SECRET, b"another purpose", "sha256")):
        digest = hmac.digest(label, body.encode(), "sha256")
        other = f"{body}.{urlsafe_b64encode(digest).rstrip(b'=').decode()}"
        assert refused(made(), other) == "bad_signature"


def test_an_altered_grant_is_refused_even_when_expired():
    body, _, signature = put_token(made()).partition(".")
    grant = msgspec.json.decode(urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    for change in ({"size": 6}, {"key": "objects/a/b/c"}, {"expires_at": "2027-01-01T00:00:00Z"}):
        forged = urlsafe_b64encode(msgspec.json.encode(grant | change)).rstrip(b"=").decode()
        assert refused(made(), f"{forged}.{signature}") == "bad_signature"
        assert refused(made(), f"{forged}.{signature}", SOON) == "bad_signature"


@given(st.data())
def test_no_single_change_of_a_character_is_accepted(data):
    token = put_token(made())
    position = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters().filter(lambda character: character != token[position]))
    changed = token[:position] + other + token[position + 1 :]
    assert refused(made(), changed) == "bad_signature"


@given(st.text(max_size=200) | st.binary(max_size=100).map(lambda raw: raw.decode("latin-1")))
def test_any_other_text_is_a_bad_signature(text):
    assert refused(made(), text) == "bad_signature"


@pytest.mark.parametrize("tail", ["", ".", "=", ".x"])
def test_a_token_with_something_after_it_is_refused(tail):
    token = put_token(made())
    if tail:
        assert refused(made(), token + tail) == "bad_signature"
    assert refused(made(), "x" * 9000 + token) == "bad_signature"


def test_what_is_no_key_is_not_signed():
    with pytest.raises(Invalid):
        made().get("../etc/passwd", expires_at=SOON)


@pytest.mark.parametrize("seconds", [-1, 0, 604_801])
def test_a_url_lives_a_second_to_seven_days(seconds):
    with pytest.raises(Invalid) as caught:
        made().get(KEY, expires_at=NOW + timedelta(seconds=seconds))
    assert caught.value.field == "expires_at"


def test_a_life_is_never_longer_than_asked_for():
    assert lifetime_s(NOW + timedelta(seconds=1.9), NOW) == 1
    assert lifetime_s(NOW + timedelta(seconds=0.9), NOW) == 1
    assert lifetime_s(NOW + timedelta(days=7), NOW) == 604_800


def test_a_short_secret_is_refused():
    with pytest.raises(ValueError, match="16 bytes"):
        made(secret=b"short")


@pytest.mark.parametrize(
    "base", ["https://media.example", "https://media.example/", "http://localhost:8080/media"]
)
def test_all_of_them_lead_to_one_origin(base: str):
    urls = made(base=base)
    signed = urls.get(KEY, expires_at=SOON).url
    assert signed.startswith(f"{urls.origin}/")
    assert urls.origin.count("/") == 2


@pytest.mark.parametrize("path_style", ["0", "1"])
def test_those_of_a_bucket_lead_to_its_own_origin(path_style: str):
    location = parse_location(
        f"s3://bucket?region=eu-1&endpoint=https://s3.example:8443&path_style={path_style}"
    )
    account = Credentials("key", "secret")
    storage = S3Storage(location, Accounts(account, account, account), now=lambda: NOW)
    origin = storage.presigner.origin
    assert storage.presigner.get(KEY, expires_at=SOON).url.startswith(f"{origin}/")
    measured = MeasuredStorage(storage, lambda _: None).presigner
    assert measured is not None
    assert measured.origin == origin
