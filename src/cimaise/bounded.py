"""The same work for many things, a few of them at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


async def map_bounded(
    work: Callable[[Item], Awaitable[Result]], items: Iterable[Item], *, at_once: int
) -> list[Result]:
    """``work`` for each item; results in the same order.

    When one fails, or when this is cancelled, the others are cancelled, and none runs any more
    when this ends.

    Args:
        work: What is done with an item.
        items: All of them; each has a task, so no more than memory is for.
        at_once: So many are worked on at the same time.

    Raises:
        Exception: What ``work`` raised first, as it is.
    """
    places = asyncio.Semaphore(at_once)

    async def one(item: Item) -> Result:
        async with places:
            return await work(item)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(item)) for item in items]
    except ExceptionGroup as faults:
        raise faults.exceptions[0] from None
    return [task.result() for task in tasks]
