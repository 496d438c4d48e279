"""Programs: what a computer would run. They come first in the table."""

import re
from typing import Final

from cimaise.uploads.signatures.base import Head, Signature, begins, number

_MACH_O: Final = {
    b"\xfe\xed\xfa\xce": "big", b"\xfe\xed\xfa\xcf": "big",
    b"\xce\xfa\xed\xfe": "little", b"\xcf\xfa\xed\xfe": "little",
}  # fmt: skip
_MACH_O_KINDS: Final = range(1, 13)
_FAT_OR_CLASS: Final = b"\xca\xfe\xba\xbe"
_FIRST_CLASS_VERSION: Final = 45
_SHEBANG: Final = re.compile(rb"(?:\xef\xbb\xbf)?#![ \t]*/[!-~]")
_PHP: Final = re.compile(rb"\s*<\?(?:php\s|=)", re.IGNORECASE)
_SHORTCUT: Final = b"\x4c\0\0\0\x01\x14\x02\0\0\0\0\0\xc0\0\0\0\0\0\0\x46"
_DOS_HEADER_BYTES: Final = 28
_PE_OFFSET_AT: Final = 0x3C


def _is_elf(head: Head) -> bool:
    data = head.data
    return data[:4] == b"\x7fELF" and data[4:5] in {b"\1", b"\2"} and data[5:6] in {b"\1", b"\2"}


def _is_dos_or_windows(head: Head) -> bool:
    """Where the newer header is, or (in the oldest files) a header with sound page counts."""
    data = head.data
    if data[:2] not in {b"MZ", b"ZM"}:
        return False
    at = number(data, _PE_OFFSET_AT, 4, "little")
    if data[at : at + 2] in {b"PE", b"NE", b"LE", b"LX"} and at > 0:
        return True
    last_page, pages = number(data, 2, 2, "little"), number(data, 4, 2, "little")
    paragraphs = number(data, 8, 2, "little")
    is_sound = last_page <= 512 and pages > 0 and paragraphs >= 2  # noqa: PLR2004
    return len(data) >= _DOS_HEADER_BYTES and is_sound and b"\0" in data[:64]


def _is_mach_o(head: Head) -> bool:
    order = _MACH_O.get(head.data[:4])
    if order is None:
        count = number(head.data, 4, 4, "big")
        return head.data[:4] == _FAT_OR_CLASS and 0 < count < _FIRST_CLASS_VERSION
    return number(head.data, 12, 4, "big" if order == "big" else "little") in _MACH_O_KINDS


def _is_java_class(head: Head) -> bool:
    version = number(head.data, 6, 2, "big")
    return head.data[:4] == _FAT_OR_CLASS and version >= _FIRST_CLASS_VERSION


ELF: Final = Signature("application/x-elf", (".elf", ".so"), _is_elf)
WINDOWS: Final = Signature(
    "application/vnd.microsoft.portable-executable",
    (".exe", ".dll", ".com", ".scr", ".sys"),
    _is_dos_or_windows,
)
MACH_O: Final = Signature("application/x-mach-binary", (".dylib",), _is_mach_o)
JAVA_CLASS: Final = Signature("application/java-vm", (".class",), _is_java_class)
WASM: Final = Signature("application/wasm", (".wasm",), begins(b"\0asm\1\0\0\0"))
SHORTCUT: Final = Signature("application/x-ms-shortcut", (".lnk",), begins(_SHORTCUT))
SCRIPT: Final = Signature(
    "text/x-script", (".sh", ".bash"), lambda head: _SHEBANG.match(head.data) is not None
)
PHP: Final = Signature(
    "text/x-php", (".php", ".phtml"), lambda head: _PHP.match(head.data) is not None
)
