"""Steps run in order, for the networks named, and one that fails does not stop the others."""

from __future__ import annotations

import pytest
import record

import release
from mssn.errors import MssnError


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch, ship_files) -> list[str]:
    """What ran: every step only notes its name here."""
    ship_files("mssn-s-x2", "mssn-s-x3", "mssn-s-photo-x3")
    notes: list[str] = []

    def of_one(step: str):
        def do(name: str, job: record.Job) -> str | None:
            notes.append(f"{step} {name}")
            if (step, name) == ("files", "mssn-s-x2"):
                raise MssnError("mssn-s-x2: it scores lower")
            return None

        return do

    def of_all(step: str):
        def do(names: list[str], job: record.Job) -> str | None:
            notes.append(step)
            return "done"

        return do

    monkeypatch.setattr(release, "PER_NETWORK", {step: of_one(step) for step in release.PER_NETWORK})
    monkeypatch.setattr(release, "WHOLE", {step: of_all(step) for step in release.WHOLE})
    monkeypatch.setenv("MSSN_DATA", "anywhere")
    monkeypatch.setattr(record, "revision", lambda dirty: "0123456789ab")
    return notes


def test_every_step_is_known() -> None:
    assert set(release.STEPS) == release.PER_NETWORK.keys() | release.WHOLE.keys()
    assert not release.PER_NETWORK.keys() & release.WHOLE.keys()


def test_steps_run_in_order_and_failures_are_reported(ran: list[str], capsys: pytest.CaptureFixture) -> None:
    assert release.main(["--all", "--only", "int8", "files", "cards"]) == 1
    names = ("mssn-s-x2", "mssn-s-x3", "mssn-s-photo-x3")
    assert ran == [*(f"files {name}" for name in names), *(f"int8 {name}" for name in names), "cards"]
    assert "release: files mssn-s-x2: mssn-s-x2: it scores lower" in capsys.readouterr().err


def test_only_networks_that_are_named_are_measured(ran: list[str]) -> None:
    assert release.main(["mssn-s-x3", "--skip", "speed", "tables", "cards", "manifest"]) == 0
    assert ran == [
        "files mssn-s-x3",
        "int8 mssn-s-x3",
        "precision mssn-s-x3",
        "degraded mssn-s-photo-x3",  # compared with the clean weights
        "drawn mssn-s-x3",
        "ensemble mssn-s-x3",
        "consistency mssn-s-x3",
    ]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "name networks, such as mssn-s-x2, or say --all"),
        (["mssn-s-x2", "--all"], "name networks, such as mssn-s-x2, or say --all"),
        (["mssn-s-x9"], "no weights ship for 'mssn-s-x9'"),
    ],
)
def test_bad_input_is_one_line(ran: list[str], arguments, reason, capsys: pytest.CaptureFixture) -> None:
    assert release.main(arguments) == 2
    assert ran == []
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"release: {reason}")


def test_steps_that_measure_need_data(ran: list[str], monkeypatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.delenv("MSSN_DATA")
    assert release.main(["--all"]) == 2
    assert "set MSSN_DATA" in capsys.readouterr().err
    assert release.main(["--all", "--only", "manifest", "cards"]) == 0
    assert ran == ["manifest", "cards"]


@pytest.mark.parametrize("arguments", [["--help"], ["--all", "--help"]])
def test_help_does_nothing_else(ran: list[str], arguments, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as ended:
        release.main(arguments)
    assert ended.value.code == 0
    assert ran == []
    reported = capsys.readouterr().out
    assert all(f"\n    {step} " in reported for step in release.STEPS)
