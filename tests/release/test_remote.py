"""Training on a bare machine: one file, nothing but PyTorch there, no network, ended at any moment."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import venv
import zipfile
from collections import deque
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pack
import pytest
from remote import drive, packed, plan, trial

from mssn.errors import DataError, RecipeError
from mssn.image.picture import Picture
from mssn.image.resize import shrink
from mssn.image.write import write
from mssn.lab.data.pixels import Pair
from mssn.lab.nets import layers
from mssn.lab.train.checkpoint import Status
from mssn.lab.train.recipe import Recipe, load_recipe
from mssn.lab.weights import load_network
from mssn.models.meta import Meta, read_meta

PLAN = """
[[train]]
name = "first"
recipe = "best-mssn-s"
set = ["batch=1", "patch=16", "ema=0.9", "warmup=5"]
init = "mssn-s-x2"
minutes = 2

[[train]]
name = "second"
recipe = "photo-mssn-s"
set = ["scale=4", "batch=1", "patch=8", "degrade={versions=1}"]
init = "first"
minutes = 1
"""


def installed(name: str) -> list[tuple[Path, str]]:
    """The files of an installed package, and where they lie below the folder of packages."""
    files = metadata.files(name) or []
    return [
        (Path(str(f.locate())), str(f)) for f in files if ".." not in str(f) and "__pycache__" not in str(f)
    ]


def wheels(folder: Path) -> Path:
    """The packages that travel, as they are installed here, so that no network is needed."""
    folder.mkdir()
    for name in pack.WHEELS:
        with zipfile.ZipFile(
            folder / f"{name}-{metadata.version(name)}-py3-none-any.whl",
            "w",
            zipfile.ZIP_DEFLATED,
            compresslevel=1,
        ) as wheel:
            for path, place in installed(name):
                wheel.write(path, place)
    return folder


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """train.sh, made from small pictures."""
    root = tmp_path_factory.mktemp("packed")
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:96, 0:120]
    for kind, count in (("train", 3), ("validation", 1)):
        (root / kind).mkdir()
        for number in range(count):
            waves = 128 + 90 * np.sin(
                x * (0.1 + 0.1 * number) + y[..., None, :, :] * [[[0.2]], [[0.3]], [[0.1]]]
            )
            noise = rng.integers(0, 9, (96, 120, 3))
            write(root / kind / f"{number}.png", Picture((waves.transpose(1, 2, 0) + noise).astype(np.uint8)))
    (root / "plan.toml").write_text(PLAN)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MSSN_DATA", str(root))
        patch.setenv("MSSN_CACHE", str(root / "cache"))
        arguments = [str(root / "plan.toml"), "-o", str(root / "train.sh"), "--side", "48", "--size", "12"]
        patch.setattr("sys.argv", ["pack.py", *arguments, "--wheels", str(wheels(root / "wheels"))])
        assert pack.main() == 0
    return root / "train.sh"


def unpacked(archive: Path, folder: Path) -> Path:
    content = archive.read_bytes()
    (folder / "a.tar").write_bytes(content[content.index(b"\n# archive\n") + 11 :])
    (folder / "room").mkdir()
    subprocess.run(["tar", "-xf", folder / "a.tar", "-C", folder / "room"], check=True)  # as train.sh does
    return folder / "room"


def test_what_is_packed_is_what_is_trained_on(archive, tmp_path) -> None:
    room = unpacked(archive, tmp_path)
    entries = plan.read(room / "plan.toml")
    index = json.loads((room / "data" / packed.INDEX).read_text())
    assert [s["scale"] for s in (*index["train"], *index["validation"])] == [0, 0]  # any scale, packed once
    assert len(index["train"][0]["crops"]) == 3 * 2 * 2
    assert not list((room / "src").rglob("*.onnx"))
    pictures = packed.read(room / "data", entries[0].recipe)
    assert (pictures.pixels.sizes == 24).all()
    for number, start in enumerate(pictures.pixels.starts):
        hr = pictures.pixels.hr[4 * start : 4 * (start + 576)].reshape(48, 48, 3)
        assert np.array_equal(pictures.pixels.lr[start : start + 576].reshape(24, 24, 3), shrink(hr, 2)), (
            number
        )
    (small, large, _), *_ = pictures.validation
    source = packed._decode(room / "data" / index["validation"][0]["crops"][0]["large"])
    assert np.array_equal(large, source) and np.array_equal(small, shrink(source, 2))
    degraded = packed.read(room / "data", entries[1].recipe).validation[0][0]
    assert degraded.shape == (12, 12, 3)
    with pytest.raises(DataError, match="not packed; packed are"):
        packed.read(room / "data", load_recipe("quick", ["train=elsewhere"]))


def test_the_best_crop_of_every_picture_comes_first() -> None:
    rng = np.random.default_rng(1)
    flat, busy = np.full((96, 96, 3), 90, np.uint8), rng.integers(0, 255, (96, 96, 3), dtype=np.uint8)
    pictures = [np.hstack([flat, busy]), np.vstack([busy // 2, flat])]
    pixels = packed.joined([Pair(shrink(p, 2), p) for p in pictures], 2, "", ["a", "b"])
    ranked = pack._ranked(pixels, 96)
    assert ranked[:2] == [(0, (0, 48, 48, 48)), (1, (0, 0, 48, 48))]
    assert sorted(ranked[2:]) == [(0, (0, 0, 48, 48)), (1, (48, 0, 48, 48))]


def test_folders_keep_their_shares() -> None:
    rng = np.random.default_rng(3)
    busy, flat = rng.integers(0, 255, (96, 96, 3), dtype=np.uint8), np.full((96, 96, 3), 9, np.uint8)
    pairs = [Pair(shrink(p, 2), p) for p in [busy] * 8 + [flat] * 16]
    names = [f"/a/{n}.png" for n in range(8)] + [f"/b/{n}.png" for n in range(16)]
    ranked = pack._ranked(packed.joined(pairs, 2, "", names), 96)
    for count in (3, 6, 12, 24):  # though all of the busy ones have more detail
        assert abs(sum(number < 8 for number, _ in ranked[:count]) - count / 3) <= 1


def test_a_drawn_picture_travels_without_loss() -> None:
    drawn = np.kron(np.indices((48, 48)).sum(0) // 9 % 2 * 255, np.ones((2, 2)))[..., None].repeat(3, 2)
    noise = np.random.default_rng(4).integers(0, 255, (96, 96, 3), dtype=np.uint8)
    assert packed.to_small(drawn.astype(np.uint8))[8:12] == b"WEBP"
    assert packed.to_small(noise)[8:12] == b"avif"


def test_given_small_pictures_travel_unchanged(tmp_path) -> None:
    rng = np.random.default_rng(2)
    large = np.repeat(np.repeat(rng.integers(0, 255, (24, 24, 3), dtype=np.uint8), 4, 0), 4, 1)
    small = 255 - shrink(large, 2)
    pixels = packed.joined([Pair(small, large), Pair(small, large)], 2, "", ["a", "a"])
    (tmp_path / "data").mkdir()
    one = pack._sets([plan.Entry("e", Recipe(), "", 1)], lambda e: e.recipe.train, lambda recipe: pixels)[0]
    assert one.scale == 2
    index = {"train": [pack._pack(one, "t", tmp_path, 96)]}
    index["validation"] = [pack._pack(one, "v", tmp_path, 96, best=True) | {"names": ["validation"]}]
    (tmp_path / "data" / packed.INDEX).write_text(json.dumps(index))
    read = packed.read(tmp_path / "data", Recipe())
    assert len(index["train"][0]["crops"]) == 1 and len(read.pixels.sizes) == 2  # named twice, packed once
    assert np.array_equal(read.pixels.lr[: 48 * 48].reshape(48, 48, 3), small)
    assert read.pixels.paired == {0, 1}  # degraded as they are, never shrunk anew
    nothing = {"versions": 1, "clean": 0, "resize": 0, "blur": 0, "noise": 0, "shot": 0, "compress": 0}
    assert np.array_equal(packed.read(tmp_path / "data", Recipe(degrade=nothing)).validation[0].small, small)
    assert np.array_equal(read.validation[0][0], small) and np.array_equal(read.validation[0][1], large)
    with pytest.raises(DataError, match="for x3 is not packed"):
        packed.read(tmp_path / "data", Recipe(scale=3))


def test_a_file_that_is_too_small_holds_no_crop(tmp_path) -> None:
    large = np.zeros((48, 48, 3), np.uint8)
    one = pack.Set(("train",), 0, packed.joined([Pair(shrink(large, 2), large)], 2, "", ["a"]), 1.0)
    (tmp_path / "data").mkdir()
    with pytest.raises(DataError, match="no room"):
        pack._pack(one, "t", tmp_path, 48, room_for=10)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("train = 1", "one to 5 tables"),
        ("[[train]]\nname = 'a'\nrecipe = 'quick'", "has name, recipe and minutes"),
        ("[[train]]\nname = 'a'\nrecipe = 'quick'\nminutes = true", "minutes cannot be True"),
        ("[[train]]\nname = '../a'\nrecipe = 'quick'\nminutes = 1", "must be letters"),
        ("[[train]]\nname = 'a'\nrecipe = 'none'\nminutes = 1", "no recipe 'none' ships"),
        ("[[train]]\nname = 'a'\nrecipe = 'quick'\nminutes = 0", "above 0"),
        ("[[train]]\nname = 'a'\nrecipe = 'quick'\nminutes = 1\n" * 2, "two networks are called 'a'"),
        ("[[train]]\nname = 'a'\nrecipe = 'quick'\nminutes = 1\nset = ['bach=1']", "did you mean 'batch'"),
    ],
)
def test_plans_that_cannot_be(tmp_path, text, complaint) -> None:
    (tmp_path / "plan.toml").write_text(text)
    with pytest.raises(RecipeError, match=complaint):
        plan.read(tmp_path / "plan.toml")


FAST, SLOW = trial.Way("cuda", captures=True), trial.Way("cuda")
RIGHT = trial.Tried(trial.REFERENCE, [1.0, 0.5], 0)


@pytest.mark.parametrize(
    ("found", "best", "told"),
    [
        ([trial.Tried(SLOW, [1.0, 0.5], 10), trial.Tried(FAST, [1.0, 0.5002], 90)], FAST, "90.0 updates/s"),
        ([trial.Tried(SLOW, [1.0, 0.5], 10), trial.Tried(FAST, [1.0, 0.501], 90)], SLOW, "refused"),
        ([trial.Tried(SLOW, [1.0, 0.5], 10), trial.Tried(FAST, [1.0, float("nan")], 90)], SLOW, "refused"),
        ([trial.Tried(SLOW, [1.0, 0.5], 10)], SLOW, "captured: does not work here"),
        ([], trial.REFERENCE, "updates are made: cpu, eager"),
    ],
)
def test_the_fastest_way_whose_losses_are_right_is_taken(found, best, told) -> None:
    lines: list[str] = []
    assert trial.pick([RIGHT], [SLOW, FAST], found, lines.append) == best
    assert told in "\n".join(lines)
    assert trial.pick([], [SLOW, FAST], found, lines.append) == best  # eager ones are the measure then


def test_a_way_is_known_by_what_the_log_calls_it(archive, tmp_path, monkeypatch, capsys) -> None:
    assert trial.named("cuda, captured") == FAST and trial.named(str(SLOW)) == SLOW
    monkeypatch.setenv("MSSN_WAY", "gpu")
    monkeypatch.setattr(
        "sys.argv", ["drive", str(unpacked(archive, tmp_path)), "1", "-", str(tmp_path / "o")]
    )
    assert drive.main() == 2
    assert "MSSN_WAY cannot be 'gpu'; ways are cpu, eager; cuda, eager;" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [True, False])
def test_wrong_gradients_show_and_rounding_does_not(monkeypatch, wrong) -> None:
    recipe = load_recipe("best-mssn-s", ["batch=2", "patch=24", "precision=fp32"])
    right = trial._updates(trial.REFERENCE, recipe, trial._UPDATES)
    backward = layers._Depthwise.backward

    def other(ctx, *grads):
        grad_x, grad_weight = backward(ctx, *grads)
        assert grad_weight is not None
        return grad_x, grad_weight.flip(2) if wrong else grad_weight * (1 + 1e-6)

    monkeypatch.setattr(layers._Depthwise, "backward", staticmethod(other))
    found = [trial.Tried(SLOW, trial._updates(trial.REFERENCE, recipe, trial._UPDATES), 1)]
    truth = [trial.Tried(trial.REFERENCE, right, 0)]
    assert trial.pick(truth, [SLOW], found, print) == (trial.REFERENCE if wrong else SLOW)


@pytest.fixture
def beside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trials find the code in their own processes."""
    root = Path(pack.__file__).parent
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(root), str(root.parent / "src")]))


