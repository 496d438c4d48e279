"""The types of ASGI 3, and of the clock and the timer that a test may put in their place."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]


class Timer(Protocol):
    """Something that was put off and can be called off."""

    def cancel(self) -> None:
        """Call it off; calling off what has happened does nothing."""
        ...


CallLater = Callable[[float, Callable[[], None]], Timer]
