"""The committed pages of the manual say what the program goes by."""

from pathlib import Path

import pytest

from cimaise import telemetry
from cimaise.cli.manual import PAGES, write_pages
from cimaise.errors import CODES
from cimaise.settings import environment_name
from cimaise.settings.sections import knobs
from cimaise.web.replies.problems import STATUSES
from cimaise.web.routes import LINES

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


@pytest.mark.parametrize("name", PAGES)
def test_the_committed_page_is_the_generated_one(name: str):
    committed = (REFERENCE / name).read_text("utf-8")
    assert committed == PAGES[name](), f"docs/reference/{name} is out of date: run `make reference`"


def test_pages_are_written_whole(tmp_path: Path):
    write_pages(tmp_path / "reference")
    assert {file.name for file in (tmp_path / "reference").iterdir()} == set(PAGES)


def test_every_setting_code_route_and_event_is_in_its_page():
    settings, errors = PAGES["settings.md"](), PAGES["errors.md"]()
    routes, events = PAGES["http-api.md"](), PAGES["log-events.md"]()
    assert all(f"`{environment_name(s, n)}`" in settings for s, n, _, _ in knobs())
    assert all(f"| `{code}` |" in errors for code in CODES)
    assert all(f"| {status} |" in errors for status in STATUSES.values())
    assert all(f"| `{line.method}` | `{line.path}` |" in routes for line in LINES)
    assert all(f"| `{event}` |" in events for event in telemetry.EVENTS)


def test_amounts_are_written_as_one_would_set_them():
    page = PAGES["settings.md"]()
    assert "| `CIMAISE_UPLOADS_SINGLE_MAX_BYTES` | `50 MB` | from `1` to `5 GB` |" in page
    assert "| `CIMAISE_UPLOADS_URL_TTL` | `1h` | from `1s` to `7d` |" in page
    assert "| `CIMAISE_IMAGES_MAX_PIXELS` | `100 MP` |" in page
