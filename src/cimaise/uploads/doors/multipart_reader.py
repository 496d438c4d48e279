"""The parts of a ``multipart/form-data`` body (RFC 7578), chunk by chunk.

The push parser of python-multipart knows the grammar; this turns its calls into events. Most bytes
of a form are a file's: where no boundary is near them, they do not go through the parser.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, MultipartState, parse_options_header

from cimaise.errors import Limit, Malformed, TooLarge
from cimaise.rfc.media_types import parse_parameters
from cimaise.rfc.texts import require_no_nul
from cimaise.storage.bodies import Memory, Take
from cimaise.uploads.doors.finding import find, find_begun

MAX_PARTS: Final = 1000
MAX_FIELD_BYTES: Final = 64 * 1024
MAX_HEADERS: Final = 16
MAX_HEADER_BYTES: Final = 8 * 1024
"""Of one line of a part's head."""

_PARSED_BYTES: Final = 16 * 1024
"""What the parser gets at a time."""

_AS_IT_IS: Final = frozenset({"", "binary", "8bit", "7bit"})
_CHARSETS: Final = frozenset({"utf-8", "iso-8859-1"})


@dataclass(frozen=True, slots=True)
class Field:
    """An ordinary field, whole."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class FileStart:
    """A file begins; its bytes follow. An empty ``filename``: nothing was chosen."""

    name: str
    filename: str
    content_type: str | None


@dataclass(frozen=True, slots=True)
class FileData:
    """Some bytes of the file; they stay as they are."""

    chunk: Memory


@dataclass(frozen=True, slots=True)
class FileEnd:
    """The file is whole."""


Event = Field | FileStart | FileData | FileEnd


class Direct:
    """Who takes the bytes of the file that the form is at, without an event for them."""

    def __init__(self, take: Take) -> None:
        self._take = take
        self.given_bytes = 0
        self.fault: BaseException | None = None

    def give(self, piece: Memory) -> None:
        """What the taker raises waits until the parser has come to the end of its chunk."""
        if self.fault is None:
            try:
                self._take(piece)
            except BaseException as fault:
                self.fault = fault
        self.given_bytes += len(piece)


class Reader:
    """Takes the body in chunks of any size; ``events`` is what was found.

    Attributes:
        events: Not looked at yet, oldest first.
        direct: Where the bytes of a file go instead, while no event waits.
    """

    def __init__(self, boundary: bytes) -> None:
        self.direct: Direct | None = None
        self.events: deque[Event] = deque()
        self._delimiter = b"\r\n--" + boundary
        self._parts = 0
        self._begun = False
        self._ended = False
        self._headers: dict[str, str] = {}
        self._header_name = bytearray()
        self._header_value = bytearray()
        self._field: tuple[str, bytearray] | None = None
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._part_begin,
                    "on_header_field": self._header_field,
                    "on_header_value": self._header_part,
                    "on_header_end": self._header_end,
                    "on_headers_finished": self._headers_finished,
                    "on_part_data": self._part_data,
                    "on_part_end": self._part_end,
                    "on_end": self._end,
                },
                max_header_count=MAX_HEADERS,
                max_header_size=MAX_HEADER_BYTES,
            )
        except FormParserError as fault:
            raise Malformed("The form's boundary is too long.") from fault

    def feed(self, chunk: Memory) -> None:
        """Turn some bytes into events. They may change when this has returned."""
        left = memoryview(chunk)
        while left:
            left = left[self._pass_by(left) :]
            self._parse(bytes(left[:_PARSED_BYTES]))
            left = left[_PARSED_BYTES:]

    def _pass_by(self, chunk: memoryview) -> int:
        """Let bytes at the beginning that are certainly a file's go past the parser; gives how many.

        It is in a file, and has no part of a boundary behind it: then nothing that it would do
        depends on them.
        """
        parser = self._parser
        if self._field or parser.state is not MultipartState.PART_DATA or parser.index:
            return 0
        end = find(chunk, self._delimiter)
        if end < 0:
            end = find_begun(chunk, self._delimiter)
        if end < 0:
            end = len(chunk)
        if end:
            self._file_data(chunk[:end])
        return end

    def _parse(self, piece: bytes) -> None:
        if not self._begun:  # the parser passes over more than line breaks, as far as a chunk goes
            piece = piece.lstrip(b"\r\n")
            self._begun = bool(piece)
        try:
            self._parser.write(piece)
        except FormParserError as fault:
            raise Malformed("The form cannot be read.") from fault

    def close(self) -> None:
        """The body has ended; ``Malformed`` where the form has not."""
        if not self._ended:
            raise Malformed("The form breaks off before its end.")

    def _part_begin(self) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise TooLarge("The form has too many parts.", limit=Limit("form parts", MAX_PARTS))
        self._headers = {}

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _header_part(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _header_end(self) -> None:
        name = self._header_name.decode("latin-1").lower()
        self._headers[name] = self._header_value.decode("utf-8", "replace")
        self._header_name.clear()
        self._header_value.clear()

    def _headers_finished(self) -> None:
        _require_plain(self._headers)
        name, filename = _names(self._headers.get("content-disposition", ""))
        if filename is None:
            self._field = (name, bytearray())
        else:
            self._field = None
            self.events.append(FileStart(name, filename, self._headers.get("content-type")))

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._field is None:
            self._file_data(memoryview(data)[start:end])
            return
        name, text = self._field
        text += data[start:end]
        if len(text) > MAX_FIELD_BYTES:
            limit = Limit("form field bytes", MAX_FIELD_BYTES)
            raise TooLarge(f"The field {name[:40]!r} is too long.", limit=limit)

    def _file_data(self, piece: Memory) -> None:
        if self.direct is None or self.events:
            self.events.append(FileData(bytes(piece)))
        else:
            self.direct.give(piece)

    def _part_end(self) -> None:
        if self._field is None:
            self.events.append(FileEnd())
            return
        name, raw = self._field
        text = raw.decode("utf-8", "replace")
        require_no_nul(text)
        self.events.append(Field(name, text))

    def _end(self) -> None:
        self._ended = True


def _names(disposition: str) -> tuple[str, str | None]:
    """``name`` and ``filename`` of a part (RFC 7578 §4.2).

    Browsers write ``%22`` for quotes and ``%0D%0A`` for line breaks (HTML Standard,
    "multipart/form-data encoding algorithm"). ``filename*`` (RFC 8187) should not be there, but
    some libraries send it, and then it says more than ``filename`` does.
    """
    text = disposition.encode("utf-8").decode("latin-1")
    kind, options = parse_options_header(text)
    if kind != b"form-data" or b"name" not in options:
        raise Malformed("A part of the form has no name.")
    filename = _extended_name(text)
    if filename is None and b"filename" in options:
        filename = _unescaped(options[b"filename"])
    return _unescaped(options[b"name"]), filename


def _extended_name(disposition: str) -> str | None:
    """``filename*``, where there is one (RFC 8187 §3.2)."""
    parameters = parse_parameters("".join(disposition.partition(";")[1:])) or {}
    text = parameters.get("filename*")
    if text is None:
        return None
    charset, _, rest = text.partition("'")
    try:
        if charset.lower() not in _CHARSETS:
            raise Malformed("A part's filename* is in a charset that is not known.")
        return unquote_to_bytes(rest.partition("'")[2]).decode(charset)
    except UnicodeDecodeError as fault:
        raise Malformed("A part's filename* cannot be read.") from fault


def _require_plain(headers: Mapping[str, str]) -> None:
    """No forms in forms and no encodings: both are long out of use (RFC 7578 §4.3, §4.7)."""
    if headers.get("content-type", "").lower().startswith("multipart/"):
        raise Malformed("A part holds further parts: send each file as a part of its own.")
    if headers.get("content-transfer-encoding", "").strip().lower() not in _AS_IT_IS:
        raise Malformed("A part is encoded: send bytes as they are.")


def _unescaped(raw: bytes) -> str:
    text = raw.decode("utf-8", "replace")
    return text.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")
