"""``cimaise``: every command, once."""

from typing import Any

import click

from cimaise.cli.accounts import accounts
from cimaise.cli.albums import albums
from cimaise.cli.audit import audit
from cimaise.cli.backup import backup, restore
from cimaise.cli.check import check
from cimaise.cli.cleanup import cleanup
from cimaise.cli.demo import demo
from cimaise.cli.fsck import fsck
from cimaise.cli.move_keys import move_keys
from cimaise.cli.move_storage import move_storage
from cimaise.cli.openapi import openapi
from cimaise.cli.refusal import refusals
from cimaise.cli.serve import serve
from cimaise.cli.settings import settings
from cimaise.cli.sign import sign
from cimaise.cli.stats import stats
from cimaise.cli.storage import storage
from cimaise.cli.takedowns import takedown, takedowns
from cimaise.cli.upload import upload
from cimaise.cli.usage import usage


class _Program(click.Group):
    """Turns what was foreseen into one clear line and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        with refusals():
            return super().invoke(ctx)


@click.group(cls=_Program)
@click.version_option(package_name="cimaise", prog_name="cimaise")
def main() -> None:
    """A self-hosted media server: uploads one can trust, originals, pictures at any size, albums.

    Settings are read from variables named CIMAISE_<SECTION>_<NAME>, above a TOML file (--config
    or CIMAISE_CONFIG), above defaults; "cimaise settings" lists them all.

    Exit codes: 0 done, 1 a failure that standard error explains in a line, 2 wrong usage.
    """


for _command in (
    serve,
    demo,
    accounts,
    upload,
    albums,
    cleanup,
    sign,
    fsck,
    move_keys,
    storage,
    stats,
    usage,
    audit,
    backup,
    restore,
    move_storage,
    takedown,
    takedowns,
    settings,
    check,
    openapi,
):
    main.add_command(_command)
