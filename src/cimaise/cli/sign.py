"""``cimaise sign``: a signed address of a picture or file."""

import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlencode, urlsplit, urlunsplit

import click

from cimaise.cli.opened import with_services
from cimaise.cli.options import AS_JSON, DURATION, common, load_settings
from cimaise.cli.printing import print_json
from cimaise.cli.refusal import Refused

if TYPE_CHECKING:
    from cimaise.access.policy import Principal
    from cimaise.web.services import Services

_FILE: Final = re.compile(r"/files/([^/]+)|/images/([^/]+)/original")
_STORED: Final = re.compile(r"/images/([^/]+)(?:/[^/]+)?|/iiif/[23]/([^/%]+)/.+")
_PICTURE: Final = re.compile(r"/resize|/images/.+|/iiif/[23]/.+")


@click.command()
@click.argument("url")
@click.option(
    "--expires",
    type=DURATION,
    metavar="DURATION",
    help="How long it is good, such as 90m or 24h; without it, files go by CIMAISE_LINKS_TTL and pictures do not end.",
)
@common
@AS_JSON
def sign(
    url: str, expires: float | None, data_dir: str | None, config: Path | None, as_json: bool
) -> None:
    """Sign the address of a picture or a file, so that whoever has it may use it.

    URL is absolute, or a path of this server. A picture of any size gets a signature, which CIMAISE_IMAGES_POLICY=signed asks for. A file, and a picture of a private one, gets a link, which can be taken back; it is made in the name of the first administrator.
    """
    settings = load_settings(config, data_dir).settings
    parts = urlsplit(url if urlsplit(url).scheme else settings.public_url + url)
    path = parts.path.removeprefix(settings.base_path)
    if expires is not None and expires < 1:
        raise Refused("--expires is at least a second")
    if _FILE.fullmatch(path) is None and _PICTURE.fullmatch(path) is None:
        raise Refused(f"{parts.path or url} is no address of a picture or file")
    signed = with_services(settings, lambda services: _signed(services, parts.geturl(), expires))
    print_json({"url": signed}) if as_json else click.echo(signed)


async def _signed(services: "Services", url: str, expires_in_s: float | None) -> str:
    parts = urlsplit(url)
    path = parts.path.removeprefix(services.settings.base_path)
    of_file, of_picture = _FILE.fullmatch(path), _STORED.fullmatch(path)
    found = of_file or of_picture
    if found is not None:
        file_id = unquote(next(group for group in found.groups() if group))
        always = of_file is not None
        url = await _linked(services, url, file_id, expires_in_s, always=always)
    if of_file is not None:
        return url
    if expires_in_s is None:
        return services.images.policy.sign(url)
    expires_at = services.clock() + timedelta(seconds=expires_in_s)
    return services.images.policy.sign(url, expires_at=int(expires_at.timestamp()))


async def _linked(
    services: "Services", url: str, file_id: str, expires_in_s: float | None, *, always: bool
) -> str:
    """The address with a link in it, where one is needed to see the file, or ``always``."""
    from cimaise.access.policy import Visibility

    admin = await _first_admin(services)
    file = await services.library.files.find(admin, file_id)
    if file.shown_visibility is not Visibility.PRIVATE and not always:
        return url
    _, token = await services.access.links.create(admin, file_id, expires_in_s=expires_in_s)
    parts = urlsplit(url)
    query = "&".join(filter(None, [parts.query, urlencode({"link": token})]))
    return urlunsplit(parts._replace(query=query))


async def _first_admin(services: "Services") -> "Principal":
    accounts = await services.access.accounts.list_accounts(None)
    admins = [
        account for account in accounts if account.principal.is_admin and not account.disabled_at
    ]
    if not admins:
        raise Refused("there is no administrator yet: start the server once")
    return admins[0].principal
