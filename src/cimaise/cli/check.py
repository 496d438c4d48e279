"""``cimaise check``: can everything be reached that the server needs?"""

import asyncio
from collections.abc import Awaitable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from cimaise.cli.opened import build_application
from cimaise.cli.options import AS_JSON, common, load_settings
from cimaise.cli.printing import print_json, print_table
from cimaise.cli.refusal import Refused
from cimaise.errors import CimaiseError
from cimaise.settings import Settings

if TYPE_CHECKING:
    from cimaise.web.services import Services

OK: Final = "ok"


@click.command()
@common
@AS_JSON
def check(data_dir: str | None, config: Path | None, as_json: bool) -> None:
    """Probe the database, the storage, the shared state and the cache.

    Ends with code 1 when one of them cannot be used, and says why.
    """
    settings = load_settings(config, data_dir).settings
    results = probe_all(settings)
    if as_json:
        print_json({"ok": all(state == OK for state in results.values()), "checks": results})
    else:
        print_table(("PART", "STATE"), list(results.items()))
    failed = [part for part, state in results.items() if state != OK]
    if failed:
        raise Refused(f"Cannot be used: {', '.join(failed)}.")


def probe_all(settings: Settings) -> dict[str, str]:
    """``"ok"`` or what is wrong, for each part. Nothing is migrated or made in them."""
    application = build_application(settings)

    async def work() -> dict[str, str]:
        try:
            return await probe(application.services)
        finally:
            await application.stop()

    return asyncio.run(work())


async def probe(services: "Services") -> dict[str, str]:
    """The parts of an open application, one after another."""
    return {
        "database": await _state(services.database.check()),
        "storage": await _state(services.storage.check()),
        "state": await _state(services.state.check()),
        "cache": await _state(services.images.check_cache()),
    }


async def _state(probed: Awaitable[object]) -> str:
    try:
        await probed
    except CimaiseError as fault:
        return fault.message
    except OSError as fault:
        return fault.strerror or str(fault)
    return OK
