"""Media types and their parameters (RFC 9110 §8.3.1, RFC 6838 §4.2)."""

import re
from typing import Final

TCHARS: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]++"
"""Pattern of a token: one or more of its characters (RFC 9110 §5.6.2)."""

_NAME: Final = r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}+"
_TYPE: Final = re.compile(rf"({_NAME}/{_NAME})(.*+)", re.DOTALL)
_QUOTED: Final = r'"((?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*+)"'
_PARAMETER: Final = re.compile(rf"[ \t]*+;[ \t]*+(?:({TCHARS})=(?:({TCHARS})|{_QUOTED}))?+")
_ESCAPED: Final = re.compile(r"\\(.)")
_PATTERN: Final = re.compile(rf"\*/\*|{_NAME}/\*|{_NAME}/{_NAME}")


def parse_parameters(text: str) -> dict[str, str] | None:
    """Read parameters, from their first ``;`` on (RFC 9110 §5.6.6).

    Returns:
        Values by name in lower case, without quotation marks; the first one where a name is
        repeated. ``None`` where the grammar is broken.
    """
    found: dict[str, str] = {}
    text = text.rstrip(" \t")
    at = 0
    while at < len(text):
        match = _PARAMETER.match(text, at)
        if match is None:
            return None
        name, token, quoted = match.groups()
        if name is not None:
            found.setdefault(name.lower(), _ESCAPED.sub(r"\1", quoted) if token is None else token)
        at = match.end()
    return found


def parse_media_type(text: str) -> tuple[str, dict[str, str]] | None:
    """Read a media type, as in ``Content-Type`` (RFC 9110 §8.3.1).

    Stricter than the grammar in one way: both names must be such as can be registered (RFC 6838
    §4.2), so ``image/*`` is none.

    Returns:
        ``type/subtype`` in lower case, and its parameters by name in lower case. ``None`` where
        it is no media type.
    """
    match = _TYPE.fullmatch(text.strip(" \t"))
    if match is None:
        return None
    parameters = parse_parameters(match[2])
    return None if parameters is None else (match[1].lower(), parameters)


def media_type_matches(pattern: str, value: str) -> bool:
    """Is ``value`` one of those that ``pattern`` means (RFC 9110 §12.5.1)?

    Args:
        pattern: ``image/png``, ``image/*`` or ``*/*``, without parameters.
        value: A media type; its parameters do not count, nor does case on either side.

    Returns:
        Also ``False`` where one of the two is not of its form.
    """
    parsed = parse_media_type(value)
    wanted = pattern.strip(" \t").lower()
    if parsed is None or not _PATTERN.fullmatch(wanted):
        return False
    if wanted.endswith("/*"):
        return wanted == "*/*" or parsed[0].startswith(wanted[:-1])
    return parsed[0] == wanted
