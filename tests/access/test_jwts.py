import asyncio
import json
import warnings
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import example, given
from hypothesis import strategies as st
from joserfc.errors import SecurityWarning

from cimaise.access.jwt.jwks import KeyRing
from cimaise.access.jwt.jwts import JwtVerifier, jwt_verifier
from cimaise.errors import NotSignedIn, UpstreamFailed
from tests.conftest import StandingClock
from tests.kit.access import CountingFetch
from tests.kit.token_keys import (
    ec_key,
    ed_key,
    encode,
    hs256,
    public_entry,
    rsa_key,
    signed,
    signing_input,
)

SECRET = "a secret of at least thirty-two bytes"
CLOCK = StandingClock()
NOW = int(CLOCK().timestamp())
HS = {"alg": "HS256", "typ": "JWT"}
RS = {"alg": "RS256", "kid": "k1"}
GOOD = {"sub": "ann", "exp": NOW + 600}
PEM = (
    rsa_key()
    .public_key()
    .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
)
DER = (
    rsa_key()
    .public_key()
    .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
)


def verifier(
    *entries: dict[str, Any], secret: str = SECRET, issuer: str = "", audience: str = ""
) -> JwtVerifier:
    ring = KeyRing(CountingFetch(*(entries or [public_entry(rsa_key())])), CLOCK)
    made = jwt_verifier(clock=CLOCK, secret=secret, key_ring=ring, issuer=issuer, audience=audience)
    assert made is not None
    return made


def with_secret(**claims: Any) -> str:
    return hs256(SECRET.encode(), HS, {**GOOD, **claims})


async def refuse(token: str, by: JwtVerifier | None = None) -> None:
    with pytest.raises(NotSignedIn) as caught:
        await (by or verifier()).verify(token)
    assert caught.value.code == "bad_credentials"


async def test_a_token_of_the_secret_is_accepted():
    assert await verifier().verify(with_secret()) == "ann"


@pytest.mark.parametrize(
    ("key", "alg"),
    [(rsa_key(), "RS256"), (ec_key(), "ES256"), (ed_key(), "EdDSA"), (ed_key(), "Ed25519")],
)
async def test_a_token_of_a_public_key_is_accepted_by_each_algorithm(key: Any, alg: str):
    token = signed(key, {"alg": alg, "kid": "k1", "typ": "JWT", "x-more": {"a": [1]}}, GOOD)
    assert await verifier(public_entry(key)).verify(token) == "ann"
    assert await verifier(public_entry(key, alg=alg, use="sig")).verify(token) == "ann"


async def test_a_token_without_a_kid_needs_a_set_with_one_fitting_key():
    token = signed(rsa_key(), {"alg": "RS256"}, GOOD)
    one, other = public_entry(rsa_key(), "a"), public_entry(rsa_key("second"), "b")
    assert await verifier(one, public_entry(ec_key(), "c")).verify(token) == "ann"
    await refuse(token, verifier(one, other))


