"""Proof of work in ALTCHA's protocol, version 2: a second of a browser's time, and nobody else asked.

The client looks for a counter whose derived key (PBKDF2-HMAC-SHA-256 over a nonce and the counter)
begins with a zero byte: 256 tries in the mean, each of ``cost`` iterations. Checking takes one.
"""

import asyncio
import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import altcha
import msgspec

from cimaise.access.challenge.base import Widget

_ALGORITHM: Final = "PBKDF2/SHA-256"
_FIRST_BYTE: Final = "00"


class _Parameters(msgspec.Struct):
    algorithm: str
    nonce: str
    cost: int


class _Challenge(msgspec.Struct):
    parameters: _Parameters


class _Answer(msgspec.Struct):
    challenge: _Challenge


@dataclass(frozen=True, slots=True)
class ProofOfWork:
    """Made here, solved there, checked here.

    Attributes:
        secret: Signs challenges; the same in all processes of the installation.
        clock: The time, aware UTC.
        cost: Iterations of PBKDF2 in one try.
        ttl_s: How long a challenge may be solved.
    """

    secret: bytes
    clock: Callable[[], datetime]
    cost: int
    ttl_s: float

    @property
    def widget(self) -> Widget:
        """Our own script."""
        return Widget("altcha", "altcha")

    def offer(self) -> Mapping[str, Any]:
        """A challenge as the widget, and any client of the protocol, takes it."""
        made = altcha.create_challenge(
            _ALGORITHM,
            self.cost,
            key_prefix=_FIRST_BYTE,
            expires_at=self.clock() + timedelta(seconds=self.ttl_s),
            hmac_secret=self.secret,
        )
        return made.to_dict()

    async def verify(self, answer: str, *, address: str) -> str | None:  # noqa: ARG002 (not bound)
        """The challenge's nonce, where it is ours, in its time, and solved."""
        nonce = _nonce(answer)
        if nonce is None:
            return None
        found = await asyncio.to_thread(altcha.verify_solution, answer, self.secret)
        return nonce if found.verified else None


def _nonce(answer: str) -> str | None:
    """Of an answer in the right form; its signature was not looked at."""
    try:
        text = base64.b64decode(answer, validate=True)
        parameters = msgspec.json.decode(text, type=_Answer).challenge.parameters
    except (ValueError, msgspec.MsgspecError, RecursionError):
        return None
    return parameters.nonce if parameters.algorithm == _ALGORITHM else None
