"""Taking over objects of the bucket that have other names than our keys."""

from cimaise.errors import Unavailable
from cimaise.storage.base import ObjectInfo
from cimaise.storage.s3.copying import CopySizes, copy
from cimaise.storage.s3.location import Location
from cimaise.storage.s3.multipart import S3Multipart, head, head_named
from cimaise.storage.s3.roles import Roles


class S3Foreign:
    """See :class:`cimaise.storage.base.Foreign`."""

    def __init__(
        self, location: Location, roles: Roles, multipart: S3Multipart, sizes: CopySizes
    ) -> None:
        self._location = location
        self._roles = roles
        self._multipart = multipart
        self._sizes = sizes

    async def adopt(self, name: str, target: str) -> ObjectInfo:
        """Copy inside the bucket, in parts where the object is too long for one call."""
        source_name = self._location.foreign_name(name)
        source = await head_named(self._roles.main, source_name, name)
        await copy(
            self._location,
            self._roles.main,
            self._multipart,
            source=source,
            source_name=source_name,
            target=target,
            sizes=self._sizes,
        )
        made = await head(self._roles.main, self._location, target)
        if made.size != source.size:
            raise Unavailable("The storage made a copy that is not whole.")
        return made

    async def drop(self, name: str) -> None:
        """Delete."""
        await self._roles.cleanup.delete([self._location.foreign_name(name)])
