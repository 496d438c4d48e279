"""``cimaise settings``: what is in force, and where it came from."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import click

from cimaise.cli.options import AS_JSON, common, load_settings
from cimaise.cli.printing import print_json, print_table
from cimaise.settings import Loaded, environment_name
from cimaise.settings.sections import knobs

HIDDEN: Final = "***"


@click.command()
@common
@AS_JSON
def settings(data_dir: str | None, config: Path | None, as_json: bool) -> None:
    """Print every setting and its origin.

    With the effective value and the variable that sets it. Secrets are shown as ***. Ends with code 1 and every fault when a setting is wrong.
    """
    rows = effective(load_settings(config, data_dir))
    if as_json:
        print_json({"settings": rows})
        return
    print_table(
        ("VARIABLE", "VALUE", "FROM"),
        [(str(row["variable"]), shown(row["value"]), str(row["origin"])) for row in rows],
    )


def effective(loaded: Loaded) -> list[Mapping[str, object]]:
    """Every setting as ``{section, name, variable, value, origin}``, secrets hidden."""
    rows: list[Mapping[str, object]] = []
    for section, name, knob, _ in knobs():
        value = getattr(getattr(loaded.settings, section), name)
        rows.append(
            {
                "section": section,
                "name": name,
                "variable": environment_name(section, name),
                "value": HIDDEN if knob.secret and value else plain(value),
                "origin": loaded.origins.get((section, name), "default"),
            }
        )
    return rows


def plain(value: object) -> object:
    """A value as JSON has it."""
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return value if isinstance(value, bool | int | float | str) else str(value)


def shown(value: object) -> str:
    """A plain value as people read it."""
    if isinstance(value, list):
        return ", ".join(str(item) for item in value) or "-"
    if isinstance(value, float):
        return f"{value:g}"
    return "-" if value == "" else str(value)
