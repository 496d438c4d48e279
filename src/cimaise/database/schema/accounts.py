"""Who there is, and what lets them in."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Integer,
    String,
    Table,
    false,
)

from cimaise.database.columns import JSONText, UTCDateTime
from cimaise.database.schema.metadata import metadata

accounts = Table(
    "accounts",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(100), nullable=False, unique=True),
    Column("role", String(10), nullable=False),  # admin, member
    Column("points", Integer, nullable=False, server_default="0"),  # earned by publishing
    Column("daily_bytes", BigInteger),  # own limits; NULL: the setting's, 0: none
    Column("daily_files", Integer),
    Column("total_bytes", BigInteger),
    Column("created_at", UTCDateTime, nullable=False),
    Column("disabled_at", UTCDateTime),  # may do nothing from then on
    Column("email", String(254), unique=True, index=True),  # lower case; another name to sign in
    Column(  # whoever it is for chose its name: no subject of a token means it by that
        "is_self_named", Boolean, nullable=False, server_default=false()
    ),
    CheckConstraint("role in ('admin', 'member')", name="role"),
)

account_passwords = Table(
    "account_passwords",
    metadata,
    Column("account_id", ForeignKey("accounts.id"), primary_key=True),
    Column("hash", String(255), nullable=False),  # Argon2id, in PHC's form
    Column("changed_at", UTCDateTime, nullable=False),
)

keys = Table(
    "keys",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False, index=True),
    Column("name", String(100), nullable=False),
    Column("hash", String(64), nullable=False, unique=True),  # SHA-256 of the key, hex
    Column("hint", String(16), nullable=False),  # its first characters, to tell keys apart
    Column("scopes", JSONText, nullable=False),  # list of text; empty: all that the account may
    Column("created_at", UTCDateTime, nullable=False),
    Column("expires_at", UTCDateTime),
    Column("revoked_at", UTCDateTime),
    Column("last_used_at", UTCDateTime),  # to five minutes
)

browser_sessions = Table(
    "browser_sessions",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False, index=True),
    Column("hash", String(64), nullable=False, unique=True),  # SHA-256 of the cookie's value
    Column("created_at", UTCDateTime, nullable=False),
    Column("expires_at", UTCDateTime, nullable=False),
    Column("ended_at", UTCDateTime),
    Column("last_seen_at", UTCDateTime),  # to five minutes; NULL: not since it began
    Column("address", String(64)),  # that it was last seen from
    Column("user_agent", String(300)),  # of the browser that began it
    Column("provider", String(500)),  # issuer that it was begun by; NULL: none but ourselves
)

identities = Table(
    "identities",
    metadata,
    Column("issuer", String(500), primary_key=True),
    Column("subject", String(255), primary_key=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False, index=True),
    Column("created_at", UTCDateTime, nullable=False),
)

invitations = Table(
    "invitations",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("hash", String(64), nullable=False, unique=True),  # SHA-256 of the token in its link
    Column("note", String(100), nullable=False),  # whom it is for
    Column("role", String(10), nullable=False),  # of the account that it makes
    Column("daily_bytes", BigInteger),  # its limits; NULL: the settings'
    Column("daily_files", Integer),
    Column("total_bytes", BigInteger),
    Column("created_by", ForeignKey("accounts.id")),  # NULL: the operator at the machine
    Column("created_at", UTCDateTime, nullable=False),
    Column("expires_at", UTCDateTime, nullable=False),
    Column("used_at", UTCDateTime),
    Column("used_by", ForeignKey("accounts.id")),  # the account that it made
    Column("revoked_at", UTCDateTime),
)

sign_in_links = Table(
    "sign_in_links",
    metadata,
    Column("hash", String(64), primary_key=True),  # SHA-256 of the token in the link
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    Column("created_at", UTCDateTime, nullable=False),
    Column("expires_at", UTCDateTime, nullable=False),
    Column("used_at", UTCDateTime),
)