@pytest.mark.parametrize(
    ("what", "token"),
    [
        ("alg none without a signature", signing_input({"alg": "none"}, GOOD) + "."),
        ("alg none with a signature", signing_input({"alg": "none"}, GOOD) + ".AAAA"),
        ("alg None", signing_input({"alg": "None"}, GOOD) + ".AAAA"),
        ("alg NONE", signing_input({"alg": "NONE"}, GOOD) + "."),
        ("alg empty", signing_input({"alg": ""}, GOOD) + ".AAAA"),
        ("no alg", signing_input({"kid": "k1"}, GOOD) + ".AAAA"),
        ("alg a list", signing_input({"alg": ["HS256"]}, GOOD) + ".AAAA"),
        ("alg null", signing_input({"alg": None}, GOOD) + ".AAAA"),
        ("HS256 with the public key's PEM", hs256(PEM, HS, GOOD)),
        ("HS256 with the PEM and its kid", hs256(PEM, {"alg": "HS256", "kid": "k1"}, GOOD)),
        ("HS256 with the stripped PEM", hs256(PEM.strip(), HS, GOOD)),
        ("HS256 with the public key's DER", hs256(DER, HS, GOOD)),
        ("HS256 with its modulus", hs256(public_entry(rsa_key())["n"].encode(), HS, GOOD)),
        ("HS256 with an empty secret", hs256(b"", HS, GOOD)),
        ("HS256 with another secret", hs256(b"x" * 32, HS, GOOD)),
        ("RS256 signed with the secret", hs256(SECRET.encode(), RS, GOOD)),
        ("HS512 with the secret", hs256(SECRET.encode(), {"alg": "HS512"}, GOOD)),
        ("HS384 with the secret", hs256(SECRET.encode(), {"alg": "HS384"}, GOOD)),
        ("lower-case hs256", hs256(SECRET.encode(), {"alg": "hs256"}, GOOD)),
        ("RS512 with an RS256 signature", signed(rsa_key(), {"alg": "RS512", "kid": "k1"}, GOOD)),
        ("PS256 with an RS256 signature", signed(rsa_key(), {"alg": "PS256", "kid": "k1"}, GOOD)),
        ("ES256 for an RSA key", signed(ec_key(), {"alg": "ES256", "kid": "k1"}, GOOD)),
        ("EdDSA for an RSA key", signed(ed_key(), {"alg": "EdDSA", "kid": "k1"}, GOOD)),
        ("another RSA key", signed(rsa_key("thief"), RS, GOOD)),
        ("an unknown kid", signed(rsa_key(), {"alg": "RS256", "kid": "k2"}, GOOD)),
        ("an empty kid", signed(rsa_key(), {"alg": "RS256", "kid": ""}, GOOD)),
        ("a kid that is a path", hs256(b"", {"alg": "HS256", "kid": "/dev/null"}, GOOD)),
        ("a kid that is SQL", signed(rsa_key(), {"alg": "RS256", "kid": "' or 1=1"}, GOOD)),
        ("a kid that is a number", signed(rsa_key(), {"alg": "RS256", "kid": 1}, GOOD)),
        (
            "its own key in the header",
            signed(rsa_key("thief"), {"alg": "RS256", "jwk": public_entry(rsa_key("thief"))}, GOOD),
        ),
        (
            "its own key set in the header",
            signed(rsa_key("thief"), {**RS, "jku": "https://evil.example/keys"}, GOOD),
        ),
        ("an unknown critical extension", hs256(SECRET.encode(), {**HS, "crit": ["x"], "x": 1}, GOOD)),
        ("an empty crit", hs256(SECRET.encode(), {**HS, "crit": []}, GOOD)),
        ("an unencoded payload", hs256(SECRET.encode(), {**HS, "b64": False, "crit": ["b64"]}, GOOD)),
        ("a changed payload", with_secret().replace(".", ".e", 1)),
        ("no signature", with_secret().rsplit(".", 1)[0] + "."),
        ("half a signature", with_secret()[:-20]),
        ("two parts", with_secret().rsplit(".", 1)[0]),
        ("four parts", with_secret() + ".AAAA"),
        ("five parts, as if encrypted", "eyJhbGciOiJkaXIifQ..AAAA.AAAA.AAAA"),
        ("padding", with_secret() + "="),
        ("a newline at the end", with_secret() + "\n"),
        ("a space inside", with_secret().replace(".", ". ", 1)),
        ("a NUL", with_secret() + "\0"),
        ("a huge token", "A" * 1_000_000 + ".AAAA.AAAA"),
        ("a huge payload", hs256(SECRET.encode(), HS, {**GOOD, "x": "y" * 10_000})),
        ("a huge header", hs256(SECRET.encode(), {**HS, "x": "y" * 5_000}, GOOD)),
        ("a deep header", hs256(SECRET.encode(), b'{"alg":"HS256","x":' + b"[" * 2500 + b"]" * 2500 + b"}", GOOD)),
        ("a deep payload", hs256(SECRET.encode(), HS, b'{"x":' + b"[" * 2500 + b"]" * 2500 + b"}")),
        ("a header that is a list", hs256(SECRET.encode(), ["alg"], GOOD)),
        ("a header that is text", hs256(SECRET.encode(), "alg", GOOD)),
        ("a header that is no JSON", hs256(SECRET.encode(), b"\xff\xfe", GOOD)),
        ("a payload that is a list", hs256(SECRET.encode(), HS, [GOOD])),
        ("a payload that is no JSON", hs256(SECRET.encode(), HS, b"{")),
        ("a payload that is no UTF-8", hs256(SECRET.encode(), HS, b'{"sub":"\xff","exp":99999999999}')),
        ("nothing", ""),
        ("dots", ".."),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 50 else "-",
)  # fmt: skip
async def test_an_attack_on_the_token_is_refused(what: str, token: str):
    await refuse(token)


@pytest.mark.parametrize(
    ("what", "claims"),
    [
        ("expired", {"exp": NOW - 60}),
        ("expired long ago", {"exp": 0}),
        ("expired before time began", {"exp": -1e300}),
        ("exp missing", {"exp": ...}),
        ("exp null", {"exp": None}),
        ("exp text", {"exp": str(NOW + 600)}),
        ("exp true", {"exp": True}),
        ("exp a list", {"exp": [NOW + 600]}),
        ("not yet valid", {"nbf": NOW + 61}),
        ("nbf text", {"nbf": "0"}),
        ("issued in the future", {"iat": NOW + 61}),
        ("iat true", {"iat": True}),
        ("sub missing", {"sub": ...}),
        ("sub empty", {"sub": ""}),
        ("sub a number", {"sub": 1}),
        ("sub null", {"sub": None}),
        ("sub with a NUL", {"sub": "a\0b"}),
        ("sub with a line break", {"sub": "a\nb"}),
        ("sub with half a character", {"sub": "\ud800"}),
        ("sub too long", {"sub": "x" * 256}),
        ("another issuer", {"iss": "https://evil.example"}),
        ("issuer missing", {"iss": ...}),
        ("issuer a list", {"iss": ["https://id.example.org"]}),
        ("issuer with a slash", {"iss": "https://id.example.org/"}),
        ("wrong audience", {"aud": "shop"}),
        ("wrong audiences", {"aud": ["shop", "mail"]}),
        ("audience missing", {"aud": ...}),
        ("no audience", {"aud": []}),
        ("audience a number", {"aud": 1}),
        ("audience with ours inside", {"aud": "cimaise-test"}),
        ("audiences with a number", {"aud": ["cimaise", 1]}),
    ],
)
async def test_a_signed_token_with_a_bad_claim_is_refused(what: str, claims: dict[str, Any]):
    by = verifier(issuer="https://id.example.org", audience="cimaise")
    good = {**GOOD, "iss": "https://id.example.org", "aud": "cimaise"}
    assert await by.verify(hs256(SECRET.encode(), HS, good)) == "ann"
    changed = {name: value for name, value in {**good, **claims}.items() if value is not ...}
    await refuse(hs256(SECRET.encode(), HS, changed), by)
    await refuse(signed(rsa_key(), RS, changed), by)


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": NOW - 59},
        {"exp": NOW + 0.5},
        {"exp": 10**30},
        {"nbf": NOW + 60},
        {"iat": NOW + 60},
        {"nbf": None, "iat": None},
        {"sub": "Ünï côde"},
        {"sub": "x" * 255},
    ],
)
async def test_a_claim_at_its_bound_is_accepted(claims: dict[str, Any]):
    assert await verifier().verify(with_secret(**claims)) == {**GOOD, **claims}["sub"]


