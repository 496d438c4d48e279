"""``cimaise accounts``: made, listed, disabled by the operator at the machine."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cimaise.cli.opened import with_services
from cimaise.cli.options import AS_JSON, DURATION, common, load_settings
from cimaise.cli.printing import print_json, print_table, shown_bytes
from cimaise.cli.serving.announcement import sign_in_url
from cimaise.settings.parsing import parse_bytes

if TYPE_CHECKING:
    from cimaise.access.accounts.rows import Account
    from cimaise.web.services import Services


class _Bytes(click.ParamType[int]):
    """A number of bytes, with a unit or without."""

    name = "bytes"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """``"50 MB"`` to bytes."""
        try:
            return parse_bytes(str(value))
        except ValueError as fault:
            self.fail(f"expected {fault}", param, ctx)


@click.group()
def accounts() -> None:
    """Make, list and disable accounts. Works while the server runs."""


@accounts.command()
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice(["admin", "member"]),
    default="member",
    show_default=True,
    help="What the account may do.",
)
@click.option("--daily-bytes", type=_Bytes(), help="Own limit a day, such as 500 MB; 0 is none.")
@click.option("--daily-files", type=click.IntRange(0), help="Own limit of files a day; 0 is none.")
@click.option("--total-bytes", type=_Bytes(), help="Own limit in all, such as 20 GB; 0 is none.")
@common
@AS_JSON
def create(
    *,
    name: str,
    role: str,
    daily_bytes: int | None,
    daily_files: int | None,
    total_bytes: int | None,
    data_dir: str | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """Make the account NAME and print its API key, which is shown this once only.

    Where no limit is given, the settings CIMAISE_QUOTA_… hold for the account.
    """
    from cimaise.access.policy import Role

    account, key = with_services(
        load_settings(config, data_dir).settings,
        lambda services: services.access.accounts.create(
            None,
            name=name,
            role=Role(role),
            daily_bytes=daily_bytes,
            daily_files=daily_files,
            total_bytes=total_bytes,
        ),
    )
    if as_json:
        facts = {"id": account.id, "name": account.name, "role": account.role.value, "key": key}
        print_json(facts)
        return
    click.echo(f"Made the {account.role.value} {account.name}. Their API key, shown this once:")
    click.echo(f"\n    {key}\n")


@accounts.command("list")
@common
@AS_JSON
def list_accounts(data_dir: str | None, config: Path | None, as_json: bool) -> None:
    """List every account, disabled ones too."""
    found = with_services(
        load_settings(config, data_dir).settings,
        lambda services: services.access.accounts.list_accounts(None),
    )
    if as_json:
        print_json({"accounts": [account_facts(account) for account in found]})
        return
    print_table(
        ("NAME", "ROLE", "POINTS", "A DAY", "FILES A DAY", "IN ALL", "MADE", "STATE"),
        [_row(account) for account in found],
    )


@accounts.command()
@click.argument("name")
@common
@AS_JSON
def disable(name: str, data_dir: str | None, config: Path | None, as_json: bool) -> None:
    """Disable the account NAME: its keys, sessions and links stop working. Nothing is deleted.

    A server that runs notices within seconds.
    """
    account = with_services(
        load_settings(config, data_dir).settings,
        lambda services: services.access.accounts.disable(None, name),
    )
    if as_json:
        print_json(account_facts(account))
    else:
        click.echo(f"Disabled {account.name}.")


@accounts.command()
@click.option("--note", default="", help="Whom it is for.")
@click.option(
    "--role",
    type=click.Choice(["admin", "member"]),
    default="member",
    show_default=True,
    help="Of the account that it makes.",
)
@click.option("--daily-bytes", type=_Bytes(), help="Its limit a day, such as 500 MB; 0 is none.")
@click.option("--daily-files", type=click.IntRange(0), help="Its limit of files a day; 0 is none.")
@click.option("--total-bytes", type=_Bytes(), help="Its limit in all, such as 20 GB; 0 is none.")
@click.option("--expires", type=DURATION, help="How long it lives, such as 24h.")
@common
@AS_JSON
def invite(
    *,
    note: str,
    role: str,
    daily_bytes: int | None,
    daily_files: int | None,
    total_bytes: int | None,
    expires: float | None,
    data_dir: str | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """Print an address where one account can be made, once. It is shown this once only."""
    from cimaise.access.accounts.invitations import Terms
    from cimaise.access.policy import Role

    settings = load_settings(config, data_dir).settings
    limits = {"daily_bytes": daily_bytes, "daily_files": daily_files, "total_bytes": total_bytes}
    terms = Terms(note, Role(role), limits, expires)
    made, token = with_services(settings, lambda one: one.access.invitations.create(None, terms))
    url = f"{settings.public_url}/join/{token}"
    if as_json:
        print_json({"id": made.id, "url": url, "expires_at": made.expires_at.isoformat()})
        return
    click.echo(f"Good for one {role}'s account until {made.expires_at:%Y-%m-%d %H:%M} UTC:")
    click.echo(f"\n    {url}\n")


@accounts.command("set-password")
@click.argument("name")
@click.password_option(help="The new password; asked for where it is not given.")
@common
def set_password(name: str, password: str, data_dir: str | None, config: Path | None) -> None:
    """Set the password of the account NAME; all of its browsers are signed out."""
    account = with_services(
        load_settings(config, data_dir).settings,
        lambda services: services.access.account_passwords.set_by_operator(name, password),
    )
    click.echo(f"The password of {account.name} is set.")


@accounts.command("sign-in-link")
@click.argument("name")
@common
@AS_JSON
def sign_in_link(*, name: str, data_dir: str | None, config: Path | None, as_json: bool) -> None:
    """Print a link that signs the account NAME in on one browser, once.

    For whoever has lost the link of the first start, or the password. It is shown this once only.
    """
    settings = load_settings(config, data_dir).settings

    async def issue(services: "Services") -> str:
        account = await services.access.accounts.find_by_name(name)
        return await services.access.sessions.issue_sign_in(account.id)

    url = sign_in_url(settings, with_services(settings, issue))
    if as_json:
        print_json({"account": name, "url": url, "expires_in": settings.auth.sign_in_ttl})
        return
    click.echo(f"Signs in as {name}, once, within {settings.auth.sign_in_ttl / 60:g} minutes:")
    click.echo(f"\n    {url}\n")


def account_facts(account: "Account") -> dict[str, object]:
    """An account as JSON has it; a limit of ``None`` is the setting's."""
    disabled_at = account.disabled_at
    return {
        "id": account.id,
        "name": account.name,
        "role": account.role.value,
        "points": account.points,
        "daily_bytes": account.daily_bytes,
        "daily_files": account.daily_files,
        "total_bytes": account.total_bytes,
        "created_at": account.created_at.isoformat(),
        "disabled_at": disabled_at.isoformat() if disabled_at else None,
    }


def _row(account: "Account") -> list[str]:
    files = account.daily_files
    return [
        account.name,
        account.role.value,
        str(account.points),
        _limit(account.daily_bytes),
        "-" if files is None else str(files or "any"),
        _limit(account.total_bytes),
        f"{account.created_at:%Y-%m-%d}",
        "disabled" if account.disabled_at else "active",
    ]


def _limit(limit: int | None) -> str:
    """``-`` is the setting's, ``any`` is none."""
    if limit is None:
        return "-"
    return shown_bytes(limit) if limit else "any"