@pytest.mark.slow
def test_a_capture_that_fails_is_not_taken(beside) -> None:
    """On a processor nothing can be captured: the trial runs into that, says so, and goes on without."""
    lines: list[str] = []
    recipe = load_recipe("quick", ["batch=1", "patch=16", "precision=fp32"])
    rows = [[trial.Way("cpu", captures=True)], [trial.Way("cpu", triton=True)], [trial.Way("cpu")]]
    assert trial.choose(recipe, lines.append, rows) == trial.REFERENCE
    text = "\n".join(lines)
    assert "a trial ended early" in text and "cpu, captured: does not work here" in text
    assert re.search(r"cpu, eager: [\d.]+ updates/s, losses within 0.0e\+00", text)


@pytest.mark.slow
def test_a_trial_that_hangs_is_ended(beside, monkeypatch) -> None:
    monkeypatch.setattr(trial, "SECONDS", 0.5)
    lines: list[str] = []
    started = time.monotonic()
    assert trial.choose(load_recipe("quick"), lines.append, [[SLOW]]) == trial.REFERENCE
    assert time.monotonic() - started < 10 and "too slow" in "\n".join(lines)


def test_the_driver_needs_nothing_that_is_not_packed(beside) -> None:
    missing = ["pyvips", "openvino", "onnx", "onnxruntime", "tensorboard", "cyclopts", "rich", "triton"]
    code = f"import sys; sys.modules.update(dict.fromkeys({missing})); import remote.drive"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A command that runs without a network, with a Python that has PyTorch and NumPy and no more."""
    home = tmp_path_factory.mktemp("bare")
    venv.create(home, symlinks=True)
    site = next(home.glob("lib/python*/site-packages"))
    wanted, seen = deque(["torch", "numpy"]), set()
    while wanted:
        name = wanted.popleft()
        try:
            requirements = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue
        seen.add(name)
        needed = {re.split(r"[^\w.-]", r)[0] for r in requirements if "extra ==" not in r}
        wanted.extend(needed - seen - set(wanted))
        for place in {Path(place).parts[0] for _, place in installed(name)}:
            if not (site / place).exists():
                (site / place).symlink_to(Path(str(metadata.distribution(name).locate_file(place))))
    python = str(home / "bin" / "python")
    for name in ("torch", "pyvips", "safetensors", "PIL", "onnx", "tensorboard"):
        code = subprocess.run([python, "-c", f"import {name}"], capture_output=True).returncode
        assert (code == 0) == (name == "torch"), name
    alone = ["unshare", "-rn"] if shutil.which("unshare") else []
    if alone and subprocess.run([*alone, "true"], capture_output=True).returncode:
        alone = []
    return [*alone, "env", f"PYTHON={python}"]


def start(bare: list[str], archive: Path, minutes: float, output: Path) -> subprocess.Popen[bytes]:
    """train.sh, alone in an empty environment; the log goes to a file beside the results."""
    lonely = {"PATH": os.environ["PATH"], "HOME": str(output.parent), "TMPDIR": str(output.parent)}
    lonely |= {
        "http_proxy": "http://127.0.0.1:9",
        "https_proxy": "http://127.0.0.1:9",
        "OMP_NUM_THREADS": "1",
    }
    command = [*bare, "sh", str(archive), str(minutes), "-", str(output)]
    with open(f"{output}.err", "ab") as said:
        return subprocess.Popen(command, env=lonely, stderr=said, stdout=said, start_new_session=True)


@pytest.mark.slow
def test_a_plan_is_trained_in_its_minutes(bare, archive, tmp_path) -> None:
    began = time.monotonic()
    output = tmp_path / "results"
    process = start(bare, archive, 0.6, output)
    assert process.wait(timeout=300) == 0, Path(f"{output}.err").read_text()
    log = (output / "log.txt").read_text()
    assert "no CUDA device" in log and "done" in log and "tensorboard is not installed" in log
    assert {file.name for file in output.iterdir()} == {"log.txt", "first.safetensors", "second.safetensors"}
    first, second = (read_meta(output / f"{name}.safetensors") for name in ("first", "second"))
    assert (first.model, first.scale, second.scale) == ("mssn-s", 2, 4)
    assert first.updates > read_meta(pack.info.shipped_file("mssn-s-x2")).updates
    assert second.updates > first.updates and second.recipe == "photo-mssn-s, from mssn-s x2"
    assert not list(tmp_path.glob("tmp*"))  # where it was unpacked
    assert time.monotonic() - began < 200
    command = [
        sys.executable,
        "-m",
        "mssn",
        "evaluate",
        "-m",
        str(output / "first.safetensors"),
        "--runtime",
        "pytorch",
    ]
    done = subprocess.run(
        [*command, "-d", str(archive.parent / "validation")], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "PSNR" in done.stdout


@pytest.mark.slow
def test_killed_at_any_moment_it_leaves_whole_files(bare, archive, tmp_path) -> None:
    output, found = tmp_path / "results", 0
    for seconds in np.random.default_rng(7).uniform(0, 20, 5):
        (output / "log.txt").unlink(missing_ok=True)
        process = start(bare, archive, 0.4, output)
        waited_for(output / "log.txt")
        time.sleep(seconds)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        files = list(output.iterdir())  # hidden ones, too
        assert len(files) <= 7
        for file in files:
            if file.suffix == ".safetensors":
                load_network(file)
                found += 1
    assert found  # a run that is killed late has weights


def waited_for(path: Path) -> None:
    deadline = time.monotonic() + 120
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.slow
def test_asked_to_stop_it_saves_and_leaves(bare, archive, tmp_path) -> None:
    output = tmp_path / "results"
    process = start(bare, archive, 5, output)
    waited_for(output / "first.safetensors")
    time.sleep(5)
    os.killpg(process.pid, signal.SIGTERM)
    assert process.wait(timeout=60) in (130, -signal.SIGTERM)
    assert (output / "log.txt").read_text().rstrip().endswith("stopped")
    assert load_network(output / "first.safetensors")[1].updates > 165_028
    assert not (output / "second.safetensors").exists()


@pytest.mark.parametrize(
    ("minutes", "path", "complaint"),
    [
        ("x", "-", "MINUTES must be a number"),
        ("inf", "-", "MINUTES must be a number"),
        ("1", "none.toml", "cannot be read as a plan"),
        ("1", "other.toml", "init 'mssn-m-x2' of a is not packed; packed are: mssn-s-x2"),
    ],
)
def test_bad_input_is_one_line(archive, tmp_path, monkeypatch, capsys, minutes, path, complaint) -> None:
    room = unpacked(archive, tmp_path)
    other = "[[train]]\nname = 'a'\nrecipe = 'best-mssn-m'\ninit = 'mssn-m-x2'\nminutes = 1"
    (tmp_path / "other.toml").write_text(other)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["drive", str(room), minutes, path, "out"])
    assert drive.main() == 2
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1 and complaint in said
    assert not room.exists()


def test_captured_updates_that_fail_later_become_eager(archive, tmp_path, monkeypatch) -> None:
    entry = plan.Entry("a", load_recipe("quick", ["batch=1", "patch=16"]), "", 1)
    pictures = packed.read(unpacked(archive, tmp_path) / "data", entry.recipe)
    asked: list[bool] = []

    class Trainer(drive.Trainer):
        def __init__(self, *arguments) -> None:
            super().__init__(*arguments)
            self.wanted = arguments[-1]

        def run(self, **options) -> bool:
            asked.append(self.wanted)
            if self.wanted:
                raise RuntimeError("CUDA error: operation not permitted when stream is capturing")
            return super().run(stop_after=2, **options) or True

    monkeypatch.setattr("mssn.lab.train.session.Trainer", Trainer)
    lines: list[str] = []
    way, until = trial.Way("cpu", captures=True), time.time() + 3600
    room, output = tmp_path / "room", tmp_path / "out"
    output.mkdir()
    assert drive.train(entry, None, pictures, room, output, until, way, lines.append)
    assert asked == [True, False]
    assert "captured updates fail" in "\n".join(lines)
    assert read_meta(output / "a.safetensors").updates == 2


def test_weights_are_overwritten_several_times_a_minute(archive, tmp_path, monkeypatch) -> None:
    now, written = [0.0], list[float]()

    class Trainer:
        status = Status()

        def run(self, *, time_limit: float, watch) -> bool:
            for _ in range(60):
                now[0] += 4  # between two looks at the loss
                watch(self.status)
            return True

    monkeypatch.setattr(drive.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(drive, "write_weights", lambda trainer, meta, path: written.append(now[0]))
    entry = plan.Entry("a", load_recipe("quick"), "", 4)
    trainer: Any = Trainer()
    drive._run(entry, trainer, Meta("mssn-s", 2, {}, "rgb", 6, 1), tmp_path, 0.0, lambda text: None)
    assert written[0] == 0 and written[-1] == now[0] == 240
    assert max(after - before for before, after in itertools.pairwise(written)) <= 60
