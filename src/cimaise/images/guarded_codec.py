"""Who decodes: this process, or one that can be killed."""

from typing import Final

import pyvips

from cimaise.errors import Invalid, Limit, NotFound, TypeNotAllowed
from cimaise.images.codec import OwnCodec, sniffed
from cimaise.images.decoders.base import Cut, Frames, ImageHeader, Source, translating_faults
from cimaise.images.encoders.table import ISOLATED
from cimaise.images.formats import FORMATS
from cimaise.images.isolation import messages as m
from cimaise.images.isolation.process import body_of
from cimaise.images.isolation.processes import Processes
from cimaise.images.resizing import from_pixels
from cimaise.images.stopping import Stop

MAX_OWN_BYTES: Final = 64 * 1024 * 1024
"""What a decoder may hold at once in this process; more is decoded apart."""
_RGB: Final = 3
_ORIENTATIONS: Final = 8


class GuardedCodec:
    """Reads and writes without letting a picture harm the server; see :class:`Codec`.

    JPEG, PNG, WebP and GIF are decoded in the thread that calls: libvips stops them when asked to,
    and they take little memory. All else, and those of them that must be unpacked whole and are
    large, are decoded in a process with limits of its own, and so are formats written whose
    encoder cannot be stopped.
    """

    def __init__(self, processes: Processes, *, max_s: float, max_bytes: int) -> None:
        """Put the parts together.

        Args:
            processes: Where decoding apart happens.
            max_s: Longest work on one picture, apart.
            max_bytes: Most memory for it, as the processes have it.
        """
        self._processes = processes
        self._max_s = max_s
        self._max_bytes = max_bytes
        self._own = OwnCodec()

    def read_header(self, source: Source) -> ImageHeader:
        """See :class:`cimaise.images.codec.Codec`."""
        if not sniffed(source).is_isolated:
            return self._own.read_header(source)
        size, body = body_of(source)
        answer = self._ask(m.ReadHeader(size), body, self._max_s, None)[0]
        if not isinstance(answer, m.Header) or not _is_sound(answer.header):
            raise _nonsense()
        return answer.header

    def decode(self, source: Source, header: ImageHeader, cut: Cut, stop: Stop) -> Frames:
        """See :class:`cimaise.images.codec.Codec`."""
        is_small = header.whole_bytes <= MAX_OWN_BYTES
        if is_small and not FORMATS[header.format].is_isolated:
            return self._own.decode(source, header, cut, stop)
        if header.whole_bytes > self._max_bytes:
            raise Invalid(
                "The picture needs more memory to decode than it may have.",
                code="too_complex",
                limit=Limit("images.decoder_bytes", self._max_bytes, header.whole_bytes),
            )
        size, body = body_of(source)
        answer, pixels = self._ask(
            m.Decode(size, header, cut, self._max_s), body, self._max_s, stop
        )
        if not isinstance(answer, m.Pixels):
            raise _nonsense()
        return _frames(answer, pixels, cut)

    def encode(self, image: pyvips.Image, name: str, quality: int, stop: Stop) -> bytes:
        """See :class:`cimaise.images.codec.Codec`."""
        if name not in ISOLATED:
            return self._own.encode(image, name, quality, stop)
        with translating_faults("encode"):
            try:
                pixels = memoryview(stop.watch(image).write_to_memory())
            except pyvips.Error:
                stop.require_wanted()
                raise
        request = m.Encode(name, quality, image.width, image.height, image.bands, self._max_s)
        answer, body = self._ask(request, pixels, self._max_s, stop)
        if not isinstance(answer, m.Encoded):
            raise _nonsense()
        return bytes(body)

    def close(self) -> None:
        """End the processes."""
        self._processes.close()

    def _ask(
        self, request: m.Request, body: object, max_s: float, stop: Stop | None
    ) -> tuple[m.Answer, bytearray]:
        try:
            return self._processes.ask(request, body, max_s=max_s, stop=stop)  # type: ignore[arg-type]
        except FileNotFoundError:
            raise NotFound("The file of the picture is missing.", code="file_missing") from None


def _frames(answer: m.Pixels, pixels: bytearray, cut: Cut) -> Frames:
    """The pixels as pictures, if they are what was asked for."""
    is_good = (
        (answer.width, answer.height) == cut.size
        and answer.frames == cut.count
        and answer.bands in (_RGB, _RGB + 1)
    )
    if not is_good:
        raise _nonsense()
    length = answer.width * answer.height * answer.bands
    images = tuple(
        from_pixels(
            pixels[at * length : (at + 1) * length], answer.width, answer.height, answer.bands
        )
        for at in range(answer.frames)
    )
    return Frames(images, answer.delays_ms[: answer.frames], max(0, answer.loop))


def _is_sound(header: ImageHeader) -> bool:
    numbers = (header.width, header.height, header.frames, header.orientation)
    return min(numbers) > 0 and header.orientation <= _ORIENTATIONS and header.format in FORMATS


def _nonsense() -> TypeNotAllowed:
    return TypeNotAllowed("The file is no picture that can be read.", code="not_an_image")
