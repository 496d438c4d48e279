"""What the documents name is there: paths, links, headings, settings, commands."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from cimaise.cli.program import main
from cimaise.settings import environment_name
from cimaise.settings.sections import knobs

ROOT = Path(__file__).resolve().parents[2]
SKIPPED = {"node_modules", "dist", "build", "data"}
DOCUMENTS = sorted(
    path
    for path in ROOT.rglob("*.md")
    if not any(part in SKIPPED or part.startswith(".") for part in path.relative_to(ROOT).parts)
)
NAMING_PATHS = [ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md"]

FENCE = re.compile(r"^( *)```.*?^\1```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(<?([^()\s<>]+)>?\)")
HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)
PATH = re.compile(r"\.?[\w-][\w.-]*(?:/[\w.-]+)*/?")
FILE_SUFFIXES = (".py", ".md", ".toml", ".js", ".lock", ".yml", ".yaml", ".json", ".sh")
SETTING = re.compile(r"CIMAISE_[A-Z0-9_]*[A-Z0-9]\b(?!_)")
COMMAND = re.compile(r"(?:^ *|[`/])cimaise ((?:[a-z][a-z-]* ?)+)", re.MULTILINE)


def documents(paths: list[Path]) -> pytest.MarkDecorator:
    ids = [path.relative_to(ROOT).as_posix() for path in paths]
    return pytest.mark.parametrize("document", paths, ids=ids)


def prose_of(document: Path) -> str:
    return FENCE.sub("", document.read_text())


def paths_in(text: str) -> set[str]:
    """Code spans that look like a path of the repository: a slash inside, or a file's suffix."""
    spans = {span for span in SPAN.findall(text) if PATH.fullmatch(span)}
    return {span for span in spans if "/" in span or span.endswith(FILE_SUFFIXES)}


def anchors_of(document: Path) -> set[str]:
    """What the headings of a page can be linked by, made as GitHub makes them."""
    headings = HEADING.findall(prose_of(document))
    plain = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading) for heading in headings)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in plain}


def links_of(document: Path) -> Iterator[str]:
    for target in LINK.findall(SPAN.sub("", prose_of(document))):
        if not re.match(r"[a-z]+:", target):
            yield target


def is_command(words: list[str]) -> bool:
    """Whether the words after ``cimaise`` begin with a command that there is."""
    command: click.Command = main
    for word in words:
        if not isinstance(command, click.Group):
            return True  # what follows are its arguments
        if word not in command.commands:
            return False
        command = command.commands[word]
    return True


@documents(NAMING_PATHS)
def test_every_path_that_is_named_is_there(document: Path):
    named = paths_in(prose_of(document))
    assert named
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


@documents(DOCUMENTS)
def test_every_relative_link_leads_to_a_page_and_its_heading(document: Path):
    dead = []
    for target in links_of(document):
        name, _, anchor = target.partition("#")
        page = (document.parent / name).resolve() if name else document
        known = page.is_relative_to(ROOT) and page.exists()
        if not known or (anchor and anchor not in anchors_of(page)):
            dead.append(target)
    assert dead == []


@documents(DOCUMENTS)
def test_every_setting_that_is_named_is_one(document: Path):
    known = {environment_name(section, name) for section, name, _knob, _default in knobs()}
    named = set(SETTING.findall(document.read_text()))
    assert named - known - {"CIMAISE_CONFIG", "CIMAISE_CORPUS"} == set()


@documents(DOCUMENTS)
def test_every_command_that_is_named_is_one(document: Path):
    said = COMMAND.findall(document.read_text())
    unknown = [words for words in said if not is_command(words.split())]
    assert unknown == []


def test_every_decision_is_in_the_list_and_every_page_in_the_index():
    listed = set(links_of(ROOT / "docs/decisions/README.md"))
    decisions = {path.name for path in (ROOT / "docs/decisions").glob("[0-9]*.md")}
    assert decisions <= listed
    indexed = set(links_of(ROOT / "docs/index.md"))
    kinds = ("tutorials", "how-to", "reference", "explanation")
    pages = {
        f"{kind}/{path.name}" for kind in kinds for path in (ROOT / "docs" / kind).glob("*.md")
    }
    assert pages <= indexed


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("see `src/a.py` and `web/`", {"src/a.py", "web/"}),
        ("`Makefile` and `make test` and `GET /api/me`", set()),
        ("`pyproject.toml`, `.ci/run`, `/api/me`", {"pyproject.toml", ".ci/run"}),
        ("`<name>/x.py` and `a → b`", set()),
    ],
)
def test_what_looks_like_a_path_is_taken_for_one(text: str, paths: set[str]):
    assert paths_in(text) == paths


def test_headings_become_anchors_as_on_github(tmp_path: Path):
    page = tmp_path / "page.md"
    page.write_text(
        "# One thing: `move`\n\n```sh\n# no heading\n```\n\n## What isn't [there](x.md)\n"
    )
    assert anchors_of(page) == {"one-thing-move", "what-isnt-there"}
