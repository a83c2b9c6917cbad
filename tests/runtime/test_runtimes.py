"""All runtimes compute the same function, and refuse what is not theirs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import openvino as ov
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from mssn.errors import MissingDependencyError, MssnError, UnknownModelError, WeightsError
from mssn.image.color import from_network, to_network
from mssn.image.resize import imresize
from mssn.lab.export.onnx import save_model
from mssn.models.meta import Meta
from mssn.runtime import open as opening
from mssn.runtime.base import PixelRuntime
from mssn.runtime.bicubic import BicubicRuntime
from mssn.runtime.onnxruntime import ONNXRuntime
from mssn.runtime.open import open_runtime
from mssn.runtime.openvino import OpenVINORuntime
from mssn.runtime.plan import plan_for, processor
from mssn.upscaling.ensemble import Ensemble


def opened(model: str | Path, scale: int | None = None, **options: Any) -> Any:
    """A runtime as users get it; of any kind, so that tests can reach inside."""
    return open_runtime(plan_for(model, scale, **options))


@pytest.fixture(params=["openvino", "onnxruntime", "pytorch"])
def runtime(request, exported):
    ending = "safetensors" if request.param == "pytorch" else "onnx"
    return opened(exported / f"mssn-s-x2.{ending}", runtime=request.param, precision="fp32")


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (24, 32), (41, 17)])
def test_runtimes_agree(runtime, exported, size) -> None:
    reference = opened(exported / "mssn-s-x2.safetensors", runtime="pytorch")
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
    assert runtime.precision == "fp32"


def test_bf16_stays_close(exported) -> None:
    x = np.random.default_rng(1).random((1, 3, 24, 24), np.float32)
    exact = opened(exported / "mssn-s-x2.onnx", precision="fp32").run(x)
    for name, ending in (("openvino", "onnx"), ("pytorch", "safetensors")):
        rough = opened(exported / f"mssn-s-x2.{ending}", runtime=name, precision="bf16").run(x)
        assert np.abs(rough - exact).max() < 0.05


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (41, 17)])
def test_pixels_are_the_floats_rounded(exported, precision, size) -> None:
    runtime = opened(exported / "mssn-s-x2.onnx", precision=precision)
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
    exact = opened(exported / "mssn-s-x2.onnx", precision="fp32").run(to_network(pixels))
    levels = np.clip(exact[0].transpose(1, 2, 0), 0, 1) * 255
    assert np.abs(out - levels).max() <= (0.51 if precision == "fp32" else 2.5)
    assert np.abs(out - levels).mean() <= (0.26 if precision == "fp32" else 0.5)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_pixels_do_not_depend_on_the_number_of_threads(exported, precision) -> None:
    plan = plan_for(exported / "mssn-s-x2.onnx", precision=precision)
    pixels = np.random.default_rng(1).integers(0, 256, (67, 131, 3), np.uint8)
    alone, together = (open_runtime(plan, threads) for threads in (1, 3))
    assert isinstance(alone, PixelRuntime) and isinstance(together, PixelRuntime)
    assert np.array_equal(alone.run_pixels(pixels), together.run_pixels(pixels))


@pytest.mark.parametrize("mode", ["DCR", "CRD"])
@pytest.mark.parametrize("last", ["sum", "bias", "conv"])
@pytest.mark.parametrize("scale", [2, 3])
def test_pixels_are_the_floats_rounded_whatever_a_network_ends_in(tmp_path, scale, last, mode) -> None:
    rng, planes = np.random.default_rng(1), 3 * scale**2
    tensors = {
        "weight": rng.normal(0, 0.2, (planes, 3, 3, 3)),
        "bias": rng.normal(0.5, 0.2, (planes, 1, 1)),
    }
    nodes = [helper.make_node("Conv", ["lr", "weight"], ["conv"], pads=[1] * 4)]
    if last == "sum":
        nodes.append(helper.make_node("Concat", ["lr"] * scale**2, ["copies"], axis=1))
        nodes.append(helper.make_node("Add", ["conv", "copies"], ["sum"]))
    elif last == "bias":
        nodes.append(helper.make_node("Add", ["conv", "bias"], ["bias_added"]))
    nodes.append(helper.make_node("DepthToSpace", [nodes[-1].output[0]], ["sr"], blocksize=scale, mode=mode))
    shape = [None, 3, None, None]
    lr, sr = (helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("lr", "sr"))
    arrays = [numpy_helper.from_array(array.astype(np.float32), name) for name, array in tensors.items()]
    graph = helper.make_graph(nodes, "net", [lr], [sr], arrays)
    opsets, meta = [helper.make_opsetid("", 18)], Meta("net", scale, {}, "rgb", halo=1, parameters=1)
    save_model(helper.make_model(graph, opset_imports=opsets, ir_version=8), meta, tmp_path / "n.onnx")
    runtime = opened(tmp_path / "n.onnx", precision="fp32")
    pixels = rng.integers(0, 256, (2, 13, 17, 3), np.uint8)
    for picture in pixels:
        floats = from_network(runtime.run(to_network(picture)))
        wrong = np.abs(runtime.run_pixels(picture).astype(int) - floats)
        assert wrong.max() <= 1  # where a tie falls otherwise
        assert (wrong > 0).mean() < 0.001
        assert 0.1 < ((floats > 0) & (floats < 255)).mean() < 1  # some are cut off, not all


@pytest.mark.parametrize(("able", "expected"), [(["FP32", "BF16"], "bf16"), (["FP32", "INT8"], "fp32")])
def test_auto_precision_asks_the_processor(exported, monkeypatch, able, expected) -> None:
    class Core(ov.Core):
        def get_property(self, *_: object) -> list[str]:
            return able

    monkeypatch.setattr("mssn.runtime.plan.computes", lambda: ())
    monkeypatch.setattr("mssn.runtime.openvino._CORE", Core)
    assert opened(exported / "mssn-s-x2.onnx").precision == expected


@pytest.mark.parametrize(
    ("runtime", "file", "precision"),
    [
        ("openvino", "mssn-s-x2.onnx", "fp32"),
        ("openvino", "mssn-s-x2.onnx", "bf16"),
        ("onnxruntime", "mssn-s-x2.onnx", "fp32"),
        ("pytorch", "mssn-s-x2.safetensors", "fp32"),
        ("pytorch", "mssn-s-x2.safetensors", "bf16"),
    ],
)
def test_a_runtime_says_what_it_computes_in(exported, runtime, file, precision) -> None:
    # Where the processor has no bf16, OpenVINO computes in fp32 whatever it is told.
    computed = "fp32" if runtime == "openvino" and not processor().bf16 else precision
    assert opened(exported / file, runtime=runtime, precision=precision).precision == computed
    assert Ensemble(opened(exported / file, runtime=runtime, precision=precision)).precision == computed


@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
def test_int8_runs_as_int8(runtime) -> None:
    assert opened("mssn-s", 2, runtime=runtime, precision="int8").precision == "int8"


@pytest.mark.parametrize("threads", [None, 1, 2, 3])
def test_threads_reach_openvino(exported, monkeypatch, threads) -> None:
    asked = []

    class Core(ov.Core):
        def compile_model(self, model: Any, device: str, config: dict) -> ov.CompiledModel:
            asked.append(config.get("INFERENCE_NUM_THREADS"))
            return super().compile_model(model, device, config)

    monkeypatch.setattr("mssn.runtime.openvino._CORE", Core)
    runtime = open_runtime(plan_for(exported / "mssn-s-x2.onnx"), threads)
    assert isinstance(runtime, OpenVINORuntime)
    for compiled in (runtime._floats(), runtime._pixels()):
        if threads == 1:  # it takes no more than there are cores, so that more cannot be told everywhere
            assert compiled.get_property("INFERENCE_NUM_THREADS") == 1
    runtime.layer_times(np.zeros((1, 3, 8, 8), np.float32), 1)
    assert asked == [threads] * 3


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_threads_reach_onnxruntime(exported, threads) -> None:
    runtime = open_runtime(plan_for(exported / "mssn-s-x2.onnx", runtime="onnxruntime"), threads)
    assert isinstance(runtime, ONNXRuntime)
    assert runtime._session.get_session_options().intra_op_num_threads == threads


def test_threads_reach_pytorch(exported) -> None:
    before = torch.get_num_threads()
    try:
        for threads in (1, 2):
            open_runtime(plan_for(exported / "mssn-s-x2.safetensors", runtime="pytorch"), threads)
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("model", ["bicubic", "mssn-s"])
def test_threads_below_one_are_refused(model) -> None:
    with pytest.raises(MssnError, match="`threads` must be at least 1, not 0"):
        open_runtime(plan_for(model, 2), 0)


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
        (
            "net.safetensors",
            None,
            {"runtime": "openvino"},
            WeightsError,
            "openvino runs .onnx files; mssn export",
        ),
        ("gone.onnx", None, {"runtime": "pytorch"}, WeightsError, "no such weights file"),
        ("text.onnx", None, {"runtime": "pytorch"}, WeightsError, "not a readable .onnx file"),
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
        opened(model, scale, **options)
    assert "\n" not in str(caught.value)


def test_missing_runtimes_say_what_to_install(exported, monkeypatch) -> None:
    def gone(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(opening.importlib, "import_module", gone)
    with pytest.raises(MissingDependencyError, match=r"pip install 'mssn\[train\]'"):
        opened(exported / "net.safetensors", runtime="pytorch")
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'mssn\[onnxruntime\]'"):
        opened(exported / "mssn-s-x2.onnx", runtime="onnxruntime")
