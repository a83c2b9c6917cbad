"""Networks that are told how strongly a picture is degraded, in every runtime."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from networks import TINY, scrambled

from mssn.errors import MssnError, WeightsError
from mssn.image.color import from_network, to_network
from mssn.image.compression import LEAST
from mssn.lab import weights
from mssn.lab.complexity import count_parameters
from mssn.lab.export.int8 import export_int8
from mssn.lab.export.onnx import export, write_onnx
from mssn.lab.nets.mssn import MSSN
from mssn.lab.weights import load_network, tensors_of
from mssn.models.info import ModelInfo
from mssn.models.meta import Meta
from mssn.runtime.base import Computed, RuntimeName
from mssn.runtime.onnxruntime import ONNXRuntime
from mssn.runtime.open import open_runtime
from mssn.runtime.openvino import OpenVINORuntime
from mssn.runtime.plan import Plan, Processor, plan, plan_for
from mssn.upscaling.load import load_tiled

STRENGTHS = (LEAST, 0.37, 1.0)
RUNTIMES: tuple[RuntimeName, ...] = ("openvino", "onnxruntime", "pytorch")


def described(net: MSSN) -> Meta:
    return Meta("mssn-s", 2, asdict(net.config), "rgb", halo=6, parameters=count_parameters(net))


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with a network that is told: .safetensors, .onnx, -int8.onnx."""
    folder = tmp_path_factory.mktemp("told")
    net = scrambled(replace(TINY, told=True))
    weights.save(folder / "net.safetensors", tensors_of(net), described(net))
    pictures = [np.random.default_rng(n).integers(0, 256, (40, 40, 3), np.uint8) for n in range(2)]
    export_int8(folder / "net.safetensors", pictures, folder)
    export(folder / "net.safetensors", folder)
    return folder


def trained(path: Path, x: np.ndarray, strength: float) -> np.ndarray:
    """What the network makes of pictures as it is trained: with a fourth plane that holds the strength."""
    net, _ = load_network(path)
    plane = np.full_like(x[:, :1], strength)
    with torch.no_grad():
        return net(torch.from_numpy(np.concatenate([x, plane], axis=1))).numpy()


@pytest.mark.parametrize("strength", STRENGTHS)
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_runtimes_compute_what_was_trained(told, runtime, strength) -> None:
    x = np.random.default_rng(1).random((2, 3, 17, 22), np.float32)
    file = told / "mssn-s-x2.onnx"
    expected = trained(file, x, strength)
    made = open_runtime(plan_for(file, runtime=runtime, precision="fp32", strength=strength)).run(x)
    np.testing.assert_allclose(made, expected, rtol=0, atol=1e-4)
    others = [trained(file, x, other) for other in STRENGTHS if other != strength]
    assert min(np.abs(made - other).max() for other in others) > 0.01, "it makes a difference"


def test_pytorch_runs_the_other_file_too(told) -> None:
    x = np.random.default_rng(1).random((1, 3, 9, 9), np.float32)
    file = told / "mssn-s-x2.safetensors"
    made = open_runtime(plan_for(file, runtime="pytorch", strength=0.6)).run(x)
    np.testing.assert_allclose(made, trained(file, x, 0.6), rtol=0, atol=1e-6)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_unless_asked_nothing_bad_is_known(told, runtime) -> None:
    x = np.random.default_rng(1).random((1, 3, 9, 9), np.float32)
    file = told / "mssn-s-x2.onnx"
    made = open_runtime(plan_for(file, runtime=runtime, precision="fp32")).run(x)
    np.testing.assert_allclose(made, trained(file, x, LEAST), rtol=0, atol=1e-4)


def test_a_file_that_others_run_as_it_is_knows_nothing_bad(told) -> None:
    import onnxruntime

    x = np.random.default_rng(1).random((1, 3, 9, 9), np.float32)
    file = told / "mssn-s-x2.onnx"
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    made = np.asarray(session.run(None, {"lr": x})[0])
    np.testing.assert_allclose(made, trained(file, x, LEAST), rtol=0, atol=1e-4)


@pytest.mark.parametrize("strength", STRENGTHS)
def test_int8_and_bf16_stay_close(told, strength) -> None:
    y, x = np.mgrid[0:60, 0:70]
    waves = np.stack([np.sin(x / 5), np.cos(y / 7), np.sin(x * y / 90)])[None]
    picture = (0.5 + 0.4 * waves).astype(np.float32)
    exact = trained(told / "mssn-s-x2.onnx", picture, strength)
    int8 = told / "mssn-s-x2-int8.onnx"
    for runtime in (
        OpenVINORuntime(int8, precision="int8", strength=strength),
        ONNXRuntime(int8, precision="int8", strength=strength),
        OpenVINORuntime(told / "mssn-s-x2.onnx", precision="bf16", strength=strength),
    ):
        wrong = 255 * np.abs(runtime.run(picture) - exact)
        assert wrong.mean() < 0.5, runtime.name
        assert wrong.max() <= 8, runtime.name


