"""Which version of a remote picture its kept variants were made from."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

import msgspec

from cimaise.images.keeping.entry import Entry
from cimaise.images.keeping.kept import Kept
from cimaise.images.remote.fetching import Validators

_VARIANT: Final = "version"
_MOST: Final = 10_000


@dataclass(frozen=True, slots=True)
class Version:
    """What was found when a remote picture was last asked for.

    Attributes:
        validators: What its server said of it.
        digest: Of its bytes.
        changed_at_s: When these bytes were first seen, seconds since 1970.
    """

    validators: Validators
    digest: str
    changed_at_s: int


class RemoteVersions:
    """The newest version of each source: on disk beside its variants, the last ones in memory."""

    def __init__(self, kept: Kept, *, most: int = _MOST) -> None:
        """Know nothing yet.

        Args:
            kept: Where variants are kept.
            most: How many are held in memory.
        """
        self._kept = kept
        self._most = most
        self._known: OrderedDict[str, Version] = OrderedDict()

    def changed_after(self, source: str, made_at_s: int) -> bool:
        """Whether the picture is known to have changed since then; asks memory only."""
        version = self._known.get(source)
        return version is not None and version.changed_at_s > made_at_s

    async def get(self, source: str) -> Version | None:
        """What is known of a source."""
        if source not in self._known:
            entry = await self._kept.get(source, _VARIANT)
            if entry is None:
                return None
            try:
                self._remember(source, msgspec.json.decode(entry.body, type=Version))
            except msgspec.MsgspecError:  # of an older release
                return None
        return self._known[source]

    async def put(self, source: str, version: Version, *, now_s: int) -> None:
        """Write down what was found."""
        self._remember(source, version)
        body = msgspec.json.encode(version)
        entry = Entry(body, "application/json", version.digest, 0, 0, now_s)
        await self._kept.put(source, _VARIANT, entry)

    def _remember(self, source: str, version: Version) -> None:
        self._known[source] = version
        self._known.move_to_end(source)
        while len(self._known) > self._most:
            self._known.popitem(last=False)
