"""``cimaise fsck``: database and storage compared both ways."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cimaise.cli.counting import counting
from cimaise.cli.opened import with_services
from cimaise.cli.options import AS_JSON, common, load_settings
from cimaise.cli.printing import print_json, shown_bytes
from cimaise.cli.refusal import Refused

if TYPE_CHECKING:
    from cimaise.uploads.fsck import Finding, FsckReport
    from cimaise.web.services import Services


@click.command()
@click.option("--repair", is_flag=True, help="Mend what can be mended.")
@common
@AS_JSON
def fsck(repair: bool, data_dir: str | None, config: Path | None, as_json: bool) -> None:
    """Compare database and storage, both ways.

    Finds objects that no record needs, records whose objects are gone or have another length, unfinished uploads that nobody knows, and sums of the quota that are wrong. Needs the same memory for ten files and ten million, and may run beside the server.

    Ends with code 1 when something is wrong and was not mended. --repair deletes what nobody needs, withdraws files whose bytes are gone, and sets sums right; make a backup first.
    """
    settings = load_settings(config, data_dir).settings

    async def run(services: "Services") -> "FsckReport":
        with counting(quiet=as_json) as count:

            def tell(finding: "Finding") -> None:
                count(finding.kind, 1, finding.bytes)
                if not as_json:
                    size = f", {shown_bytes(finding.bytes)}" if finding.bytes else ""
                    kind = finding.kind.replace("_", " ")
                    click.echo(f"{kind}  {finding.subject}  {finding.detail}{size}")

            return await services.uploads.fsck.run(repair=repair, on_finding=tell)

    report = with_services(settings, run)
    if as_json:
        print_json(_facts(report))
    else:
        click.echo(_summary(report))
    if not report.is_clean:
        left = sum((report.counts - report.mended).values())
        raise Refused(f"{left} findings are not mended.")


def _facts(report: "FsckReport") -> dict[str, Any]:
    return {
        "clean": report.is_clean,
        "objects": report.objects,
        "object_bytes": report.object_bytes,
        "files": report.files,
        "waiting_for_deletion": report.waiting,
        "counts": {str(kind): count for kind, count in report.counts.items()},
        "mended": {str(kind): count for kind, count in report.mended.items()},
        "findings": [asdict(finding) for finding in report.findings],
    }


def _summary(report: "FsckReport") -> str:
    found, mended = sum(report.counts.values()), sum(report.mended.values())
    return (
        f"{report.objects} objects, {shown_bytes(report.object_bytes)}; {report.files} files;"
        f" {report.waiting} objects wait to be deleted; {found} findings, {mended} mended."
    )
