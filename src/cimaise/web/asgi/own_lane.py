"""What the server may say by itself to whoever showed the same credential a moment ago."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cimaise.access.risk.watch import Watch
from cimaise.images.keeping.hot import Answer
from cimaise.images.keeping.hot_own import OwnAnswers
from cimaise.web.limits.limiting import Kind, Limiter


@dataclass(frozen=True, slots=True)
class OwnLane:
    """See ``cimaise.server.hot.Own``."""

    answers: OwnAnswers
    limiter: Limiter
    watch: Watch

    @property
    def key_of(self) -> Callable[[bytes, Sequence[tuple[bytes, bytes]]], str | None]:
        """See :meth:`OwnAnswers.key_of`."""
        return self.answers.key_of

    @property
    def get(self) -> Callable[[str], Answer | None]:
        """See :meth:`OwnAnswers.get`."""
        return self.answers.get

    def admit(self, account_id: str, host: str | None) -> bool:
        """Count a picture; ``False``: the request has to go the usual way."""
        return self.limiter.admit(Kind.PICTURE, host, account_id)

    def welcomes(self, host: str | None) -> bool:
        """``False``: the request has to go the usual way, which knows who is banned."""
        return self.watch.welcomes(host)
