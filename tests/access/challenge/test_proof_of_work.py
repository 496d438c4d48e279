import asyncio
import base64
import json
from datetime import UTC, datetime, timedelta

import altcha
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimaise.access.challenge.proof_of_work import ProofOfWork

COST = 100


def now() -> datetime:
    return datetime.now(UTC)


def asking(secret: bytes = b"s" * 32, ttl_s: float = 600) -> ProofOfWork:
    return ProofOfWork(secret, now, COST, ttl_s)


def solved(offer: object) -> str:
    challenge = altcha.Challenge.from_dict(json.loads(json.dumps(offer)))
    solution = altcha.solve_challenge(challenge)
    assert solution is not None
    return altcha.Payload(challenge, solution).to_base64()


def altered(answer: str, **parameters: object) -> str:
    whole = json.loads(base64.b64decode(answer))
    whole["challenge"]["parameters"] |= parameters
    return base64.b64encode(json.dumps(whole).encode()).decode()


async def test_a_solution_is_known_by_its_nonce():
    door = asking()
    offer = door.offer()
    answer = solved(offer)
    assert await door.verify(answer, address="") == offer["parameters"]["nonce"]
    assert offer["parameters"]["cost"] == COST
    assert offer["parameters"]["keyPrefix"] == "00"


async def test_what_another_server_offered_is_worth_nothing():
    answer = solved(asking(b"o" * 32).offer())
    assert await asking().verify(answer, address="") is None


@pytest.mark.parametrize(
    "change", [{"cost": 1}, {"keyPrefix": ""}, {"expiresAt": 9e9}, {"nonce": "00" * 16}]
)
async def test_a_challenge_made_easier_is_worth_nothing(change: dict[str, object]):
    door = asking()
    assert await door.verify(altered(solved(door.offer()), **change), address="") is None


async def test_a_challenge_past_its_time_is_worth_nothing():
    past = ProofOfWork(b"s" * 32, lambda: now() - timedelta(hours=1), COST, 600)
    assert await asking().verify(solved(past.offer()), address="") is None


async def test_a_wrong_counter_is_worth_nothing():
    door = asking()
    whole = json.loads(base64.b64decode(solved(door.offer())))
    whole["solution"]["counter"] += 1
    answer = base64.b64encode(json.dumps(whole).encode()).decode()
    assert await door.verify(answer, address="") is None


@given(
    st.one_of(
        st.text(),
        st.binary().map(lambda raw: base64.b64encode(raw).decode()),
        st.recursive(
            st.none() | st.integers() | st.text(),
            lambda inner: st.dictionaries(
                st.sampled_from(
                    ["challenge", "solution", "parameters", "nonce", "algorithm", "cost"]
                ),
                inner,
            ),
        ).map(lambda value: base64.b64encode(json.dumps(value).encode()).decode()),
    )
)
def test_whatever_comes_as_an_answer_is_refused(text: str):
    assert asyncio.run(asking().verify(text, address="")) is None
