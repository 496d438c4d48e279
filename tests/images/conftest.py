"""Pictures made for the tests, and libvips made fit for them."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from cimaise.images.libvips import prepare_libvips
from tests.kit.picture_server import (
    Certificate,
    PictureServer,
    make_certificate,
    picture_server,
)
from tests.kit.pictures import quadrants

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session", autouse=True)
def _libvips() -> None:
    prepare_libvips()


@pytest.fixture(scope="module", autouse=True)
def _no_certificates_of_the_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Whoever fetches reads hundreds of them first, which takes longer than most tests here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(tmp_path_factory.mktemp("none") / "none.pem"))
        yield


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of real pictures; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("MEDIA_CORPUS", ROOT.parent / "shared" / "corpus"))
    if not folder.is_dir():
        pytest.skip("no corpus of real pictures")
    return folder


@pytest.fixture
def picture() -> Callable[..., bytes]:
    """``picture(width, height, suffix, **options)``: quadrants, encoded."""

    def make(width: int = 64, height: int = 48, suffix: str = ".png", **options: object) -> bytes:
        return bytes(quadrants(width, height).write_to_buffer(suffix, **options))

    return make


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """For pictures.test and other.test, and for 127.0.0.1."""
    folder = tmp_path_factory.mktemp("tls")
    return make_certificate(folder, "pictures.test", "other.test", "127.0.0.1")


@pytest.fixture
async def server(certificate: Certificate) -> AsyncIterator[PictureServer]:
    """An HTTPS server on the loopback."""
    async with picture_server(certificate) as running:
        yield running


@pytest.fixture
def wait_until() -> Callable[[Callable[[], bool]], Awaitable[None]]:
    """``await wait_until(condition)``: let others run until it holds; fails after 10 seconds."""

    async def wait(condition: Callable[[], bool]) -> None:
        loop, ticks = asyncio.get_running_loop(), asyncio.Event()
        async with asyncio.timeout(10):
            while not condition():
                loop.call_later(0.001, ticks.set)
                await ticks.wait()
                ticks.clear()

    return wait
