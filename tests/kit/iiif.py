"""The reference picture of the official IIIF validator, and the validator itself as a program."""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pyvips
from iiif_validator.validator import ValidationInfo

_SQUARE_PX = 100
_SQUARES = 10
_DONE = re.compile(r"Done \((\d+) tests, (\d+) failures\)")


def reference_picture() -> bytes:
    """A PNG of 1000 by 1000 pixels: ten by ten squares in the validator's own colours.

    Its pixels are the same as those of the picture that the validator's makers publish.
    """
    colours = ValidationInfo().colorInfo
    squares = [
        (pyvips.Image.black(_SQUARE_PX, _SQUARE_PX, bands=3) + list(colours[x][y])).cast("uchar")
        for y in range(_SQUARES)
        for x in range(_SQUARES)
    ]
    joined = pyvips.Image.arrayjoin(squares, across=_SQUARES).copy(interpretation="srgb")
    return bytes(joined.write_to_buffer(".png"))


@dataclass(frozen=True)
class Verdict:
    """What the validator says: how many tests it ran, how many failed, its whole text."""

    tests: int
    failures: int
    text: str


def validate(url: str, identifier: str, version: int, level: int = 2) -> Verdict:
    """Run the official validator on a running server.

    ``identifier`` is one segment of the address, already percent-encoded where it has to be.
    """
    program = Path(sys.executable).with_name("iiif-validate.py")
    command = [
        sys.executable, str(program), "-s", urlsplit(url).netloc, "-p", f"iiif/{version}",
        "-i", identifier, f"--version={version}.0", f"--level={level}", "-v",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    text = done.stdout + done.stderr
    found = _DONE.search(text)
    assert found is not None, text
    return Verdict(int(found[1]), int(found[2]), text)
