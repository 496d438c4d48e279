"""State in a process of its own, driven by JSON lines: ``python -m tests.kit.state_process DIR``."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cimaise.state.base import Lease, Place, Rate, State
from cimaise.state.table import open_state

ROOT = Path(__file__).resolve().parents[2]


class OtherProcess:
    """The verbs of a state that another process has opened; ``process`` may be killed."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def _call(self, verb: str, *args: Any, **more: Any) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps([verb, args, more]).encode() + b"\n")
        await self.process.stdin.drain()
        return json.loads(await self.process.stdout.readline())

    async def take_lease(self, name: str, *, ttl_s: float) -> Lease | None:
        taken = await self._call("take_lease", name, ttl_s=ttl_s)
        return Lease(**taken) if taken else None

    async def renew_lease(self, lease: Lease, *, ttl_s: float) -> bool:
        return await self._call("renew_lease", asdict(lease), ttl_s=ttl_s)

    async def release_lease(self, lease: Lease) -> None:
        await self._call("release_lease", asdict(lease))

    async def hit(self, key: str, *, limit: int, window_s: float, amount: int = 1) -> Rate:
        return Rate(**await self._call("hit", key, limit=limit, window_s=window_s, amount=amount))

    async def enter(self, key: str, *, limit: int, ttl_s: float) -> Place | None:
        place = await self._call("enter", key, limit=limit, ttl_s=ttl_s)
        return Place(**place) if place else None

    async def leave(self, place: Place) -> None:
        await self._call("leave", asdict(place))

    async def publish(self, channel: str, message: str) -> None:
        await self._call("publish", channel, message)

    @asynccontextmanager
    async def subscribe(self, channel: str) -> AsyncIterator[AsyncIterator[str]]:
        await self._call("subscribe", channel)

        async def heard() -> AsyncIterator[str]:
            while True:
                yield await self._call("heard")

        yield heard()

    async def get(self, key: str) -> str | None:
        return await self._call("get", key)

    async def put(self, key: str, value: str, *, ttl_s: float) -> None:
        await self._call("put", key, value, ttl_s=ttl_s)

    async def check(self) -> None:
        await self._call("check")

    async def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        await self.process.wait()


async def start_other(data_dir: Path) -> OtherProcess:
    """Open ``local:`` of a data folder in a new process."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.kit.state_process", str(data_dir),
        cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    return OtherProcess(process)


async def _serve(state: State) -> None:
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    subscription: Any = None
    heard: Any = None
    while line := await lines.readline():
        verb, args, more = json.loads(line)
        if verb == "subscribe":
            subscription = state.subscribe(*args)
            heard = await subscription.__aenter__()
            answer: Any = True
        elif verb == "heard":
            answer = await anext(heard)
        else:
            kinds = {"renew_lease": Lease, "release_lease": Lease, "leave": Place}
            if verb in kinds:
                args = [kinds[verb](**args[0])]
            answer = await getattr(state, verb)(*args, **more)
            answer = asdict(answer) if isinstance(answer, Lease | Rate | Place) else answer
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    await state.close()


if __name__ == "__main__":
    asyncio.run(_serve(open_state("local:", data_dir=Path(sys.argv[1]))))
