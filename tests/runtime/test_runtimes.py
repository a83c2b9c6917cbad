"""All runtimes compute the same function, and refuse what is not theirs."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import onnx
import openvino as ov
import pytest

from mssn.errors import MissingDependencyError, UnknownModelError, WeightsError
from mssn.image.color import from_network, to_network
from mssn.image.resize import imresize
from mssn.runtime import select
from mssn.runtime.base import PixelRuntime
from mssn.runtime.bicubic import BicubicRuntime
from mssn.runtime.select import open_runtime


@pytest.fixture(params=["openvino", "onnxruntime", "pytorch"])
def runtime(request, exported):
    ending = "safetensors" if request.param == "pytorch" else "onnx"
    return open_runtime(exported / f"mssn-s-x2.{ending}", runtime=request.param, precision="fp32")


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (24, 32), (41, 17)])
def test_runtimes_agree(runtime, exported, size) -> None:
    reference = open_runtime(exported / "mssn-s-x2.safetensors", runtime="pytorch")
    x = np.random.default_rng(1).random((1, 3, *size), np.float32)
    before = x.copy()
    out = runtime.run(x)
    assert out.shape == (1, 3, 2 * size[0], 2 * size[1])
    assert out.dtype == np.float32
    assert np.array_equal(x, before)
    np.testing.assert_allclose(out, reference.run(x), rtol=0, atol=1e-5)


# Imports take long here, so that the second thread comes while the first is still preparing.
FIRST_USE = """
import builtins, threading, time
import mssn.runtime.openvino
from openvino import Type

def slowly(*arguments, usual=builtins.__import__, **more):
    time.sleep(0.1)
    return usual(*arguments, **more)

builtins.__import__ = slowly
threads = [threading.Thread(target=Type.u8.to_dtype) for _ in range(2)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


def test_threads_that_come_first_together_do_not_wait_for_each_other() -> None:
    subprocess.run([sys.executable, "-c", FIRST_USE], check=True, timeout=60)


def test_results_are_not_overwritten_by_the_next_run(runtime) -> None:
    rng = np.random.default_rng(1)
    first = runtime.run(rng.random((1, 3, 8, 8), np.float32))
    copy = first.copy()
    runtime.run(rng.random((1, 3, 8, 8), np.float32))
    assert np.array_equal(first, copy)


def test_facts_come_from_the_file(runtime) -> None:
    assert (runtime.scale, runtime.halo) == (2, 6)
    assert runtime.name.split()[-1] == "fp32"


def test_bf16_stays_close(exported) -> None:
    x = np.random.default_rng(1).random((1, 3, 24, 24), np.float32)
    exact = open_runtime(exported / "mssn-s-x2.onnx", precision="fp32").run(x)
    for name, ending in (("openvino", "onnx"), ("pytorch", "safetensors")):
        rough = open_runtime(exported / f"mssn-s-x2.{ending}", runtime=name, precision="bf16").run(x)  # pyright: ignore[reportArgumentType]
        assert np.abs(rough - exact).max() < 0.05


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (41, 17)])
def test_pixels_are_the_floats_rounded(exported, precision, size) -> None:
    runtime = open_runtime(exported / "mssn-s-x2.onnx", precision=precision)
    assert isinstance(runtime, PixelRuntime)
    pixels = np.random.default_rng(1).integers(0, 256, (*size, 3), np.uint8)
    out = runtime.run_pixels(pixels)
    floats = from_network(runtime.run(to_network(pixels)))
    assert (out.shape, out.dtype) == (floats.shape, np.uint8)
    wrong = np.abs(out.astype(int) - floats)
    # Compiled apart: in fp32 ties may fall otherwise; in bf16 one rounds the picture before the mean is
    # taken from it, the other after, and an untrained network makes much of that.
    most, share = (1, 0.01) if precision == "fp32" else (2, 0.25)
    assert wrong.max() <= most
    assert (wrong > 0).mean() < share
    exact = open_runtime(exported / "mssn-s-x2.onnx", precision="fp32").run(to_network(pixels))
    levels = np.clip(exact[0].transpose(1, 2, 0), 0, 1) * 255
    assert np.abs(out - levels).max() <= (0.51 if precision == "fp32" else 2.5)
    assert np.abs(out - levels).mean() <= (0.26 if precision == "fp32" else 0.5)


