"""Runs a target under libFuzzer, by atheris: inputs change so that more and more code is reached.

A target takes bytes and returns nothing. It fails by raising what was not foreseen, by a broken
``assert``, or by taking longer than :data:`MOST_S`.
"""

import logging
import sys
from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path
from typing import Final

import atheris

from cimaise.errors import CimaiseError

MOST_S: Final = 5
_CORPORA: Final = Path(__file__).parents[1] / ".cache" / "fuzz"


def fuzz(target: Callable[[bytes], None], seeds: Iterable[bytes], *, max_bytes: int = 4096) -> None:
    """Never returns. The command line is ``[PLACE] [OPTION OF LIBFUZZER]...``.

    ``PLACE`` is the folder that inputs are kept in, or one input to be tried once more.

    Args:
        target: Called with one input after another. A ``CimaiseError`` is an answer.
        seeds: Sound inputs to begin with.
        max_bytes: Of an input.
    """
    words = sys.argv[1:]
    own = _CORPORA / Path(sys.argv[0]).stem
    place = Path(words.pop(0)) if words and not words[0].startswith("-") else own
    folder = place.parent if place.is_file() else place
    if place == folder:
        _keep(folder, (seed for seed in seeds if len(seed) <= max_bytes))
    logging.disable()
    limits = (f"-timeout={MOST_S}", f"-max_len={max_bytes}", f"-artifact_prefix={folder}/failed-")
    atheris.Setup([sys.argv[0], *limits, *words, str(place)], _answering(target))
    atheris.Fuzz()


def _keep(folder: Path, seeds: Iterable[bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        (folder / sha256(seed).hexdigest()).write_bytes(seed)


def _answering(target: Callable[[bytes], None]) -> Callable[[bytes], None]:
    def one(data: bytes) -> None:
        try:
            target(data)
        except CimaiseError:
            return

    return one
