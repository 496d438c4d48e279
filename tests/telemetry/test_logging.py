import io
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from cimaise import telemetry
from cimaise.telemetry import EVENTS, configure_logging, log

SOURCE = Path(telemetry.__file__).parents[1]


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    undo = configure_logging(form="json", stream=stream)
    yield stream
    undo()


def test_an_event_is_one_json_object_a_line(written: io.StringIO):
    telemetry.request_id.set("id-of-request")
    log("job", job="tidy", done=3)
    telemetry.request_id.set("")
    line = json.loads(written.getvalue())
    assert line["event"] == "job"
    assert (line["job"], line["done"], line["level"]) == ("tidy", 3, "info")
    assert line["request_id"] == "id-of-request"


def test_what_is_not_declared_cannot_be_logged():
    with pytest.raises(ValueError, match="undeclared"):
        log("surprise")


def test_every_declared_event_is_used_somewhere():
    code = "".join(path.read_text() for path in SOURCE.rglob("*.py"))
    used = set(re.findall(r'\blog\(\s*"([a-z_]+)"', code)) | {"library_message"}
    assert used == set(EVENTS)


@pytest.mark.parametrize(
    "secret",
    [
        "/storage/eyJ2ZXJiIjoicHV0Iiwia2V5IjoiaW5jb21p.c2lnbmF0dXJl",
        "/files/abc?link=AAAAAGsBfj8zYzVIMnU3Nld1T1U5a3dydlJxczFx.t7D_6SAY",
        "/files/abc?download=1&grant=AAAAAGsBfj8zYzVIMnU3Nld1T1U5a3dydlJxczFx.t7D_6SAY",
        "/login?token=3LIev7IThACjtu02_Ev8DJ9Urwo0UiXFPdqC4E3jID0",
        "cim_4fK9aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    ],
)
def test_tokens_never_reach_the_log(written: io.StringIO, secret: str):
    log("request", path=secret)
    logging.getLogger("somebody.else").warning("late send ignored: PUT %s", secret)
    tail = re.split(r"[/=_]", secret)[-1]
    assert tail not in written.getvalue()
    assert "…" in written.getvalue()


def test_text_lines_keep_a_traceback_below_them():
    stream = io.StringIO()
    undo = configure_logging(form="text", stream=stream)
    try:
        raise RuntimeError("broken")
    except RuntimeError as fault:
        log("job_failed", level="error", fault=fault, job="tidy")
    undo()
    first, *rest = stream.getvalue().splitlines()
    assert "job_failed" in first
    assert rest[-1] == "RuntimeError: broken"
