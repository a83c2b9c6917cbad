"""`mssn upscale --ray`, with a crew that lives in this process."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mssn.api import load
from mssn.cli import cluster, clustered
from mssn.cli.sampled import Sample
from mssn.cluster.faults import LostError, StoreError
from mssn.cluster.item import Item, Outcome
from mssn.cluster.runs import marked
from mssn.cluster.store import Store
from mssn.cluster.todo import Seen
from mssn.cluster.worker import Work
from mssn.errors import ImageError
from mssn.image.picture import Picture
from mssn.image.write import write
from mssn.upscaling.files import upscale_file
from mssn.upscaling.jobs import Job, failure


class Crew:
    """Makes pictures here; may be stopped, or meet what ends all.

    Attributes:
        started: How often there was work.
        stop: Raised after so many pictures.
        lost: Then the cluster is lost.
    """

    def __init__(self) -> None:
        self.started, self.stop, self.fatal, self.lost = 0, 10**9, False, False

    @contextmanager
    def connect(self, address: str) -> Iterator[str]:
        self.started += 1
        yield address

    def make(self, items: Iterator[Item], work: Work, _: Any, **__: Any) -> Iterator[Outcome]:
        for number, item in enumerate(items):
            if number == self.stop:
                if self.fatal:
                    yield Outcome(item, error="s3://bucket: the credentials are refused", fatal=True)
                if self.lost:
                    raise LostError("the Ray cluster at head:6379 no longer answers")
                raise KeyboardInterrupt
            source, target = Path(work.source.url_of(item.name)), Path(work.target.url_of(item.target))
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                options = replace(work.options, force=True)
                done = upscale_file(load(**work.load), source, target, options)
            except ImageError as error:
                yield Outcome(item, error=str(failure(Job(source, target), error)), node="here")
            else:
                yield Outcome(item, item.target, done, size=target.stat().st_size, node="here")


@pytest.fixture
def crew(monkeypatch: pytest.MonkeyPatch) -> Crew:
    crew = Crew()
    monkeypatch.setattr(cluster, "connect", crew.connect)
    monkeypatch.setattr(cluster, "make", crew.make)
    return crew


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, photo) -> Path:
    """A folder of four pictures, one of them broken, and other things; the current folder is above it."""
    monkeypatch.chdir(tmp_path)
    inside = tmp_path / "in"
    (inside / "sub").mkdir(parents=True)
    for name in ("a.png", "b.jpg", "sub/ü #1.png"):
        write(inside / name, Picture(photo[:24, :32]))
    (inside / "broken.png").write_bytes(b"no picture")
    (inside / "notes.txt").write_text("x")
    (inside / "a.xmp").write_text("<x/>")
    return inside


RAY = ("-m", "bicubic", "--ray", "local")


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_results_summary_and_report(mssn, crew: Crew, folder: Path) -> None:
    ran = mssn("upscale", "in", "-o", "out", *RAY, "--report", "report.jsonl")
    assert ran.code == 1
    assert [line.split("  ")[0] for line in ran.out.splitlines()] == [
        "[1/4] out/a.png",
        "[2/4] out/b.jpg",
        "[4/4] out/sub/ü #1.png",
    ]
    assert "in/broken.png" in ran.err and "3 of 4 pictures enlarged, 1 failed" in ran.err
    assert "1 file of other kinds passed over: .txt (1)" in ran.err
    report = lines_of(Path("report.jsonl"))
    assert [(line["source"], line["state"]) for line in report] == [
        ("in/a.png", "made"),
        ("in/b.jpg", "made"),
        ("in/broken.png", "failed"),
        ("in/sub/ü #1.png", "made"),
    ]
    assert report[0]["after"] == [64, 48] and report[0]["model"] == "bicubic" and "error" in report[2]
    assert Path("out/a.xmp").read_text() == "<x/>"


def test_the_same_pixels_as_without(mssn, crew: Crew, folder: Path) -> None:
    mssn("upscale", "in", "-o", "out", *RAY)
    mssn("upscale", "in", "-o", "here", "-m", "bicubic")
    for name in ("a.png", "b.jpg", "sub/ü #1.png", "a.xmp"):
        assert Path("out", name).read_bytes() == Path("here", name).read_bytes()


def test_again_starts_no_cluster_and_reports_all_the_same(mssn, crew: Crew, folder: Path) -> None:
    mssn("upscale", "in", "-o", "out", *RAY, "--report", "first.jsonl")
    ran = mssn("upscale", "in", "-o", "out", *RAY, "--report", "second.jsonl")
    assert (ran.code, ran.out, crew.started) == (1, "", 1)  # one is still missing
    assert "3 results are there already" in ran.err and "--retry-failed" in ran.err
    first, second = lines_of(Path("first.jsonl")), lines_of(Path("second.jsonl"))
    assert [line | {"state": ""} for line in second] == [line | {"state": ""} for line in first]
    mssn("upscale", "in", "-o", "out", *RAY, "--retry-failed")
    assert crew.started == 2


def test_a_stop_says_how_it_goes_on_and_it_does(mssn, crew: Crew, folder: Path) -> None:
    crew.stop = 2
    ran = mssn("upscale", "in", "-o", "out", *RAY)
    assert ran.code == 130
    assert "2 pictures are done; the same command goes on" in ran.err
    crew.stop = 10**9
    ran = mssn("upscale", "in", "-o", "out", *RAY)
    assert [line.split("  ")[0] for line in ran.out.splitlines()] == ["[2/2] out/sub/ü #1.png"]


def test_what_concerns_all_ends_the_run(mssn, crew: Crew, folder: Path) -> None:
    crew.stop, crew.fatal = 1, True
    ran = mssn("upscale", "in", "-o", "out", *RAY)
    assert ran.code == 2
    assert ran.line == (
        "mssn: s3://bucket: the credentials are refused; 1 picture is done; the same command goes on"
    )
    crew.stop, crew.fatal = 10**9, False
    ran = mssn("upscale", "in", "-o", "out", *RAY)
    assert "[1/3] out/b.jpg" in ran.out and "left alone" not in ran.err


def test_a_lost_cluster_ends_the_run_and_the_process_before_ray_does(
    mssn, crew: Crew, folder: Path, monkeypatch
) -> None:
    ends: list[tuple[Any, ...]] = []
    monkeypatch.setattr(cluster.atexit, "register", lambda *call: ends.append(call))
    crew.stop, crew.lost = 3, True
    ran = mssn("upscale", "in", "-o", "out", *RAY)
    assert (ran.code, ends) == (2, [(os._exit, 2)])
    assert ran.err.splitlines()[-1] == (
        "mssn: the Ray cluster at head:6379 no longer answers; 2 pictures are done, 1 failed; "
        "the same command goes on"
    )
    crew.stop = 10**9
    ran = mssn("upscale", "in", "-o", "out", *RAY)
    assert [line.split("  ")[0] for line in ran.out.splitlines()] == ["[1/1] out/sub/ü #1.png"]
    assert "--retry-failed" in ran.err  # so the books were written


def test_what_lies_there_already_stays(mssn, crew: Crew, folder: Path) -> None:
    Path("out").mkdir()
    Path("out/a.png").write_bytes(b"mine")
    ran = mssn("upscale", "in", "-o", "out", *RAY, "--report", "report.jsonl")
    assert ran.code == 1 and "1 result exists already" in ran.err
    assert Path("out/a.png").read_bytes() == b"mine"
    assert "exists already" in next(
        x["error"] for x in lines_of(Path("report.jsonl")) if x["source"] == "in/a.png"
    )
    ran = mssn("upscale", "in", "-o", "out", *RAY, "--skip-existing")
    assert ran.code == 1 and Path("out/a.png").read_bytes() == b"mine"  # for the broken one
    assert "exists already" not in ran.err
    mssn("upscale", "in", "-o", "out", *RAY, "--force")
    assert Path("out/a.png").read_bytes() != b"mine"


def test_a_folder_without_pictures_is_told(mssn, crew: Crew, folder: Path) -> None:
    (folder.parent / "films").mkdir()
    (folder.parent / "films/a.mp4").write_bytes(b"x")
    for more in ([], ["--dry-run"]):
        ran = mssn("upscale", "films", "-o", "out", *RAY, *more)
        assert ran.code == 2 and "films: holds no pictures, only 1 film" in ran.line


def test_another_run_that_has_not_ended_is_told_once(mssn, crew: Crew, folder: Path) -> None:
    with marked(Store(Path("out/.mssn/runs")), str(folder), print):
        crew.stop = 2
        ran = mssn("upscale", "in", "-o", "out", *RAY)
        assert "another run, begun at " in ran.err and "both make everything" in ran.err
        crew.stop = 10**9
        ran = mssn("upscale", "in", "-o", "out", *RAY)
        assert "another run" not in ran.err
    assert not list(Path("out/.mssn/runs").iterdir())


def test_other_settings_make_anew(mssn, crew: Crew, folder: Path) -> None:
    mssn("upscale", "in", "-o", "out", *RAY)
    ran = mssn("upscale", "in", "-o", "out", *RAY, "-s", "3")
    assert len(ran.out.splitlines()) == 3


def test_results_inside_the_input_are_no_input(mssn, crew: Crew, folder: Path) -> None:
    for _ in range(2):
        mssn("upscale", "in", "-o", "in/large", *RAY)
    assert sorted(path.name for path in Path("in/large").rglob("*.png")) == ["a.png", "ü #1.png"]
    ran = mssn("upscale", str(folder), "-o", "in/large", *RAY)  # the same, called otherwise
    assert "3 results are there already" in ran.err


def test_links_are_told_as_without(mssn, crew: Crew, folder: Path) -> None:
    (folder / "linked").symlink_to("/")
    (folder / "sub" / "more.png").symlink_to("..")
    (folder / "gone.png").symlink_to("nowhere")
    (folder / "gone").symlink_to("nowhere")
    (folder / "a.jpg").symlink_to("b.jpg")
    here = mssn("upscale", "in", "-o", "here", "-m", "bicubic")
    there = mssn("upscale", "in", "-o", "out", *RAY)
    passed = [
        [line for line in ran.err.splitlines() if "passed over" in line or "gone.png" in line]
        for ran in (here, there)
    ]
    assert len(passed[0]) == 3 and sorted(passed[0]) == sorted(passed[1])
    assert "2 linked folders passed over: in/linked, in/sub/more.png" in there.err
    assert (here.code, there.code) == (1, 1) and Path("out/a.jpg").exists()
    assert Path("out/a.jpg").read_bytes() == Path("here/a.jpg").read_bytes()


@pytest.mark.parametrize("name", ["in[1]", "in*"])
def test_a_folder_may_be_called_like_a_pattern(mssn, crew: Crew, folder: Path, name: str) -> None:
    folder.rename(folder.with_name(name))
    ran = mssn("upscale", name, "-o", "out", *RAY)
    assert ran.code == 1 and "3 of 4 pictures enlarged" in ran.err


def test_a_picture_that_takes_minutes_is_named(crew: Crew, folder: Path, monkeypatch) -> None:
    now = 1000.0
    monkeypatch.setattr(clustered.time, "perf_counter", lambda: now)
    told = clustered.Told(Store("in"), Store("out"), Seen(), json=True, report=None, skip_existing=False)
    a, b = (Item(name, 1, "", name) for name in ("a.png", "b.png"))
    told.began(a)
    now += 50
    told.began(b)
    assert "png" not in told._standing()
    now += 130
    assert told._standing().endswith(", a.png for 3 min")
    told.began(a)  # another worker tries it
    assert told._standing().endswith(", a.png for 3 min")
    told.outcome(Outcome(a, error="in/a.png: is no picture"))
    assert told._standing().endswith(", b.png for 2 min")
    told.outcome(Outcome(b, error="in/b.png: is no picture"))
    assert "png" not in told._standing()


def test_json_and_dry_run(mssn, crew: Crew, folder: Path) -> None:
    ran = mssn("upscale", "in", "-o", "out", *RAY, "--dry-run")
    assert ran.code == 0 and "nothing was written: 4 pictures to make, of" in ran.err
    assert "; about 0.00922 megapixels, " in ran.err  # 3 of 64x48
    assert ran.err.endswith(
        "of a core; 1 of the 4 looked at would fail (in/broken.png: is not a picture but text)\n"
    )
    assert not Path("out").exists() and not crew.started
    ran = mssn("upscale", "in", "-o", "out", *RAY, "--json")
    told = [json.loads(line) for line in ran.out.splitlines()]
    assert [line["source"] for line in told] == ["in/a.png", "in/b.jpg", "in/broken.png", "in/sub/ü #1.png"]
    assert told[0]["target"] == "out/a.png" and "error" in told[2]


def test_a_dry_run_judges_many_pictures_by_a_few(mssn, crew: Crew, folder: Path, monkeypatch) -> None:
    got: list[str] = []
    get = Store.get
    monkeypatch.setattr(Store, "get", lambda self, name, *more: (got.append(name), get(self, name, *more)))
    (folder / "broken.png").unlink()
    for number in range(300):
        (folder / f"{number:03}.png").hardlink_to(folder / "a.png")
    (folder / "a.png").unlink()
    (folder / "b.jpg").unlink()
    (folder / "sub/ü #1.png").unlink()
    ran = mssn("upscale", "in", "-o", "out", *RAY, "--dry-run", "-s", "50")
    # Each becomes 1600x1200: 300 of them are 576 megapixels.
    assert "300 pictures to make" in ran.err and "; about 576 megapixels, " in ran.err
    assert ran.err.endswith("of a core, judged by 20 of them\n")
    assert len(set(got)) == 20 and min(got) < "060.png" < "240.png" < max(got)
    ran = mssn("upscale", "in", "-o", "out", *RAY, "--dry-run", "-s", "1e6")
    assert "20 of the 20 looked at would fail (" in ran.err and "beyond the limit" in ran.err
    monkeypatch.setattr(Store, "get", refuse)
    ran = mssn("upscale", "in", "-o", "out", *RAY, "--dry-run")
    assert re.search("nothing was written: 300 pictures to make, of [0-9.]+ KB\n$", ran.err)


def refuse(*_: Any) -> None:
    raise StoreError("s3://bucket: the credentials are refused")


def test_a_sample_takes_each_picture_as_often() -> None:
    often = Counter[str]()
    for seed in range(400):
        sample = Sample()
        sample._random.seed(seed)
        for number in range(80):
            sample.add(Item(f"{number}", 1, "", ""))
        assert len({item.name for item in sample._items}) == 20
        often.update(item.name for item in sample._items)
    assert all(50 < often[f"{number}"] < 150 for number in range(80))  # 100 each


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["s3://bucket/in", "-o", "out"], "with --ray local"),
        (["in", "-o", "s3://bucket/out"], "with --ray local"),
        (["in", "in", "-o", "out", "--ray", "local"], "takes one folder of pictures"),
        (["in/*.png", "-o", "out", "--ray", "local"], "--ray takes one folder of pictures, or one s3://"),
        (["in/*.png", "-o", "out", "--ray", "local"], "not a pattern"),
        (["in", "--ray", "local"], "-o names the folder"),
        (["in", "-o", "-", "--ray", "local"], "-o names the folder"),
        (["-", "-o", "out", "--ray", "local"], "not standard input"),
        (["in", "-o", "a.png", "--ray", "local"], "needs a folder"),
        (["in", "-o", "in", "--ray", "local"], "would replace the originals"),
        (["in/sub", "-o", "in", "--ray", "local"], "holds the input itself"),
        (["in", "-o", "out", "--ray", "local", "--threads", "2"], "do not go with --ray"),
        (["in", "-o", "out", "--retry-failed"], "is for runs with --ray"),
        (["nowhere", "-o", "out", "--ray", "local"], "nowhere"),
        (["in", "-o", "ftp://host/out", "--ray", "local"], "ftp:// is no storage"),
        (["s3://name:pass@bucket/in", "-o", "out", "--ray", "local"], "must not hold a password"),
        (["in", "-o", "https://host/out", "--ray", "local"], "can only be read"),
    ],
)
def test_what_makes_no_sense_is_one_line(mssn, crew: Crew, folder: Path, arguments, says) -> None:
    ran = mssn("upscale", "-m", "bicubic", *arguments)
    assert ran.code == 2 and says in ran.line
    assert "pass@" not in ran.err and not crew.started
