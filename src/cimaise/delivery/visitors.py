"""What kind of program asks. Everybody may lie; most do not, and a share is all that is wanted."""

import re
from enum import StrEnum
from functools import lru_cache
from typing import Final


class Visitor(StrEnum):
    """A kind of program."""

    BROWSER = "browser"  # with somebody in front of it, as far as can be seen
    CRAWLER = "crawler"  # says that it collects
    SCRIPT = "script"  # a program's library, or no name at all
    OTHER = "other"  # apps and players


_CRAWLERS: Final = re.compile(
    r"bot\b|bot[/_ -]|crawl|spider|slurp|scrap|archiver|facebookexternalhit|mediapartners|"
    r"embedly|preview|lighthouse|headless|phantomjs|wget.*mirror|httrack|GPTBot|ClaudeBot|CCBot|"
    r"Bytespider|ia_archiver|feedfetcher|externalagent|AI2Bot",
    re.IGNORECASE,
)
_SCRIPTS: Final = re.compile(
    r"curl/|wget/|aria2|python|aiohttp|httpx|requests/|urllib|Go-http-client|okhttp|Java/|"
    r"Apache-HttpClient|libwww|lwp|node-fetch|undici|axios|got \(|ruby|php|perl|rust|reqwest|"
    r"PostmanRuntime|Guzzle|Dart/|powershell",
    re.IGNORECASE,
)
_LONGEST: Final = 512


@lru_cache(1024)
def kind_of(user_agent: str | None, *, has_fetch_metadata: bool) -> Visitor:
    """What a request's headers say.

    Args:
        user_agent: The header; only its first 512 characters are looked at.
        has_fetch_metadata: There is a ``Sec-Fetch-Mode`` or ``Sec-Fetch-Site``, as every browser
            of today sends to a secure origin.
    """
    text = (user_agent or "")[:_LONGEST]
    if _CRAWLERS.search(text):
        return Visitor.CRAWLER
    if not text.strip() or _SCRIPTS.search(text):
        return Visitor.SCRIPT
    if has_fetch_metadata or text.startswith(("Mozilla/", "Opera/")):
        return Visitor.BROWSER
    return Visitor.OTHER
