"""Networks that were made ready are kept: right or not at all, and never in the way."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import pytest

from mssn.models.info import shipped_file
from mssn.runtime.base import Computed
from mssn.runtime.kept import MOST, Kept
from mssn.runtime.openvino import OpenVINORuntime


@pytest.fixture
def folder(cache) -> Path:
    return cache / "networks"


@pytest.fixture
def compiled(monkeypatch) -> list[str]:
    """A word for each network that is compiled."""
    words = []
    compile_model = ov.Core.compile_model

    def watched(core: ov.Core, *arguments: Any) -> ov.CompiledModel:
        words.append("compiled")
        return compile_model(core, *arguments)

    monkeypatch.setattr(ov.Core, "compile_model", watched)
    return words


@pytest.mark.parametrize("precision", ["fp32", "bf16", "int8"])
def test_a_kept_network_makes_the_same_pixels(folder, compiled, photo, precision) -> None:
    path = shipped_file("mssn-s-x2-int8" if precision == "int8" else "mssn-s-x2")
    floats = photo.transpose(2, 0, 1)[None].astype(np.float32) / 255
    made = [OpenVINORuntime(path, precision=precision) for _ in range(2)]
    pixels, sums = zip(*((runtime.run_pixels(photo), runtime.run(floats)) for runtime in made), strict=True)
    assert len(compiled) == len(list(folder.iterdir())) == 2, "pixels and floats, once each"
    np.testing.assert_array_equal(*pixels)
    np.testing.assert_array_equal(*sums)


def test_other_weights_settings_and_strengths_are_other_networks(
    exported, exported_photo, folder, compiled, photo
) -> None:
    told = exported_photo[True] / "mssn-s-photo-x2.onnx"

    def run(path: Path, precision: Computed = "fp32", **options: Any) -> np.ndarray:
        return OpenVINORuntime(path, precision=precision, **options).run_pixels(photo)

    for _ in range(2):
        weak, strong = (run(told, strength=strength) for strength in (0.2, 0.9))
        assert (weak != strong).any()
        run(exported / "mssn-s-x2.onnx")
        run(exported / "mssn-s-x2.onnx", "bf16")
        run(exported / "mssn-s-x2.onnx", threads=1)
    assert len(compiled) == len(list(folder.iterdir())) == 5


@pytest.mark.parametrize("damage", [lambda b: b"", lambda b: b[:-1], lambda b: b[:-1] + bytes([b[-1] ^ 1])])
def test_what_is_not_whole_is_made_anew(exported, folder, compiled, photo, damage) -> None:
    first = OpenVINORuntime(exported / "mssn-s-x2.onnx", precision="fp32").run_pixels(photo)
    (file,) = folder.iterdir()
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    again = OpenVINORuntime(exported / "mssn-s-x2.onnx", precision="fp32").run_pixels(photo)
    np.testing.assert_array_equal(first, again)
    assert len(compiled) == 2
    assert len(file.read_bytes()) == len(whole), "and kept"


def test_what_the_engine_does_not_take_is_made_anew(exported, folder, compiled, photo) -> None:
    runtime = OpenVINORuntime(exported / "mssn-s-x2.onnx", precision="fp32")
    Kept(b"pixels", *runtime._made_from).write(b"of another engine")
    assert runtime.run_pixels(photo).shape == (192, 224, 3)
    assert len(compiled) == 1


def test_a_place_that_takes_nothing_is_no_error(exported, tmp_path, monkeypatch, photo) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("MSSN_CACHE", str(tmp_path / "file"))
    assert OpenVINORuntime(exported / "mssn-s-x2.onnx", precision="fp32").run_pixels(photo).any()
    for name in ("MSSN_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", _no_home)
    assert OpenVINORuntime(exported / "mssn-s-x2.onnx", precision="fp32").run_pixels(photo).any()


def _no_home() -> Path:
    raise RuntimeError("Could not determine home directory.")


def test_those_used_last_stay(folder) -> None:
    for number in range(MOST):
        Kept(bytes([number])).write(b"network")
        os.utime(Kept(bytes([number]))._path, (number, number))
    assert Kept(b"\0").read() == b"network", "which is a use"
    Kept(b"one more").write(b"network")
    assert Kept(b"\1").read() is None
    assert [Kept(name).read() for name in (b"\0", b"\2", b"one more")] == [b"network"] * 3
    assert len(list(folder.iterdir())) == MOST
