"""What every door has to say to the same attempt, one line a rule."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tests.kit import samples
from tests.kit.doors import Verdict
from tests.kit.uploading import MB, zipped

ZIP: Final = zipped(100_000)
LONGER: Final = zipped(400_000)
LONGEST: Final = zipped(7 * MB)
SERVER_MAX: Final = 6 * MB
"""``uploads.max_bytes`` of the server that all this is tried on."""

EXTENSIONS: Final = (".zip", ".7z", ".rar", ".png", ".jpg", ".txt")
"""``uploads.extensions`` of that server."""


@dataclass(frozen=True)
class Rule:
    """One attempt, and its verdict at every door.

    Attributes:
        name: As in the ids of tests.
        verdict: At every door.
        body: The bytes.
        filename: As its sender calls it.
        declared_type: As its sender calls it.
        who: ``owner``, ``stranger``, ``viewer``, ``guest``, or a key ``read`` that may not upload.
        collection: Another one than the owner's.
        policy: The collection's.
        limits: The account's quota.
        first: What the account did before: ``begun`` or ``failed`` as many uploads as it may.
        needs_size: Only where the length is told beforehand: known before a byte.
        needs_no_size: Only where it is not: counted on the stream.
        is_early: Known before the file's first byte, so none may have left.
        elsewhere: Doors where it cannot be tried, or where a protocol rules otherwise, and why.
    """

    name: str
    verdict: Verdict
    body: bytes = ZIP
    filename: str = "tool.zip"
    declared_type: str | None = "application/zip"
    who: str = "owner"
    collection: str | None = None
    policy: Mapping[str, Any] = field(default_factory=dict)
    limits: Mapping[str, int] = field(default_factory=dict)
    first: str = ""
    needs_size: bool = False
    needs_no_size: bool = False
    is_early: bool = False
    elsewhere: Mapping[str, str] = field(default_factory=dict)


def _rule(name: str, status: int, code: str, **more: Any) -> Rule:
    return Rule(name, Verdict(status, code), **more)


def _broken_png() -> bytes:
    """A PNG whose header is one, and nothing else."""
    whole = samples.drawn(".png")
    return whole[:33] + bytes(64)


def _wide_png() -> bytes:
    """A PNG that says it has more pixels than anybody may have."""
    import struct  # noqa: PLC0415
    import zlib  # noqa: PLC0415

    whole = samples.drawn(".png")
    head = b"IHDR" + struct.pack(">II", 60_000, 60_000) + whole[24:29]
    return whole[:12] + head + struct.pack(">I", zlib.crc32(head)) + whole[33:]


_NO_TYPE: Final = {"declared_type": "application/octet-stream"}
_TUS_NAMES: Final = "the contract: without a name one is made"
_IN_PATH: Final = "an empty name is another address"
_NOT_CHOSEN: Final = "an empty name means that no file was chosen"

ACCEPTED: Final[Mapping[str, tuple[Callable[[], bytes], str]]] = {
    "tool.zip": (lambda: ZIP, "application/zip"),
    "tool.7z": (samples.seven_zip, "application/x-7z-compressed"),
    "tool.rar": (samples.rar5, "application/vnd.rar"),
    "old.rar": (samples.rar4, "application/vnd.rar"),
    "photo.png": (lambda: samples.drawn(".png"), "image/png"),
    "photo.jpg": (lambda: samples.drawn(".jpg"), "image/jpeg"),
    "large.zip": (lambda: zipped(SERVER_MAX - 1024), "application/zip"),
}
"""Good files: name, maker, and the type that is found in the bytes."""

RULES: Final = (
    # rights
    _rule("nobody signed in", 401, "not_signed_in", who="guest", is_early=True),
    _rule("a stranger", 404, "not_found", who="stranger", is_early=True),
    _rule("a viewer", 403, "forbidden", who="viewer", is_early=True),
    _rule("a key without the scope", 403, "forbidden", who="read", is_early=True),
    _rule("no such collection", 404, "not_found", collection="nowhere", is_early=True),
    # name and extension
    _rule("a blank name", 422, "invalid", filename="   ", is_early=True,
          elsewhere={"tus": _TUS_NAMES}),
    _rule("no name", 422, "invalid", filename="", is_early=True,
          elsewhere={"tus": _TUS_NAMES, "raw": _IN_PATH, "form": _NOT_CHOSEN}),
    _rule("a name too long", 422, "invalid", filename="a" * 1021 + ".zip", is_early=True),
    _rule("an extension the server refuses", 415, "type_not_allowed", filename="tool.exe",
          is_early=True),
    _rule("no extension", 415, "type_not_allowed", filename="tool", is_early=True),
    _rule("an extension the collection refuses", 415, "type_not_allowed",
          policy={"extensions": [".7z"]}, is_early=True),
    _rule("an extension that only looks right", 415, "type_not_allowed", filename="tool.zip/.exe",
          is_early=True, elsewhere={"raw": "a slash makes another address"}),
    # the declared type
    _rule("a declared type the collection refuses", 415, "type_not_allowed",
          filename="photo.png", policy={"types": ["image/*"]}, is_early=True),
    _rule("a declared type that is none", 422, "invalid", declared_type="no type", is_early=True),
    # the type by content
    _rule("a ZIP that is none", 415, "type_not_allowed", body=b"not a ZIP " * 9, **_NO_TYPE),
    _rule("a ZIP that is cut off", 415, "type_not_allowed", body=ZIP[:-30], **_NO_TYPE),
    _rule("a ZIP that is a program", 415, "type_not_allowed", body=samples.executable()),
    _rule("a ZIP that is a 7-Zip", 415, "type_not_allowed", body=samples.seven_zip()),
    _rule("a 7-Zip that is none", 415, "type_not_allowed", body=ZIP, filename="tool.7z"),
    _rule("a 7-Zip of another checksum", 415, "type_not_allowed", filename="tool.7z",
          body=samples.seven_zip(crc=1), **_NO_TYPE),
    _rule("a RAR that is none", 415, "type_not_allowed", body=ZIP, filename="tool.rar"),
    _rule("a content the collection refuses", 415, "type_not_allowed", policy={"types": ["image/*"]},
          **_NO_TYPE),
    # the picture's header
    _rule("a picture that is none", 415, "type_not_allowed", filename="photo.png",
          declared_type="image/png"),
    _rule("a picture that cannot be decoded", 415, "not_an_image", body=_broken_png(),
          filename="photo.png", declared_type="image/png"),
    _rule("a picture of too many pixels", 422, "too_many_pixels", body=_wide_png(),
          filename="photo.png", declared_type="image/png"),
    # size
    _rule("more than the collection takes, told", 413, "too_large", body=LONGER,
          policy={"max_bytes": 200_000}, needs_size=True, is_early=True),
    _rule("more than the server takes, told", 413, "too_large", body=LONGEST, needs_size=True,
          is_early=True),
    _rule("more than the collection takes, counted", 413, "too_large", body=LONGER,
          policy={"max_bytes": 200_000}, needs_no_size=True),
    _rule("more than the server takes, counted", 413, "too_large", body=LONGEST,
          needs_no_size=True),
    _rule("an empty file, told", 422, "invalid", body=b"", needs_size=True, is_early=True,
          elsewhere={"tus": "its own rule: an empty upload is complete at once, and no file"}),
    _rule("an empty file, counted", 422, "invalid", body=b"", needs_no_size=True,
          elsewhere={"tus": "its own rule: an empty upload is complete at once, and no file"}),
    # quota
    _rule("more than the day's bytes, told", 413, "quota_exceeded", body=LONGER,
          limits={"daily_bytes": 300_000}, needs_size=True, is_early=True),
    _rule("more than the day's bytes, counted", 413, "quota_exceeded", body=LONGER,
          limits={"daily_bytes": 300_000}, needs_no_size=True),
    _rule("more than all bytes, told", 413, "quota_exceeded", body=LONGER,
          limits={"total_bytes": 300_000}, needs_size=True, is_early=True),
    _rule("more than all bytes, counted", 413, "quota_exceeded", body=LONGER,
          limits={"total_bytes": 300_000}, needs_no_size=True),
    _rule("more than the day's files", 413, "quota_exceeded", limits={"daily_files": 1},
          is_early=True),
    # rates
    _rule("too many uploads begun", 429, "too_many", first="begun", is_early=True),
    _rule("too many uploads that came to nothing", 429, "too_many", first="failed", is_early=True),
)  # fmt: skip
