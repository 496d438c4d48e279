"""Pictures made for the tests, and libvips made fit for them."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import pyvips

from cimaise.images.codec import prepare_libvips

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session", autouse=True)
def _libvips() -> None:
    prepare_libvips()


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of real pictures; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("CIMAISE_CORPUS", ROOT.parent / "shared" / "corpus"))
    if not folder.is_dir():
        pytest.skip("no corpus of real pictures")
    return folder


def quadrants(width: int, height: int) -> pyvips.Image:
    """Red top left, green top right, blue bottom left, white bottom right."""
    left, top = width // 2, height // 2

    def plain(colour: tuple[int, int, int], across: int, down: int) -> pyvips.Image:
        black = pyvips.Image.black(across, down, bands=3)
        return (black + list(colour)).cast("uchar").copy(interpretation="srgb")

    upper = plain((255, 0, 0), left, top).join(plain((0, 255, 0), width - left, top), "horizontal")
    lower = plain((0, 0, 255), left, height - top).join(
        plain((255, 255, 255), width - left, height - top), "horizontal"
    )
    return upper.join(lower, "vertical").copy_memory()


def decoded(body: bytes) -> pyvips.Image:
    """The first frame, in memory."""
    return pyvips.Image.new_from_buffer(body, "").copy_memory()


def pixel(image: pyvips.Image, x: float, y: float) -> list[int]:
    """The colour at a place given from 0 to 1."""
    across = min(int(x * image.width), image.width - 1)
    return [
        round(v) for v in image.getpoint(across, min(int(y * image.height), image.height - 1))
    ]


def corner_names(image: pyvips.Image) -> str:
    """The corners clockwise from the top left: r, g, b, w (or ? where it is none of these)."""
    names = {(1, 0, 0): "r", (0, 1, 0): "g", (0, 0, 1): "b", (1, 1, 1): "w"}
    found = ""
    for x, y in ((0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9)):
        colour = pixel(image, x, y)[:3]
        found += names.get((colour[0] > 128, colour[1] > 128, colour[2] > 128), "?")
    return found


@pytest.fixture
def picture() -> Callable[..., bytes]:
    """``picture(width, height, suffix, **options)``: quadrants, encoded."""

    def make(width: int = 64, height: int = 48, suffix: str = ".png", **options: object) -> bytes:
        return bytes(quadrants(width, height).write_to_buffer(suffix, **options))

    return make
