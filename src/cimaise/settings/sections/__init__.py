"""What can be set. One frozen class a section; units are in the names or in the sentence."""

from cimaise.settings.knob import GB, KB, MB, TB, Knob
from cimaise.settings.sections.access import Auth, Links, PasswordSettings
from cimaise.settings.sections.albums import Flickr, Pages, Shares
from cimaise.settings.sections.challenge import ChallengeSettings, RegistrationSettings
from cimaise.settings.sections.delivery import Cdn, Delivery, Edge
from cimaise.settings.sections.images import Images
from cimaise.settings.sections.limits import Limits
from cimaise.settings.sections.oidc import OidcSettings
from cimaise.settings.sections.operation import Billing, MetricsSettings, TakedownSettings, Traces
from cimaise.settings.sections.server import Client, Log, Server
from cimaise.settings.sections.stores import Data, DatabaseSettings, StateSettings, StorageSettings
from cimaise.settings.sections.uploads import Quota, Uploads
from cimaise.settings.sections.whole import Settings, knobs

__all__ = [
    "GB",
    "KB",
    "MB",
    "TB",
    "Auth",
    "Billing",
    "Cdn",
    "ChallengeSettings",
    "Client",
    "Data",
    "DatabaseSettings",
    "Delivery",
    "Edge",
    "Flickr",
    "Images",
    "Knob",
    "Limits",
    "Links",
    "Log",
    "MetricsSettings",
    "OidcSettings",
    "Pages",
    "PasswordSettings",
    "Quota",
    "RegistrationSettings",
    "Server",
    "Settings",
    "Shares",
    "StateSettings",
    "StorageSettings",
    "TakedownSettings",
    "Traces",
    "Uploads",
    "knobs",
]
