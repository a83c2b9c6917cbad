"""README and docs: the commands, places and modules they name exist, and lines are short."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from cyclopts import App

import mssn
from mssn.cli import app

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
PAGES += sorted((ROOT / "docs").glob("*.md"))
PRESENT = [page for page in PAGES if page.name != "CHANGELOG.md"]  # a changelog also names what is gone


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def prose(page: Path) -> Iterator[tuple[int, str]]:
    """Numbered lines outside of code blocks."""
    code = False
    for number, line in enumerate(page.read_text().splitlines(), 1):
        if line.startswith("```"):
            code = not code
        elif not code:
            yield number, line


def commands(page: Path) -> Iterator[list[str]]:
    """The words of every `mssn` command in a code block or between backticks."""
    text = page.read_text()
    blocks = re.findall(r"^```\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    lines = [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]
    lines += re.findall(r"`(mssn [^`]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))
    for line in lines:
        if re.match(r"mssn [a-z]", line):
            yield shlex.split(line, comments=True)


def test_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 120


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_lines_of_prose_are_short(page: Path) -> None:
    long = [
        f"{page.name}:{number}"
        for number, line in prose(page)
        if len(line) > 110 and not line.startswith("|") and "](" not in line and "://" not in line
    ]
    assert not long


@pytest.mark.parametrize("page", PRESENT, ids=named)
def test_every_command_exists_with_its_options(page: Path) -> None:
    verbs = {name: app[name] for name in app if not name.startswith("-")}
    for words in commands(page):
        assert words[1] in verbs, words
        verb = verbs[words[1]]
        options = {word.partition("=")[0] for word in words[2:] if re.match(r"--?[a-z]", word)}
        assert options <= known_options(verb), words


def known_options(verb: App) -> set[str]:
    arguments = verb.assemble_argument_collection()
    return {name for argument in arguments for name in argument.names} | {"--help", "-h"}


def test_commands_are_found() -> None:
    verbs = {words[1] for page in PRESENT for words in commands(page)}
    assert verbs >= {"upscale", "compare", "evaluate", "train", "export", "info", "ablate", "profile"}


@pytest.mark.parametrize("page", PRESENT, ids=named)
def test_every_place_it_names_exists(page: Path) -> None:
    text = page.read_text()
    places = re.findall(r"`((?:src|paper|docs|release|benchmarks|tests)/[\w./-]*)`", text)
    places += re.findall(r"python ((?:paper|release|benchmarks)/\w+\.py)", text)
    missing = [place for place in places if place != "paper/out/index.html" and not (ROOT / place).exists()]
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link]
    missing += [link for link in links if not (page.parent / link).exists()]
    assert not missing


@pytest.mark.parametrize("page", PRESENT, ids=named)
def test_every_module_it_names_exists(page: Path) -> None:
    package = ROOT / "src" / "mssn"
    missing = [
        dotted
        for dotted in sorted(set(re.findall(r"`mssn\.([a-z_]+(?:\.[a-z_]+)*)", page.read_text())))
        if dotted not in mssn.__all__
        and not dotted.endswith("html")  # the page in one file
        and not (package / dotted.replace(".", "/")).is_dir()
        and not (package / f"{dotted.replace('.', '/')}.py").is_file()
    ]
    assert not missing


def test_every_room_is_on_the_map() -> None:
    text = (ROOT / "README.md").read_text()
    missing = [
        folder.name
        for folder in sorted((ROOT / "src" / "mssn").iterdir())
        if (folder / "__init__.py").exists() and f"`src/mssn/{folder.name}/" not in text
    ]
    assert not missing
