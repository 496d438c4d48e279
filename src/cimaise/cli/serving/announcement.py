"""What whoever starts the server is told."""

from typing import TYPE_CHECKING

import click

from cimaise import telemetry
from cimaise.settings import Settings

if TYPE_CHECKING:
    from cimaise.access.accounts.first_start import FirstAccount


def announce_first(settings: Settings, first: "FirstAccount") -> None:
    """On the first start: the one-time link on standard output. The log never holds its token."""
    if first.sign_in_token is None:
        return
    minutes = settings.auth.sign_in_ttl / 60
    link = sign_in_url(settings, first.sign_in_token)
    click.echo(
        f"\n  This is the first start. Sign in as {first.account.name} with this link; "
        f"it works once, for {minutes:g} minutes:\n\n      {link}\n"
    )
    telemetry.log("sign_in_link", account=first.account.name)


def sign_in_url(settings: Settings, token: str) -> str:
    """The address of a one-time link."""
    return f"{settings.public_url}/login?token={token}"


def announce_ready(settings: Settings) -> None:
    """The one line that says where the server is."""
    telemetry.log("server_ready", url=settings.public_url)