@pytest.mark.parametrize(("able", "expected"), [(["FP32", "BF16"], "bf16"), (["FP32", "INT8"], "fp32")])
def test_auto_precision_asks_the_processor(exported, monkeypatch, able, expected) -> None:
    class Core(ov.Core):
        def get_property(self, *_: object) -> list[str]:
            return able

    monkeypatch.setattr("mssn.runtime.openvino.ov.Core", Core)
    assert open_runtime(exported / "mssn-s-x2.onnx").name == f"openvino {expected}"


def test_bicubic_is_matlabs(photo) -> None:
    lr = photo.transpose(2, 0, 1)[None].astype(np.float32) / 255
    large = np.rint(BicubicRuntime(3).run(lr)[0].transpose(1, 2, 0) * 255).astype(np.uint8)
    assert np.array_equal(large, imresize(photo, scale=3))


@pytest.mark.parametrize(
    ("model", "scale", "options", "error", "words"),
    [
        ("mssn-xl", None, {}, UnknownModelError, "unknown model 'mssn-xl'; known are: mssn-s"),
        ("mssn-s", 8, {}, UnknownModelError, "mssn-s has no scale 8; it has: 2, 3, 4"),
        ("mssn-s-x2.onnx", 3, {}, UnknownModelError, "enlarges by 2, not by 3"),
        ("gone.onnx", None, {}, WeightsError, "no such weights file"),
        ("gone.onnx", None, {"runtime": "onnxruntime"}, WeightsError, "no such weights file"),
        ("text.onnx", None, {}, WeightsError, "not a readable .onnx file"),
        ("text.onnx", None, {"runtime": "onnxruntime"}, WeightsError, "not a readable .onnx file"),
        ("foreign.onnx", None, {}, WeightsError, "carries no mssn description"),
        ("foreign.onnx", None, {"runtime": "onnxruntime"}, WeightsError, "carries no mssn description"),
        ("net.safetensors", None, {}, WeightsError, "openvino runs .onnx files; mssn export"),
        ("gone.onnx", None, {"runtime": "pytorch"}, WeightsError, "no such weights file"),
        ("text.onnx", None, {"runtime": "pytorch"}, WeightsError, "not a readable ONNX file"),
        ("foreign.onnx", None, {"runtime": "pytorch"}, WeightsError, "carries no mssn description"),
        (
            "mssn-s-x2.onnx",
            None,
            {"runtime": "onnxruntime", "precision": "bf16"},
            WeightsError,
            "fp32 or int8 here",
        ),
        ("weights.pth", None, {}, WeightsError, "weights files end in .onnx or .safetensors"),
    ],
)
def test_bad_input_is_one_clear_line(exported, tmp_path, model, scale, options, error, words) -> None:
    (tmp_path / "text.onnx").write_text("no network")
    node = onnx.helper.make_node("Relu", ["lr"], ["sr"])
    lr, sr = (
        onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, [1, 3, 8, 8]) for n in ("lr", "sr")
    )
    graph = onnx.helper.make_graph([node], "g", [lr], [sr])
    opset = [onnx.helper.make_opsetid("", 18)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=8), tmp_path / "foreign.onnx")
    if "." in model:
        home = exported if (exported / model).exists() else tmp_path
        model = home / model
    with pytest.raises(error, match=words) as caught:
        open_runtime(model, scale, **options)
    assert "\n" not in str(caught.value)


def test_missing_runtimes_say_what_to_install(exported, monkeypatch) -> None:
    def gone(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(select.importlib, "import_module", gone)
    with pytest.raises(MissingDependencyError, match=r"pip install 'mssn\[train\]'"):
        open_runtime(exported / "net.safetensors", runtime="pytorch")
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'mssn\[onnxruntime\]'"):
        open_runtime(exported / "mssn-s-x2.onnx", runtime="onnxruntime")