async def test_one_of_several_audiences_is_enough():
    assert await verifier(audience="cimaise").verify(with_secret(aud=["shop", "cimaise"])) == "ann"


async def test_a_token_for_somebody_else_is_refused_where_no_audience_is_set():
    assert await verifier().verify(with_secret(aud=[])) == "ann"
    await refuse(with_secret(aud="shop"))


async def test_any_issuer_is_accepted_where_none_is_set():
    assert await verifier().verify(with_secret(iss="https://anywhere.example")) == "ann"


async def test_a_public_key_accepts_nothing_where_only_a_secret_is_set():
    by = jwt_verifier(clock=CLOCK, secret=SECRET)
    assert by is not None
    await refuse(signed(rsa_key(), RS, GOOD), by)


async def test_a_secret_accepts_nothing_where_only_public_keys_are_set():
    by = verifier(secret="")
    assert await by.verify(signed(rsa_key(), RS, GOOD)) == "ann"
    for secret in (b"", PEM, SECRET.encode(), b"\0" * 32):
        await refuse(hs256(secret, HS, GOOD), by)
        await refuse(hs256(secret, {**HS, "kid": "k1"}, GOOD), by)


async def test_a_secret_key_in_the_set_is_never_used():
    entry = {"kty": "oct", "kid": "k1", "k": encode(b"x" * 32)}
    await refuse(hs256(b"x" * 32, {"alg": "HS256", "kid": "k1"}, GOOD), verifier(entry, secret=""))


