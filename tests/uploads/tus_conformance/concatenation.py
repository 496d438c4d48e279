"""Cases 35 to 40: uploads made of uploads."""

from collections.abc import Iterator
from typing import Any, Final

from tests.kit.tus import metadata
from tests.uploads.tus_conformance.exchange import BYTES, Exchange
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
CUT: Final = 1234


def _final(concat: str, status: int = 201, **send: Any) -> Exchange:
    return create(None, status, keep="f", Upload_Concat=concat, **send)


def _piece(body: bytes, keep: str, sent: int | None = None, **send: Any) -> Case:
    made = create(len(body), keep=keep, Upload_Concat="partial", **send)
    kept = body[:sent]
    return (made, patch(kept, to=f"{{{keep}}}")) if kept else (made,)


TWO: Final = (*_piece(WHOLE[:CUT], "a"), *_piece(WHOLE[CUT:], "b"))


def concatenation() -> Iterator[tuple[str, Case]]:
    """Name, which begins with the number, and exchanges."""
    yield from _made()
    yield from _refused()
    yield from _told()
    yield from _unfinished()
    yield from _named()


def _made() -> Iterator[tuple[str, Case]]:
    for count in (1, 2, 3, 8):
        cuts = [END * number // count for number in range(count + 1)]
        letters = [f"p{number}" for number in range(count)]
        pieces = [
            row
            for letter, start, stop in zip(letters, cuts, cuts[1:], strict=False)
            for row in _piece(WHOLE[start:stop], letter)
        ]
        joined = " ".join(f"{{{letter}}}" for letter in letters)
        yield f"35 of {count}", (*pieces, _final(f"final;{joined}"), head(END, to="{f}"))
    yield "35 in another order than they came", (*TWO, _final("final;{b} {a}"), head(END, to="{f}"))
    yield "35 a piece that came with its creation", (
        create_with(WHOLE[:CUT], Upload_Length=CUT, Upload_Concat="partial"),
        *_piece(WHOLE[CUT:], "b"), _final("final;{a} {b}"), head(END, to="{f}"),
    )  # fmt: skip
    yield "35 a piece of a length told late", (
        create(None, Upload_Defer_Length=1, Upload_Concat="partial"), patch(WHOLE, 0, Upload_Length=END),
        _final("final;{a}"), head(END, to="{f}"),
    )  # fmt: skip
    yield "35 an empty piece", (
        *TWO, create(0, keep="e", Upload_Concat="partial"), _final("final;{a} {e} {b}"), head(END, to="{f}"),
    )  # fmt: skip


def _refused() -> Iterator[tuple[str, Case]]:
    yield "35 a final one with a length", (*TWO, _final("final;{a} {b}", 400, Upload_Length=END))
    yield (
        "35 a final one with a deferred length",
        (*TWO, _final("final;{a} {b}", 400, Upload_Defer_Length=1)),
    )
    yield "35 a final one with bytes", (
        *TWO, create_with(b"x", 400, Upload_Length=None, Upload_Concat="final;{a} {b}"),
    )  # fmt: skip
    for concat in ("", "final", "final;", "partial;{a}", "Final;{a}", "other", "partial,final;{a}"):
        length = {"Upload_Length": 5} if not concat.startswith("final") else {}
        yield f"35 Upload-Concat {concat!r}", (*TWO, _final(concat, 400, **length))
    yield "35 of something that is no piece", (create(), patch(), _final("final;{a}", 400))
    yield (
        "35 of a final one",
        (*TWO, _final("final;{a} {b}"), create(None, 400, Upload_Concat="final;{f}")),
    )
    yield "35 of a piece of unknown length", (
        create(None, Upload_Defer_Length=1, Upload_Concat="partial"), _final("final;{a}", 400),
    )  # fmt: skip
    yield "35 of a piece that was ended", (*TWO, delete("{b}"), _final("final;{a} {b}", 400))
    for offset in (0, CUT, END):
        sent = {"Content-Type": BYTES, "Upload-Offset": str(offset)}
        refused = Exchange("PATCH", "{f}", 403, sent, body=b"x")
        yield (
            f"36 PATCH of a final one at {offset}",
            (*TWO, _final("final;{a} {b}"), refused, head(END, to="{f}")),
        )
        early = (*_piece(WHOLE[:CUT], "a", 0), _final("final;{a}"))
        yield (
            f"36 PATCH of an early final one at {offset}",
            (*early, refused, head(0, CUT, to="{f}")),
        )


def _told() -> Iterator[tuple[str, Case]]:
    yield "37 a piece says so", (*TWO, head(CUT, CUT, Upload_Concat="partial"))
    for written in ("final;{a} {b}", "final;{a.path} {b.path}", "final;{a}  {b}"):
        yield f"37 a final one says {written}", (
            *TWO, _final(written), head(END, to="{f}", Upload_Concat=written),
        )  # fmt: skip
    plain = Exchange("HEAD", "{a}", 200, lacks=("Upload-Concat",))
    yield "37 others say nothing", (create(), plain)


def _unfinished() -> Iterator[tuple[str, Case]]:
    announced = Exchange(
        "OPTIONS", "{new}", 200,
        has={"Tus-Extension": r".*\bconcatenation\b.*\bconcatenation-unfinished\b.*"},
    )  # fmt: skip
    yield "38 concatenation and concatenation-unfinished are announced", (announced,)
    for first in ("a", "b"):
        begun = (
            *_piece(WHOLE[:CUT], "a", 100),
            *_piece(WHOLE[CUT:], "b", 200),
            _final("final;{a} {b}"),
        )
        ends = {"a": patch(WHOLE[100:CUT], 100), "b": patch(WHOLE[CUT + 200 :], 200, to="{b}")}
        second = "b" if first == "a" else "a"
        yield f"38 a final one that comes early, {first} first", (
            *begun, ends[first], ends[second], head(END, to="{f}"), head(END, to="{f}"),
        )  # fmt: skip
    yield "38 a final one whose piece is ended", (
        *_piece(WHOLE[:CUT], "a"), *_piece(WHOLE[CUT:], "b", 0), _final("final;{a} {b}"), delete("{b}"), gone("{b}"),
    )  # fmt: skip


def _named() -> Iterator[tuple[str, Case]]:
    told = metadata(filename="piece.bin", mood="good")
    without = Exchange("HEAD", "{f}", 200, lacks=("Upload-Metadata",))
    yield "39 metadata of pieces are not inherited", (
        *_piece(WHOLE, "a", Upload_Metadata=told), _final("final;{a}"), without,
    )  # fmt: skip
    own = metadata(filename="whole.bin")
    yield "39 a final one has its own", (
        *_piece(WHOLE, "a", Upload_Metadata=told), _final("final;{a}", Upload_Metadata=own),
        head(END, to="{f}", Upload_Metadata=own.replace("+", r"\+")),
    )  # fmt: skip
    yield (
        "39 a piece twice in one",
        (*_piece(WHOLE[:CUT], "a"), _final("final;{a} {a}"), head(2 * CUT, 2 * CUT, to="{f}")),
    )
    yield "39 a piece in two", (
        *_piece(WHOLE, "a"), _final("final;{a}"), create(None, keep="g", Upload_Concat="final;{a}"),
        head(END, to="{f}"), head(END, to="{g}"),
    )  # fmt: skip
    for written in ("{a}", "{a.path}", "//elsewhere{a.path}", "{a}?x=y"):
        yield (
            f"40 named as {written}",
            (*_piece(WHOLE, "a"), _final(f"final;{written}"), head(END, to="{f}")),
        )
    for written, status in (
        ("/tus/nothing", 404),
        ("nothing", 404),
        ("https://[::1", 400),
        ("{a} /x", 404),
    ):
        yield f"40 named as {written}", (*_piece(WHOLE, "a"), _final(f"final;{written}", status))
