"""``cimaise audit``: the record of who did what."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cimaise.cli.opened import with_services
from cimaise.cli.options import AS_JSON, common, load_settings
from cimaise.cli.printing import print_json, print_table
from cimaise.cli.refusal import Refused

if TYPE_CHECKING:
    from cimaise.database.audit.chain import Entry
    from cimaise.database.audit.sealing import Verdict
    from cimaise.web.services import Services


@click.group()
def audit() -> None:
    """The record of who did what, when, from where and why."""


@audit.command("list")
@click.option("--action", help="Only this action; thing.* for all of a thing.")
@click.option("--subject", help="Only of this thing's id.")
@click.option(
    "--limit",
    type=click.IntRange(1, 10_000),
    default=50,
    show_default=True,
    help="At most so many.",
)
@common
@AS_JSON
def list_entries(
    *,
    action: str | None,
    subject: str | None,
    limit: int,
    data_dir: str | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """List entries, the newest first."""
    from cimaise.database.audit.reading import Wanted, find_entries

    settings = load_settings(config, data_dir).settings

    async def work(services: "Services") -> "list[Entry]":
        wanted = Wanted(action=action, subject=subject)
        return await services.database.read(
            lambda connection: find_entries(connection, wanted, limit=limit)
        )

    entries = with_services(settings, work)
    if as_json:
        print_json({"entries": [_plain(entry) for entry in entries]})
        return
    print_table(
        ("AT", "ACTION", "SUBJECT", "ACCOUNT", "FROM"),
        [
            (
                f"{one.at:%Y-%m-%d %H:%M:%S}",
                one.action,
                one.subject,
                one.account_id or "-",
                one.origin or "-",
            )
            for one in entries
        ],
    )


@audit.command()
@click.option("--head", metavar="HASH", help="A head seen before: it must still be in the chain.")
@common
@AS_JSON
def verify(head: str | None, data_dir: str | None, config: Path | None, as_json: bool) -> None:
    """Walk along the chain and tell whether anything was changed, removed or put in.

    Ends with code 1 where it was. The head that this prints, kept elsewhere, tells next time (--head) whether the whole chain was written anew.
    """
    settings = load_settings(config, data_dir).settings

    async def work(services: "Services") -> "Verdict":
        from cimaise.database.audit.sealing import seal
        from cimaise.database.audit.sealing import verify as walk

        while (await services.database.write(seal))[0]:
            pass
        return await services.database.read(lambda connection: walk(connection, known_head=head))

    verdict = with_services(settings, work)
    if as_json:
        print_json(
            {
                "ok": verdict.is_whole,
                "entries": verdict.head.sequence,
                "head": verdict.head.hash,
                "broken_at": verdict.broken_at,
            }
        )
    else:
        click.echo(f"{verdict.head.sequence} entries, head {verdict.head.hash}")
    if verdict.broken_at is not None:
        raise Refused(f"The chain is broken at entry {verdict.broken_at}.")
    if not verdict.passed:
        raise Refused("The head that was given is not in the chain: it was written anew.")


@audit.command()
@click.argument("file", type=click.File("wb"))
@common
def export(file: Any, data_dir: str | None, config: Path | None) -> None:
    """Write every sealed entry to FILE, one JSON object a line; - is standard output."""
    settings = load_settings(config, data_dir).settings

    async def work(services: "Services") -> int:
        import msgspec

        from cimaise.database.audit.sealing import seal, sealed_entries

        while (await services.database.write(seal))[0]:
            pass

        def write_all(connection: Any) -> int:
            count = 0
            for entry in sealed_entries(connection):
                file.write(msgspec.json.encode(_plain(entry)) + b"\n")
                count += 1
            return count

        return await services.database.read(write_all)

    count = with_services(settings, work)
    click.echo(f"{count} entries", err=True)


def _plain(entry: "Entry") -> dict[str, Any]:
    from cimaise.web.operation.audit import entry_json

    return entry_json(entry)
