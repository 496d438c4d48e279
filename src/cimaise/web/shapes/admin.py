"""Bodies that operators send."""

from datetime import datetime
from typing import Literal

import msgspec


class CreateTakedown(msgspec.Struct, forbid_unknown_fields=True):
    """Take down a published file, or whatever has a content."""

    reason: str
    file_id: str | None = None
    sha256: str | None = None  # hex
    size: int | None = None  # of the content, where nothing of it is here
    reference: str | None = None


class RestoreTakedown(msgspec.Struct, forbid_unknown_fields=True):
    """Bring back what was taken down."""

    reason: str = ""


class CounterNotice(msgspec.Struct, forbid_unknown_fields=True):
    """Object to a take-down."""

    statement: str


class CreateWebhook(msgspec.Struct, forbid_unknown_fields=True):
    """Tell an address of events: actions of the audit log, ``thing.*`` or ``*``."""

    url: str
    events: list[str] = msgspec.field(default_factory=lambda: ["*"])


class CreateBan(msgspec.Struct, forbid_unknown_fields=True):
    """Keep an account, by its name, or a network out; ``until`` is for good where it is absent."""

    reason: str
    account: str | None = None
    network: str | None = None  # an address or CIDR
    until: datetime | None = None


class CreateInvitation(msgspec.Struct, forbid_unknown_fields=True):
    """The right to make one account."""

    note: str = ""  # whom it is for
    role: Literal["admin", "member"] = "member"
    daily_bytes: int | None = None  # as the settings say
    daily_files: int | None = None
    total_bytes: int | None = None
    expires_in: float | None = None  # seconds


class Register(msgspec.Struct, forbid_unknown_fields=True):
    """An account for oneself."""

    name: str
    password: str
    email: str = ""
