"""Audio. Streams without a container are believed when a second frame follows the first."""

from collections.abc import Callable
from typing import Final

from cimaise.uploads.signatures.base import Head, Signature, number
from cimaise.uploads.signatures.boxes import brands
from cimaise.uploads.signatures.riff import has_chunk, is_riff
from cimaise.uploads.signatures.video import ogg_codec

_ID3_HEADER_BYTES: Final = 10
_ID3_NAME_BYTES: Final = {2: 3, 3: 4, 4: 4}
_MPEG_RATES: Final = {
    # version, layer → kbit/s by index 1 to 14
    (3, 3): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (3, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (3, 1): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 3): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 1): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_MPEG_HERTZ: Final = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_MPEG_1: Final = 3
_LAYER_1: Final = 3
_LAYER_3: Final = 1
_OGG_AUDIO: Final = (b"\x01vorbis", b"OpusHead", b"\x7fFLAC", b"Speex   ")
_M4A: Final = (b"M4A", b"M4B", b"M4P")


def _id3_end(head: Head) -> int | None:
    """Where an ID3v2 tag with a sound frame or padding in it ends (id3v2.4.0 §3.1)."""
    data = head.data
    if data[:3] != b"ID3" or len(data) < _ID3_HEADER_BYTES + 4:
        return None
    version, revision, flags, size = data[3], data[4], data[5], data[6:10]
    if version not in _ID3_NAME_BYTES or revision == 0xFF or flags & 0x0F or max(size) > 0x7F:  # noqa: PLR2004
        return None
    length = sum(byte << 7 * place for place, byte in enumerate(reversed(size)))
    end = _ID3_HEADER_BYTES + length
    name = data[_ID3_HEADER_BYTES : _ID3_HEADER_BYTES + _ID3_NAME_BYTES[version]]
    is_name = name.isalnum() and name == name.upper()
    has_extended_header = bool(flags & 0x40)
    sound = is_name or has_extended_header or not any(name)
    return end if sound and end < head.size else None


def _is_mp3(head: Head) -> bool:
    end = _id3_end(head)
    if end is None:
        return _is_frames(head.data, 0, _mpeg_frame_bytes)
    after = head.data[end:].lstrip(b"\0")  # padding that the tag's size left out
    return not after or _mpeg_frame_bytes(after, 0) > 0


def _mpeg_frame_bytes(data: bytes, at: int) -> int:
    """Length of the MPEG audio frame at ``at`` (ISO/IEC 11172-3 §2.4.1.3); 0 where there is none."""
    header = number(data, at, 4, "big", absent=0)
    version, layer = header >> 19 & 3, header >> 17 & 3
    rate, hertz = header >> 12 & 15, header >> 10 & 3
    if header >> 21 != 0x7FF or version == 1 or not layer or rate in {0, 15} or hertz == 3:  # noqa: PLR2004
        return 0
    bits = 1000 * _MPEG_RATES[_MPEG_1 if version == _MPEG_1 else 2, layer][rate - 1]
    hertz, padding = _MPEG_HERTZ[version][hertz], header >> 9 & 1
    if layer == _LAYER_1:
        return (12 * bits // hertz + padding) * 4
    samples = 72 if layer == _LAYER_3 and version != _MPEG_1 else 144
    return samples * bits // hertz + padding


def _adts_frame_bytes(data: bytes, at: int) -> int:
    """Length of the ADTS frame at ``at`` (ISO/IEC 13818-7 §6.2); 0 where there is none."""
    header = number(data, at, 7, "big", absent=0)
    if header >> 44 != 0xFFF or header >> 41 & 3 or header >> 34 & 15 > 12:  # noqa: PLR2004
        return 0
    length = header >> 13 & 0x1FFF
    return length if length > 7 else 0  # noqa: PLR2004


def _is_frames(data: bytes, at: int, frame_bytes: Callable[[bytes, int], int]) -> bool:
    """Two frames, one after the other."""
    length = frame_bytes(data, at)
    return length > 0 and frame_bytes(data, at + length) > 0


def _is_aac(head: Head) -> bool:
    return _is_frames(head.data, _id3_end(head) or 0, _adts_frame_bytes)


def _is_flac(head: Head) -> bool:
    """RFC 9639 §8.1, §8.2: STREAMINFO comes first and is 34 bytes; ID3 may stand before it."""
    at = _id3_end(head) or 0
    block = number(head.data, at + 4, 4, "big")
    return head.data[at : at + 4] == b"fLaC" and block & 0x7FFF_FFFF == 34  # noqa: PLR2004


def _is_wav(head: Head) -> bool:
    return is_riff(head, b"WAVE") and has_chunk(head, b"fmt ", least_bytes=14)


def _is_aiff(head: Head) -> bool:
    data = head.data
    fits = number(data, 4, 4, "big") + 8 <= head.size + 1
    return data[:4] == b"FORM" and data[8:12] in {b"AIFF", b"AIFC"} and fits


def _is_m4a(head: Head) -> bool:
    found = brands(head)
    return found is not None and found.major.startswith(_M4A)


def _is_ogg_audio(head: Head) -> bool:
    return (ogg_codec(head) or b"").startswith(_OGG_AUDIO)


FLAC: Final = Signature("audio/flac", (".flac",), _is_flac)
AAC: Final = Signature("audio/aac", (".aac",), _is_aac)
MP3: Final = Signature("audio/mpeg", (".mp3", ".mp2", ".mpga"), _is_mp3)
WAV: Final = Signature("audio/wav", (".wav",), _is_wav)
AIFF: Final = Signature("audio/aiff", (".aif", ".aiff", ".aifc"), _is_aiff)
M4A: Final = Signature("audio/mp4", (".m4a", ".m4b"), _is_m4a)
OGG_AUDIO: Final = Signature("audio/ogg", (".ogg", ".oga", ".opus", ".spx"), _is_ogg_audio)
