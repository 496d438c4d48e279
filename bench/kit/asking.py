"""Many requests over a few connections that stay open, and how long each took."""

import http.client
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue


@dataclass
class Asked:
    """Seconds in all, seconds of each request, bytes of all bodies."""

    wall_s: float
    each_s: list[float]
    body_bytes: int

    def quantile_ms(self, share: float) -> float:
        """Milliseconds that so many of the requests stayed below."""
        ordered = sorted(self.each_s)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000


def ask(port: int, paths: Sequence[str], connections: int) -> Asked:
    """GET every path once. Raises where one is not answered with 200."""
    waiting: SimpleQueue[str] = SimpleQueue()
    for path in paths:
        waiting.put(path)
    each_s: list[float] = []
    sizes: list[int] = []
    faults: list[str] = []

    def work() -> None:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
        while not faults:
            try:
                path = waiting.get_nowait()
            except Empty:
                break
            begun = time.perf_counter()
            client.request("GET", path)
            answer = client.getresponse()
            body = answer.read()
            each_s.append(time.perf_counter() - begun)
            sizes.append(len(body))
            if answer.status != http.client.OK:
                faults.append(f"{path}: {answer.status} {body[:200]!r}")
        client.close()

    begun = time.perf_counter()
    threads = [threading.Thread(target=work) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise RuntimeError(faults[0])
    return Asked(time.perf_counter() - begun, each_s, sum(sizes))