def test_pixels_are_told_too(told) -> None:
    runtime = OpenVINORuntime(told / "mssn-s-x2.onnx", precision="fp32", strength=0.7)
    pixels = np.random.default_rng(1).integers(0, 256, (20, 23, 3), np.uint8)
    floats = from_network(runtime.run(to_network(pixels)))
    assert np.abs(runtime.run_pixels(pixels).astype(int) - floats).max() <= 1


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_nothing_more_is_executed(tmp_path, half, precision: Computed) -> None:
    """All that is computed from the strength is computed before the first picture."""
    steps = []
    for is_told in (False, True):
        net = scrambled(replace(TINY, told=is_told))
        write_onnx(net, described(net), tmp_path / f"{is_told}.onnx", half=half)
        runtime = OpenVINORuntime(
            tmp_path / f"{is_told}.onnx", precision=precision, strength=0.4 if is_told else LEAST
        )
        steps.append(executed(runtime))
    assert steps[0] == steps[1]


def test_nothing_more_is_executed_in_int8(told, exported, tmp_path) -> None:
    pictures = [np.random.default_rng(n).integers(0, 256, (40, 40, 3), np.uint8) for n in range(2)]
    plain = OpenVINORuntime(export_int8(exported / "net.safetensors", pictures, tmp_path), precision="int8")
    asked = OpenVINORuntime(told / "mssn-s-x2-int8.onnx", precision="int8", strength=0.4)
    assert executed(asked) == executed(plain)


def executed(runtime: OpenVINORuntime) -> dict[str, Counter[str]]:
    """The kinds of steps of what OpenVINO made of a network, for floats and for pixels."""
    made = {"floats": runtime._floats(), "pixels": runtime._pixels()}
    return {
        name: Counter(
            step.get_rt_info()["layerType"].astype(str)
            for step in compiled.get_runtime_model().get_ordered_ops()
            if step.get_rt_info()["layerType"].astype(str) != "Const"
        )
        for name, compiled in made.items()
    }


def test_networks_that_are_not_told_are_planned_at_the_least(exported) -> None:
    assert plan_for(exported / "mssn-s-x2.onnx", strength=0.9) == plan_for(exported / "mssn-s-x2.onnx")
    for is_told, strength in ((False, LEAST), (True, 0.9)):
        row = ModelInfo("m", 2, 1, 1, 1, receptive_field=13, weights="m.onnx", told=is_told)
        made = plan(row, 2, "openvino", "auto", Processor(bf16=False, int8=False), strength=0.9)
        assert made.strength == made.for_deep().strength == strength


@pytest.mark.parametrize("runtime", [OpenVINORuntime, ONNXRuntime])
def test_a_runtime_refuses_what_its_network_cannot_be_told(exported, runtime) -> None:
    with pytest.raises(WeightsError, match="its network cannot be told a `strength`"):
        runtime(exported / "mssn-s-x2.onnx", precision="fp32", strength=0.9)


def test_pytorch_refuses_it_too(exported) -> None:
    wrong = replace(plan_for(exported / "mssn-s-x2.onnx", runtime="pytorch"), strength=0.9)
    with pytest.raises(WeightsError, match="its network cannot be told a `strength`"):
        open_runtime(wrong)


@pytest.mark.parametrize("strength", [-0.01, 1.01, float("nan"), "0.5", True, None])
def test_what_is_no_strength_is_refused(told, exported, strength) -> None:
    words = "`strength` must be a number from 0 to 1, not"
    for file in (told / "mssn-s-x2.onnx", exported / "mssn-s-x2.onnx"):
        with pytest.raises(MssnError, match=words):
            plan_for(file, strength=strength)
        with pytest.raises(MssnError, match=words):
            load_tiled(file, strength=strength)
    made: Plan = replace(plan_for(told / "mssn-s-x2.onnx"), strength=strength)
    with pytest.raises(MssnError, match=words):
        open_runtime(made)
    with pytest.raises(MssnError, match=words):
        plan_for("bicubic", strength=strength)


def test_a_file_without_its_constant_is_refused(told, tmp_path) -> None:
    model = onnx.load(told / "mssn-s-x2.onnx")
    for tensor in model.graph.initializer:
        if tensor.name == "strength":
            tensor.name = "another"
    for node in model.graph.node:
        node.input[:] = ["another" if name == "strength" else name for name in node.input]
    onnx.save(model, tmp_path / "net.onnx")
    for runtime in (OpenVINORuntime, ONNXRuntime):
        with pytest.raises(
            WeightsError, match=r"net\.onnx: cannot be told a `strength` \(it has no constant"
        ):
            runtime(tmp_path / "net.onnx", precision="fp32", strength=0.5)
