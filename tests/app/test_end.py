"""The app begins and ends as a process: one Ctrl-C, a kill, a port that is taken."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from app_client import png_of
from app_process import process

from mssn.app.room import PREFIX, Room, sweep
from mssn.errors import MssnError


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_ends_everything(tmp_path, number) -> None:
    large = png_of(3000, 2000)
    with process(tmp_path, "--port", "0") as (run, client):
        client.job(large, name="a.png", client="me")
        client.job(large, name="b.png", client="me")
        events = client.events("/api/events?client=me")
        client.until(lambda: next(events)[1]["progress"] > 0)
        hanging = threading.Thread(target=lambda: client.upscale(large, name="c.png"))
        hanging.start()
        client.until(lambda: len(client.get("/api/jobs").json) == 3)
        with socket.create_connection(("127.0.0.1", client.port)):  # idle, and never closed by us
            run.send_signal(number)
            assert client.until(lambda: run.poll() is not None, 5) and run.returncode == 128 + number
        assert {name for name, _ in events} <= {"progress", "failed"}
        hanging.join(5)
        assert not hanging.is_alive()
    assert not list(tmp_path.glob(f"{PREFIX}*"))
    assert "Traceback" not in (tmp_path / "errors.txt").read_text()


@pytest.mark.slow
def test_what_a_kill_leaves_is_gone_after_the_next_start(tmp_path, large) -> None:
    with process(tmp_path, "--port", "0") as (run, client):
        client.job(large, name="a.png", ensemble="true")
        client.until(client.files)
        assert client.room.stat().st_mode & 0o777 == 0o700
        run.kill()
        run.wait()
        assert client.files()
        with process(tmp_path, "--port", "0") as (_, other):
            assert other.room != client.room
            assert not client.room.exists()
            assert other.get("/health").status == 200


def test_rooms_in_use_and_those_of_others_stay(tmp_path) -> None:
    used, link = Room(tmp_path), tmp_path / f"{PREFIX}link"
    (tmp_path / "precious").mkdir()
    link.symlink_to(tmp_path / "precious")
    young = tmp_path / f"{PREFIX}young"  # in the making: it has no lock yet
    young.mkdir()
    old = tmp_path / f"{PREFIX}old"
    old.mkdir()
    os.utime(old, (0, 0))
    (tmp_path / f"{PREFIX}file").touch()
    sweep(tmp_path)
    assert used.path.exists() and young.exists() and (tmp_path / "precious").exists() and link.is_symlink()
    assert not old.exists() and (tmp_path / f"{PREFIX}file").exists()
    used.close()
    assert not used.path.exists()


@pytest.mark.slow
def test_a_busy_port_gives_another_one_and_says_so(tmp_path) -> None:
    with (
        process(tmp_path, "--port", "0") as (_, first),
        process(tmp_path, "--port", str(first.port)) as (_, second),
    ):
        assert second.port != first.port
        assert f"port {first.port} is busy; taking {second.port}" in (tmp_path / "errors.txt").read_text()
        assert first.get("/health").status == second.get("/health").status == 200
        assert len(list(tmp_path.glob(f"{PREFIX}*"))) == 2


@pytest.mark.slow
def test_loopback_alone_is_listened_on(tmp_path) -> None:
    with process(tmp_path, "--port", "0") as (run, client):
        tables = [Path(f"/proc/{run.pid}/net/{name}") for name in ("tcp", "tcp6")]
        lines = [
            line.split() for table in tables if table.exists() for line in table.read_text().splitlines()
        ]
        port = f"{client.port:04X}"
        listening = {row[1].split(":")[0] for row in lines if row[1].endswith(port) and row[3] == "0A"}
        assert "0100007F" in listening
        assert listening <= {"0100007F", "00000000000000000000000001000000"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--port", "70000"], "--port must be 0 to 65535"),
        (["--host", "no.such.host.invalid"], "no.such.host.invalid: is no name of this machine"),
        (["--host", "203.0.113.7"], "203.0.113.7: is no name of this machine"),
        (["--queue", "0"], "--queue must be a whole number above 0"),
        (["--time-limit", "0"], "--time-limit must be minutes above 0"),
        (["--max-megapixels", "0"], "--max-megapixels must be above 0"),
        (["--threads", "0"], "--threads must be at least 1"),
    ],
)
def test_what_makes_no_sense_is_one_line(tmp_path, options, words) -> None:
    command = [sys.executable, "-m", "mssn", "app", "--no-browser", *options]
    run = subprocess.run(
        command, capture_output=True, text=True, timeout=600, env={**os.environ, "TMPDIR": str(tmp_path)}
    )
    assert run.returncode == 2 and words in run.stderr and len(run.stderr.splitlines()) == 1, run.stderr
    assert not list(tmp_path.iterdir())


def test_without_its_extra_a_line_says_what_to_install(monkeypatch) -> None:
    from mssn.errors import MissingDependencyError

    for name in [
        name for name in sys.modules if name.split(".")[0] == "uvicorn" or name.startswith("mssn.app")
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'mssn\[app\]'"):
        import mssn.app.serve  # noqa: F401


def test_a_place_where_no_files_can_be_made_is_one_line(tmp_path, monkeypatch) -> None:
    """Python's own choice would silently be another place."""
    monkeypatch.setenv("TMPDIR", str(tmp_path / "none"))
    with pytest.raises(MssnError, match=r"none \(No such file or directory\); let TMPDIR name another"):
        Room()
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    room = Room()
    assert room.path.parent == tmp_path
    room.close()
