from ipaddress import ip_network

import pytest

from cimaise.images.keeping.cache import Cache
from cimaise.images.keeping.kept import Kept
from cimaise.images.lanes import Lanes
from cimaise.images.limits import RenderLimits
from cimaise.images.remote.fetching import Remote
from cimaise.images.variants import Variants
from tests.kit.variants import Counting


@pytest.fixture
def renderer():
    return Counting()


@pytest.fixture
def ticks():
    """Seconds that only go up."""
    return [0.0]


@pytest.fixture
def build(tmp_path, certificate, renderer, clock, ticks):
    async def resolve(host, port):
        return ["127.0.0.1"] if host.endswith(".test") else ["10.0.0.1"]

    async def make(threads=2, queue=50):
        cache = Cache(tmp_path / "cache", max_bytes=10_000_000)
        await cache.start()
        return Variants(
            kept=Kept(cache),
            lanes=Lanes(threads=threads, queue=queue, costly_queue=queue),
            remote=Remote(
                allow_addresses=(ip_network("127.0.0.0/8"),),
                ca_file=str(certificate.certificate),
                resolve=resolve,
            ),
            limits=RenderLimits(),
            render=renderer,
            now=lambda: clock().timestamp(),
            ticks=lambda: ticks[0],
        )

    return make


@pytest.fixture
async def variants(build):
    made = await build()
    yield made
    await made.close()
