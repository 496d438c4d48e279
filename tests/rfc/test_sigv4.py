"""Signatures, compared with those that the official client and the manual give."""

import hashlib
from datetime import UTC, datetime, timedelta, timezone
from unittest import mock
from urllib.parse import urlsplit

import botocore.auth
import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from cimaise.errors import Invalid
from cimaise.rfc.sigv4 import UNSIGNED_PAYLOAD, Signer, encode_path, encode_query

NOW = datetime(2026, 3, 9, 10, 11, 12, tzinfo=UTC)
MANUAL = Signer("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1")
MANUAL_NOW = datetime(2013, 5, 24, tzinfo=UTC)
MANUAL_HOST = "examplebucket.s3.amazonaws.com"
NOTHING = hashlib.sha256(b"").hexdigest()

CHARACTERS = st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp"))
TEXTS = st.text(CHARACTERS, max_size=20)
NAMES = st.text(CHARACTERS, min_size=1, max_size=20).filter(lambda n: not n.startswith("X-Amz-"))
PATHS = st.text(CHARACTERS, max_size=40).map("/bucket/{}".format)
QUERIES = st.dictionaries(NAMES, TEXTS, max_size=4)
HOSTS = st.sampled_from(["s3.eu-central-1.amazonaws.com", "localhost:9000", "b.example:8443"])
METHODS = st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD"])
MOMENTS = st.datetimes(datetime(1000, 1, 1), datetime(9998, 1, 1), timezones=st.just(UTC))
SECRETS = st.text(CHARACTERS, min_size=1, max_size=40)
HEADERS = st.dictionaries(
    st.sampled_from(["content-length", "Content-Type", "content-md5", "x-amz-acl", "Range",
                     "x-amz-meta-a!b", "If-None-Match", "X-Amz-Copy-Source"]),
    st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=30),
    max_size=5,
)  # fmt: skip


def add_auth(auth: SigV4Auth, request: AWSRequest, now: datetime) -> None:
    with mock.patch.object(botocore.auth, "get_current_datetime", return_value=now):
        auth.add_auth(request)


@given(
    id_=SECRETS, secret=SECRETS, method=METHODS, host=HOSTS, path=PATHS, now=MOMENTS,
    expires_in_s=st.integers(1, 604_800), query=QUERIES, headers=HEADERS,
)  # fmt: skip
def test_urls_are_signed_as_the_official_client_signs_them(
    *, id_, secret, method, host, path, now, expires_in_s, query, headers
):
    signed = Signer(id_, secret, "eu-central-1").presign(
        method, host, path, expires_in_s=expires_in_s, now=now, query=query, signed_headers=headers
    )
    request = AWSRequest(method, f"https://{host}{encode_path(path)}", headers, params=query)
    credentials = Credentials(id_, secret)
    add_auth(S3SigV4QueryAuth(credentials, "s3", "eu-central-1", expires_in_s), request, now)
    assert sorted(signed.split("&")) == sorted(urlsplit(request.url).query.split("&"))


@given(
    id_=SECRETS, secret=SECRETS, method=METHODS, host=HOSTS, path=PATHS, now=MOMENTS,
    query=QUERIES, headers=HEADERS, body=st.none() | st.binary(),
)  # fmt: skip
def test_requests_are_signed_as_the_official_client_signs_them(
    *, id_, secret, method, host, path, now, query, headers, body
):
    payload = UNSIGNED_PAYLOAD if body is None else hashlib.sha256(body).hexdigest()
    sent = Signer(id_, secret, "auto").sign_headers(
        method, host, path, now=now, query=query, headers=headers, payload=payload
    )
    url = f"https://{host}{encode_path(path)}"
    request = AWSRequest(method, url, headers, data=body or b"", params=query)
    request.context["client_config"] = Config(s3={"payload_signing_enabled": body is not None})
    add_auth(S3SigV4Auth(Credentials(id_, secret), "s3", "auto"), request, now)
    assert sent == {name.lower(): value for name, value in request.headers.items()}


