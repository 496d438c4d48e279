"""What an ID token must be, told with keys of the test's own."""

from typing import Any

import pytest

from cimaise.access.oidc.id_tokens import verified_claims
from cimaise.access.oidc.provider import Metadata, Provider
from cimaise.errors import NotSignedIn
from tests.conftest import StandingClock
from tests.kit.access import CountingFetch
from tests.kit.token_keys import ec_key, hs256, public_entry, rsa_key, signed

ISSUER, CLIENT, NONCE = "https://id.example", "cimaise", "the nonce of this sign-in"


@pytest.fixture
def provider(clock: StandingClock, monkeypatch: pytest.MonkeyPatch) -> Provider:
    """Has one key, ``k1``."""
    made = Provider(ISSUER, CLIENT, "secret", clock)
    made.keys._fetch = CountingFetch(public_entry(rsa_key()))

    async def metadata() -> Metadata:
        return Metadata(ISSUER, f"{ISSUER}/auth", f"{ISSUER}/token", f"{ISSUER}/keys")

    monkeypatch.setattr(made, "metadata", metadata)
    return made


def claims(clock: StandingClock, **more: Any) -> dict[str, Any]:
    now = int(clock.now.timestamp())
    whole = {
        "iss": ISSUER, "sub": "maria", "aud": CLIENT, "exp": now + 300, "iat": now, "nonce": NONCE,
    }  # fmt: skip
    return {name: value for name, value in (whole | more).items() if value is not None}


async def verify(provider: Provider, clock: StandingClock, token: str) -> Any:
    return await verified_claims(provider, token, nonce=NONCE, now=clock.now)


async def test_a_good_token_gives_all_of_its_claims(provider: Provider, clock: StandingClock):
    for more in ({"groups": ["a"]}, {"aud": [CLIENT]}, {"aud": [CLIENT, "x"], "azp": CLIENT}):
        token = signed(rsa_key(), {"alg": "RS256", "kid": "k1"}, claims(clock, **more))
        assert await verify(provider, clock, token) == claims(clock, **more)


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "https://evil.example"}, {"iss": None}, {"aud": "another"}, {"aud": None},
        {"aud": []}, {"aud": ["another", CLIENT]}, {"aud": [CLIENT, "x"], "azp": "x"},
        {"azp": "another"}, {"nonce": "of another"}, {"nonce": None}, {"nonce": ""},
        {"exp": None}, {"exp": 1}, {"exp": "soon"}, {"iat": None}, {"iat": 9_999_999_999},
        {"sub": None}, {"sub": ""}, {"sub": "x" * 256}, {"sub": "a\nb"}, {"sub": 7},
    ],
)  # fmt: skip
async def test_a_token_for_others_or_another_time_is_refused(
    provider: Provider, clock: StandingClock, change: dict[str, Any]
):
    token = signed(rsa_key(), {"alg": "RS256", "kid": "k1"}, claims(clock, **change))
    with pytest.raises(NotSignedIn) as refused:
        await verify(provider, clock, token)
    assert refused.value.code == "bad_credentials"


async def test_a_token_that_the_provider_did_not_sign_is_refused(
    provider: Provider, clock: StandingClock
):
    body = claims(clock)
    for token in (
        signed(rsa_key("evil"), {"alg": "RS256", "kid": "k1"}, body),
        signed(rsa_key("evil"), {"alg": "RS256", "kid": "k2"}, body),
        signed(ec_key(), {"alg": "ES256", "kid": "k1"}, body),
        hs256(b"secret", {"alg": "HS256", "kid": "k1"}, body),
        signed(rsa_key(), {"alg": "none", "kid": "k1"}, body),
        signed(rsa_key(), {"alg": "none", "kid": "k1"}, body).rpartition(".")[0] + ".",
        "", "x", "a.b.c",
    ):  # fmt: skip
        with pytest.raises(NotSignedIn):
            await verify(provider, clock, token)
