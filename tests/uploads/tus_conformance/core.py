"""Cases 1 to 12: the core of the protocol."""

from collections.abc import Iterator

from tests.uploads.tus_conformance.exchange import BYTES, Exchange
from tests.uploads.tus_conformance.rows import WHOLE, Case, create, delete, gone, head, patch

END = len(WHOLE)
NUMBERS = (
    "-1",
    "+1",
    "1.0",
    "1e3",
    "0x10",
    "a",
    "",
    "1 2",
    "1,2",
    "9" * 30,
    "\u0663".encode().decode("latin-1"),
)
VERSIONS = (None, "", "0.2.2", "1.0", "1.0.1", "2.0.0", "1.0.0, 2.0.0", "tus")


def core() -> Iterator[tuple[str, Case]]:
    """Name, which begins with the number, and exchanges."""
    yield from _versions()
    yield from _methods()
    yield from _options()
    yield from _heads()
    yield from _patches()
    yield from _offsets()
    yield from _numbers()
    yield from _lengths()


def _versions() -> Iterator[tuple[str, Case]]:
    yield "01 every answer says the version", (
        create(), head(0), patch(WHOLE[:10]), patch(b"x", 99, 409), patch(b"x", 10, 415, Content_Type="a/b"),
        gone("{a}x", 404), delete(), gone(), Exchange("GET", "{a}", 405), Exchange("PUT", "{new}", 405),
    )  # fmt: skip
    needs: tuple[tuple[str, str, dict[str, str]], ...] = (
        ("POST", "{new}", {"Upload-Length": "1"}),
        ("HEAD", "{a}", {}),
        ("PATCH", "{a}", {"Upload-Offset": "0", "Content-Type": BYTES}),
        ("DELETE", "{a}", {}),
    )
    for version in VERSIONS:
        for method, to, send in needs:
            sent = send | {"Tus-Resumable": version}
            refused = Exchange(
                method, to, 412, sent, body=b"x" if method == "PATCH" else b"",
                has={"Tus-Version": r"1\.0\.0"}, lacks=("Location", "Upload-Offset"),
            )  # fmt: skip
            yield f"02 {method} with the version {version}", (create(), refused, head(0))


def _methods() -> Iterator[tuple[str, Case]]:
    for means in ("PATCH", "patch", "Patch"):
        sent = {"X-HTTP-Method-Override": means, "Content-Type": BYTES, "Upload-Offset": "0"}
        posted = Exchange("POST", "{a}", 204, sent, body=WHOLE[:9], has={"Upload-Offset": "9"})
        yield f"03 POST that means {means}", (create(), posted, head(9))
    ended = Exchange("POST", "{a}", 204, {"X-HTTP-Method-Override": "DELETE"})
    yield "03 POST that means DELETE", (create(), ended, gone())
    asked = Exchange(
        "POST", "{a}", 200, {"X-HTTP-Method-Override": "HEAD"}, has={"Upload-Offset": "0"}
    )
    yield "03 POST that means HEAD", (create(), asked)
    for means in ("LOCK", "POST", "", "PATCHY"):
        refused = Exchange("POST", "{a}", 405, {"X-HTTP-Method-Override": means})
        yield f"03 POST that means {means or 'nothing'}", (create(), refused, head(0))


def _options() -> Iterator[tuple[str, Case]]:
    told = {
        "Tus-Version": r"1\.0\.0", "Tus-Max-Size": r"\d+", "Tus-Extension": r"[a-z-]+(,[a-z-]+)*",
        "Tus-Checksum-Algorithm": r"sha1(,[a-z0-9]+)*",
    }  # fmt: skip
    for version in (None, "1.0.0", "0.0.1", "anything"):
        for to in ("{new}", "{a}"):
            asked = Exchange("OPTIONS", to, 200, {"Tus-Resumable": version}, has=told)
            yield f"04 OPTIONS of {to} with the version {version}", (create(), asked)


def _heads() -> Iterator[tuple[str, Case]]:
    for offset in (0, 1, 999, 1000, 4096, END):
        sent = (patch(WHOLE[:offset]),) if offset else ()
        yield f"05 HEAD at {offset}", (create(), *sent, head(offset), head(offset))
    for name in ("nothing", "0" * 22, "..%5C..%5Cetc", "%00", "a" * 300):
        unknown = Exchange("HEAD", "{base}" + name, 404, lacks=("Upload-Offset",))
        yield f"05 HEAD of {name[:20]}", (unknown,)


