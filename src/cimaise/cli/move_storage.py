"""``cimaise move-storage``: every object to another storage."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cimaise.cli.backup import nothing_is_deleted, progress
from cimaise.cli.opened import with_services
from cimaise.cli.options import AS_JSON, common, load_settings
from cimaise.cli.printing import print_json, shown_bytes
from cimaise.cli.refusal import Refused

if TYPE_CHECKING:
    from cimaise.settings import Settings
    from cimaise.storage.base import Storage
    from cimaise.web.services import Services


@click.command("move-storage")
@click.option("--to", "target_url", required=True, metavar="URL", help="As CIMAISE_STORAGE_URL.")
@click.option("--access-key-id", help="S3 access key there; that of the settings by default.")
@click.option("--secret-access-key", help="S3 secret key there.")
@click.option("--verify", is_flag=True, help="Read everything back and compare.")
@common
@AS_JSON
def move_storage(
    *,
    target_url: str,
    access_key_id: str | None,
    secret_access_key: str | None,
    verify: bool,
    data_dir: str | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """Copy every object to another storage.

    A server may run meanwhile; run again, only what is missing is copied. When little is left, stop the server, run it once more, set CIMAISE_STORAGE_URL to the new one, and start. Nothing is deleted in the old storage. Uploads that have begun and not ended stay behind.
    """
    settings = load_settings(config, data_dir).settings
    target = _open(settings, target_url, access_key_id, secret_access_key)

    async def work(services: "Services") -> dict[str, Any]:
        from cimaise.backup.moving import compare_all, copy_all
        from cimaise.backup.objects import named_objects

        try:
            async with nothing_is_deleted(services.state):
                named = await services.database.read(named_objects)
                told = progress("copied", quiet=as_json)
                done = asdict(await copy_all(services.storage, target, named, told))
                if verify:
                    told = progress("compared", quiet=as_json)
                    done["compared"] = await compare_all(target, named, told)
                return done
        finally:
            await target.close()

    done = with_services(settings, work)
    if as_json:
        print_json(done)
        return
    copied = f"{done['copied']} objects copied ({shown_bytes(done['copied_bytes'])})"
    click.echo(f"{copied}, {done['present']} were there already.")


def _open(
    settings: "Settings", url: str, access_key_id: str | None, secret_access_key: str | None
) -> "Storage":
    from cimaise.app import utc_now
    from cimaise.storage.table import open_storage

    known = settings.storage
    there = replace(
        known,
        url=url,
        access_key_id=access_key_id or known.access_key_id,
        secret_access_key=secret_access_key or known.secret_access_key,
    )
    if url.rstrip("/") == known.url.rstrip("/"):
        raise Refused("--to is the storage that is in use.")
    try:
        return open_storage(
            there,
            data_dir=settings.data.dir.absolute(),
            signing_secret=b"nothing is signed here",
            public_url=settings.public_url,
            now=utc_now,
        )
    except (ValueError, OSError) as fault:
        raise Refused(f"--to: {fault}") from fault
