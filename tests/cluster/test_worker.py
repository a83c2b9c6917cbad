"""What a worker makes of a picture: what one machine would."""

from __future__ import annotations

import hashlib
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import pyvips
from PIL import Image

from mssn.api import load
from mssn.cluster import worker as room
from mssn.cluster.faults import MissingError, PassingError, RefusedError
from mssn.cluster.item import Item, Outcome
from mssn.cluster.store import Store
from mssn.cluster.worker import LEAST, Work, Worker, may_heal
from mssn.errors import ImageError, MssnError
from mssn.image.picture import Picture
from mssn.image.write import write
from mssn.upscaling.batch import upscale_files
from mssn.upscaling.jobs import Job, Options


@pytest.fixture
def stores(tmp_path) -> tuple[Path, Path]:
    for name in ("in", "out"):
        (tmp_path / name).mkdir()
    return tmp_path / "in", tmp_path / "out"


def work(stores: tuple[Path, Path], options: Options | None = None) -> Work:
    return Work(Store(stores[0]), Store(stores[1]), {"model": "bicubic"}, options or Options())


@pytest.fixture
def hired(monkeypatch, tmp_path) -> Iterator:
    """Starts workers, in this process; they leave nothing behind."""
    monkeypatch.setattr(room, "_limit_memory", lambda room: None)
    (tmp_path / "node").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "node"))
    made: list[Worker] = []

    def hire(asked: Work, memory: int = 2**32) -> Worker:
        worker = Worker(asked, memory, "node 7")
        worker.load()
        made.append(worker)
        return worker

    yield hire
    for worker in made:
        worker.tidy()
    assert list((tmp_path / "node").iterdir()) == []


def noise(path: Path, size: tuple[int, int] = (24, 32), seed: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, Picture(np.random.default_rng(seed).integers(0, 255, (*size, 3), dtype=np.uint8)))
    return path


def item(path: Path, name: str, target: str | None = None, **more) -> Item:
    return Item(name, (path / name).stat().st_size, "", target or name, **more)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_results_names_and_notes_are_those_of_one_machine(stores, hired, tmp_path):
    source, target = stores
    names = ["a.png", "sub/b c.jpg", "50% #1 [x] ü.webp", "deep/er/e.tif"]
    for seed, name in enumerate(names):
        noise(source / name, seed=seed)
    alone = tmp_path / "alone"
    for name in names:
        (alone / name).parent.mkdir(parents=True, exist_ok=True)
    expected = list(upscale_files(load("bicubic"), [Job(source / n, alone / n) for n in names], Options()))
    worker = hired(work(stores))
    for number, (name, done) in enumerate(zip(names, expected, strict=True)):
        outcome, heals = worker.make(number, item(source, name))
        assert not heals
        assert outcome.error is None
        assert outcome.done == replace(done, job=Job(Path(name), Path(name)), seconds=outcome.done.seconds)
        assert (outcome.source_sha256, outcome.target_sha256) == (
            sha256(source / name),
            sha256(target / name),
        )
        assert (outcome.size, outcome.node) == ((target / name).stat().st_size, "node 7")
        assert pickle.loads(pickle.dumps(outcome)) == outcome
    files = sorted(path.relative_to(alone) for path in alone.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(target) for path in target.rglob("*") if path.is_file())
    assert [(alone / path).read_bytes() for path in files] == [(target / path).read_bytes() for path in files]


@pytest.mark.parametrize("moves", [True, False])
def test_a_gif_gets_the_name_that_suits_what_it_is(stores, hired, moves):
    source, target = stores
    frames = [Image.new("RGB", (16, 12), (90 * n, 0, 0)) for n in range(3)]
    frames[0].save(source / "a.gif", save_all=moves, append_images=frames[1:] if moves else [])
    outcome, _ = hired(work(stores)).make(0, item(source, "a.gif", "a.png", moving="a.webp"))
    name = "a.webp" if moves else "a.png"
    assert (outcome.error, outcome.target) == (None, name)
    assert outcome.done.pages == (3 if moves else 1)
    assert [path.name for path in target.iterdir()] == [name]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b"hello", "is not a picture but text"),
        (b"\x89PNG\r\n\x1a\nxx", "damaged"),
    ],
)
def test_what_is_no_picture_is_told_once_as_on_one_machine(stores, hired, content, words, tmp_path):
    source, target = stores
    (source / "bad.png").write_bytes(content)
    outcome, heals = hired(work(stores)).make(0, item(source, "bad.png"))
    (done,) = upscale_files(load("bicubic"), [Job(source / "bad.png", tmp_path / "bad.png")])
    assert outcome.error == str(done.error)
    assert words in outcome.error
    assert not heals
    assert outcome.source_sha256 == hashlib.sha256(content).hexdigest()
    assert list(target.iterdir()) == []


