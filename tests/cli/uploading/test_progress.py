"""What people see while bytes go out."""

import io

from rich.console import Console

from cimaise.cli.uploading.progress import Bar, Lines, open_display


def test_lines_tell_every_tenth_and_where_it_goes_on():
    lines: list[str] = []
    display = Lines(lines.append)
    display.begin("a.raw", total=1000, done=0)
    for _ in range(20):
        display.advance(50)
    display.end()
    assert lines == [f"a.raw: {percent} %" for percent in range(10, 101, 10)]
    lines.clear()
    display.begin("b.raw", total=1000, done=700)
    display.advance(300)
    assert lines == ["b.raw: goes on from 70 %", "b.raw: 100 %"]


def test_what_is_sent_again_is_not_told_twice():
    lines: list[str] = []
    display = Lines(lines.append)
    display.begin("a.raw", total=100, done=0)
    display.advance(60)
    display.advance(-60)
    display.advance(60)
    assert lines == ["a.raw: 60 %"]


def test_no_terminal_has_lines():
    assert isinstance(open_display(io.StringIO()), Lines)


def test_a_bar_counts_bytes_and_shows_names_as_they_are():
    stream = io.StringIO()
    bar = Bar(Console(file=stream, force_terminal=True, width=120))
    bar.begin("[red]a.raw", total=2048, done=1024)
    bar.advance(512)
    bar.end()
    assert "[red]a.raw" in stream.getvalue()
    assert "1.5/2.0 KiB" in stream.getvalue()
