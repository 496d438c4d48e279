"""Albums: those on other servers, and those that are shared."""

from dataclasses import dataclass

from cimaise.settings import parsing as p
from cimaise.settings.knob import knob


@dataclass(frozen=True, slots=True, kw_only=True)
class Flickr:
    """Photosets of a Flickr account as albums; left out without both key and account."""

    api_key: str = knob("", p.parse_text, "Key of Flickr's API.", secret=True)
    user_id: str = knob(
        "", p.parse_text, "Whose photosets are shown: the account's NSID, like 12345678@N00."
    )
    api_url: str = knob(
        "https://api.flickr.com/services/rest/", p.parse_web_url, "Where Flickr's API is."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """Albums that are shown to whoever holds a link."""

    clean_originals: bool = knob(
        default=True,
        parse=p.parse_flag,
        meaning="Originals leave without place and serial numbers; formats in which these cannot be found"
        " do not leave.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """Pages for people."""

    robots: str = knob(
        "index",
        p.parse_text,
        "Whether search engines may list public albums: robots.txt and sitemap.xml.",
        choices=("index", "noindex"),
    )