def test_a_picture_that_is_too_large_is_refused_by_its_name(stores, hired):
    source, _ = stores
    noise(source / "a.png", (200, 300))
    outcome, heals = hired(work(stores, Options(max_megapixels=0.01))).make(0, item(source, "a.png"))
    assert outcome.error.startswith(f"{source}/a.png: ")
    assert not heals


def test_a_picture_that_went_is_told(stores, hired):
    outcome, heals = hired(work(stores)).make(0, Item("gone.png", 7, "", "gone.png"))
    assert "gone.png" in outcome.error
    assert not heals
    assert outcome.source_sha256 is None


class Broken(Store):
    """A store that raises what it is told to."""

    error: Exception

    def get(self, name: str, path: Path, size: int | None = None) -> None:
        raise self.error

    def put(self, path: Path, name: str) -> None:
        raise self.error


@pytest.mark.parametrize(
    ("error", "heals", "fatal"),
    [
        (PassingError("s3://b/a.png: 503"), True, False),
        (RefusedError("s3://b: 403; check the credentials"), False, True),
        (MissingError("s3://b/a.png: is not there"), False, False),
    ],
)
@pytest.mark.parametrize("side", ["source", "target"])
def test_what_storage_says_decides_what_comes_next(stores, hired, side, error, heals, fatal):
    noise(stores[0] / "a.png")
    asked = work(stores)
    broken = Broken(getattr(asked, side).url)
    broken.error = error
    outcome, again = hired(replace(asked, **{side: broken})).make(0, item(stores[0], "a.png"))
    assert str(error) in outcome.error
    assert (again, outcome.fatal) == (heals, fatal)


def raised(error: Exception, cause: Exception | None = None) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "heals"),
    [
        (MemoryError(), True),
        (OSError(28, "No space left on device"), True),
        (raised(ImageError("a.png: not written"), OSError(28, "No space left on device")), True),
        (raised(ImageError("a.png: not written"), OSError(2, "No such file")), False),
        (raised(MssnError("native: too large"), MemoryError()), True),
        (ImageError("a.png: damaged (out of memory --- size == 48MB)"), True),
        (ImageError("a.png: damaged (VipsJpeg: Insufficient memory (case 4))"), True),
        (ImageError("memory.png: is not a picture"), False),
        (RuntimeError("what nobody thought of"), True),
    ],
)
def test_what_may_heal_elsewhere(error, heals):
    assert may_heal(error) == heals


def test_a_picture_that_needs_more_memory_than_there_is_may_go_elsewhere(stores, hired, monkeypatch):
    def scarce(*_, **__):
        raise MemoryError

    noise(stores[0] / "a.png")
    monkeypatch.setattr(room, "upscale_file", scarce)
    outcome, heals = hired(work(stores)).make(0, item(stores[0], "a.png"))
    assert outcome.error.startswith(f"{stores[0]}/a.png: needs more memory than a worker has (3796 MiB)")
    assert heals


_HUNGRY = """
import sys
from pathlib import Path
from mssn.cluster.item import Item
from mssn.cluster.store import Store
from mssn.cluster import worker as room
from mssn.upscaling.jobs import Options
room.LEAST = 2**26
folder = Path(sys.argv[1])
worker = room.Worker(room.Work(Store(folder), Store(folder / "out"), {"model": "bicubic"}, Options()), 0, "")
worker.load()
for name in ("bomb.jpg", "bomb.webp", "good.png"):
    outcome, heals = worker.make(0, Item(name, (folder / name).stat().st_size, "", name))
    print(heals, outcome.error)
worker.tidy()
"""


def test_a_picture_that_takes_too_much_fails_alone(tmp_path):
    """Files of 200 bytes and of 300 KB that become 200 MB, where a worker may take 64."""
    black = pyvips.Image.black(8000, 6000, bands=3)
    black.webpsave(str(tmp_path / "bomb.webp"), lossless=True, effort=0)
    black.jpegsave(str(tmp_path / "bomb.jpg"), interlace=True)
    noise(tmp_path / "good.png")
    ran = subprocess.run([sys.executable, "-c", _HUNGRY, str(tmp_path)], capture_output=True, text=True)
    assert ran.stderr == ""
    needs = "needs more memory than a worker has (64 MiB); enlarge it without `ray`"
    assert ran.stdout.splitlines() == [
        f"True {tmp_path}/bomb.jpg: {needs}",
        f"True {tmp_path}/bomb.webp: {needs}",
        "False None",
    ]


def test_no_name_of_the_nodes_files_is_told(stores, hired, monkeypatch):
    noise(stores[0] / "sub" / "a.png")
    for path, words in ((0, "sub/a.png: odd"), (1, "x/a.jpg: odd")):

        def odd(upscaler, source, result, *_, path=path, **__):
            raise ImageError(f"{(source, result)[path]}: odd")

        monkeypatch.setattr(room, "upscale_file", odd)
        outcome, _ = hired(work(stores)).make(0, item(stores[0], "sub/a.png", "x/a.jpg"))
        assert outcome.error == f"{stores[path]}/{words}"


