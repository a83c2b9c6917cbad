"""A batch goes on whatever one picture raises, and says which picture it was and what it raised."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mssn
from mssn.errors import ImageError
from mssn.image import read as reading
from mssn.image import write as writing
from mssn.image.picture import Picture
from mssn.image.scratch import ScratchArrays
from mssn.image.source import PictureFile
from mssn.image.write import write
from mssn.lab.pytorch import PyTorchRuntime
from mssn.runtime.onnxruntime import ONNXRuntime
from mssn.runtime.openvino import OpenVINORuntime
from mssn.upscaling import files, tiled
from mssn.upscaling.batch import upscale_files
from mssn.upscaling.jobs import Job, Options, failure
from mssn.upscaling.upscaler import Upscaler

RAISED = [RuntimeError("out of order"), MemoryError(), KeyError("lost")]
load = cache(mssn.load)


@pytest.fixture
def jobs(tmp_path, photo) -> list[Job]:
    (tmp_path / "out").mkdir()
    for number in range(4):
        write(tmp_path / f"{number}.png", Picture(photo[: 20 + number, :30]))
    return [Job(tmp_path / f"{n}.png", tmp_path / "out" / f"{n}.png") for n in range(4)]


def fail_at_second(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, error: Exception) -> None:
    """Let a function raise when it is called for the second time, which is for the second picture."""
    calls: list[None] = []
    real: Callable[..., Any] = getattr(owner, name)

    def raising(*arguments: Any, **options: Any) -> Any:
        calls.append(None)
        if len(calls) == 2:
            raise error
        return real(*arguments, **options)

    monkeypatch.setattr(owner, name, raising)


def assert_only_second_failed(upscaler: Upscaler, jobs: list[Job], error: Exception) -> None:
    done = list(upscale_files(upscaler, jobs))
    assert [result.error is None for result in done] == [True, False, True, True]
    (told,) = [str(result.error) for result in done if result.error is not None]
    assert str(jobs[1].source) in told and "\n" not in told
    assert ("not enough memory" if isinstance(error, MemoryError) else type(error).__name__) in told
    assert sorted(os.listdir(jobs[0].target.parent)) == ["0.png", "2.png", "3.png"]


@pytest.mark.parametrize("error", RAISED, ids=repr)
@pytest.mark.parametrize(
    ("runtime", "ending", "owner", "name"),
    [
        ("openvino", "onnx", OpenVINORuntime, "run_pixels"),
        ("onnxruntime", "onnx", ONNXRuntime, "run"),
        ("pytorch", "safetensors", PyTorchRuntime, "run"),
        ("bicubic", "", tiled, "imresize"),
    ],
)
def test_a_runtime_that_raises(jobs, exported, monkeypatch, runtime, ending, owner, name, error) -> None:
    upscaler = load("bicubic") if not ending else load(exported / f"mssn-s-x2.{ending}", runtime=runtime)
    fail_at_second(monkeypatch, owner, name, error)
    assert_only_second_failed(upscaler, jobs, error)


@pytest.mark.parametrize("error", RAISED, ids=repr)
@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (PictureFile, "_open"),
        (reading, "_decoded"),
        (writing, "encode"),
        (ScratchArrays, "empty"),
    ],
)
def test_a_decoder_or_encoder_that_raises(jobs, monkeypatch, owner, name, error) -> None:
    fail_at_second(monkeypatch, owner, name, error)
    # Without memory, a picture asks for its first array before the one behind it does.
    if owner is ScratchArrays:
        jobs[2:] = []
        done = list(upscale_files(load("bicubic"), jobs, Options(memory=0)))
        assert [result.error is None for result in done].count(False) == 1
        assert not list(jobs[0].target.parent.glob(".mssn-*"))
    else:
        assert_only_second_failed(load("bicubic"), jobs, error)


def test_errors_name_the_picture_once() -> None:
    job = Job(Path("in/a.png"), Path("out/a.png"))
    for error, told in (
        (ImageError("in/a.png: is empty"), "in/a.png: is empty"),
        (ImageError("out/a.png: is a folder"), "out/a.png: is a folder"),
        (ImageError("would be too large"), "in/a.png: would be too large"),
        (OSError(28, "No space left on device", "b"), "in/a.png: b: No space left on device"),
        (ValueError("first\nlast"), "in/a.png: failed with ValueError: last"),
    ):
        assert str(failure(job, error)) == told


def test_what_is_no_number_is_refused_by_name_and_nothing_is_written(jobs) -> None:
    pixels = np.zeros((8, 9, 3), np.float32)
    for number, value in ((1, np.nan), (2, np.inf)):
        broken = pixels.copy()
        broken[5, 6, 2] = value
        jobs[number] = Job(jobs[number].source.with_suffix(".tif"), jobs[number].target.with_suffix(".tif"))
        write(jobs[number].source, Picture(broken))
    done = list(upscale_files(load("bicubic"), jobs))
    for number in (1, 2):
        assert str(done[number].error) == f"{jobs[number].source}: some of its samples are not numbers"
    assert sorted(os.listdir(jobs[0].target.parent)) == ["0.png", "3.png"]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_in_a_batch_of_arrays_it_is_refused_by_index(value) -> None:
    batch = np.zeros((5, 6, 7, 3), np.float32)
    batch[3, 2, 1, 0] = value
    with pytest.raises(
        ImageError, match=r"picture 3 of the batch \(counted from 0\) has pixels that are not"
    ):
        load("bicubic")(batch)
    with pytest.raises(ImageError, match="some of the pixels are not numbers"):
        load("bicubic")(batch[3])


def test_what_is_being_written_when_somebody_stops_is_told(jobs, monkeypatch) -> None:
    begun, calls = threading.Event(), list[None]()
    enlarge = Upscaler.enlarge

    def stopping(*arguments: Any) -> Any:
        calls.append(None)
        if len(calls) == 3:
            assert begun.wait(20)
            raise KeyboardInterrupt
        return enlarge(*arguments)

    def writing_slowly(target: Path, *arguments: Any, **options: Any) -> None:
        if target.name == "1.png":
            begun.set()
            time.sleep(0.1)
        write(target, *arguments, **options)

    monkeypatch.setattr(Upscaler, "enlarge", stopping)
    monkeypatch.setattr(files, "write", writing_slowly)
    told: list[Job] = []
    with pytest.raises(KeyboardInterrupt):
        told.extend(done.job for done in upscale_files(load("bicubic"), jobs))
    assert told == jobs[:2]
    assert sorted(os.listdir(jobs[0].target.parent)) == ["0.png", "1.png"]
