"""A client of the proof of work, by the protocol's own library."""

import altcha
import httpx2


def solution(client: httpx2.Client) -> str:
    """A fresh answer to a challenge of the server."""
    challenge = altcha.Challenge.from_dict(client.get("/api/challenge").json())
    solved = altcha.solve_challenge(challenge)
    assert solved is not None
    return altcha.Payload(challenge, solved).to_base64()
