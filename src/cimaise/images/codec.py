"""Reading and writing pictures: the promise, and how it is kept in this very process."""

from pathlib import Path
from typing import Protocol

import pyvips

from cimaise.errors import NotFound, TypeNotAllowed
from cimaise.images.colour import to_srgb
from cimaise.images.decoders.base import Cut, Frames, ImageHeader, Source, translating_faults
from cimaise.images.decoders.table import decoder_of
from cimaise.images.encoders.table import encoder_of
from cimaise.images.formats import HEAD_BYTES, Format, sniff
from cimaise.images.geometry import to_stored, to_stored_size
from cimaise.images.resizing import in_memory, resized, upright
from cimaise.images.spec import Box
from cimaise.images.stopping import Stop


class Codec(Protocol):
    """Reads headers, decodes and encodes. Called from any thread; may take long."""

    def read_header(self, source: Source) -> ImageHeader:
        """What the file says, without decoding a pixel.

        Raises:
            TypeNotAllowed: No picture of a known format (``not_an_image``).
            NotFound: There is no such file (``file_missing``).
        """

    def decode(self, source: Source, header: ImageHeader, cut: Cut, stop: Stop) -> Frames:
        """The pixels of a part of the picture, at the size that is needed.

        Raises:
            TypeNotAllowed: The file is broken (``not_an_image``).
            Invalid: It needs more time or memory than it may have (``too_complex``).
            ClientGone: Stopping was asked for.
        """

    def encode(self, image: pyvips.Image, name: str, quality: int, stop: Stop) -> bytes:
        """Write without any metadata; see :class:`cimaise.images.encoders.base.Encoder`.

        Raises:
            Invalid: It needs more time or memory than it may have (``too_complex``).
            ClientGone: Stopping was asked for.
        """


class OwnCodec:
    """Does it in the thread that calls. Only for formats whose loaders this process may use."""

    def read_header(self, source: Source) -> ImageHeader:
        """See :class:`Codec`."""
        return read_header(source)

    def decode(self, source: Source, header: ImageHeader, cut: Cut, stop: Stop) -> Frames:
        """See :class:`Codec`."""
        with translating_faults("decode"):
            try:
                return _decoded(source, header, cut, stop)
            except pyvips.Error:
                stop.require_wanted()
                raise

    def encode(self, image: pyvips.Image, name: str, quality: int, stop: Stop) -> bytes:
        """See :class:`Codec`."""
        with translating_faults("encode"):
            try:
                return encoder_of(name).encode(stop.watch(image), quality)
            except pyvips.Error:
                stop.require_wanted()
                raise


def sniffed(source: Source) -> Format:
    """The format that the file begins with.

    Raises:
        TypeNotAllowed: None that is known (``not_an_image``).
        NotFound: There is no such file (``file_missing``).
    """
    known = sniff(source[:HEAD_BYTES] if isinstance(source, bytes) else _head_of(source))
    if known is None:
        raise TypeNotAllowed("The file is no picture of a known format.", code="not_an_image")
    return known


def read_header(source: Source) -> ImageHeader:
    """Read what the file says, in this process.

    Args:
        source: A whole file, or its path. The first 64 KiB are enough for most JPEG and PNG files,
            not for the others.

    Raises:
        TypeNotAllowed: No picture of a known format (``not_an_image``).
        NotFound: There is no such file (``file_missing``).
    """
    known = sniffed(source)
    with translating_faults("header"):
        return decoder_of(known.name).read_header(source)


def _head_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except FileNotFoundError:
        raise NotFound("The file of the picture is missing.", code="file_missing") from None


def _decoded(source: Source, header: ImageHeader, cut: Cut, stop: Stop) -> Frames:
    box = to_stored(cut.box, header.orientation, *header.stored_size)
    size = to_stored_size(cut.size, header.orientation)
    factor = min(box[2] / size[0], box[3] / size[1])
    image = decoder_of(header.format).open(source, header, cut.count, factor)
    page_height = image.height // cut.count
    box = _loaded_box(box, header.stored_size, (image.width, page_height))
    images = []
    for index in range(cut.count):  # in order: the source is read only once, from top to bottom
        left, top, width, height = box
        is_all = (width, height) == (image.width, image.height)
        part = (
            image if is_all else image.extract_area(left, top + index * page_height, width, height)
        )
        small = in_memory(to_srgb(resized(part, size)), stop)
        is_upright = header.orientation == 1
        images.append(small if is_upright else in_memory(upright(small, header.orientation), stop))
    if cut.count == 1:
        return Frames(tuple(images))
    delays = tuple(image.get("delay")) if image.get_typeof("delay") else ()
    loop = int(image.get("loop")) if image.get_typeof("loop") else 0
    return Frames(tuple(images), delays[: cut.count], loop)


def _loaded_box(box: Box, stored: tuple[int, int], loaded: tuple[int, int]) -> Box:
    """The box in pixels of what was loaded, which may be smaller than what is stored."""
    across, down = loaded[0] / stored[0], loaded[1] / stored[1]
    left = min(round(box[0] * across), loaded[0] - 1)
    top = min(round(box[1] * down), loaded[1] - 1)
    width = max(1, min(round(box[2] * across), loaded[0] - left))
    height = max(1, min(round(box[3] * down), loaded[1] - top))
    return left, top, width, height
