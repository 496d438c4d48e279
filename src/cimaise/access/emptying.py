"""A change of rights, after which what was remembered of them is forgotten, here and elsewhere."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Memory(Protocol):
    """What remembers rights for a moment."""

    @property
    def tell(self) -> Callable[[], Awaitable[None]] | None:
        """Lets other processes forget as well; ``None``: there are none."""

    def empty(self) -> None:
        """Forget everything, and what look-ups under way will find."""


async def emptied_by(memory: Memory, change: Coroutine[Any, Any, T]) -> T:
    """Run a change of rights and empty ``memory`` after it, even if the caller is cancelled."""

    async def whole() -> T:
        try:
            return await change
        finally:
            memory.empty()
            if memory.tell is not None:
                await memory.tell()

    return await asyncio.shield(asyncio.create_task(whole()))