def test_pictures_in_memory_get_no_more_than_a_workers_share(stores, hired, monkeypatch):
    noise(stores[0] / "a.png")
    given: list[int] = []
    monkeypatch.setattr(room, "upscale_file", lambda u, s, t, options, *_, **__: given.append(options.memory))
    for memory in (0, 2**40):
        hired(work(stores, Options(memory=2**30))).make(0, item(stores[0], "a.png"))
        hired(work(stores, Options(memory=2**30)), memory).make(0, item(stores[0], "a.png"))
    assert given == [2**30, LEAST // 2, 2**30, 2**30]


def test_one_that_stands_still_names_its_picture(stores, hired, monkeypatch):
    noise(stores[0] / "a.png")
    worker = hired(replace(work(stores), patience=0.0))
    monkeypatch.setattr(room, "_PACE", 0.0)
    seen: list[int | None] = [worker.beat()]

    def slow(*_, **__):
        time.sleep(0.01)
        seen.append(worker.beat())
        raise ImageError("odd")

    monkeypatch.setattr(room, "upscale_file", slow)
    worker.make(5, item(stores[0], "a.png"))
    assert [*seen, worker.beat()] == [None, 5, None]


@pytest.mark.parametrize("side", ["get", "put"])
def test_storage_that_stands_still_names_its_picture(stores, hired, monkeypatch, side):
    noise(stores[0] / "a.png")
    monkeypatch.setattr(room, "allowed", lambda size: 0.0)
    worker, seen = hired(replace(work(stores), patience=0.0)), list[int | None]()

    def slow(*_, **__):
        time.sleep(0.01)
        seen.append(worker.beat())
        raise PassingError("odd")

    monkeypatch.setattr(Store, side, slow)
    assert worker.make(5, item(stores[0], "a.png"))[1]
    assert [*seen, worker.beat()] == [5, None]


def test_one_that_waits_for_its_neighbour_does_not_stand_still(stores, hired, monkeypatch):
    noise(stores[0] / "a.png")
    worker, seen = hired(replace(work(stores), patience=0.0)), list[int | None]()
    monkeypatch.setattr(room, "_PACE", 1.0)
    inside = threading.Event()

    def slow(*_, **__):
        inside.set()
        time.sleep(0.3)
        seen.append(worker.beat())
        raise ImageError("odd")

    monkeypatch.setattr(room, "upscale_file", slow)
    both = [threading.Thread(target=worker.make, args=(n, item(stores[0], "a.png"))) for n in range(2)]
    both[0].start()
    inside.wait()
    both[1].start()
    for thread in both:
        thread.join()
    assert seen == [None, None]


def test_one_that_moves_on_does_not_stand_still(stores, hired, monkeypatch):
    noise(stores[0] / "a.png")
    worker, seen = hired(replace(work(stores), patience=30.0)), list[int | None]()
    monkeypatch.setattr(room, "upscale_file", lambda *_, **__: seen.append(worker.beat()))
    worker.make(5, item(stores[0], "a.png"))
    assert seen == [None]


def test_weights_are_named_by_their_whole_path(stores, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = replace(work(stores), load={"model": "net.onnx"})
    assert made.load["model"] == str(tmp_path / "net.onnx")
    assert made.weights == tmp_path / "net.onnx"
    assert work(stores).weights is None
    assert replace(work(stores), load={}).weights is None


def test_folders_are_the_drivers_wherever_a_worker_was_started(stores, hired, monkeypatch, tmp_path):
    noise(stores[0] / "a.png")
    (tmp_path / "elsewhere" / "in").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    sent = pickle.dumps(Work(Store(Path("in")), Store(Path("out")), {"model": "bicubic"}, Options()))
    monkeypatch.chdir("elsewhere")
    worker = hired(pickle.loads(sent))
    assert worker.make(0, item(stores[0], "a.png"))[0].error is None
    assert (stores[1] / "a.png").exists()
    assert str(worker.make(1, Item("b.png", 7, "", "b.png"))[0].error).startswith("in/b.png: ")


def test_folders_that_nodes_must_see(stores):
    assert work(stores).folders == list(stores)
    asked = Work(Store("s3://bucket/in"), Store(f"file://{stores[1]}"), {}, Options())
    assert asked.folders == [stores[1]]


def test_work_takes_few_bytes_and_no_credentials(stores, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "do-not-tell")
    packed = pickle.dumps(Work(Store("s3://bucket/in"), Store("s3://bucket/out"), {}, Options()))
    assert len(packed) < 2000
    assert b"do-not-tell" not in packed


def test_an_outcome_stays_small(stores, hired):
    """Ray sends answers below 100 KB itself; larger ones go through the object store."""
    noise(stores[0] / "a.png")
    outcome, _ = hired(work(stores)).make(0, item(stores[0], "a.png"))
    assert len(pickle.dumps(outcome)) < 5000
    assert isinstance(outcome, Outcome)
