"""``cimaise openapi``: the HTTP interface for programs."""

from importlib.metadata import version
from pathlib import Path

import click

from cimaise.cli.options import CONFIG, load_settings
from cimaise.cli.printing import print_json


@click.command()
@CONFIG
def openapi(config: Path | None) -> None:
    """Print the interface as OpenAPI.

    The document is OpenAPI 3.1, as JSON; a server gives the same at /openapi.json.
    """
    server = load_settings(config).settings.public_url
    from cimaise.web.reference.openapi import document
    from cimaise.web.routes import LINES

    print_json(document(LINES, version=version("cimaise"), server=server))
