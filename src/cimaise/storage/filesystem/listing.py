"""Walking the tree in the order of keys."""

import os
from collections.abc import Iterator
from pathlib import Path

from cimaise.storage.base import ObjectInfo
from cimaise.storage.filesystem.files import info_of
from cimaise.storage.keys import is_valid_key


def walk(root: Path, prefix: str, after: str) -> Iterator[ObjectInfo]:
    """Every object whose key begins with ``prefix`` and comes after ``after``, by key. Blocks.

    One folder's names are held at a time, and its parents'. Files that vanish meanwhile are
    left out.
    """
    yield from _walk(root, "", prefix, after)


def _walk(folder: Path, base: str, prefix: str, after: str) -> Iterator[ObjectInfo]:
    for name in _names(folder):
        key = base + name
        if not is_valid_key(key.rstrip("/")):
            continue  # nothing of ours, such as lost+found
        if key.endswith("/"):
            if _may_hold(key, prefix, after):
                yield from _walk(folder / name, key, prefix, after)
        elif key.startswith(prefix) and key > after:
            try:
                facts = os.lstat(folder / name)
            except FileNotFoundError:
                continue
            yield info_of(key, facts)


def _names(folder: Path) -> list[str]:
    """Files and folders, the latter with a slash: then names sort as whole keys do."""
    names = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    names.append(entry.name + "/")
                elif entry.is_file(follow_symlinks=False):
                    names.append(entry.name)
    except FileNotFoundError:
        return []
    return sorted(names)


def _may_hold(folder_key: str, prefix: str, after: str) -> bool:
    below = folder_key.startswith(prefix) or prefix.startswith(folder_key)
    return below and (folder_key > after or after.startswith(folder_key))
