"""``cimaise check``: can everything be reached that the server needs?"""

from collections.abc import Awaitable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cimaise.cli.options import AS_JSON, common, load_settings
from cimaise.cli.printing import print_json, print_table
from cimaise.cli.refusal import Refused
from cimaise.errors import CimaiseError

if TYPE_CHECKING:
    from cimaise.web.services import Services

OK = "ok"


@click.command()
@common
@AS_JSON
def check(data_dir: str | None, config: Path | None, as_json: bool) -> None:
    """Probe the database, the storage and the cache; code 1 when one of them fails."""
    settings = load_settings(config, data_dir).settings
    results = probe_all(settings)
    if as_json:
        print_json({"ok": all(state == OK for state in results.values()), "checks": results})
    else:
        print_table(("PART", "STATE"), list(results.items()))
    failed = [part for part, state in results.items() if state != OK]
    if failed:
        raise Refused(f"Cannot be used: {', '.join(failed)}.")
