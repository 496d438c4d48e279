"""The generated pages of the manual, each from what the program itself goes by.

``python -m cimaise.cli.manual`` writes them into ``docs/reference``.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import click

from cimaise import telemetry
from cimaise.cli.program import main
from cimaise.cli.settings import plain, shown
from cimaise.errors import CODES
from cimaise.settings import environment_name
from cimaise.settings.sections import GB, KB, MB, TB, Knob, Settings, knobs

_NOTE: Final = "<!-- Written by `make reference`; change the source, not this page. -->"
_WIDTH: Final = 92


def commands(command: click.Command, path: str = "cimaise") -> Iterator[tuple[str, click.Command]]:
    """Every command with its full name, a group before its commands."""
    yield path, command
    if isinstance(command, click.Group):
        for name in sorted(command.commands):
            yield from commands(command.commands[name], f"{path} {name}")


def command_reference() -> str:
    """The help of every command."""
    chapters = []
    for path, command in commands(main):
        context = click.Context(command, info_name=path, terminal_width=_WIDTH)
        chapters.append(f"## {path}\n\n```text\n{command.get_help(context)}\n```\n")
    return _page("The command line", "Every command as its `--help` explains it.", chapters)


def settings_reference() -> str:
    """Every setting, a table for each section."""
    empty = Settings()
    chapters = []
    rows: dict[str, list[Sequence[str]]] = {}
    for section, name, knob, default in knobs():
        cells = (f"`{environment_name(section, name)}`", _default(knob, default), _bounds(knob))
        rows.setdefault(section, []).append((*cells, knob.meaning))
    for section, lines in rows.items():
        about = (type(getattr(empty, section)).__doc__ or "").strip()
        table = _table(("Variable", "Default", "Allowed", "Meaning"), lines)
        chapters.append(f"## [{section}]\n\n{about}\n\n{table}")
    return _page(
        "Settings",
        "Set by environment variables, or in a TOML file with a table for each section (`--config`"
        " or `CIMAISE_CONFIG`): `CIMAISE_SERVER_PORT` is `port` of `[server]`. Variables are above"
        " the file, options of the command line above both. Unknown names are faults. Sizes count"
        " in powers of 1024 (`50 MB`), durations are seconds or have a unit (`500ms`, `15s`,"
        " `60m`, `24h`, `7d`), lists are separated by commas.",
        chapters,
    )


def errors_reference() -> str:
    """Every code, and the statuses of the kinds of errors."""
    from cimaise.web.replies.problems import STATUSES

    kinds = sorted(STATUSES.items(), key=lambda item: item[1])
    statuses = _table(
        ("Status", "Code where nothing finer is said", "When"),
        [(str(status), f"`{kind.default_code}`", _first_line(kind)) for kind, status in kinds],
    )
    codes = _table(("Code", "Meaning"), [(f"`{code}`", meaning) for code, meaning in CODES.items()])
    return _page(
        "Errors",
        'Every error of every address is `{"error": "<sentence>", "code": "<name>", "request_id":'
        ' "…"}`, with `field` (the field that is refused) and `limit` (`name`, `value`, `actual`)'
        " where they help. Programs go by the code, people by the sentence. The request id is in"
        " the header `X-Request-Id` and in the server's log. Who prefers `text/html` (a browser that"
        " goes to an address) gets a page with the same status instead, except below `/api/` and at"
        " the other addresses that are for programs alone.",
        [f"## Statuses\n\n{statuses}", f"## Codes\n\n{codes}"],
    )


def routes_reference() -> str:
    """Every route, a table for each chapter."""
    from cimaise.web.routes import LINES

    rows: dict[str, list[Sequence[str]]] = {}
    for line in LINES:
        cells = (f"`{line.method}`", f"`{line.path}`", line.permission.value, line.summary)
        rows.setdefault(line.tag or "Other", []).append(cells)
    head = ("Method", "Path", "For", "Does")
    return _page(
        "The HTTP interface",
        "Every address. A `GET` answers `HEAD` too, and `OPTIONS` tells the methods of an address."
        " *public* needs no account by itself: what is private is still for those allowed only;"
        " *account* needs an API key, a token or a session; *admin* an administrator's. Bodies"
        " and fields are in the OpenAPI document (`cimaise openapi`, or `/openapi.json` of a"
        " server); what goes wrong is in [errors](errors.md).",
        [f"## {tag}\n\n{_table(head, lines)}" for tag, lines in rows.items()],
    )


def events_reference() -> str:
    """Every event that the log may hold."""
    table = _table(
        ("Event", "Meaning"), [(f"`{name}`", text) for name, text in telemetry.EVENTS.items()]
    )
    return _page(
        "Log events",
        "A log line is an event with fields: text on a terminal, otherwise one JSON object a line"
        " with `at`, `level`, `event` and the fields (`CIMAISE_LOG_FORMAT`). Lines that belong to"
        " a request have its `request_id`.",
        [table],
    )


def metrics_reference() -> str:
    """Every metric."""
    from cimaise.telemetry.metrics import METRICS, PREFIX
    from cimaise.web.operation.metrics import LEVELS

    rows = [
        (f"`{PREFIX}{name}`", metric.kind.value, ", ".join(metric.labels) or "-", metric.meaning)
        for name, metric in METRICS.items()
    ]
    rows += [(f"`{PREFIX}{name}`", "gauge", "-", meaning) for name, meaning in LEVELS.items()]
    return _page(
        "Metrics",
        "What `/metrics` tells Prometheus. Counters are those of all server processes of a"
        " machine; levels at the end are read from the database.",
        [_table(("Metric", "Kind", "Labels", "Meaning"), rows)],
    )


PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "command-line.md": command_reference,
    "settings.md": settings_reference,
    "errors.md": errors_reference,
    "http-api.md": routes_reference,
    "log-events.md": events_reference,
    "metrics.md": metrics_reference,
}


def write_pages(folder: Path) -> None:
    """Write every page; the folder is made where it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in PAGES.items():
        (folder / name).write_text(make(), "utf-8")


def _page(title: str, about: str, chapters: Iterable[str]) -> str:
    parts = [f"# {title}", _NOTE, about, *chapters]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines) + "\n"


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", r"\|")


def _first_line(kind: type) -> str:
    return (kind.__doc__ or "").strip().splitlines()[0].replace("``", "`")


def _default(knob: Knob, default: object) -> str:
    return _amount(knob, default) if default not in {(), ""} else "-"


def _bounds(knob: Knob) -> str:
    if knob.choices:
        return ", ".join(f"`{choice}`" for choice in knob.choices)
    low = "" if knob.low is None else f"from {_amount(knob, knob.low)}"
    high = "" if knob.high is None else f"to {_amount(knob, knob.high)}"
    return f"{low} {high}".strip() or "-"


def _amount(knob: Knob, value: object) -> str:
    """A value as one would write it: bytes and durations with their unit."""
    kind = knob.parse.__name__
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"`{shown(plain(value))}`"
    if kind == "parse_bytes":
        return _in_units(value, {"TB": TB, "GB": GB, "MB": MB, "KB": KB})
    if kind == "parse_pixels":
        return _in_units(value, {"MP": 1_000_000})
    if kind == "parse_duration":
        return _in_units(value, {"d": 86400, "h": 3600, "m": 60, "s": 1}).replace(" ", "")
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _in_units(value: float, units: Mapping[str, int]) -> str:
    for unit, size in units.items():
        if value >= size and value % size == 0:
            return f"`{value / size:g} {unit}`"
    return f"`{value:g}`"


if __name__ == "__main__":
    write_pages(Path("docs/reference"))
