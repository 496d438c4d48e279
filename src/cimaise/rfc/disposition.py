"""File names: those that users give, and those that answers carry (RFC 6266, RFC 8187)."""

import re
import unicodedata
from typing import Final
from urllib.parse import quote

MAX_NAME_BYTES: Final = 255
"""What common file systems take for one name, in UTF-8."""

_NAMELESS: Final = "file"
_MAX_EXTENSION_BYTES: Final = 32
_ATTR_CHARS: Final = "!#$&+-.^_`|~"  # with letters and digits: attr-char of RFC 8187 §3.2.1

_JOINERS: Final = "\u200c\u200d"  # needed to spell some scripts, and inside emoji
_REMOVED_CATEGORIES: Final = frozenset({"Cc", "Cf", "Zl", "Zp"})
_RESERVED_CHARACTERS: Final = re.compile(r'[<>:"|?*]')
_EDGES: Final = (
    " .\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f"
    "\u3000"
)
_RESERVED_NAME: Final = re.compile(
    r"(?:CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(?:COM|LPT)[0-9\u00b9\u00b2\u00b3]) *(?:\.|\Z)",
    re.IGNORECASE,
)

_SPELLED: Final = str.maketrans(
    {
        "ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O",
        "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th",
        "\u0131": "i", "ħ": "h", "Ħ": "H", "ŋ": "n", "Ŋ": "N", "€": "EUR", "£": "GBP",
        "\u2018": "'", "\u2019": "'", "\u201a": "'", "\u201c": "'", "\u201d": "'", "\u201e": "'",
        "«": "'", "»": "'", "\u2039": "'", "\u203a": "'", "\u00d7": "x",
        "\u2010": "-", "\u2011": "-", "\u2012": "-", "\u2013": "-", "\u2014": "-", "\u2212": "-",
    }
)  # fmt: skip
"""Letters and marks that decomposition does not turn into ASCII, or not as people write them."""

_NOT_PLAIN: Final = re.compile(r"[^ !#$&'()+,.0-9;=@A-Z\[\]^_`a-z{}~-]+")
"""What stays out of the plain form. A quotation mark or backslash ends or escapes it, some
clients decode ``%``, and the rest may not stand in a header or in a file's name."""


def clean_filename(name: str) -> str:
    """Make a name that a user gave safe to keep, to show and to save under.

    Folders go, with either separator. So do control characters and those that turn or hide text,
    dots and spaces at either end, and lone surrogates. What Windows reserves is replaced or
    prefixed by ``_``. Composed as NFC, at most :data:`MAX_NAME_BYTES` of UTF-8; what is too much
    is cut before the extension. Cleaning a clean name changes nothing (RFC 6266 §4.3).

    Returns:
        Never empty: ``file`` where nothing is left.
    """
    text = name.encode("utf-8", "replace").decode().replace("\\", "/").rstrip("/")
    visible = "".join(character for character in text.rpartition("/")[2] if _is_shown(character))
    plain = _RESERVED_CHARACTERS.sub("_", unicodedata.normalize("NFC", visible)).strip(_EDGES)
    # Cutting can lay bare a reserved name, and its prefix can make the name too long again.
    return _cut(_unreserved(_cut(plain))) or _NAMELESS


def _is_shown(character: str) -> bool:
    return unicodedata.category(character) not in _REMOVED_CATEGORIES or character in _JOINERS


def _unreserved(name: str) -> str:
    return f"_{name}" if _RESERVED_NAME.match(name) else name


def _cut(name: str) -> str:
    if len(name.encode()) <= MAX_NAME_BYTES:
        return name
    extension = name[len(name) - len(extension_of(name)) :]
    if len(extension.encode()) > _MAX_EXTENSION_BYTES:
        extension = ""
    stem = name.removesuffix(extension).encode()[: MAX_NAME_BYTES - len(extension.encode())]
    return stem.decode("utf-8", "ignore").rstrip(_EDGES) + extension


def extension_of(name: str) -> str:
    """The extension in lower case with its dot, ``.gz`` of ``archive.tar.gz``; else ``""``.

    A dot that begins or ends the name makes none.
    """
    stem, _, extension = name.replace("\\", "/").rpartition("/")[2].rpartition(".")
    return f".{extension.lower()}" if stem.strip(".") and extension else ""


def format_disposition(filename: str, *, attachment: bool) -> str:
    """The value of ``Content-Disposition`` (RFC 6266 §4, appendix D; RFC 8187 §3.2).

    ``filename`` is always plain ASCII; where that says less than the name, ``filename*`` with the
    whole name in UTF-8 follows, which every current client prefers.

    Args:
        filename: Any text; separators, control characters and those that turn text do not leave.
        attachment: To be saved rather than shown.
    """
    text = filename.encode("utf-8", "replace").decode()
    shown = "".join("_" if c in "/\\" else c for c in text if _is_shown(c)) or _NAMELESS
    fallback = _plain(shown)
    kind = "attachment" if attachment else "inline"
    extended = "" if fallback == shown else f"; filename*=UTF-8''{quote(shown, _ATTR_CHARS)}"
    return f'{kind}; filename="{fallback}"{extended}'


def _plain(name: str) -> str:
    """The name in ASCII: without accents where there were some, ``_`` for what has no spelling."""
    spelled = unicodedata.normalize("NFKD", name.translate(_SPELLED).replace('"', "'"))
    letters = "".join(c for c in spelled if not unicodedata.combining(c))
    plain = _NOT_PLAIN.sub("_", letters)
    stem, dot, extension = plain.rpartition(".")
    if not dot:
        stem, extension = plain, ""
    return plain if re.search("[0-9A-Za-z]", stem) else f"{_NAMELESS}{dot}{extension}"
