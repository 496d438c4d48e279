"""Which uploads are read again for their SHA-256: one rule for every door."""

from cimaise.library.takedowns.blocked import may_be_blocked
from cimaise.uploads.stores import Stores


async def has_to_be_hashed(stores: Stores, size: int) -> bool:
    """Whether ``size`` stored bytes are read for a SHA-256 that nobody asked for.

    They are where reading is cheap, up to ``uploads.hash_max_bytes`` on a disk of our own; and
    everywhere where they may be what was removed for legal reasons, for only the digest tells.
    """
    limit = stores.settings.uploads.hash_max_bytes
    if stores.storage.is_local and size <= limit:
        return True
    return await stores.database.read(lambda connection: may_be_blocked(connection, size))
