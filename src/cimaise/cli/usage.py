"""``cimaise usage``: what was used in a month, and what the provider charges for it."""

import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from cimaise.cli.opened import with_services
from cimaise.cli.options import AS_JSON, common, load_settings
from cimaise.cli.printing import print_json, print_table, shown_bytes

if TYPE_CHECKING:
    from cimaise.usage import UsageReport
    from cimaise.web.services import Services

_MONTH: Final = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
_GB: Final = 1_000_000_000
_MILLION: Final = 1_000_000


@click.command()
@click.option("--month", metavar="YYYY-MM", help="Which month (UTC); this one by default.")
@common
@AS_JSON
def usage(month: str | None, data_dir: str | None, config: Path | None, as_json: bool) -> None:
    """Report what was used in a month.

    Bytes up and down by day and account, requests to the bucket by the provider's billing class, what is stored, the most downloaded files, and what the provider charges by its list prices (CIMAISE_BILLING_PROVIDER). A running server writes its counts down every ten seconds.
    """
    if month is not None and not _MONTH.fullmatch(month):
        raise click.UsageError("--month is written as 2026-03")
    settings = load_settings(config, data_dir).settings

    async def read(services: "Services") -> "UsageReport":
        return await services.operation.usage.report(month or f"{services.clock():%Y-%m}")

    report = with_services(settings, read)
    cost = cost_of(report, settings.billing.provider)
    if as_json:
        print_json(asdict(report) | {"provider": settings.billing.provider, "cost": cost})
    else:
        _print(report, cost)


def cost_of(report: "UsageReport", provider_name: str) -> dict[str, Any]:
    """Requests by billing class, and dollars by list price; what leaves by direct links is not seen."""
    from cimaise.storage.billing import PROVIDERS

    provider = PROVIDERS[provider_name]
    classes: dict[str, int] = {}
    for request, calls in report.bucket_requests.items():
        name = provider.class_of(request)
        classes[name] = classes.get(name, 0) + calls
    dollars = {
        "stored": report.stored_bytes / _GB * provider.gb_month,
        "sent": sum(day.sent_bytes for day in report.days) / _GB * provider.sent_gb,
        "operations": sum(
            calls / _MILLION * provider.per_million.get(name, 0.0)
            for name, calls in classes.items()
        ),
    }
    rounded = {name: round(amount, 4) for name, amount in dollars.items()}
    return {"classes": classes, "dollars": rounded | {"total": round(sum(dollars.values()), 4)}}


def _print(report: "UsageReport", cost: dict[str, Any]) -> None:
    print_table(
        ("DAY", "ACCOUNT", "UP", "DOWN", "REQUESTS"),
        [
            (day.day, day.name or "(guests)", shown_bytes(day.received_bytes),
             shown_bytes(day.sent_bytes), str(day.requests))
            for day in report.days
        ],
    )  # fmt: skip
    click.echo(f"\nStored: {shown_bytes(report.stored_bytes)}")
    for name, calls in sorted(cost["classes"].items()):
        click.echo(f"Requests of class {name}: {calls}")
    for name, dollars in cost["dollars"].items():
        click.echo(f"{name.capitalize()}: ${dollars:.2f}")
    if report.popular:
        click.echo()
        print_table(
            ("DOWNLOADS", "SIZE", "FILE"),
            [
                (str(file.downloads), shown_bytes(file.size), f"{file.id} {file.filename}")
                for file in report.popular
            ],
        )
