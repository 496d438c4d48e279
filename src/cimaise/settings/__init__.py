"""Every knob, with unit, default and bounds; the only place that reads the environment."""

from cimaise.settings.loading import Loaded, SettingsFault, environment_name, load
from cimaise.settings.sections import (
    Auth,
    Client,
    Data,
    DatabaseSettings,
    Images,
    Limits,
    Links,
    Log,
    Quota,
    Server,
    Settings,
    StateSettings,
    StorageSettings,
    Uploads,
)

__all__ = [
    "Auth",
    "Client",
    "Data",
    "DatabaseSettings",
    "Images",
    "Limits",
    "Links",
    "Loaded",
    "Log",
    "Quota",
    "Server",
    "Settings",
    "SettingsFault",
    "StateSettings",
    "StorageSettings",
    "Uploads",
    "environment_name",
    "load",
]
