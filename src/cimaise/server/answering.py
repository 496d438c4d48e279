"""What a connection and the answer that it is giving know of each other."""

from typing import Protocol

from cimaise.server.answers import Header
from cimaise.server.receive import Inflow


class Answering(Protocol):
    """An answer that is being given.

    Attributes:
        awaits_continue: The client waits for ``100 Continue`` before it sends the body.
        keeps_alive: The connection goes on after this.
    """

    awaits_continue: bool
    keeps_alive: bool

    @property
    def inflow(self) -> Inflow:
        """The request's body."""
        ...

    @property
    def has_begun(self) -> bool:
        """Something of the answer is on the wire."""
        ...

    def leave(self) -> None:
        """The client has gone."""
        ...


class Owner(Protocol):
    """The connection, as its answers see it."""

    @property
    def default_headers(self) -> list[Header]:
        """What every answer carries."""
        ...

    def answer_done(self, answer: Answering) -> None:
        """The answer is whole."""
        ...

    def cut(self, *, by_reset: bool = False) -> None:
        """The answer will never be whole; an end without a reset would look as if it were."""
        ...
