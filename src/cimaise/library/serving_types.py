"""Under which type a published file is sent, and whether a browser may show it in its place.

Files come from strangers and go out under the site's own origin. What a browser would run there
is therefore never sent as what it is: it goes out as plain text or as bytes, as an attachment,
with ``nosniff`` and a sandbox beside it. Two of these fences may fall and nothing runs.
"""

import re
from typing import Final

BYTES: Final = "application/octet-stream"
TEXT: Final = "text/plain; charset=utf-8"

INLINE_TYPES: Final = frozenset(
    {
        "image/jpeg", "image/png", "image/gif", "image/webp", "image/avif", "image/heic",
        "image/heif", "image/jxl", "image/bmp", "image/vnd.microsoft.icon",
        "video/mp4", "video/x-m4v", "video/webm", "video/ogg", "video/quicktime", "video/3gpp",
        "audio/mpeg", "audio/mp4", "audio/aac", "audio/ogg", "audio/flac", "audio/wav",
        "audio/webm",
        "text/plain",
    }
)  # fmt: skip
"""Found types that a browser may show in place; everything else is an attachment.

They are passive: no script, no link, nothing fetched. SVG, HTML and XML are not, whatever they
are called. PDF is not either: viewers run its scripts, follow its links and submit its forms,
and the browsers' own ones do not work inside a sandbox, which would have to be lifted for them.
"""

_AS_BYTES: Final = frozenset(
    {
        "image/svg+xml", "application/xhtml+xml", "application/x-shockwave-flash",
        "application/java-archive", "application/java-vm", "application/wasm",
        "application/x-java-applet", "application/x-java-jnlp-file", "application/hta",
        "application/pkix-cert", "application/x-x509-ca-cert", "application/manifest+json",
        "application/sdp", "application/signed-exchange", "application/webbundle",
    }
)  # fmt: skip
"""What some program acts on by itself. Attachments lose nothing: the name keeps its extension."""

_MEDIA_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*")
_SCRIPTS: Final = ("javascript", "ecmascript", "jscript", "livescript", "vbscript")
_ACTIVE_TREES: Final = ("message/", "multipart/")


def served_type(media_type: str) -> str:
    """The value of ``Content-Type`` for a file of this type.

    Text of every kind, scripts and pages among it, is ``text/plain``; other active content, mail
    and archives of pages, and what is no media type at all, is ``application/octet-stream``.
    Parameters are dropped. Whether the file is shown in place is decided by the type itself, not
    by this one: ``found in INLINE_TYPES``.
    """
    bare = media_type.partition(";")[0].strip().lower()
    if not _MEDIA_TYPE.fullmatch(bare):
        return BYTES
    if bare.startswith("text/") or bare.endswith(_SCRIPTS):
        return TEXT
    if bare in _AS_BYTES or bare.startswith(_ACTIVE_TREES) or _is_xml(bare):
        return BYTES
    return bare


def _is_xml(bare: str) -> bool:
    return bare.endswith(("+xml", "/xml", "/xml-dtd", "/xml-external-parsed-entity"))
