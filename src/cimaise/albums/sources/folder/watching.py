"""Which folders change: told by the system (inotify and its like), or found by looking.

Each folder has a watch of its own, and none follows a link, so nothing outside is ever watched.
Where a watch cannot be had (a network's file system, the system's limit), the folders' own times
are looked at once a second: that tells of names that come and go; a file that is written in place
is seen when its content is read again.
"""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Final

from watchfiles._rust_notify import RustNotify

from cimaise.albums.picture_types import media_type_of
from cimaise.albums.sources.folder.description import FILE_NAME
from cimaise.telemetry import log

_POLL_S: Final = 1.0
_DEBOUNCE_MS: Final = 300
_STEP_MS: Final = 100
_BEAT_MS: Final = 60_000

Watch = Callable[[Iterable[Path]], AsyncGenerator[set[Path], None]]


async def system_watch(folders: Iterable[Path]) -> AsyncGenerator[set[Path], None]:
    """Paths that changed directly in ``folders``, some at a time.

    The first set, which is empty, says that the watch has begun. ``OSError`` or ``RuntimeError``
    where it cannot.
    """
    paths, stop = [str(path) for path in folders], threading.Event()
    loop = asyncio.get_running_loop()
    # A thread of its own, for it waits nearly always.
    with ThreadPoolExecutor(1, thread_name_prefix="album-watch") as thread:
        notify = await loop.run_in_executor(thread, partial(_notifier, paths))
        try:
            yield set()
            while True:
                look = partial(notify.watch, _DEBOUNCE_MS, _STEP_MS, _BEAT_MS, stop)
                found = await loop.run_in_executor(thread, look)
                if isinstance(found, set):
                    yield {Path(path) for _, path in found}
        finally:
            stop.set()  # seen within a step; the thread is waited for
            thread.submit(notify.close)


def _notifier(paths: list[str]) -> RustNotify:
    return RustNotify(
        paths,
        debug=False,
        force_polling=False,
        poll_delay_ms=0,
        recursive=False,
        ignore_permission_denied=True,
    )


class FolderWatch:
    """Watches every folder that ``folders`` gives, by album, and those that come later.

    Args:
        folders: Gives the path of every album's folder; blocks.
        watched: Is told the albums whose every change will be told; nothing where it is polled.
        watch: How the system is asked.
        poll_s: Seconds between two looks where the system cannot be asked.
    """

    def __init__(
        self,
        folders: Callable[[], Mapping[str, Path]],
        watched: Callable[[Iterable[str]], None],
        *,
        watch: Watch = system_watch,
        poll_s: float = _POLL_S,
    ) -> None:
        self._folders = folders
        self._watched = watched
        self._watch = watch
        self._poll_s = poll_s
        self._can_watch = True
        self._times: Mapping[str, int] = {}

    async def changes(self) -> AsyncGenerator[set[str], None]:
        """Albums in whose folders something changed, some at a time, for ever.

        The first set, which may be empty, comes when the watch has begun.
        """
        known: Mapping[str, Path] = {}
        while True:
            now = await asyncio.to_thread(self._folders)
            came_or_gone = known.keys() ^ now.keys() if known else set()
            yield came_or_gone | await self._moved(now)
            known = now
            if self._can_watch and known:
                async with aclosing(self._told(known)) as told:
                    async for changed in told:
                        yield changed
            else:
                await asyncio.sleep(self._poll_s)

    async def _told(self, known: Mapping[str, Path]) -> AsyncGenerator[set[str], None]:
        """What the system tells, until a folder may have come or gone."""
        by_path = {path: album for album, path in known.items()}
        try:
            async with aclosing(self._watch(known.values())) as told:
                async for paths in told:
                    if not paths:
                        self._watched(known)
                        yield await self._moved(known)  # since the look before the watch
                        continue
                    yield {by_path[path.parent] for path in paths if path.parent in by_path}
                    if any(not _is_file_name(path.name) for path in paths):
                        return
        except (OSError, RuntimeError) as fault:
            self._can_watch = False
            log(
                "album_source_failed", level="warning", source="folder", reason=f"no watch: {fault}"
            )
        finally:
            self._watched(())

    async def _moved(self, folders: Mapping[str, Path]) -> set[str]:
        """Albums in whose folder a name has come or gone since the last look."""
        before, self._times = self._times, await asyncio.to_thread(_times, folders)
        return {album for album, time in self._times.items() if before.get(album, time) != time}


def _is_file_name(name: str) -> bool:
    """A picture or a description: its coming and going makes no folder."""
    return name == FILE_NAME or media_type_of(name) is not None or name.startswith(".")


def _times(folders: Mapping[str, Path]) -> dict[str, int]:
    found: dict[str, int] = {}
    for album, path in folders.items():
        try:
            found[album] = path.stat(follow_symlinks=False).st_mtime_ns
        except OSError:
            continue
    return found
