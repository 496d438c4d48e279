"""All sections together."""

from dataclasses import dataclass, field, fields
from urllib.parse import urlsplit

from cimaise.settings.knob import Knob
from cimaise.settings.sections.access import Auth, Links, PasswordSettings
from cimaise.settings.sections.albums import Flickr, Pages, Shares
from cimaise.settings.sections.challenge import ChallengeSettings, RegistrationSettings
from cimaise.settings.sections.delivery import Cdn, Delivery, Edge
from cimaise.settings.sections.images import Images
from cimaise.settings.sections.limits import Limits
from cimaise.settings.sections.oidc import OidcSettings
from cimaise.settings.sections.operation import (
    Billing,
    LibrarySettings,
    MetricsSettings,
    TakedownSettings,
    Traces,
)
from cimaise.settings.sections.server import Client, Log, Server
from cimaise.settings.sections.stores import Data, DatabaseSettings, StateSettings, StorageSettings
from cimaise.settings.sections.uploads import Quota, Uploads


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every section. Frozen: read once, handed down."""

    data: Data = field(default_factory=Data)
    database: DatabaseSettings = field(default_factory=DatabaseSettings)
    storage: StorageSettings = field(default_factory=StorageSettings)
    state: StateSettings = field(default_factory=StateSettings)
    server: Server = field(default_factory=Server)
    uploads: Uploads = field(default_factory=Uploads)
    limits: Limits = field(default_factory=Limits)
    quota: Quota = field(default_factory=Quota)
    images: Images = field(default_factory=Images)
    flickr: Flickr = field(default_factory=Flickr)
    shares: Shares = field(default_factory=Shares)
    pages: Pages = field(default_factory=Pages)
    links: Links = field(default_factory=Links)
    delivery: Delivery = field(default_factory=Delivery)
    cdn: Cdn = field(default_factory=Cdn)
    edge: Edge = field(default_factory=Edge)
    auth: Auth = field(default_factory=Auth)
    passwords: PasswordSettings = field(default_factory=PasswordSettings)
    oidc: OidcSettings = field(default_factory=OidcSettings)
    challenge: ChallengeSettings = field(default_factory=ChallengeSettings)
    registration: RegistrationSettings = field(default_factory=RegistrationSettings)
    metrics: MetricsSettings = field(default_factory=MetricsSettings)
    traces: Traces = field(default_factory=Traces)
    library: LibrarySettings = field(default_factory=LibrarySettings)
    takedowns: TakedownSettings = field(default_factory=TakedownSettings)
    billing: Billing = field(default_factory=Billing)
    log: Log = field(default_factory=Log)
    client: Client = field(default_factory=Client)

    @property
    def public_url(self) -> str:
        """Base of absolute URLs, without a trailing slash."""
        if self.server.public_url:
            return self.server.public_url
        host = self.server.host
        shown = f"[{host}]" if ":" in host else {"0.0.0.0": "127.0.0.1"}.get(host, host)  # noqa: S104
        scheme = "https" if self.server.tls_certificate else "http"
        return f"{scheme}://{shown}:{self.server.port}"

    @property
    def base_path(self) -> str:
        """Path of the public URL, such as ``/media``: everything of ours is below it; often empty."""
        return urlsplit(self.public_url).path.rstrip("/")


def knobs() -> list[tuple[str, str, Knob, object]]:
    """Every setting as (section, name, knob, default), in the order of this file."""
    empty = Settings()
    return [
        (section.name, knob.name, knob.metadata["knob"], getattr(values, knob.name))
        for section in fields(Settings)
        for values in [getattr(empty, section.name)]
        for knob in fields(values)
    ]
