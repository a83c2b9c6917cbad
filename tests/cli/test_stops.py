"""Work that is stopped, faults nobody expected, and streams that take no more: the exit code stays true."""

from __future__ import annotations

import io
import json
import math
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from mssn.cli import progress, streams
from mssn.image.picture import Picture
from mssn.image.write import write
from mssn.upscaling import files as one_file
from mssn.upscaling.jobs import Done, Job
from mssn.upscaling.upscaler import Upscaler

BICUBIC = ("-m", "bicubic")
MSSN = [sys.executable, "-m", "mssn"]
posix = pytest.mark.skipif(os.name != "posix", reason="signals and pipes as POSIX knows them")


@posix
def test_closed_streams_stop_no_batch_and_hide_no_failure(tmp_path) -> None:
    """Nine pictures, one broken."""
    (tmp_path / "in").mkdir()
    for number in range(9):
        write(tmp_path / "in" / f"{number}.png", Picture(np.zeros((20, 30, 3), np.uint8)))
    (tmp_path / "in" / "4.png").write_bytes(b"nothing")
    run = f"{sys.executable} -m mssn upscale in -m bicubic"
    for output, streams_of_it in (
        ("head", "2>&1 | head -1"),
        ("nobody", "2>&1 | true"),
        ("stderr", "2>&-"),
        ("both", ">&- 2>&-"),
        ("full", "2> /dev/full"),
    ):
        script = f"{run} -o {output}/ {streams_of_it}; exit ${{PIPESTATUS[0]}}"
        done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 1, output
        assert sorted(os.listdir(tmp_path / output)) == [f"{n}.png" for n in range(9) if n != 4]
        assert output in ("head", "both") or done.stdout.count("\n") == done.stdout.count("[") in (0, 8)
        assert "Traceback" not in done.stdout + done.stderr and "Exception" not in done.stdout + done.stderr
    script = f"rm in/4.png; {run} -o good/ | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, len(os.listdir(tmp_path / "good"))) == (0, 8)


@posix
def test_the_error_of_a_single_picture_survives_closed_streams(tmp_path) -> None:
    (tmp_path / "a.png").write_bytes(b"nothing")
    for ends in ("2>&1 | true", "--json 2>&1 | true", "2>&-", "<&- 2>&-"):
        script = f"{sys.executable} -m mssn upscale a.png -m bicubic {ends}; exit ${{PIPESTATUS[0]}}"
        assert subprocess.run(["bash", "-c", script], cwd=tmp_path).returncode == 2, ends


@posix
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_signals_leave_whole_files_no_scraps_and_say_how_to_go_on(tmp_path, number, code) -> None:
    (tmp_path / "in").mkdir()
    for index in range(30):
        write(tmp_path / "in" / f"{index}.png", Picture(np.full((400, 500, 3), index, np.uint8)))
    command = [*MSSN, "upscale", "in", "-o", "out", "--memory", "0", *BICUBIC]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("[1/30]")
        assert list(tmp_path.glob("out/.mssn-*"))
        process.send_signal(number)
        err = process.communicate(timeout=60)[1]
    assert process.returncode == code
    made = sorted(os.listdir(tmp_path / "out"))
    assert len(made) < 30 and all(name.endswith(".png") for name in made)
    done = f"{len(made)} of 30 pictures are done"
    assert err.splitlines() == [f"mssn: stopped: {done}; the same command with --skip-existing goes on"]


@posix
def test_nohup_is_obeyed(tmp_path) -> None:
    """Who ignores SIGHUP, as nohup lets a command do, is not stopped by it."""
    script = (
        "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN); sys.argv[1:] = ['info'];"
        "import mssn.cli; from mssn.cli import info; info.info = lambda: os.kill(os.getpid(), signal.SIGHUP);"
        "mssn.cli.main()"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True).returncode == 0


