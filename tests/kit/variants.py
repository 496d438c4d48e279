"""What the tests of variants share."""

import threading
from contextlib import asynccontextmanager

from cimaise.images.pipeline import Rendered, render
from cimaise.images.spec import SpecLimits, parse_spec

CHROME = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"


def spec(**params):
    return parse_spec({name: str(v) for name, v in params.items()}, limits=SpecLimits())


class Counting:
    """Renders for real, counts, and waits at a gate."""

    def __init__(self):
        self.count = 0
        self.stopped = 0
        self.gate = threading.Event()
        self.gate.set()
        self.begun = threading.Event()

    def __call__(self, source, wanted, limits, stop) -> Rendered:
        self.count += 1
        self.begun.set()
        self.gate.wait(10)
        if stop.is_asked:
            self.stopped += 1
        return render(source, wanted, limits, stop)


def opener(source):
    opened = []

    @asynccontextmanager
    async def open_source():
        opened.append(1)
        yield source

    open_source.opened = opened  # type: ignore[attr-defined]
    return open_source
