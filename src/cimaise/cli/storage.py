"""``cimaise storage``: is what is around the objects as it should be, and make it so."""

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cimaise.cli.opened import with_services
from cimaise.cli.options import AS_JSON, common, load_settings
from cimaise.cli.printing import print_json, print_table
from cimaise.cli.refusal import Refused
from cimaise.settings import Settings

if TYPE_CHECKING:
    from cimaise.storage.base import Check, Upkeep, Wishes
    from cimaise.web.services import Services

_DAY_S = 86_400
_SPARE_DAYS = 2


@click.group()
def storage() -> None:
    """Look at the storage and set it up. Works while the server runs."""


@storage.command()
@common
@AS_JSON
def check(data_dir: str | None, config: Path | None, as_json: bool) -> None:
    """Is the storage private, open to our pages, and tidy; what may each key do, what can it do?

    Writes a few small objects and removes them again. Ends with code 1 where something has to be mended.
    """
    settings = load_settings(config, data_dir).settings
    _report(settings, lambda upkeep, wishes: upkeep.check(wishes), as_json=as_json)


@storage.command()
@common
@AS_JSON
def setup(data_dir: str | None, config: Path | None, as_json: bool) -> None:
    """Make it private, let our pages in, have forgotten parts freed; then check.

    Rules of others stay. The key needs the right to change the bucket: run this once with an administrator's in CIMAISE_STORAGE_ACCESS_KEY_ID. Prints what each of the three keys has to be allowed.
    """
    settings = load_settings(config, data_dir).settings
    _report(settings, lambda upkeep, wishes: upkeep.setup(wishes), as_json=as_json, policies=True)


_Work = Callable[["Upkeep", "Wishes"], Awaitable[Sequence["Check"]]]


def _report(settings: Settings, work: _Work, *, as_json: bool, policies: bool = False) -> None:
    checks, can, allowed = with_services(settings, lambda services: _look(services, work))
    if as_json:
        rows = [{"name": one.name, "verdict": one.verdict, "detail": one.detail} for one in checks]
        ok = all(one.verdict != "fault" for one in checks)
        print_json({"ok": ok, "checks": rows, "capabilities": can, "policies": allowed})
    else:
        print_table(("WHAT", "HOW", ""), [(one.name, one.verdict, one.detail) for one in checks])
        click.echo()
        print_table(
            ("THE STORAGE", ""), [(name.replace("_", " "), _word(can[name])) for name in can]
        )
        if policies:
            _print_policies(allowed)
    faults = [one.name for one in checks if one.verdict == "fault"]
    if faults:
        raise Refused(f"To be mended: {', '.join(faults)}.")


async def _look(
    services: "Services", work: _Work
) -> tuple[Sequence["Check"], Mapping[str, Any], Mapping[str, Any]]:
    from cimaise.storage.base import Wishes

    upkeep, settings = services.storage.upkeep, services.settings
    if upkeep is None:
        raise Refused("This storage has nothing around it to look at.")
    origins = dict.fromkeys((_origin(settings.public_url), *settings.server.allowed_origins))
    days = math.ceil(settings.uploads.session_ttl / _DAY_S) + _SPARE_DAYS
    checks = await work(upkeep, Wishes(tuple(origins), abort_after_days=days))
    capabilities = await services.uploads.capabilities.look_again()
    return checks, dict(capabilities), dict(upkeep.policies())


def _origin(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"


def _word(value: Any) -> str:
    return {True: "yes", False: "no"}.get(value, str(value))


def _print_policies(allowed: Mapping[str, Any]) -> None:
    for role, policy in allowed.items():
        click.echo(f"\nWhat the key for {role} has to be allowed:")
        print_json(policy)
