"""What is around the files: who may read the folder, how much room there is, what the disk can do."""

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from cimaise.storage.base import Check, Verdict, Wishes
from cimaise.storage.filesystem.files import FOLDER_MODE, Layout
from cimaise.storage.filesystem.hops import Hops

_OTHERS: Final = 0o007
_LITTLE: Final = 1024**3
_GB: Final = 1024**3


class FilesystemUpkeep:
    """See :class:`cimaise.storage.base.Upkeep`."""

    def __init__(self, layout: Layout, hops: Hops) -> None:
        self._layout = layout
        self._hops = hops

    async def check(self, wishes: Wishes) -> Sequence[Check]:
        """Look; ``Unavailable`` where the folder is not there."""
        del wishes  # a page sends to this server itself
        return await self._hops.run(_check, self._layout)

    async def setup(self, wishes: Wishes) -> Sequence[Check]:
        """Take the folders away from everybody else."""
        await self._hops.run(_make_private, self._layout)
        return await self.check(wishes)

    async def capabilities(self) -> Mapping[str, bool | str]:
        """Whether a second name costs no bytes, and whether folders end in the same file system."""
        return await self._hops.run(_capabilities, self._layout)

    def policies(self) -> Mapping[str, Mapping[str, object]]:
        """None: the system's own rights hold."""
        return {}


def _folders(layout: Layout) -> list[Path]:
    named = (layout.root / name for name in ("objects", "incoming"))
    return [layout.tmp, layout.multipart, *(folder for folder in named if folder.is_dir())]


def _check(layout: Layout) -> list[Check]:
    layout.require_there()
    checks = [Check("folder", Verdict.OK, "it is there and can be written to")]
    if not os.access(layout.tmp, os.W_OK):
        checks = [Check("folder", Verdict.FAULT, "it cannot be written to")]
    open_ones = [path.name for path in _folders(layout) if path.stat().st_mode & _OTHERS]
    if open_ones:
        detail = f"other users of this machine may enter {', '.join(open_ones)}"
        checks.append(Check("privacy", Verdict.FAULT, detail))
    else:
        checks.append(Check("privacy", Verdict.OK, "other users of this machine cannot enter it"))
    free = shutil.disk_usage(layout.root).free
    verdict = Verdict.OK if free > _LITTLE else Verdict.WARNING
    return [*checks, Check("room", verdict, f"{free / _GB:.1f} GB are free")]


def _make_private(layout: Layout) -> None:
    for folder in _folders(layout):
        folder.chmod(FOLDER_MODE)


def _capabilities(layout: Layout) -> dict[str, bool | str]:
    layout.require_there()
    first, second = layout.temporary(), layout.temporary()
    first.touch()
    try:
        os.link(first, second)
        links = True
    except OSError:
        links = False
    finally:
        first.unlink()
        second.unlink(missing_ok=True)
    devices = {folder.stat().st_dev for folder in _folders(layout)}
    return {"gives_second_names": links, "is_one_file_system": len(devices) == 1}
