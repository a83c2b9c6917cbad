"""The other verbs, from the outside."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from mssn.image.picture import Picture
from mssn.image.read import read, read_rgb
from mssn.image.resize import imresize, shrink
from mssn.image.write import write
from mssn.lab import nets, weights
from mssn.version import __version__

TINY_RECIPE = """
name = "tiny"
train = ["pictures"]
validation = ["pictures"]
updates = 24
batch = 2
patch = 8
learning_rate = 1e-3
ema = 0.9
validate_every = 12
checkpoint_minutes = 0
[config]
channels = 4
expanded = 4
blocks = 1
"""


def test_version_and_help(mssn) -> None:
    assert mssn("--version").out.strip() == __version__
    overview = mssn("--help").out
    for verb in ("upscale", "compare", "evaluate", "info", "downscale", "train", "soup", "export"):
        assert verb in overview
        assert "Args:" not in mssn(verb, "--help").out


def test_unknown_verbs_are_one_line(mssn) -> None:
    result = mssn("upscael")
    assert result.code == 2
    assert "upscael" in result.line


def test_info(mssn) -> None:
    table = mssn("info").out
    assert "mssn-s x2" in table
    assert "80,068" in table
    assert "196.15 G" in table
    rows = json.loads(mssn("info", "--json").out)
    keys = {
        "model",
        "scale",
        "parameters",
        "parameters_with_gains",
        "mult_adds",
        "receptive_field",
        "weights",
    }
    assert all(keys <= set(row) for row in rows)
    assert len(rows) == 18, "what ships: six models at three scales"
    everything = json.loads(mssn("info", "--all", "--json").out)
    assert len(everything) == sum(len(spec.scales) for spec in nets.MODELS.values())
    assert "networks to train, score and compare have no weights here: mssn info --all" in table
    assert "have no weights" not in mssn("info", "--all").out
    assert {row["model"] for row in json.loads(mssn("info", "imdn", "--json").out)} == {"imdn"}
    assert {row["model"] for row in json.loads(mssn("info", "mssn-m", "--json").out)} == {"mssn-m"}
    line = mssn("info", "mssn-xl").line
    assert line.startswith("mssn: unknown model 'mssn-xl'; known are: mssn-s, mssn-m, mssn, ")


def test_downscale_writes_matlabs_pixels(mssn, pictures, tmp_path) -> None:
    result = mssn("downscale", pictures, "-o", "lr", "-s", 3)
    assert (result.code, result.err) == (0, "")
    assert "twox3.png  11x7" in result.out
    small = read(tmp_path / "lr" / "deeper" / "grey 16x3.png").pixels
    assert np.array_equal(small, shrink(read(pictures / "deeper" / "grey 16.png").pixels, 3))
    assert np.array_equal(read_rgb(tmp_path / "lr" / "twox3.png"), shrink(read_rgb(pictures / "two.jpg"), 3))
    assert "exists already" in mssn("downscale", pictures, "-o", "lr", "-s", 3).line


def test_downscale_of_bad_input(mssn, pictures, tmp_path) -> None:
    assert "no such file" in mssn("downscale", "gone", "-o", "lr").line
    assert "at least 1" in mssn("downscale", pictures, "-o", "lr", "-s", 0).line
    assert "too small" in mssn("downscale", pictures / "one.png", "-o", "lr", "-s", 50).line
    line = mssn("downscale", pictures / "one.png", "-o", "small.png").line
    assert line == "mssn: small.png: looks like a picture; -o is the folder to write into"
    assert not (tmp_path / "small.png").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["upscale"], "upscale: INPUTS is missing"),
        (["upscale", "a.png", "-o"], "upscale: a value for -o is missing"),
        (["downscale", "a.png"], "downscale: a value for --output is missing"),
        (["compare", "a.png", "b.png"], "compare: cannot do anything with 'b.png'"),
    ],
)
def test_what_is_missing_or_too_much_is_told_with_the_help(mssn, arguments, words) -> None:
    result = mssn(*arguments)
    assert (result.code, result.line) == (2, f"mssn: {words}; see mssn {arguments[0]} --help")


def test_a_picture_in_the_place_of_weights(mssn, pictures) -> None:
    line = mssn("export", pictures / "one.png").line
    assert line.endswith("one.png: weights files end in .onnx or .safetensors")
    (pictures / "broken.png").write_text("no picture")
    result = mssn("downscale", pictures, "-o", "lr")
    assert result.code == 1
    lines = result.err.splitlines()
    assert "broken.png" in lines[0]
    assert lines[1:] == ["mssn: 3 of 4 pictures shrunk, 1 failed"]
    write(pictures / "one.jpg", read(pictures / "one.png"))
    (pictures / "broken.png").unlink()
    assert "one.jpgx2.png, because" in mssn("downscale", pictures, "-o", "other").line


def test_evaluate(mssn, pictures, exported, tmp_path) -> None:
    for picture in pictures.rglob("*.*"):  # large enough for SSIM at every scale
        write(picture, Picture(imresize(read(picture).pixels, scale=2)))
    net = exported / "mssn-s-x2.onnx"
    result = mssn("evaluate", "--model", net, "--data", "pictures", "pictures/deeper", "--json", "out/s.json")
    assert result.code == 0
    assert "two.jpg" in result.out
    assert "mean" in result.out
    data = json.loads((tmp_path / "out" / "s.json").read_text())
    assert set(data["data"]) == {"pictures", "deeper"}
    brief = mssn("evaluate", "--model", "bicubic", "--scale", 3, "--data", pictures, "--brief").out
    assert "two.jpg" not in brief
    assert "mean" in brief
    assert "no folder nowhere" in mssn("evaluate", "--data", "nowhere").line
    (pictures / "broken.png").write_text("no picture")
    partly = mssn("evaluate", "--model", net, "--data", pictures)
    assert partly.code == 1
    assert "broken.png" in partly.err
    assert "1 picture could not be scored" in partly.err
    assert "two.jpg" in partly.out
    assert "two folders of one name" in mssn("evaluate", "--data", pictures, pictures).line
    assert "--data" in mssn("evaluate").line


def test_export(mssn, exported, tmp_path) -> None:
    result = mssn("export", exported / "net.safetensors", "-o", "new")
    assert result.code == 0
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        "mssn-s-x2.onnx",
        "mssn-s-x2.safetensors",
    ]
    assert "no such weights file" in mssn("export", "gone.safetensors").line


def test_train_export_upscale(mssn, pictures, tmp_path) -> None:
    """The whole way, small: a folder of photographs in, an enlarged photograph out."""
    (tmp_path / "tiny.toml").write_text(TINY_RECIPE)
    trained = mssn("train", "tiny.toml", "--device", "cpu", "--cache", "cache", "--set", "batch=3")
    assert trained.code == 0, trained.err
    assert "runs/tiny/weights.safetensors  24 updates  validation" in trained.out
    assert "3 pictures" in trained.err
    assert mssn("export", "runs/tiny/weights.safetensors", "-o", "shipped").code == 0
    assert mssn("upscale", pictures / "one.png", "-m", "shipped/mssn-s-x2.onnx").code == 0
    assert read(pictures / "one_x2.png").pixels.shape == (40, 60, 3)
    again = mssn("train", "tiny.toml", "--cache", "cache")
    assert again.code == 2
    assert "holds a run already; add --resume" in again.line
    _, meta = weights.load(tmp_path / "runs" / "tiny" / "weights.safetensors")
    longer = ("--set", "updates=30", "-o", "more", "--init", "runs/tiny/weights.safetensors")
    assert mssn("train", "tiny.toml", "--cache", "cache", *longer).code == 0
    _, more = weights.load(tmp_path / "more" / "weights.safetensors")
    assert (meta.updates, more.updates) == (24, 54)
    first = "mssn train tiny.toml --device cpu --cache cache --set batch=3"
    assert meta.commands == (first,)
    assert more.commands == (first, shlex.join(["mssn", "train", "tiny.toml", "--cache", "cache", *longer]))
    resumed = ("train", "tiny.toml", "--cache", "cache", "-o", "more", "--resume", "--set", "updates=31")
    assert mssn(*resumed).code == 0
    _, last = weights.load(tmp_path / "more" / "weights.safetensors")
    assert last.commands == (*more.commands, shlex.join(["mssn", *resumed]))
    assert (
        mssn("soup", "more/weights.safetensors", "more/weights.safetensors", "-o", "mean.safetensors").code
        == 0
    )
    _, mean = weights.load(tmp_path / "mean.safetensors")
    assert mean.commands[:-1] == last.commands
    assert f"made by:   {first}" in mssn("info", "mean.safetensors").out
    # What ships can be started from by name; it is larger than this network.
    assert "mssn-s x2 cannot start this" in mssn("train", "tiny.toml", "-o", "other", "--init", "mssn-s").line


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["quik"], "did you mean 'quick'"),
        (["tiny.toml", "--set", "bach=3"], "did you mean 'batch'"),
        (["tiny.toml", "--set", "train=nowhere"], "no folder nowhere"),
        (["tiny.toml", "--set", "model=mssn-q"], "unknown model 'mssn-q'"),
        (["tiny.toml", "--set", "scale=9"], "mssn-s has no scale 9"),
        (["tiny.toml", "--set", "patch=100"], "no picture holds a patch of 200 pixels"),
        (["tiny.toml", "--resume"], "no checkpoint to resume from"),
        (["tiny.toml", "--init", "gone.safetensors"], "no such weights file"),
        (["tiny.toml", "--init", "mssn-xl"], "unknown model 'mssn-xl'"),
        (["tiny.toml", "--init", "a", "--resume"], "exclude each other"),
        (["tiny.toml", "--time-limit", "0"], "--time-limit must be above 0"),
        (["tiny.toml", "--device", "warp"], "warp"),
    ],
)
def test_bad_input_for_training_is_one_line(mssn, pictures, tmp_path, arguments, words) -> None:
    (tmp_path / "tiny.toml").write_text(TINY_RECIPE)
    result = mssn("train", *arguments, "--cache", "cache")
    assert result.code == 2
    errors = [line for line in result.err.splitlines() if line.startswith("mssn: ")]
    assert len(errors) == 1
    assert words in errors[0]
    assert "Traceback" not in result.err


def test_ablate(mssn, pictures, tmp_path) -> None:
    (tmp_path / "tiny.toml").write_text(TINY_RECIPE)
    arms = "score = ['lr']\nseeds = [0]\nextends = 'tiny.toml'\n[arms.l1]\n[arms.l2]\nloss = 'l2'\n"
    (tmp_path / "loss.toml").write_text(arms.replace("lr", str(pictures)))
    command = ("ablate", "loss.toml", "--cache", "cache", "--set", "updates=6", "--json", "out/loss.json")
    first, again = mssn(*command), mssn(*command, "-f")
    assert (first.code, again.code) == (0, 0), first.err
    assert first.err.count("validation") == 2
    assert again.err == ""
    assert first.out == again.out
    assert "l2" in first.out
    result = json.loads((tmp_path / "out" / "loss.json").read_text())
    assert result["arms"]["l1"]["psnr"][str(pictures)]["spread"] == 0
    assert "table-9: an experiment is a .toml file" in mssn("ablate", "table-9").line
    assert "unknown key 'arm'" in mssn("ablate", "loss.toml", "--set", "arm=1").line
    assert "--threads must be at least 1" in mssn("ablate", "loss.toml", "--threads", "0").line


def test_profile(mssn, exported, tmp_path) -> None:
    small = ("--size", "32x18")
    result = mssn("profile", "mssn-s", "--set", "blocks=1", *small, "--plot", "plots/flame.svg")
    assert (result.code, result.err) == (0, "")
    assert "blocks.0.3.project" in result.out
    assert "blocks.1" not in result.out
    assert (tmp_path / "plots" / "flame.svg").read_text().startswith("<?xml")
    assert mssn("profile", exported / "mssn-s-x2.onnx", *small).code == 0
    for arguments, words in (
        (["mssn-q"], "unknown model 'mssn-q'"),
        (["gone.onnx"], "no such weights file"),
        (["mssn-s", "--set", "blocks"], "--set takes key=value"),
        (["mssn-s", "--set", "width=3"], "width"),
        (["mssn-s", "--scale", "7"], "mssn-s has no scale 7"),
        (["mssn-s", "--size", "12"], "--size takes WIDTHxHEIGHT"),
        (["mssn-s", "--plot", "a.pdf"], "must end in .svg or .png"),
        (["mssn-s", "--precision", "int8"], "int8 needs an int8 file"),
        (["mssn-s", "--threads", "0"], "--threads must be at least 1, not 0"),
    ):
        refused = mssn("profile", *arguments)
        assert (refused.code, words in refused.line) == (2, True), refused.err


@pytest.mark.parametrize("arguments", [["train", "quick"], ["soup", "a", "-o", "b.safetensors"]])
def test_without_pytorch_one_line_says_what_to_install(arguments) -> None:
    """As in a base install; in a process of its own, since this one has PyTorch loaded."""
    hide = f"import sys; sys.modules['torch'] = None; sys.argv = ['mssn', *{arguments}]"
    code = f"{hide}; import mssn.cli; mssn.cli.main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "mssn: torch is not installed; run: pip install 'mssn[train]'\n"


def test_updates_of_earlier_runs_survive_init_and_resume(mssn, pictures, tmp_path) -> None:
    (tmp_path / "tiny.toml").write_text(TINY_RECIPE)
    common = ("train", "tiny.toml", "--cache", "cache")
    assert mssn(*common, "-o", "first").code == 0
    assert mssn(*common, "-o", "second", "--init", "first/weights.safetensors").code == 0
    longer = mssn(*common, "-o", "second", "--resume", "--set", "updates=30")
    assert longer.code == 0
    assert "30 updates" in longer.out
    _, meta = weights.load(tmp_path / "second" / "weights.safetensors")
    assert meta.updates == 24 + 30
    assert meta.data == "3 pictures, 0.00203 megapixels"


@pytest.mark.slow
def test_a_killed_run_goes_on_as_if_it_had_not_been(pictures, tmp_path) -> None:
    (tmp_path / "tiny.toml").write_text(TINY_RECIPE)
    command = [
        sys.executable,
        "-m",
        "mssn",
        "train",
        "tiny.toml",
        "--cache",
        "cache",
        "--device",
        "cpu",
        "-o",
    ]

    def train(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, *arguments], cwd=tmp_path, capture_output=True, text=True, check=True
        )

    train("whole", "--set", "updates=120")
    process = subprocess.Popen(
        [*command, "killed", "--set", "updates=120"], cwd=tmp_path, stderr=subprocess.DEVNULL
    )
    checkpoint = tmp_path / "killed" / "checkpoint.pt"
    deadline = time.monotonic() + 60
    while not checkpoint.exists() and time.monotonic() < deadline:
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (tmp_path / "killed" / "weights.safetensors").exists()
    assert "resumed after" in train("killed", "--resume").stderr
    whole, _ = weights.load(tmp_path / "whole" / "weights.safetensors")
    killed, meta = weights.load(tmp_path / "killed" / "weights.safetensors")
    assert meta.updates == 120
    assert all(np.array_equal(whole[name], killed[name]) for name in whole)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_saves_and_says_how_to_go_on(number, pictures, tmp_path) -> None:
    (tmp_path / "tiny.toml").write_text(TINY_RECIPE)
    command = [
        "train",
        "tiny.toml",
        "--cache",
        "cache",
        "--device",
        "cpu",
        "-o",
        "run",
        "--set",
        "updates=1000000",
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "mssn", *command], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    said = ""
    while "update 12 " not in said:
        line = process.stderr.readline()
        assert line, said
        said += line
    process.send_signal(number)
    _, end = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "go on with --resume" in end.splitlines()[-1]
    assert "Traceback" not in end
    assert (tmp_path / "run" / "checkpoint.pt").exists()


def test_soup(mssn, exported, tmp_path) -> None:
    net = exported / "net.safetensors"
    result = mssn("soup", net, net, "-o", tmp_path / "mean.safetensors")
    assert (result.code, result.err) == (0, "")
    mean, meta = weights.load(tmp_path / "mean.safetensors")
    tensors, _ = weights.load(net)
    assert all(np.allclose(mean[name], array, rtol=1e-6) for name, array in tensors.items())
    assert meta.recipe.startswith("soup of 2")
    again = mssn("soup", net, net, "-o", tmp_path / "mean.safetensors")
    assert (again.code, again.line.endswith("exists already; use --force to overwrite it")) == (2, True)
    assert "at least two" in mssn("soup", net, "-o", tmp_path / "one.safetensors").line
    assert "must end in .safetensors" in mssn("soup", net, net, "-o", tmp_path / "mean.onnx").line


def test_ensemble_is_another_and_symmetric_result(mssn, exported, tmp_path, photo) -> None:
    write(tmp_path / "a.png", Picture(photo))
    write(tmp_path / "turned.png", Picture(np.ascontiguousarray(np.rot90(photo))))
    model = ("--model", exported / "mssn-s-x2.onnx", "--precision", "fp32")
    for name in ("a", "turned"):
        result = mssn(
            "upscale", tmp_path / f"{name}.png", "-o", tmp_path / f"{name}8.png", "--ensemble", *model
        )
        assert (result.code, result.err) == (0, "")
    assert mssn("upscale", tmp_path / "a.png", "-o", tmp_path / "a1.png", *model).code == 0
    large, turned, plain = (
        read_rgb(tmp_path / f"{name}.png").astype(int) for name in ("a8", "turned8", "a1")
    )
    assert np.abs(np.rot90(large) - turned).max() <= 1
    assert (large != plain).any()


def test_a_black_and_white_picture_is_shrunk_to_grey(mssn, tmp_path) -> None:
    fax = np.random.default_rng(1).choice([0, 255], (20, 24, 1)).astype(np.uint8)
    write(tmp_path / "fax.png", Picture(fax, bits=1))
    assert mssn("downscale", "fax.png", "-o", "lr").code == 0
    assert np.array_equal(read(tmp_path / "lr" / "faxx2.png").pixels, shrink(fax, 2))


def test_downscale_keeps_what_is_hidden_hidden(mssn, tmp_path, photo) -> None:
    alpha = np.full((*photo.shape[:2], 1), 255, np.uint8)
    alpha[30:, :40] = 0
    for name, level in (("black", 0), ("white", 255)):
        hiding = np.where(alpha == 0, np.uint8(level), photo)
        write(tmp_path / f"{name}.png", Picture(hiding, alpha=alpha))
    assert mssn("downscale", "black.png", "white.png", "-o", "lr").code == 0
    black, white = (read(tmp_path / "lr" / f"{name}x2.png") for name in ("black", "white"))
    assert black.alpha is not None and white.alpha is not None
    assert np.array_equal(black.alpha, shrink(alpha, 2)) and np.array_equal(white.alpha, black.alpha)
    seen = black.alpha[:, :, 0] > 0
    assert np.array_equal(black.pixels[seen], white.pixels[seen])


def test_pictures_too_small_for_a_patch_are_named_and_not_counted(mssn, pictures, tmp_path, photo) -> None:
    (tmp_path / "tiny.toml").write_text(TINY_RECIPE)
    write(pictures / "sliver.png", Picture(photo[:15, :100]))  # 7 small rows, a patch has 8
    trained = mssn("train", "tiny.toml", "--cache", "cache", "--set", "updates=2")
    assert trained.code == 0, trained.err
    lines = trained.err.splitlines()
    assert "skipped pictures/sliver.png: holds no patch of 16 pixels" in lines
    assert "3 pictures, 0.00203 megapixels" in lines
    _, meta = weights.load(tmp_path / "runs" / "tiny" / "weights.safetensors")
    assert meta.data == "3 pictures, 0.00203 megapixels"
    staged = ("--set", "stages=[{after=0.5, patch=6}]", "-o", "staged")
    again = mssn("train", "tiny.toml", "--cache", "cache", "--set", "updates=2", *staged)
    assert "4 pictures, 0.00343 megapixels" in again.err.splitlines(), "a later stage takes it"


def test_a_quality_that_says_nothing_is_reported(mssn, pictures, net) -> None:
    told = "--quality says nothing about 2 pictures (.png): the format loses nothing"
    assert told in mssn("upscale", pictures, "-o", "out", "-q", 80, "-m", net).err.splitlines()
    tiff = mssn("upscale", pictures / "one.png", "-o", "a.tif", "-q", 80, "-m", net)
    assert tiff.line == "--quality says nothing about 1 picture (.tif): the format loses nothing"
    assert mssn("upscale", pictures / "two.jpg", "-o", "b.webp", "-q", 80, "-m", net).err == ""
    assert mssn("upscale", pictures / "one.png", "-o", "c.png", "-m", net).err == ""
    piped = subprocess.run(
        [sys.executable, "-m", "mssn", "upscale", "-", "-o", "d.png", "-q", "80", "-m", net],
        input=(pictures / "one.png").read_bytes(),
        capture_output=True,
        check=True,
    )
    assert b"--quality says nothing about 1 picture (.png)" in piped.stderr
