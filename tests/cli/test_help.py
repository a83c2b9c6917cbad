"""What `--help` says: every verb, in any width, and without what a base install lacks."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys

import pytest
from rich.console import Console

from mssn.cli import _GROUPS, _VERBS, app
from mssn.version import __version__

# As in a base install; one process for all verbs, since this one has PyTorch loaded.
BASE = """
import sys
for name in ("torch", "onnx", "onnxscript", "tensorboard", "ray", "matplotlib", "skia", "uharfbuzz"):
    sys.modules[name] = None
from mssn.cli import _VERBS, main
for arguments in [["--help"], *([verb, "--help"] for verb in _VERBS), *%s]:
    sys.argv = ["mssn", *arguments]
    try:
        main()
    except SystemExit as left:
        assert not left.code, arguments
    assert "torch" not in {name.partition(".")[0] for name, module in sys.modules.items() if module}
"""


def base(*more: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", BASE % (list(more),)]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | environment, check=False)


def test_help_of_every_verb_needs_no_pytorch(tmp_path) -> None:
    completion = ["--install-completion", "--shell", "bash", "--output", str(tmp_path / "mssn.bash")]
    done = base(completion, ["--version"], HOME=str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    for verb in _VERBS:
        assert f"Usage: mssn {verb}" in done.stdout
    script = (tmp_path / "mssn.bash").read_text()
    assert "skip-existing" in script and "downscale" in script


@pytest.mark.parametrize("columns", [40, 100])
def test_help_obeys_the_width(columns) -> None:
    lengths = {len(line) for line in base(COLUMNS=str(columns)).stdout.splitlines()}
    assert max(lengths) == columns


@pytest.fixture
def wide(monkeypatch) -> None:
    monkeypatch.setattr(app, "_console", Console(width=200))


@pytest.mark.usefixtures("wide")
def test_upscale_comes_first_and_verbs_stand_in_groups(mssn) -> None:
    text = mssn("--help").out
    found = [text.index(f"│ {verb} ") for verb in _VERBS]
    assert found == sorted(found) and next(iter(_VERBS)) == "upscale"
    titles = [text.index(f" {title} ─") for title in (*_GROUPS, "Help")]
    assert titles == sorted(titles)
    for option in ("--version", "-V", "--help", "-h", "--install-completion"):
        assert option in text


@pytest.mark.usefixtures("wide")
@pytest.mark.parametrize("verb", _VERBS)
def test_every_verb_has_an_example_that_can_be_typed(mssn, verb) -> None:
    (example,) = re.findall(r"Example: (.+)", mssn(verb, "--help").out)
    words = shlex.split(example)
    assert words[:2] == ["mssn", verb]
    command, _, _ = app.parse_args(words[1:], print_error=False, exit_on_error=False)
    assert command.__module__.startswith("mssn.cli.")


@pytest.mark.usefixtures("wide")
@pytest.mark.parametrize("verb", _VERBS)
def test_no_verb_offers_what_makes_no_sense(mssn, verb) -> None:
    text = mssn(verb, "--help").out.replace("--no-browser", "")  # which makes sense
    for nonsense in ("--no-", "--empty-", "[default: False]", "[default: None]", "Args:", ".0]"):
        assert nonsense not in text


def test_the_version_has_a_short_option(mssn) -> None:
    assert mssn("-V").out.strip() == mssn("--version").out.strip() == __version__


def test_completion_for_an_unknown_shell_is_one_line(mssn, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert "tcsh" in mssn("--install-completion", "--shell", "tcsh").line


def test_no_sentence_of_the_help_becomes_a_list(mssn) -> None:
    assert "•" not in mssn("upscale", "--help").out