def stop_at(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[None] = []
    enlarge = Upscaler.enlarge

    def stopping(*arguments: object) -> object:
        calls.append(None)
        time.sleep(0.05)  # what is being written is written by then
        if len(calls) == number:
            raise KeyboardInterrupt
        return enlarge(*arguments)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(Upscaler, "enlarge", stopping)


@pytest.mark.parametrize(
    ("option", "way"),
    [
        ((), "with --skip-existing goes on"),
        (("--skip-existing",), "goes on"),
        (("--force",), "starts over"),
    ],
)
def test_ctrl_c_in_a_folder_says_what_is_done(mssn, pictures, monkeypatch, option, way) -> None:
    (pictures / "a.png").write_bytes(b"nothing")
    stop_at(2, monkeypatch)
    result = mssn("upscale", "pictures", "-o", "big", *option, *BICUBIC)
    assert result.code == 130
    assert result.err.splitlines()[-1] == (
        f"mssn: stopped: 1 of 4 pictures are done, 1 failed; the same command {way}"
    )


def test_what_is_written_while_the_lines_are_printed_is_counted(monkeypatch, capsys) -> None:
    """Ctrl-C between two results: the one that is being written then is told as well."""

    def results() -> Iterator[Done]:
        done = [Done(Job(Path("a"), Path(f"{number}.png")), runtime="openvino") for number in range(3)]
        try:
            yield from done[:2]
        except KeyboardInterrupt:
            yield done[2]
            raise

    def press(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("rich.progress.Progress.update", press)
    with pytest.raises(KeyboardInterrupt) as stop:
        progress.report(results(), 9, go_on="the same command goes on")
    assert stop.value.__notes__ == ["2 of 9 pictures are done; the same command goes on"]
    assert [line.split()[1] for line in capsys.readouterr().out.splitlines()] == ["0.png", "2.png"]


def test_ctrl_c_in_other_verbs_says_what_is_done(mssn, pictures, monkeypatch) -> None:
    from mssn.cli import downscale

    def stop_at_jpeg(path: Path) -> Picture:
        if path.suffix == ".jpg":
            raise KeyboardInterrupt
        return Picture(np.zeros((8, 8, 3), np.uint8))

    monkeypatch.setattr(downscale, "read", stop_at_jpeg)
    result = mssn("downscale", "pictures", "-o", "lr")
    told = "mssn: stopped: 2 of 3 pictures are shrunk; the same command with --force starts over"
    assert (result.code, result.line) == (130, told)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_it_has_a_line_of_its_own(mssn, pictures, monkeypatch) -> None:
    terminal = Terminal("^C")
    terminal.seek(2)
    monkeypatch.setattr("sys.stderr", terminal)
    stop_at(1, monkeypatch)
    assert mssn("upscale", "pictures/one.png", *BICUBIC).code == 130
    assert terminal.getvalue().endswith("\nmssn: stopped\n")


@pytest.mark.parametrize("error", [RuntimeError("out of order"), KeyError("lost"), ZeroDivisionError()])
def test_faults_are_one_line(mssn, pictures, monkeypatch, error) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(one_file, "read", fail)
        alone = mssn("upscale", "pictures/one.png", *BICUBIC)
        assert alone.code == 2
        assert alone.line.startswith(f"mssn: pictures/one.png: failed with {type(error).__name__}")
        reported = json.loads(mssn("upscale", "pictures/one.png", "--json", *BICUBIC).out)
        assert type(error).__name__ in reported["error"]
    monkeypatch.setattr("mssn.cli.app", SimpleNamespace(parse_args=fail))
    result = mssn("info")
    assert result.code == 1
    assert result.line.startswith(f"mssn: a fault of mssn itself: {type(error).__name__}")


def test_a_fault_of_one_picture_does_not_stop_other_verbs(mssn, pictures, monkeypatch) -> None:
    from mssn.cli import downscale

    def fail_at_jpeg(path: Path) -> Picture:
        if path.suffix == ".jpg":
            raise KeyError("lost")
        return Picture(np.zeros((8, 8, 3), np.uint8))

    monkeypatch.setattr(downscale, "read", fail_at_jpeg)
    result = mssn("downscale", "pictures", "-o", "lr")
    assert result.code == 1 and len(result.out.splitlines()) == 2
    assert "two.jpg: failed with KeyError: 'lost'" in result.err


def slow_results(seconds: float) -> Iterator[Done]:
    for number in range(3):
        time.sleep(seconds)
        yield Done(Job(Path("a"), Path(f"{number}.png")), after=(1000, 500), pages=1, runtime="openvino")


def test_without_a_terminal_a_log_gets_a_line_now_and_then(capsys, monkeypatch) -> None:
    monkeypatch.setattr(progress, "_LOGGED", 0.02)
    assert progress.report(slow_results(0.05), 3) == 0
    lines = capsys.readouterr().err.splitlines()[:-1]
    assert len(lines) >= 3
    assert lines[0].startswith("0 of 3 pictures, 0 pictures/s") and "left" not in lines[0]
    assert lines[-1].startswith("2 of 3 pictures, ") and lines[-1].endswith(" s left")
    with progress.bar_of_one(Path("large.png")) as tell:
        tell(0.25)
        time.sleep(0.1)
    line = capsys.readouterr().err.splitlines()[0]
    assert line.startswith("large.png  25% after 0 s, about ") and line.endswith(" s left")
    monkeypatch.setattr(progress, "_LOGGED", 30)
    assert progress.report(slow_results(0), 3) == 0
    assert len(capsys.readouterr().err.splitlines()) == 1  # soon done: the summary alone


@posix
def test_on_a_terminal_lines_stand_above_the_bar(monkeypatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    reader, writer = pty.openpty()
    with os.fdopen(writer, "w", buffering=1) as terminal:
        monkeypatch.setattr("sys.stdout", terminal)
        monkeypatch.setattr("sys.stderr", terminal)
        assert progress.report(slow_results(0.15), 3) == 0
        said = b""
        while select.select([reader], [], [], 0.2)[0]:
            said += os.read(reader, 100_000)
    os.close(reader)
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", said.decode())
    lines = [line for line in re.split(r"[\r\n]+", plain) if ".png" in line]
    assert [line[:11] for line in lines] == [f"[{n}/3] {n - 1}.png" for n in (1, 2, 3)]


def test_times_are_said_as_people_say_them() -> None:
    assert progress.time_left(60, 0.25) == ", about 3 min left"
    assert progress.time_left(10, 0.5) == ", about 10 s left"
    assert progress.time_left(3600, 0.1) == ", about 9.0 h left"
    assert progress.time_left(5, 0) == ""


def test_the_picture_the_summary_and_the_json_say_what_ran(mssn, pictures, net) -> None:
    result = mssn("upscale", "pictures", "-m", net, "--precision", "fp32", "-o", "big")
    assert result.out.count("  openvino fp32  ") == 3
    assert " s (openvino fp32): " in result.line
    line = mssn("upscale", "pictures/one.png", "-m", net, "--runtime", "onnxruntime", "--json").out
    assert [json.loads(line)[name] for name in ("runtime", "precision")] == ["onnxruntime", "fp32"]
    line = mssn("upscale", "pictures/two.jpg", "-s", "1", "--json").out
    assert [json.loads(line)[name] for name in ("model", "runtime")] == ["bicubic", "bicubic"]


def test_json_knows_no_infinity() -> None:
    done = Done(Job(Path("a"), Path("b")), cut=(-math.inf, math.nan), seconds=1.5)
    read = json.loads(progress.as_json(done), parse_constant=pytest.fail)
    assert (read["cut"], read["seconds"]) == ([None, None], 1.5)
    nested = {"a": [{"b": (math.inf, 1)}, True, "inf", 3]}
    assert json.loads(streams.to_json(nested)) == {"a": [{"b": [None, 1]}, True, "inf", 3]}


def test_lines_stay_lines() -> None:
    assert streams.one_line("a\nb\r\x1b[0m\u2028c\x85 \udcff") == "a\\nb\\r\\x1b[0m\\u2028c\\x85 \\udcff"
    for name in ("Bild größer.png", "日本\u3000語.png", "a\u202fb.png", "👩\u200d🚀.png"):
        assert streams.one_line(name) == name


@posix
def test_no_file_gets_the_number_of_a_closed_stream() -> None:
    """What a library writes to standard error would land in it."""
    code = "import os; from mssn.cli.streams import open_closed; open_closed();"
    code += "raise SystemExit(os.open(os.devnull, os.O_RDONLY) <= 2)"
    script = f"{sys.executable} -c '{code}' <&- >&- 2>&-"
    assert subprocess.run(["bash", "-c", script]).returncode == 0


_CALLED_BACK = """
import os, signal, sys, time
from mssn import cli
class Work:
    def __del__(self):  # as in a callback from C, Python cannot raise here
        os.kill(os.getpid(), signal.Signals[sys.argv[1]])
        time.sleep(0.05)
class App:
    def parse_args(self, *_, **__):
        Work()
        time.sleep(20)
cli.app = App()
cli._check_verb = lambda _: None
cli.main()
"""


@posix
@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_signal_that_comes_where_nothing_can_be_raised_still_stops(name: str, code: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _CALLED_BACK, name], capture_output=True, text=True, timeout=10
    )
    assert (done.returncode, done.stderr) == (code, "mssn: stopped\n")


@posix
def test_a_signal_while_a_film_is_waited_for_is_no_fault_of_it(tmp_path) -> None:
    pytest.importorskip("av")
    os.mkfifo(tmp_path / "film.mkv")
    command = [*MSSN, "upscale", "film.mkv", *BICUBIC, "-o", "out.mkv"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    waits, until = Path(f"/proc/{process.pid}/wchan"), time.monotonic() + 5  # where Linux says what it does
    while time.monotonic() < until:
        if waits.exists() and waits.read_text() == "wait_for_partner":
            break
        time.sleep(0.05)
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    try:
        _, error = process.communicate(timeout=30)
    finally:
        process.kill()
    assert (process.returncode, error) == (143, "mssn: stopped\n")


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals are those of POSIX")
def test_ctrl_c_while_loading_is_no_fault(tmp_path, photo) -> None:
    write(tmp_path / "a.png", Picture(photo))
    for delay in np.linspace(0.02, 0.9, 12):
        command = [sys.executable, "-m", "mssn", "upscale", "a.png", "-f", "--scale", "30"]
        process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=60)
        if b"<frozen runpy>" in error or b"init_import_site" in error:  # Python has not come to us yet
            assert not re.search(rb'__main__\.py", line \d+, in main', error)
            continue
        assert b"Traceback" not in error and b"fault" not in error
        assert process.returncode in (0, 130, -signal.SIGINT)


def test_until_main_runs_next_to_nothing_is_loaded() -> None:
    """Ctrl-C in the meantime would end in a traceback."""
    code = "import sys; import mssn.__main__; print('signal' in sys.modules or 'mssn.cli' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