async def test_keys_that_cannot_be_had_are_no_fault_of_the_token():
    fetch = CountingFetch()
    fetch.fault = UpstreamFailed("away")
    by = jwt_verifier(clock=CLOCK, key_ring=KeyRing(fetch, CLOCK))
    assert by is not None
    with pytest.raises(UpstreamFailed):
        await by.verify(signed(rsa_key(), RS, GOOD))


def test_nothing_is_verified_where_nothing_is_set():
    assert jwt_verifier(clock=CLOCK) is None


def test_a_short_secret_is_refused_at_the_start():
    with pytest.raises(ValueError, match="at least 32 bytes"):
        jwt_verifier(clock=CLOCK, secret="x" * 31)


def test_a_public_key_as_the_secret_is_refused_at_the_start():
    with pytest.raises(ValueError, match="public key"):
        jwt_verifier(clock=CLOCK, secret=PEM.decode())


async def test_verifying_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error", SecurityWarning)
        token = signed(ed_key(), {"alg": "EdDSA", "kid": "k1"}, GOOD)
        assert await verifier(public_entry(ed_key())).verify(token) == "ann"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "alg": st.sampled_from(["HS256", "RS256", "ES256", "EdDSA", "none", "PS256"]) | JSON,
        "kid": st.sampled_from(["k1", "k2"]) | JSON,
        "crit": JSON, "typ": JSON, "jwk": JSON, "x5c": JSON, "x5u": JSON, "b64": JSON,
    },
)  # fmt: skip
CLAIMS = st.fixed_dictionaries(
    {},
    optional={
        "sub": st.just("ann") | JSON,
        "exp": st.just(NOW + 600) | JSON,
        "nbf": JSON, "iat": JSON, "iss": JSON, "aud": JSON,
    },
)  # fmt: skip


def verdict(token: str) -> str | None:
    try:
        return asyncio.run(verifier().verify(token))
    except NotSignedIn as refusal:
        code = refusal.code
    assert code == "bad_credentials"
    return None


@given(st.text(max_size=200) | st.from_regex(r"[A-Za-z0-9_-]{0,40}(\.[A-Za-z0-9_-]{0,40}){1,4}"))
def test_any_text_is_refused_in_a_foreseen_way(text: str):
    assert verdict(text) is None


@given(st.binary(max_size=200), st.binary(max_size=100))
@example(json.dumps(HS).encode(), b"{}")
def test_any_bytes_in_a_token_are_refused_in_a_foreseen_way(header: bytes, claims: bytes):
    assert verdict(signing_input(header, claims) + ".AAAA") is None
    assert verdict(hs256(SECRET.encode(), HS, claims)) is None


@given(HEADERS, CLAIMS)
def test_any_header_that_is_not_signed_is_refused_in_a_foreseen_way(header: Any, claims: Any):
    assert verdict(signing_input(header, claims) + "." + encode(bytes(256))) is None


@given(HEADERS, CLAIMS)
def test_what_is_accepted_was_signed_with_hs256_and_says_who_and_until_when(
    header: Any, claims: Any
):
    subject = verdict(hs256(SECRET.encode(), header, claims))
    if subject is not None:
        assert header["alg"] == "HS256"
        assert "crit" not in header
        assert claims["sub"] == subject
        assert claims["exp"] > NOW - 60
