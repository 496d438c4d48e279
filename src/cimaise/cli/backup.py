"""``cimaise backup`` and ``cimaise restore``."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from cimaise.cli.opened import build_application, with_services
from cimaise.cli.options import AS_JSON, common, load_settings
from cimaise.cli.printing import print_json, shown_bytes
from cimaise.cli.refusal import Refused

if TYPE_CHECKING:
    from cimaise.backup.manifest import Manifest
    from cimaise.state.base import State
    from cimaise.web.services import Services

_FOLDER: Final = click.Path(file_okay=False, path_type=Path)
_TTL_S: Final = 60.0


@click.command()
@click.argument("folder", metavar="DIR", type=_FOLDER)
@common
@AS_JSON
def backup(folder: Path, data_dir: str | None, config: Path | None, as_json: bool) -> None:
    """Write database and bytes to DIR as one consistent pair.

    A server may run meanwhile. Run again on the same folder, only what is new is copied. Whatever is damaged or missing in the storage is found, and ends this with code 1.
    """
    from cimaise.backup.acts import back_up

    settings = load_settings(config, data_dir).settings

    async def work(services: "Services") -> "Manifest":
        async with nothing_is_deleted(services.state):
            return await back_up(
                services.database,
                services.storage,
                folder,
                now=services.clock,
                progress=progress("copied", quiet=as_json),
            )

    _show(with_services(settings, work), "Backed up", as_json=as_json)


@click.command()
@click.argument("folder", metavar="DIR", type=_FOLDER)
@common
@AS_JSON
def restore(folder: Path, data_dir: str | None, config: Path | None, as_json: bool) -> None:
    """Fill an empty installation from the backup in DIR.

    Every hash is verified. Database and storage are those of the settings, and may be of another kind than those that the backup was made from. No server runs meanwhile.
    """
    from cimaise.backup.acts import restore as fill

    settings = load_settings(config, data_dir).settings
    application = build_application(settings)

    async def work() -> "Manifest":
        services = application.services
        try:
            return await fill(
                services.database,
                services.storage,
                folder,
                progress=progress("restored", quiet=as_json),
            )
        finally:
            await application.stop()

    _show(asyncio.run(work()), "Restored", as_json=as_json)


def nothing_is_deleted(state: "State") -> AbstractAsyncContextManager[None]:
    """Hold the lease of the job that deletes, and renew it, for as long as the context lasts."""
    from cimaise.backup.acts import DELETING

    @asynccontextmanager
    async def held() -> AsyncIterator[None]:
        lease = await state.take_lease(DELETING, ttl_s=_TTL_S)
        if lease is None:
            raise Refused("A server deletes objects just now: try again in a minute.")

        async def keep() -> None:
            while True:
                await asyncio.sleep(_TTL_S / 4)
                await state.renew_lease(lease, ttl_s=_TTL_S)

        keeper = asyncio.get_running_loop().create_task(keep())
        try:
            yield
        finally:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
            await state.release_lease(lease)

    return held()


def progress(verb: str, *, quiet: bool) -> Callable[[int, int], None]:
    """Lines on standard error, now and then."""

    def told(done: int, total: int) -> None:
        if not quiet and (done == total or done % 100 == 0):
            click.echo(f"{done} of {total} objects {verb}", err=True)

    return told


def _show(manifest: "Manifest", verb: str, *, as_json: bool) -> None:
    size = sum(one.size for one in manifest.objects)
    facts = {
        "made_at": manifest.made_at.isoformat(),
        "rows": sum(manifest.rows.values()),
        "objects": len(manifest.objects),
        "bytes": size,
    }
    if as_json:
        print_json(facts)
    else:
        click.echo(
            f"{verb} {facts['rows']} rows and {facts['objects']} objects ({shown_bytes(size)})."
        )
