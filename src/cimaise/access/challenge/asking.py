"""When a challenge is asked for, and that each solution is good for one request."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from cimaise.access.challenge.base import MAX_ANSWER_CHARS, Challenge
from cimaise.access.secret_texts import digest_of
from cimaise.errors import Forbidden, Unavailable
from cimaise.state.base import State

CODE: Final = "challenge_needed"
CLEARED_S: Final = 1800.0
"""How long whoever gave cause for care may upload after a solved challenge."""

_FAILURES_WINDOW_S: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Challenges:
    """Asked by whoever is about to let something be done.

    Attributes:
        challenge: The one that is set; ``None``: nobody is ever asked.
        state: What processes share: failures, and solutions that were used.
        after_failures: Failed sign-ins within an hour, of an address or of an account.
        ttl_s: How long a solution is remembered, at least as long as one is good.
    """

    challenge: Challenge | None
    state: State
    after_failures: int
    ttl_s: float

    async def is_needed_to_sign_in(self, *, address: str, login: str) -> bool:
        """After failures from this address, or at this name."""
        if self.challenge is None:
            return False
        try:
            flags = [await self.state.get(_flag(who)) for who in (address, login) if who]
        except Unavailable:  # what limits the tries goes on without the state
            return False
        return any(flag is not None for flag in flags)

    async def note_failure(self, *, address: str, login: str) -> None:
        """A sign-in has failed."""
        for who in filter(None, (address, login)):
            rate = await self.state.hit(
                f"failed {_flag(who)}", limit=self.after_failures, window_s=_FAILURES_WINDOW_S
            )
            if not rate.remaining:
                try:
                    await self.state.put(_flag(who), "1", ttl_s=_FAILURES_WINDOW_S)
                except Unavailable:
                    return

    async def is_cleared(self, holder: str) -> bool:
        """Nothing has to be solved by this account or address now."""
        if self.challenge is None:
            return True
        try:
            return await self.state.get(_clearance(holder)) is not None
        except Unavailable:
            return False

    async def clear(self, answer: str | None, *, holder: str, address: str) -> None:
        """A solved challenge that is good for a while: many files are sent one after another.

        Raises:
            Forbidden, UpstreamFailed, UpstreamTimedOut: As for :meth:`require`.
        """
        await self.require(answer, address=address)
        with suppress(Unavailable):  # then the next upload asks again
            await self.state.put(_clearance(holder), "1", ttl_s=CLEARED_S)

    async def require(self, answer: str | None, *, address: str) -> None:
        """A right answer that was not used before, or ``Forbidden`` with ``challenge_needed``.

        Nothing is asked for where no challenge is set.

        Raises:
            Forbidden: No answer, a wrong one, or one that was used.
            UpstreamFailed, UpstreamTimedOut: It can't be known.
        """
        if self.challenge is None:
            return
        if not answer:
            raise Forbidden("Solve a challenge first.", code=CODE)
        if len(answer) > MAX_ANSWER_CHARS:
            raise Forbidden("The challenge was not solved.", code=CODE)
        solution = await self.challenge.verify(answer, address=address)
        if solution is None:
            raise Forbidden("The challenge was not solved, or too late.", code=CODE)
        used = await self.state.hit(
            f"challenge {digest_of(solution)}", limit=1, window_s=2 * self.ttl_s
        )
        if not used.is_allowed:
            raise Forbidden("This solution was used before.", code=CODE)


def _flag(who: str) -> str:
    text = who.strip().lower().encode(errors="replace").decode()
    return f"sign-in challenge {digest_of(text)}"


def _clearance(holder: str) -> str:
    return f"cleared {digest_of(holder)}"
