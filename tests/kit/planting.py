"""Published files that no gate has looked at: what serving has to stand up to."""

from dataclasses import dataclass

from cimaise.access.policy import Principal, Role
from cimaise.app import random_id
from cimaise.library.collection_rows import find_collection
from cimaise.library.model import File, Publication
from cimaise.library.publication import publish
from cimaise.storage.keys import object_key
from tests.kit.application import RunningApplication
from tests.kit.bodies import chunked

ADMIN = Principal("planter", "planter", Role.ADMIN)


@dataclass(frozen=True)
class Seed:
    """A file as its record will call it; nothing of it is checked."""

    filename: str
    content_type: str
    body: bytes


def plant(server: RunningApplication, collection: str, owner_id: str, seed: Seed) -> File:
    """Put the bytes into the storage and the record into the collection."""
    services = server.application.services
    key = object_key(random_id)

    async def work() -> File:
        await services.storage.write(key, chunked(seed.body), content_type="application/x-any")
        return await services.database.write(
            lambda connection: publish(
                connection,
                Publication(
                    collection=find_collection(connection, collection, ADMIN),
                    owner_id=owner_id,
                    filename=seed.filename,
                    size=len(seed.body),
                    content_type=seed.content_type,
                    storage_key=key,
                    width=1 if seed.content_type.startswith("image/") else None,
                    height=1 if seed.content_type.startswith("image/") else None,
                ),
                now=services.clock(),
                new_id=random_id,
            )
        )

    return server.run(work())
