"""Short films, made by a real encoder."""

from fractions import Fraction
from pathlib import Path
from typing import Final

import av
from av.video.stream import VideoStream

SECONDS: Final = 8
FRAMES_PER_SECOND: Final = 10
_SIZE: Final = (160, 96)


def film(container: str, folder: Path) -> bytes:
    """Eight seconds that go from black to white; ``mp4`` (H.264) or ``webm`` (VP8).

    ``folder`` is where the encoder may write.
    """
    codec = {"mp4": "libx264", "webm": "libvpx"}[container]
    out = folder / f"film.{container}"
    options = {"movflags": "faststart"} if container == "mp4" else {}
    with av.open(out, "w", format=container, options=options) as target:
        stream = target.add_stream(codec, rate=FRAMES_PER_SECOND)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = _SIZE
        stream.pix_fmt = "yuv420p"
        stream.time_base = Fraction(1, FRAMES_PER_SECOND)
        stream.options = {"g": str(FRAMES_PER_SECOND)}  # a key frame a second: seeking lands there
        count = SECONDS * FRAMES_PER_SECOND
        for number in range(count):
            grey = 255 * number // count
            frame = av.VideoFrame(*_SIZE, "rgb24")
            frame.planes[0].update(bytes([grey]) * frame.planes[0].buffer_size)
            frame.pts = number
            target.mux(stream.encode(frame.reformat(format="yuv420p")))
        target.mux(stream.encode())
    return out.read_bytes()
