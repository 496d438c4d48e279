"""``cimaise takedown`` and ``cimaise takedowns``: removing for legal reasons."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cimaise.cli.opened import with_services
from cimaise.cli.options import AS_JSON, common, load_settings
from cimaise.cli.printing import print_json, print_table

if TYPE_CHECKING:
    from cimaise.library.takedowns.rows import Takedown
    from cimaise.web.services import Services


@click.command()
@click.argument("file_id")
@click.option("--reason", required=True, help="Why; kept in the record.")
@click.option("--reference", help="The notice's own number.")
@common
@AS_JSON
def takedown(
    *,
    file_id: str,
    reason: str,
    reference: str | None,
    data_dir: str | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """Remove a published file for legal reasons, and keep its content out.

    Every file of the same content goes, answers 451 from now on, and is refused when it is uploaded again. The bytes are kept unseen for a time (CIMAISE_TAKEDOWNS_HOLD), in which the take-down can be undone.
    """
    settings = load_settings(config, data_dir).settings

    async def work(services: "Services") -> "Takedown":
        from cimaise.library.takedowns import Notice

        return await services.library.takedowns.take_down_file(
            None, file_id, Notice(reason, reference)
        )

    _show(with_services(settings, work), as_json=as_json)


@click.group()
def takedowns() -> None:
    """What was removed for legal reasons."""


@takedowns.command("list")
@common
@AS_JSON
def list_all(data_dir: str | None, config: Path | None, as_json: bool) -> None:
    """List every take-down, the newest first."""
    settings = load_settings(config, data_dir).settings

    async def work(services: "Services") -> "list[Takedown]":
        return await services.library.takedowns.list(None)

    found = with_services(settings, work)
    if as_json:
        print_json({"takedowns": [_plain(one) for one in found]})
        return
    print_table(
        ("ID", "STATE", "MADE", "FILES", "REASON", "OBJECTIONS"),
        [
            (
                one.id,
                one.state,
                f"{one.made_at:%Y-%m-%d %H:%M}",
                str(len(one.file_ids)),
                one.reason,
                " / ".join(" ".join(each.statement.split()) for each in one.objections) or "-",
            )
            for one in found
        ],
    )


@takedowns.command()
@click.argument("takedown_id")
@click.option("--reason", default="", help="Why; kept in the record.")
@common
@AS_JSON
def restore(
    *, takedown_id: str, reason: str, data_dir: str | None, config: Path | None, as_json: bool
) -> None:
    """Bring back what a take-down removed, while its bytes are held."""
    settings = load_settings(config, data_dir).settings

    async def work(services: "Services") -> "Takedown":
        return await services.library.takedowns.restore(None, takedown_id, reason=reason)

    _show(with_services(settings, work), as_json=as_json)


def _show(takedown: "Takedown", *, as_json: bool) -> None:
    if as_json:
        print_json(_plain(takedown))
        return
    until = "" if takedown.ended_at else f", can be restored until {takedown.hold_until:%Y-%m-%d}"
    click.echo(f"Take-down {takedown.id}: {takedown.state}{until}.")
    for file_id in takedown.file_ids:
        click.echo(f"  file {file_id}")


def _plain(takedown: "Takedown") -> dict[str, Any]:
    from cimaise.web.operation.takedowns import takedown_json

    return takedown_json(takedown)
