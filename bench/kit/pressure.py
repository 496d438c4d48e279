"""Many huge requests at once, and how long somebody else waits meanwhile."""

import asyncio
import http.client
import threading
import time

from bench.kit.rounds import Facts

AT_LEAST = 500
LONGEST_S = 60


def measure_pressure(port: int, kept: str, huge: list[str]) -> Facts:
    """Ask for all of ``huge`` at once; meanwhile for ``kept``, again and again on one connection.

    What is refused counts as answered: that is what a bounded queue is for.
    """
    statuses: list[int] = []
    crowd = threading.Thread(target=lambda: asyncio.run(_crowd(port, huge, statuses)))
    crowd.start()
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    each_s: list[float] = []
    stop = time.monotonic() + LONGEST_S
    while (crowd.is_alive() or len(each_s) < AT_LEAST) and time.monotonic() < stop:
        begun = time.perf_counter()
        client.request("GET", kept)
        client.getresponse().read()
        each_s.append(time.perf_counter() - begun)
        time.sleep(0.002)
    still_waiting = len(huge) - len(statuses)
    crowd.join()
    ordered = sorted(each_s)
    return {
        "p50 ms": ordered[len(ordered) // 2] * 1000,
        "p99 ms": ordered[int(len(ordered) * 0.99)] * 1000,
        "requests": len(each_s),
        "refused": statuses.count(503),
        "made": statuses.count(200),
        "not answered": statuses.count(0),
        "waiting at the end": still_waiting,
    }


async def _crowd(port: int, paths: list[str], statuses: list[int]) -> None:
    await asyncio.gather(*(_ask(port, path, statuses) for path in paths))


async def _ask(port: int, path: str, statuses: list[int]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n".encode())
        head = await asyncio.wait_for(reader.readline(), LONGEST_S + 30)
        statuses.append(int(head.split()[1]) if head else 0)
    except (TimeoutError, ConnectionError):
        statuses.append(0)
    finally:
        writer.close()
