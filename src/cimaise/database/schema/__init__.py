"""Every table, with what each column means; one file a subject.

Ids are opaque text of 128 random bits or more. Sizes are bytes. Times are aware UTC. Nothing
here is removed or renamed without a migration.
"""

from cimaise.database.schema.accounts import (
    account_passwords,
    accounts,
    browser_sessions,
    identities,
    invitations,
    keys,
    sign_in_links,
)
from cimaise.database.schema.albums import folder_indexes, folder_pictures, shares, source_answers
from cimaise.database.schema.collections import collections, contributors, memberships
from cimaise.database.schema.delivery import checksums, delivered_days, purges
from cimaise.database.schema.files import files, links
from cimaise.database.schema.installation import audit, facts, fences
from cimaise.database.schema.metadata import metadata
from cimaise.database.schema.objects import discarded_objects, key_moves
from cimaise.database.schema.quota import (
    failed_uploads,
    usage_counts,
    usage_days,
    usage_totals,
)
from cimaise.database.schema.risk import bans, risk_scores
from cimaise.database.schema.takedowns import takedown_files, takedown_objections, takedowns
from cimaise.database.schema.uploads import (
    tus_parts,
    tus_pieces,
    tus_uploads,
    upload_tokens,
    uploads,
)
from cimaise.database.schema.webhooks import webhook_deliveries, webhooks

__all__ = [
    "account_passwords",
    "accounts",
    "audit",
    "bans",
    "browser_sessions",
    "checksums",
    "collections",
    "contributors",
    "delivered_days",
    "discarded_objects",
    "facts",
    "failed_uploads",
    "fences",
    "files",
    "folder_indexes",
    "folder_pictures",
    "identities",
    "invitations",
    "key_moves",
    "keys",
    "links",
    "memberships",
    "metadata",
    "purges",
    "risk_scores",
    "shares",
    "sign_in_links",
    "source_answers",
    "takedown_files",
    "takedown_objections",
    "takedowns",
    "tus_parts",
    "tus_pieces",
    "tus_uploads",
    "upload_tokens",
    "uploads",
    "usage_counts",
    "usage_days",
    "usage_totals",
    "webhook_deliveries",
    "webhooks",
]
