"""Where an album is found, as absolute URLs on one base."""

from dataclasses import dataclass
from urllib.parse import quote

from cimaise.albums.addresses import gallery_url


@dataclass(frozen=True, slots=True)
class Places:
    """Addresses of one album.

    Attributes:
        base: Without a slash at its end.
        album: Name of the album, not yet encoded.
        page: Path of the page for people, where that is not the gallery's; the feeds lie below.
    """

    base: str
    album: str
    page: str = ""

    def absolute(self, url: str) -> str:
        """One of our relative URLs made absolute; others stay as they are."""
        return self.base + url if url.startswith("/") else url

    @property
    def gallery(self) -> str:
        """The page for people."""
        return self.base + (self.page or gallery_url(self.album))

    @property
    def rss(self) -> str:
        """The feed in RSS 2.0."""
        return f"{self.gallery}/feed.xml"

    @property
    def json_feed(self) -> str:
        """The feed in JSON Feed 1.1."""
        return f"{self.gallery}/feed.json"

    @property
    def manifest(self) -> str:
        """The manifest in IIIF Presentation 3.0."""
        return f"{self.base}/api/albums/{quote(self.album, safe='')}/manifest"

    @property
    def embed(self) -> str:
        """A page to be framed by others."""
        return f"{self.base}/embed/{quote(self.album, safe='')}"

    @property
    def oembed(self) -> str:
        """The oEmbed answer of the gallery page."""
        return f"{self.base}/oembed?url={quote(self.gallery, safe='')}"
