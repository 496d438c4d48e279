"""A world for one program: all of the file system read-only but one folder, and nobody's rights.

It is a mount namespace of its own, so nothing of it is seen outside, and it goes with the program.
Runs as ``python read_only.py FOLDER PROGRAM WORD...`` below ``unshare --mount``.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

DATA = "/srv"
"""Where the folder is inside: whatever lies on the way to it may be closed to others."""

NOBODY = 65534
_HERE = Path(__file__).resolve()
_SETPRIV = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs")


def missing() -> str | None:
    """What this machine lacks for it; ``None`` where it has all."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "only root on Linux can make mount namespaces"
    absent = [name for name in ("unshare", "mount", "setpriv") if shutil.which(name) is None]
    if absent:
        return f"{absent[0]} is not installed: install the package util-linux"
    tried = subprocess.run(
        ["unshare", "--mount", "mount", "-o", "remount,bind,ro", "/"], capture_output=True
    )
    return "this machine's root may not mount" if tried.returncode else None


def inside(folder: Path) -> tuple[str, ...]:
    """What to write before a command, so that it runs in such a world."""
    return ("unshare", "--mount", "--propagation=private", sys.executable, str(_HERE), str(folder))


def _open_the_way(*needed: Path) -> None:
    """Programs in a home that is closed to others are shown again, on an empty folder in its place."""
    behind = {path: door for path in needed if (door := _closed_door(path)) is not None}
    held = {path: os.open(path, os.O_PATH) for path in behind}
    for door in set(behind.values()):
        _mount("-t", "tmpfs", "-o", "mode=755", "none", str(door))
    for path, descriptor in held.items():
        path.mkdir(parents=True, exist_ok=True)
        _mount("--no-canonicalize", "--bind", f"/proc/self/fd/{descriptor}", str(path), keep=descriptor)  # fmt: skip


def _closed_door(path: Path) -> Path | None:
    return next((one for one in reversed(path.parents) if not one.stat().st_mode & 0o001), None)


def _mount(*words: str, keep: int | None = None) -> None:
    subprocess.run(["mount", *words], check=True, pass_fds=() if keep is None else (keep,))


def _close_the_rest() -> None:
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        place = line.split(" ")[4].replace(r"\040", " ")
        if place != DATA:
            _mount("-o", "remount,bind,ro", place)


def main(folder: str, *command: str) -> None:
    """Make the world, and become the program."""
    _mount("--bind", folder, DATA)
    _open_the_way(Path(sys.base_prefix), Path(sys.prefix).resolve(), _HERE.parents[2])
    _close_the_rest()
    os.execvp(_SETPRIV[0], [*_SETPRIV, *command])


if __name__ == "__main__":
    main(*sys.argv[1:])
