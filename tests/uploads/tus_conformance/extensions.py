"""Cases 13 to 34 but for concatenation: what an upload may be asked besides."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from tests.kit.tus import DIGESTS, checksum_header, metadata
from tests.uploads.tus_conformance.exchange import IMF_DATE, Exchange
from tests.uploads.tus_conformance.rows import (
    WHOLE,
    Case,
    create,
    create_with,
    delete,
    gone,
    head,
    patch,
)

END: Final = len(WHOLE)
EXPIRE: Final = Exchange("EXPIRE", "{a}")
DEFERRED: Final = create(None, Upload_Defer_Length=1)


def _announces(*names: str) -> Exchange:
    every = "".join(rf"(?=(?:.*,)?{name}(?:,|$))" for name in names)
    return Exchange("OPTIONS", "{new}", 200, has={"Tus-Extension": f"{every}.*"})


def extensions() -> Iterator[tuple[str, Case]]:
    """Name, which begins with the number, and exchanges."""
    yield from _creation()
    yield from _metadata()
    yield from _deferred()
    yield from _with_upload()
    yield from _expiration()
    yield from _checksums()
    yield from _trailers()
    yield from _termination()


def _creation() -> Iterator[tuple[str, Case]]:
    yield "13 creation is announced", (_announces("creation"),)
    for defers in ("0", "2", "", "true", "11"):
        yield f"14 Upload-Defer-Length {defers!r}", (create(None, 400, Upload_Defer_Length=defers),)
    yield "14 no length", (create(None, 400),)
    yield "14 a length that is told and deferred", (create(5, 400, Upload_Defer_Length=1),)
    for length in (10**14, 10**17):
        yield f"15 a length of {length}", (create(length, 413),)
    yield (
        "15 a length of more digits than there are bytes",
        (create(None, 400, Upload_Length="9" * 20),),
    )
    yield "16 two creations tell two addresses", (
        create(), create(keep="b"), patch(WHOLE[:7]), head(7), head(0, to="{b}"),
    )  # fmt: skip
    yield "17 no bytes are complete at once", (
        create(0, Upload_Offset="0"), head(0, 0), head(0, 0), patch(b"x", 0, 413), head(0, 0),
    )  # fmt: skip


_READABLE: Final = {
    "one": metadata(filename="tool.bin"),
    "several": metadata(filename="ä b.bin", filetype="text/plain", relativePath="null", x="1"),
    "an empty value": "empty ,filename YS5iaW4=",
    "a key alone": "filename YS5iaW4=,alone",
    "spaces between": "filename YS5iaW4=, other Yg==",
    "binary": "filename YS5iaW4=,bytes AP/+",
    "a key with signs": "filename YS5iaW4=,x-y_z.1 Yg==",
    "nothing": "",
}
_UNREADABLE: Final = {
    "no base64": "filename not_base64!", "a repeated key": "a YQ==,a Yg==", "a pair without a key": "a YQ==,,b Yg==",
    "cut padding": "a YQ", "two spaces": "a  YQ== x", "three words": "a YQ== Yg==", "a comma at the end": "a YQ==,",
    "a comma at the beginning": ",a YQ==", "very long": "x " + "YQ==" * 8000, "another alphabet": "a _-==",
    "beyond ASCII": "k\xe9y YQ==",
}  # fmt: skip


def _metadata() -> Iterator[tuple[str, Case]]:
    for name, text in _READABLE.items():
        told = text.replace("(", r"\(").replace("+", r"\+").replace(".", r"\.").rstrip()
        asked = head(0, Upload_Metadata=told + " ?") if text else head(0)
        yield f"18 metadata: {name}", (create(Upload_Metadata=text), asked)
    for name, text in _UNREADABLE.items():
        yield f"18 metadata: {name}", (create(status=400, Upload_Metadata=text),)
    for name in ("../../etc/passwd", 'a"b\r\nX-Evil: 1', "日本.bin", "a" * 900, "\u202egnp.bin"):
        sent = metadata(filename=name)
        pattern = sent.replace("+", r"\+").replace("/", r"\/")
        yield f"20 a name like {name[:10]!r}", (
            create(Upload_Metadata=sent), patch(), head(END, Upload_Metadata=pattern),
        )  # fmt: skip
    yield "19 without metadata none are told", (
        create(), Exchange("HEAD", "{a}", 200, lacks=("Upload-Metadata",)),
    )  # fmt: skip


def _deferred() -> Iterator[tuple[str, Case]]:
    yield "21 creation-defer-length is announced", (_announces("creation-defer-length"),)
    yield (
        "22 an unknown length is told as such",
        (DEFERRED, head(0, None), patch(WHOLE[:9]), head(9, None)),
    )
    for kept in (0, 9, END):
        sent = (patch(WHOLE[:kept]),) if kept else ()
        last = patch(WHOLE[kept:], kept, Upload_Length=END)
        yield f"23 the length is told at {kept}", (DEFERRED, *sent, last, head(END))
    yield "23 told before the last byte", (
        DEFERRED, patch(WHOLE[:9], 0, Upload_Length=END), head(9), patch(WHOLE[9:], 9), head(END),
    )  # fmt: skip
    for again in (END - 1, END + 1, 9, 10**6):
        yield f"23 told again as {again}", (
            DEFERRED, patch(WHOLE[:9], 0, Upload_Length=END), patch(b"x", 9, 400, Upload_Length=again), head(9),
        )  # fmt: skip
    yield "23 told again as it was", (
        DEFERRED, patch(WHOLE[:9], 0, Upload_Length=END), patch(WHOLE[9:], 9, Upload_Length=END), head(END),
    )  # fmt: skip
    yield (
        "23 less than there is",
        (DEFERRED, patch(WHOLE[:9]), patch(b"", 9, 400, Upload_Length=8), head(9, None)),
    )
    yield "24 a known length is not deferred", (create(), head(0), patch(WHOLE[:9]), head(9))


def _with_upload() -> Iterator[tuple[str, Case]]:
    yield "25 creation-with-upload is announced", (_announces("creation", "creation-with-upload"),)
    for kind in ("text/plain", "application/octet-stream", ""):
        yield f"26 first bytes of the type {kind!r}", (create_with(WHOLE, 415, Content_Type=kind),)
    for cut in (1, 999, 4999, END):
        made = create_with(WHOLE[:cut])
        told = replace(made, has={**made.has, "Upload-Offset": str(cut)})
        rest = (patch(WHOLE[cut:], cut),) if cut < END else ()
        yield f"27 {cut} first bytes", (told, head(cut), *rest, head(END))
        chunked = replace(told, is_chunked=True)
        yield f"27 {cut} first bytes without their length", (chunked, head(cut))
        deferred = create_with(WHOLE[:cut], Upload_Length=None, Upload_Defer_Length=1)
        yield f"27 {cut} first bytes of an unknown length", (deferred, head(cut, None))
    yield "27 more first bytes than the length", (create_with(WHOLE + b"x", 413),)
    yield "28 who waits is told to go on", (create(), patch(waits=True), head(END))
    for offset, status in ((5, 409), (None, 400)):
        refused = patch(WHOLE, offset, status, waits=True)
        yield f"28 who waits is refused before a byte: {status}", (create(), refused, head(0))


def _expiration() -> Iterator[tuple[str, Case]]:
    yield "29 expiration is announced", (_announces("expiration"),)
    told = {"Upload-Expires": IMF_DATE}
    made, sent = create(), patch(WHOLE[:9])
    yield "29 the time is told", (
        replace(made, has={**made.has, **told}),
        replace(sent, has={**sent.has, **told}),
        head(9, Upload_Expires=IMF_DATE),
    )  # fmt: skip
    after: dict[str, Case] = {
        "HEAD": (gone(),),
        "PATCH": (patch(b"x", 0, 410), gone()),
        "DELETE": (delete(status=410), gone()),
    }
    for name, rows in after.items():
        yield f"30 past its time: {name}", (create(), EXPIRE, *rows)
    yield (
        "30 past its time with bytes in it",
        (create(), patch(WHOLE[:9]), EXPIRE, gone(), patch(b"x", 9, 410)),
    )
    yield "30 a complete upload is not past its time", (create(), patch(), EXPIRE, head(END))


def _checksums() -> Iterator[tuple[str, Case]]:
    yield "31 checksum is announced with sha1", (
        _announces("checksum"),
        Exchange("OPTIONS", "{new}", 200, has={"Tus-Checksum-Algorithm": r"(?=.*\bsha1\b)[a-z0-9,]+"}),
    )  # fmt: skip
    for algorithm in DIGESTS:
        good, wrong = checksum_header(algorithm, WHOLE), checksum_header(algorithm, b"another")
        for is_chunked in (False, True):
            how = "chunked" if is_chunked else "told"
            yield f"31 {algorithm}, {how}", (
                create(), patch(Upload_Checksum=good, is_chunked=is_chunked), head(END),
            )  # fmt: skip
            yield f"32 another {algorithm}, {how}", (
                create(), patch(WHOLE, 0, 460, Upload_Checksum=wrong, is_chunked=is_chunked), head(0),
                patch(Upload_Checksum=good), head(END),
            )  # fmt: skip
        yield (
            f"31 {algorithm} with a creation",
            (create_with(WHOLE, Upload_Checksum=good), head(END)),
        )
        yield (
            f"32 another {algorithm} with a creation",
            (create_with(WHOLE, 460, Upload_Checksum=wrong),),
        )
        first, rest = checksum_header(algorithm, WHOLE[:9]), checksum_header(algorithm, WHOLE[9:])
        yield f"31 {algorithm} of every piece", (
            create(), patch(WHOLE[:9], Upload_Checksum=first), patch(WHOLE[9:], 9, 460, Upload_Checksum=first),
            head(9), patch(WHOLE[9:], 9, Upload_Checksum=rest), head(END),
        )  # fmt: skip
        empty = checksum_header(algorithm, b"")
        yield f"31 {algorithm} of nothing", (create(), patch(b"", Upload_Checksum=empty), head(0))
    for text in ("crc64 YWJj", "SHA1 YWJj", "sha1", "sha1 !", "", "sha512 YWJj", "sha1 YWJj YWJj"):
        refused = patch(WHOLE, 0, 400, Upload_Checksum=text)
        yield f"32 a checksum like {text!r}", (create(), refused, head(0))
    yield "32 a digest of another length", (
        create(), patch(WHOLE, 0, 460, Upload_Checksum="sha1 YWJj"), head(0),
    )  # fmt: skip


def _trailers() -> Iterator[tuple[str, Case]]:
    yield "33 checksum-trailer is announced", (_announces("checksum", "checksum-trailer"),)
    for algorithm in DIGESTS:
        good, wrong = checksum_header(algorithm, WHOLE), checksum_header(algorithm, b"another")
        for text, status, offset in ((good, 204, END), (wrong, 460, 0)):
            yield f"33 {algorithm} behind the bytes: {status}", (
                create(), patch(WHOLE, 0, status, trailer=f"Upload-Checksum: {text}"), head(offset),
            )  # fmt: skip
    for text in ("crc64 YWJj", "sha1 !"):
        yield f"33 {text} behind the bytes", (
            create(), patch(WHOLE, 0, 400, trailer=f"Upload-Checksum: {text}"), head(0),
        )  # fmt: skip


def _termination() -> Iterator[tuple[str, Case]]:
    yield "34 termination is announced", (_announces("termination"),)
    for kept in (0, 9, 4999):
        sent = (patch(WHOLE[:kept]),) if kept else ()
        yield f"34 DELETE at {kept}", (
            create(), *sent, delete(), gone(), patch(WHOLE[kept:], kept, 410), delete(status=410),
        )  # fmt: skip
    yield "34 DELETE of an unknown length", (DEFERRED, patch(WHOLE[:9]), delete(), gone())
    yield "34 DELETE of an empty one", (create(0), delete(), gone())
    yield (
        "34 DELETE of another leaves this one",
        (create(), create(keep="b"), delete("{b}"), patch(), head(END)),
    )