def _patches() -> Iterator[tuple[str, Case]]:
    for kind in (
        None,
        "",
        "text/plain",
        "application/octet-stream",
        "application/json",
        f"{BYTES}x",
    ):
        refused = patch(status=415, Content_Type=kind)
        yield f"06 PATCH of the type {kind}", (create(), refused, head(0), patch())
    for kind in (BYTES.upper(), f"{BYTES}; charset=x", f"{BYTES};"):
        yield f"06 PATCH of the type {kind}", (create(), patch(Content_Type=kind), head(END))
    for step in (1, 7, 999, 1000, 2500, END):
        cuts = range(0, min(END, step * 7), step)
        sent = tuple(patch(WHOLE[cut : cut + step], cut) for cut in cuts)
        end = min(END, cuts[-1] + step)
        yield f"08 in steps of {step}", (create(), *sent, head(end))
        chunked = tuple(patch(WHOLE[cut : cut + step], cut, is_chunked=True) for cut in cuts)
        yield f"08 in steps of {step}, without a Content-Length", (create(), *chunked, head(end))
    yield (
        "08 a PATCH without bytes",
        (create(), patch(b""), patch(WHOLE[:5]), patch(b"", 5), head(5)),
    )
    for method in ("PATCH", "DELETE"):
        for name in ("nothing", "0" * 22, "%00"):
            told = {"Upload-Offset": "0", "Content-Type": BYTES}
            unknown = Exchange(method, "{base}" + name, 404, told, lacks=("Upload-Offset",))
            yield f"09 {method} of {name}", (unknown,)
    for cut in (1, 500, 4999):
        broken = patch(breaks_at=cut)
        yield f"10 a connection that ends behind {cut}", (
            create(), broken, head(cut), patch(WHOLE[cut:], cut), head(END),
        )  # fmt: skip


def _offsets() -> Iterator[tuple[str, Case]]:
    for kept in (0, 1000, END):
        for offset in (0, 1, 999, 1000, 1001, END - 1, END, END + 1, 10**17):
            if offset == kept:
                continue
            sent = (patch(WHOLE[:kept]),) if kept else ()
            refused = Exchange(
                "PATCH", "{a}", 409, {"Content-Type": BYTES, "Upload-Offset": str(offset)},
                body=b"x", has={"Upload-Offset": str(kept)},
            )  # fmt: skip
            yield f"07 at {kept}, PATCH at {offset}", (create(), *sent, refused, head(kept))
    yield "07 the same bytes twice", (create(), patch(WHOLE[:9]), patch(WHOLE[:9], 0, 409), head(9))


def _numbers() -> Iterator[tuple[str, Case]]:
    for number in NUMBERS:
        shown = number[:8]
        yield f"11 Upload-Length {shown!r}", (create(None, 400, Upload_Length=number),)
        yield f"11 Upload-Offset {shown!r}", (create(), Exchange(
            "PATCH", "{a}", 400, {"Content-Type": BYTES, "Upload-Offset": number}, body=b"x",
        ), head(0))  # fmt: skip
        deferred = create(None, Upload_Defer_Length=1)
        yield f"11 a late Upload-Length {shown!r}", (
            deferred, patch(b"x", 0, 400, Upload_Length=number), head(0, None),
        )  # fmt: skip
    yield "11 no Upload-Offset", (create(), patch(b"x", None, 400), head(0))


def _lengths() -> Iterator[tuple[str, Case]]:
    for is_chunked in (False, True):
        how = "chunked" if is_chunked else "told"
        for kept in (0, 1000, END):
            sent = (patch(WHOLE[:kept]),) if kept else ()
            for more in (1, 5000):
                body = WHOLE[kept:] + bytes(more)
                refused = patch(body, kept, 413, is_chunked=is_chunked)
                yield f"12 {more} too many at {kept}, {how}", (
                    create(), *sent, refused, head(kept),
                    *((patch(WHOLE[kept:], kept),) if kept < END else ()), head(END),
                )  # fmt: skip
