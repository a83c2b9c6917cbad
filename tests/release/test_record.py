"""A number is about a file as long as the file's content is the one that was measured."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import record

from mssn.errors import MssnError


def test_the_hash_is_blake2b_of_16_bytes(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    # `b2sum --length 128 /dev/null`
    assert record.content_hash(tmp_path / "empty") == "cae66941d9efbd404e4d88758ea67670"


def test_numbers_belong_to_the_files_they_were_measured_of(ship_files, tmp_path: Path) -> None:
    ship_files("mssn-s-x2", "mssn-s-x3")
    path = tmp_path / "results" / "table.json"
    one, other = record.weights_of("mssn-s-x2"), record.weights_of("mssn-s-x3")
    table = record.Table(path)
    table.keep("mssn-s-x3", {"psnr": 33}, [other], "abc")
    table.keep("mssn-s-x2", {"psnr": 37}, [one], "abc")
    again = record.Table(path)
    assert again.numbers("mssn-s-x2", [one]) == {"psnr": 37}
    assert again.numbers("mssn-s-x2", [one, other]) == {}, "measured of one file, not of two"
    assert again.numbers("mssn-s-x4", [one]) == {}
    one.write_text("other weights")
    assert again.numbers("mssn-s-x2", [one]) == {}
    assert again.numbers("mssn-s-x3", [other]) == {"psnr": 33}
    stored = json.loads(path.read_text())
    assert list(stored["models"]) == ["mssn-s-x2", "mssn-s-x3"], "in the order of the table of models"
    assert stored["commit"] == "abc"


def test_numbers_of_what_does_not_ship_any_more_go(ship_files, tmp_path: Path) -> None:
    ship_files("mssn-s-x2")
    path = tmp_path / "table.json"
    record.write_json(path, {"models": {"mssn-l-x2": {"psnr": 1}}})
    record.Table(path).keep("mssn-s-x2", {"psnr": 2}, [record.weights_of("mssn-s-x2")], "abc")
    assert json.loads(path.read_text())["models"] == {"mssn-s-x2": {"psnr": 2}}


def test_what_is_read_can_be_added_to_without_changing_the_table(ship_files, tmp_path: Path) -> None:
    ship_files("mssn-s-x2")
    weights = [record.weights_of("mssn-s-x2")]
    table = record.Table(tmp_path / "table.json")
    table.keep("mssn-s-x2", {"none": {"Set5": 1}}, weights, "abc")
    table.numbers("mssn-s-x2", weights)["none"]["Set14"] = 2
    assert table.models["mssn-s-x2"] == {"none": {"Set5": 1}}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    def git(*arguments: str) -> None:
        who = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", "-C", str(tmp_path), *who, *arguments], check=True, capture_output=True)

    git("init")
    (tmp_path / "paper" / "results").mkdir(parents=True)
    for name in ("code.py", "other.py", "paper/results/numbers.json"):
        (tmp_path / name).write_text("1")
    git("add", ".")
    git("commit", "-m", "first")
    return tmp_path


def test_only_committed_code_measures(checkout: Path) -> None:
    commit = record.revision(root=checkout)
    assert len(commit) == 12
    (checkout / "paper" / "results" / "numbers.json").write_text("2")
    assert record.revision(root=checkout) == commit, "what a release writes is not the code that measures"
    (checkout / "code.py").write_text("2")
    with pytest.raises(MssnError, match=r"not committed: code\.py; commit or stash it"):
        record.revision(root=checkout)
    assert record.revision(dirty=True, root=checkout) == f"{commit}-dirty"
    (checkout / "new.py").write_text("1")
    with pytest.raises(MssnError, match=r"code\.py and 1 more"):
        record.revision(root=checkout)


def test_outside_a_checkout_there_is_no_commit(tmp_path: Path) -> None:
    with pytest.raises(MssnError, match="no git checkout"):
        record.revision(root=tmp_path)
    assert record.revision(dirty=True, root=tmp_path) == ""


def test_a_script_measures_what_it_is_told(ship_files, monkeypatch, capsys) -> None:
    ship_files("mssn-s-x2", "mssn-s-x3")
    monkeypatch.setattr(record, "revision", lambda dirty: "abc")
    seen: list[tuple[str, record.Job]] = []

    def measure(name: str, job: record.Job) -> str | None:
        seen.append((name, job))
        return "done" if name == "mssn-s-x2" else None

    monkeypatch.setattr("sys.argv", ["some.py", "--threads", "1", "--force"])
    assert record.command("some", None, measure) == 0
    job = record.Job("abc", 1, force=True)
    assert seen == [("mssn-s-x2", job), ("mssn-s-x3", job)]
    assert capsys.readouterr().out == "mssn-s-x2 done\nmssn-s-x3 all is known\n"
    monkeypatch.setattr("sys.argv", ["some.py", "mssn-s-x9"])
    assert record.command("some", None, measure) == 2
    assert capsys.readouterr().err.startswith("some: no weights ship for 'mssn-s-x9'")


def test_names_of_networks_are_checked(ship_files) -> None:
    ship_files("mssn-s-x2", "mssn-s-x3")
    assert record.named([]) == ["mssn-s-x2", "mssn-s-x3"]
    assert record.named(["mssn-s-x3"]) == ["mssn-s-x3"]
    with pytest.raises(MssnError, match="no weights ship for 'mssn-s-x5'; shipped are: mssn-s-x2, mssn-s-x3"):
        record.named(["mssn-s-x5"])
