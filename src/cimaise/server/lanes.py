"""What all connections of one event loop share."""

from typing import Any

from cimaise.server.files import FileLane
from cimaise.server.hot import HotLane
from cimaise.server.limits import Limits, Sweeper
from cimaise.server.receive import SharedBuffer
from cimaise.server.sendfile import ColdReader


class Lanes:
    """One of each."""

    def __init__(
        self, limits: Limits, hot: HotLane | None, files: FileLane[Any] | None = None
    ) -> None:
        self.limits = limits
        self.hot = hot
        self.files = files
        self.buffer = SharedBuffer()
        self.sweeper = Sweeper(limits.between_s)
        self.cold = ColdReader()
