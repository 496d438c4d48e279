"""``cimaise move-keys``: objects of older schemes get keys of today's."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cimaise.cli.counting import counting
from cimaise.cli.opened import with_services
from cimaise.cli.options import AS_JSON, common, load_settings
from cimaise.cli.printing import print_json, shown_bytes
from cimaise.cli.refusal import Refused

if TYPE_CHECKING:
    from cimaise.library.discarded import Freed
    from cimaise.uploads.move_keys import KeyMoves
    from cimaise.web.services import Services


@click.command("move-keys")
@click.option("--dry-run", is_flag=True, help="Change nothing; say what would be moved.")
@common
@AS_JSON
def move_keys(dry_run: bool, data_dir: str | None, config: Path | None, as_json: bool) -> None:
    """Give files under names of older schemes keys of today's: random, without people's words.

    Copies an object, switches the file's record, then deletes the old object. May be stopped and run again, and goes on where it was; may run beside the server. The table key_moves keeps which key came of which name.
    """
    settings = load_settings(config, data_dir).settings
    if dry_run:
        left = with_services(settings, _count)
        _tell({"dry_run": True, "count": left.count, "bytes": left.bytes}, as_json=as_json)
        return

    async def run(services: "Services") -> "KeyMoves":
        with counting(quiet=as_json) as count:
            return await services.uploads.key_mover.run(
                on_moved=lambda done: count("moved", done.count, done.bytes)
            )

    moves = with_services(settings, run)
    facts = {"dry_run": False, "count": moves.moved.count, "bytes": moves.moved.bytes}
    _tell(facts | {"missing": list(moves.missing)}, as_json=as_json)
    if moves.missing:
        raise Refused(f"{len(moves.missing)} files have no bytes: see cimaise fsck.")


async def _count(services: "Services") -> "Freed":
    return await services.uploads.key_mover.count()


def _tell(facts: dict[str, object], *, as_json: bool) -> None:
    if as_json:
        print_json(facts)
        return
    verb = "would be moved" if facts["dry_run"] else "moved"
    click.echo(f"{facts['count']} objects {verb}, {shown_bytes(int(str(facts['bytes'])))}")
