"""Photographs to measure with: from a folder of real ones where there is one, else drawn."""

import os
import random
import shutil
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import pyvips

ROOT = Path(__file__).parents[2]
LARGE = (4000, 3000)
MIDDLE = (1800, 1200)
MIN_PX = 8_000_000


def large_photographs(folder: Path, count: int) -> list[Path]:
    """JPEG files of 12 megapixels."""
    return [
        _write(picture, folder / f"large-{number:03}.jpg", LARGE, None)
        for number, picture in zip(range(count), cycle(_originals()), strict=False)
    ]


def middle_photographs(folder: Path, count: int) -> list[Path]:
    """Distinct JPEG files of 2 megapixels: parts of the large ones, each another one."""
    chance = random.Random(1)
    return [
        _write(picture, folder / f"middle-{number:03}.jpg", MIDDLE, chance)
        for number, picture in zip(range(count), cycle(_originals()), strict=False)
    ]


def png_pictures(folder: Path, count: int) -> list[Path]:
    """PNG files of 2 megapixels."""
    chance, made = random.Random(2), []
    for number, picture in zip(range(count), cycle(_originals()), strict=False):
        file = folder / f"png-{number:03}.png"
        _part(picture, MIDDLE, chance).pngsave(str(file), compression=6)
        made.append(file)
    return made


def hostile_files(folder: Path) -> list[str]:
    """Names of broken and oversized files of the corpus, else of parts of a photograph."""
    found = sorted((_corpus() / "hostile").iterdir()) if (_corpus() / "hostile").is_dir() else []
    names = [shutil.copy(file, folder).rpartition("/")[2] for file in found]
    if not names:
        whole = large_photographs(folder, 1)[0].read_bytes()
        for share in range(1, 10):
            name = f"cut-{share}.jpg"
            (folder / name).write_bytes(whole[: len(whole) * share // 10])
            names.append(name)
    return names


def _corpus() -> Path:
    return Path(os.environ.get("MEDIA_CORPUS", ROOT.parent / "shared" / "corpus"))


def _write(
    picture: pyvips.Image, file: Path, size: tuple[int, int], chance: random.Random | None
) -> Path:
    if chance is None:
        part = picture.thumbnail_image(size[0], height=size[1], crop="centre", size="both")
    else:
        part = _part(picture, size, chance)
    part.jpegsave(str(file), Q=90, keep="none")
    return file


def _part(picture: pyvips.Image, size: tuple[int, int], chance: random.Random) -> pyvips.Image:
    left = chance.randrange(picture.width - size[0])
    top = chance.randrange(picture.height - size[1])
    return picture.crop(left, top, *size)


def _originals() -> list[pyvips.Image]:
    found = list(_real())
    return found or [_drawn(number) for number in range(4)]


def _real() -> Iterator[pyvips.Image]:
    for file in sorted((_corpus() / "landscapes").glob("*.jpg")):
        picture = pyvips.Image.new_from_file(str(file))
        if picture.width * picture.height >= MIN_PX:
            yield (
                picture.icc_transform("srgb") if picture.get_typeof("icc-profile-data") else picture
            )


def _drawn(seed: int) -> pyvips.Image:
    """Something with edges and grain, as photographs have; said to be drawn in the results."""
    noise = pyvips.Image.gaussnoise(*LARGE, sigma=8, mean=0, seed=seed)
    waves = pyvips.Image.perlin(*LARGE, cell_size=300, seed=seed) * 90 + 128
    bands = [waves + noise + shift for shift in (0, 20, -20)]
    return bands[0].bandjoin(bands[1:]).cast("uchar").copy(interpretation="srgb").copy_memory()
