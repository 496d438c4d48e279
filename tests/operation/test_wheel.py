"""The wheel: small, the same program as the sources, and true to its own list of files."""

import ast
import base64
import csv
import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Final

import pytest
from hatch_build import INNER, SHOWN_DOCSTRINGS, is_shown, without_words

from tests.kit.backends import left_out

ROOT: Final = Path(__file__).parents[2]
MODULES: Final = sorted((ROOT / "src").rglob("*.py"))
MOST_BYTES: Final = 1_000_000
HOLDERS: Final = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
SAYS: Final = """
import sys
from pathlib import Path
import msgspec
from cimaise.cli.manual import write_pages
from cimaise.web.reference.openapi import document
from cimaise.web.routes import LINES
folder = Path(sys.argv[1])
folder.mkdir()
write_pages(folder)
(folder / "openapi.json").write_bytes(msgspec.json.encode(document(LINES, version="1", server="/")))
"""


def bare(source: str) -> list[tuple[str, int]]:
    """Every statement but docstrings, and ``pass`` where they were all there is, with its line."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, HOLDERS):
            said = ast.get_docstring(node, clean=False) is not None
            node.body = [one for one in node.body[said:] if not isinstance(one, ast.Pass)]
    found = (node for node in ast.walk(tree) if isinstance(node, ast.stmt))
    return [(ast.dump(one), one.lineno) for one in found]


@pytest.mark.slow
@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_a_module_without_words_is_the_same_in_the_same_lines(module: Path) -> None:
    source = module.read_text()
    lighter = without_words(source)
    assert bare(lighter) == bare(source)
    assert lighter.count("\n") == source.count("\n")
    holders = (node for node in ast.walk(ast.parse(lighter)) if isinstance(node, HOLDERS))
    assert [node for node in holders if ast.get_docstring(node)] == []


def test_what_is_nothing_but_a_docstring_still_does_nothing() -> None:
    source = (
        'def f():\n    """Says\n    something."""\n\n\nclass C:\n    "Short."\n    x = "#"  # one\n'
    )
    assert without_words(source) == 'def f():\n    pass\n\n\n\nclass C:\n\n    x = "#"\n'


def test_every_path_whose_docstrings_are_kept_is_there() -> None:
    names = {path.relative_to(ROOT / "src").as_posix() for path in MODULES}
    for kept in (*SHOWN_DOCSTRINGS, *INNER):
        assert [name for name in names if name.startswith(kept)], kept
    shown = {name for name in names if is_shown(name)}
    assert {"cimaise/__init__.py", "cimaise/cli/serve.py"} <= shown
    assert not {"cimaise/cli/serving/process.py", "cimaise/web/router.py"} & shown


@pytest.mark.slow
def test_the_wheel_is_small_true_to_its_record_and_says_what_the_sources_say(
    tmp_path: Path,
) -> None:
    path = built(tmp_path)
    with zipfile.ZipFile(path) as wheel:
        entries = sorted((one.compress_size, one.filename) for one in wheel.infolist())
        assert path.stat().st_size <= MOST_BYTES, entries[-20:]
        assert_true_to_its_record(wheel)
        wheel.extractall(tmp_path / "wheel")
    of_sources = pages_of(ROOT / "src", tmp_path / "of the sources")
    assert len(of_sources) >= 6
    assert pages_of(tmp_path / "wheel", tmp_path / "of the wheel") == of_sources


def built(folder: Path) -> Path:
    """The wheel as it is published."""
    uv = Path(sys.executable).with_name("uv")
    if not uv.exists():
        left_out("uv is not installed")
    command = [str(uv), "build", "--wheel", "--quiet", "--out-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        left_out(f"the wheel cannot be built: {done.stderr[-300:]}")
    (path,) = folder.glob("*.whl")
    return path


def assert_true_to_its_record(wheel: zipfile.ZipFile) -> None:
    (name,) = (one for one in wheel.namelist() if one.endswith(".dist-info/RECORD"))
    rows = list(csv.reader(wheel.read(name).decode().splitlines()))
    assert sorted(path for path, *_ in rows) == sorted(wheel.namelist())
    for path, digest, size in rows:
        if path != name:
            body = wheel.read(path)
            told = base64.urlsafe_b64encode(hashlib.sha256(body).digest()).decode().rstrip("=")
            assert (digest, size) == (f"sha256={told}", str(len(body))), path


def pages_of(code: Path, folder: Path) -> dict[str, str]:
    """The reference and the OpenAPI document, by the program that lies there."""
    environment = os.environ | {"PYTHONPATH": str(code)}
    command = [sys.executable, "-c", SAYS, str(folder)]
    done = subprocess.run(
        command, cwd=folder.parent, env=environment, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    return {page.name: page.read_text() for page in folder.iterdir()}
