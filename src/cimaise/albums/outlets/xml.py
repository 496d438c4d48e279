"""XML that is made, never read."""

import re
from collections.abc import Mapping
from typing import Final
from xml.etree.ElementTree import Element, SubElement, register_namespace, tostring

# XML 1.0 §2.2: what no document may hold, in no way of writing.
_FORBIDDEN: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def child(
    parent: Element, name: str, text: str | None = None, attributes: Mapping[str, str] | None = None
) -> Element:
    """An element inside of another; its text without what XML cannot hold."""
    made = SubElement(
        parent, name, {key: clean(value) for key, value in (attributes or {}).items()}
    )
    made.text = None if text is None else clean(text)
    return made


def clean(text: str) -> str:
    """Without what XML cannot hold."""
    return _FORBIDDEN.sub("\ufffd", text)


def document(root: Element, prefixes: Mapping[str, str] | None = None) -> bytes:
    """The bytes, in UTF-8 with a declaration."""
    for prefix, uri in (prefixes or {}).items():
        register_namespace(prefix, uri)
    return bytes(tostring(root, encoding="utf-8", xml_declaration=True))
