"""``cimaise upload``: files from here to a server."""

import asyncio
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from cimaise.cli.options import AS_JSON, CONFIG, load_settings
from cimaise.cli.printing import print_json
from cimaise.cli.refusal import Refused
from cimaise.errors import CimaiseError

if TYPE_CHECKING:
    from cimaise.cli.uploading.client import Outcome, Uploader, Wishes

DEFAULT_SERVER: Final = "http://127.0.0.1:3023"


@click.command()
@click.argument(
    "files",
    nargs=-1,
    required=True,
    metavar="FILE...",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@click.option("--collection", required=True, metavar="NAME", help="Collection to upload into.")
@click.option(
    "--server", metavar="URL", help=f"The server (CIMAISE_CLIENT_SERVER); else {DEFAULT_SERVER}."
)
@click.option("--key", metavar="KEY", help="API key (CIMAISE_CLIENT_KEY).")
@click.option("--publish/--no-publish", default=True, help="Make the files visible when there.")
@click.option("--title", default="", metavar="TEXT", help="Title of the published files.")
@click.option(
    "--parallel",
    type=click.IntRange(1, 32),
    default=4,
    show_default=True,
    help="Parts sent at the same time.",
)
@click.option("--checksum", is_flag=True, help="Compute the SHA-256 first; the server compares.")
@CONFIG
@AS_JSON
def upload(
    *,
    files: tuple[Path, ...],
    collection: str,
    server: str | None,
    key: str | None,
    publish: bool,
    title: str,
    parallel: int,
    checksum: bool,
    config: Path | None,
    as_json: bool,
) -> None:
    """Upload files to a server.

    Each FILE is sent, large ones in parallel parts, verified there, and published. Stopped or broken off, the same command goes on where it stopped; what it needs for that lies
    in ~/.cache/cimaise/uploads (or under XDG_CACHE_HOME). A file that changes while it is sent is
    given up. Ends with code 1 when any file failed, and names which and why.
    """
    given = {("client", "server"): server, ("client", "key"): key}
    client = load_settings(config, overrides=given).settings.client
    if not client.key:
        raise click.UsageError("No API key: give --key or set CIMAISE_CLIENT_KEY.")
    from cimaise.cli.uploading.client import Wishes

    wishes = Wishes(
        server=client.server or DEFAULT_SERVER,
        collection=collection,
        publish=publish,
        title=title,
        parallel=parallel,
        checksum=checksum,
    )
    try:
        results = asyncio.run(_upload_all(files, wishes, client.key, as_json))
    except KeyboardInterrupt:
        raise Refused("Stopped. The same command goes on from here.") from None
    _report(results, as_json)


Result = tuple[Path, "Outcome | CimaiseError"]


async def _upload_all(
    files: Sequence[Path], wishes: "Wishes", key: str, as_json: bool
) -> list[Result]:
    import aiohttp

    from cimaise.cli.uploading.api import Api
    from cimaise.cli.uploading.client import Uploader
    from cimaise.cli.uploading.progress import open_display
    from cimaise.cli.uploading.records import Records, records_folder
    from cimaise.cli.uploading.transport import Transport

    timeout = aiohttp.ClientTimeout(total=None, sock_connect=15)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
        transport = Transport(session)
        records = Records(records_folder(os.environ))
        records.forget_old()
        uploader = Uploader(
            Api(transport, wishes.server, key),
            transport,
            records,
            open_display(sys.stderr),
            wishes,
        )
        return [await _upload_one(uploader, file, as_json) for file in files]


async def _upload_one(uploader: "Uploader", file: Path, as_json: bool) -> Result:
    """One file; its line is printed at once, so that a later stop does not swallow it."""
    try:
        outcome = await uploader.upload(file)
    except CimaiseError as fault:
        return file, fault
    if not as_json:
        click.echo(f"{file}  {outcome.url or f'upload {outcome.upload_id}'}")
    return file, outcome


def _report(results: Sequence[Result], as_json: bool) -> None:
    failed = [(file, result) for file, result in results if isinstance(result, CimaiseError)]
    if as_json:
        print_json(
            {
                "files": [
                    {"path": str(file), **asdict(result)}
                    for file, result in results
                    if not isinstance(result, CimaiseError)
                ],
                "failed": [
                    {"path": str(file), "error": fault.message, "code": fault.code}
                    for file, fault in failed
                ],
            }
        )
    if failed:
        raise Refused(*(f"{file}: {fault.message}" for file, fault in failed))
