"""``multipart/form-data`` (RFC 7578) as a stream of events, in the memory of one chunk.

The push parser of python-multipart finds the boundaries; this turns its calls into events that
can be pulled, so that whoever stores a file decides how fast its bytes come.
"""

from collections import deque
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from typing import Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from cimaise.errors import Limit, Malformed, TooLarge

MAX_PARTS: Final = 1000
MAX_FIELD_BYTES: Final = 64 * 1024
_SLICE_BYTES: Final = 1024 * 1024


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
    """Some bytes of the file."""

    chunk: bytes


@dataclass(frozen=True, slots=True)
class FileEnd:
    """The file is whole."""


Event = Field | FileStart | FileData | FileEnd


async def read_form(chunks: AsyncIterable[bytes], content_type: str) -> AsyncIterator[Event]:
    """Events of a form, in the order of the body.

    Args:
        chunks: The body.
        content_type: The request's ``Content-Type``, with its boundary.

    Raises:
        Malformed: No form, no boundary, a part without a name, or the body breaks off before the
            last boundary.
        TooLarge: More parts, or a longer field, than a form of people has.
    """
    reader = _Reader(_boundary(content_type))
    async for chunk in chunks:
        for start in range(0, len(chunk), _SLICE_BYTES):
            reader.feed(chunk[start : start + _SLICE_BYTES])
            while reader.events:
                yield reader.events.popleft()
    reader.close()


async def file_bytes(events: AsyncIterator[Event]) -> AsyncIterator[bytes]:
    """The bytes of one file: everything up to its end."""
    async for event in events:
        if isinstance(event, FileData):
            yield event.chunk
        elif isinstance(event, FileEnd):
            return


async def skip_file(events: AsyncIterator[Event]) -> None:
    """Take the bytes of one file for nothing."""
    async for _ in file_bytes(events):
        pass


def _boundary(content_type: str) -> bytes:
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not boundary:
        raise Malformed("The body is no form: send multipart/form-data with its boundary.")
    return boundary


class _Reader:
    def __init__(self, boundary: bytes) -> None:
        self.events: deque[Event] = deque()
        self._parts = 0
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
            )
        except FormParserError as fault:
            raise Malformed("The form's boundary is too long.") from fault

    def feed(self, chunk: bytes) -> None:
        """Parse some bytes into events."""
        try:
            self._parser.write(chunk)
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
        name, filename = _names(self._headers.get("content-disposition", ""))
        if filename is None:
            self._field = (name, bytearray())
        else:
            self._field = None
            self.events.append(FileStart(name, filename, self._headers.get("content-type")))

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._field is None:
            self.events.append(FileData(bytes(data[start:end])))
            return
        name, text = self._field
        text += data[start:end]
        if len(text) > MAX_FIELD_BYTES:
            limit = Limit("form field bytes", MAX_FIELD_BYTES)
            raise TooLarge(f"The field {name[:40]!r} is too long.", limit=limit)

    def _part_end(self) -> None:
        if self._field is None:
            self.events.append(FileEnd())
            return
        name, text = self._field
        self.events.append(Field(name, text.decode("utf-8", "replace")))

    def _end(self) -> None:
        self._ended = True


def _names(disposition: str) -> tuple[str, str | None]:
    """``name`` and ``filename`` of a part (RFC 7578 §4.2).

    Browsers write ``%22`` for quotes and ``%0D%0A`` for line breaks (HTML Standard,
    "multipart/form-data encoding algorithm").
    """
    kind, options = parse_options_header(disposition.encode("utf-8").decode("latin-1"))
    if kind != b"form-data" or b"name" not in options:
        raise Malformed("A part of the form has no name.")
    filename = options.get(b"filename")
    return _unescaped(options[b"name"]), None if filename is None else _unescaped(filename)


def _unescaped(raw: bytes) -> str:
    text = raw.decode("utf-8", "replace")
    return text.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")