def test_a_url_of_the_manual_is_signed_as_there():
    signed = MANUAL.presign("GET", MANUAL_HOST, "/test.txt", expires_in_s=86_400, now=MANUAL_NOW)
    assert signed == (
        "X-Amz-Algorithm=AWS4-HMAC-SHA256"
        "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
        "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
        "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    )


def test_a_request_of_the_manual_is_signed_as_there():
    sent = MANUAL.sign_headers(
        "GET", MANUAL_HOST, "/test.txt",
        now=MANUAL_NOW, headers={"Range": "bytes=0-9"}, payload=NOTHING,
    )  # fmt: skip
    assert sent == {
        "range": "bytes=0-9",
        "x-amz-date": "20130524T000000Z",
        "x-amz-content-sha256": NOTHING,
        "authorization": (
            "AWS4-HMAC-SHA256 "
            "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
            "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
            "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        ),
    }


def test_a_signed_length_binds():
    def signed(length: str) -> str:
        return MANUAL.presign(
            "PUT", MANUAL_HOST, "/a", expires_in_s=60, now=NOW,
            signed_headers={"Content-Length": length, "Content-Type": "image/png"},
        )  # fmt: skip

    assert "X-Amz-SignedHeaders=content-length%3Bcontent-type%3Bhost&" in signed("1")
    assert signed("1") != signed("2")


def test_the_next_day_has_another_key_and_the_day_before_can_come_back():
    signer = Signer("id", "secret", "auto")
    days = [NOW, NOW + timedelta(days=1), NOW]
    shared = [signer.presign("GET", "h", "/", expires_in_s=1, now=day) for day in days]
    fresh = [
        Signer("id", "secret", "auto").presign("GET", "h", "/", expires_in_s=1, now=day)
        for day in days
    ]
    assert shared == fresh


def test_the_day_is_that_of_utc():
    late = datetime(2026, 3, 9, 23, 30, tzinfo=timezone(timedelta(hours=-5)))
    assert "X-Amz-Date=20260310T043000Z" in MANUAL.presign(
        "GET", "h", "/", expires_in_s=1, now=late
    )


@pytest.mark.parametrize("expires_in_s", [-1, 0, 604_801])
def test_a_url_that_s3_would_refuse_is_not_signed(expires_in_s):
    with pytest.raises(Invalid) as refused:
        MANUAL.presign("GET", "h", "/", expires_in_s=expires_in_s, now=NOW)
    assert refused.value.field == "expires_in_s"


def test_parameters_of_the_signature_cannot_be_replaced():
    plain = MANUAL.presign("GET", "h", "/", expires_in_s=1, now=NOW)
    query = {"X-Amz-Expires": "99999999", "X-Amz-Date": "19700101T000000Z"}
    assert MANUAL.presign("GET", "h", "/", expires_in_s=1, now=NOW, query=query) == plain


def test_paths_and_queries_are_encoded_as_s3_wants_them():
    assert encode_path("/a b/ä+~(1)*/%2F") == "/a%20b/%C3%A4%2B~%281%29%2A/%252F"
    assert encode_path("/plain-key_1.jpg") == "/plain-key_1.jpg"
    assert encode_query({"b": "x y", "a": "1/2", "uploads": ""}) == "a=1%2F2&b=x%20y&uploads="


def test_a_signer_does_not_show_its_secret():
    signer = Signer("id", "very-secret", "auto")
    signer.presign("GET", "h", "/", expires_in_s=1, now=NOW)
    assert "very-secret" not in repr(signer)


@given(path=PATHS, query=QUERIES, headers=HEADERS, varied=NAMES, values=st.lists(TEXTS, max_size=4))
def test_a_series_is_signed_as_its_urls_one_by_one(*, path, query, headers, varied, values):
    query.pop(varied, None)
    facts = {"expires_in_s": 60, "now": NOW, "signed_headers": headers}
    series = MANUAL.presign_each(
        "PUT", MANUAL_HOST, path, query=query, varied=varied, values=values, **facts
    )
    assert series == [
        MANUAL.presign("PUT", MANUAL_HOST, path, query={**query, varied: value}, **facts)
        for value in values
    ]
