"""Our int8 kernels compute what the file says, to the rounding that engines differ by among themselves."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from networks import scrambled
from onnx import numpy_helper
from waves import floats, picture

from mssn.errors import WeightsError
from mssn.lab import weights
from mssn.lab.complexity import count_parameters, halo
from mssn.lab.export.int8 import export_int8
from mssn.lab.nets.mssn import MSSNConfig
from mssn.lab.weights import tensors_of
from mssn.models import info
from mssn.models.info import shipped_file
from mssn.models.meta import Meta
from mssn.runtime.native import kernels
from mssn.runtime.native.kernels import SETS, computes, instructions
from mssn.runtime.native.runtime import NativeRuntime
from mssn.runtime.onnxruntime import ONNXRuntime
from mssn.runtime.openvino import OpenVINORuntime

SHIPPED = sorted({row.int8_path for row in info.list_models() if row.int8_path is not None})
SMALL = shipped_file("mssn-s-x2-int8")
pytestmark = pytest.mark.skipif("int8" not in computes(), reason="no int8 kernels for this machine")


def plainly(path: Path, given: np.ndarray) -> np.ndarray:
    """What an .onnx file says: its operators one by one, in float32, none of them fused or replaced."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"lr": given})[0])


def native(path: Path, given: np.ndarray) -> np.ndarray:
    return NativeRuntime(path, precision="int8").run(given)


@pytest.fixture(scope="module")
def shallow(tmp_path_factory) -> dict[tuple[int, int], Path]:
    """Networks of two blocks of two units: so few that hardly a value rounds to the other side."""
    made: dict[tuple[int, int], Path] = {}
    for channels, expanded in ((32, 64), (64, 128), (64, 256)):
        net = scrambled(MSSNConfig(channels=channels, expanded=expanded, blocks=2, units=2), 3)
        folder = tmp_path_factory.mktemp("shallow")
        meta = Meta("mssn-s", 3, asdict(net.config), "rgb", halo(net, 3), count_parameters(net))
        weights.save(folder / "net.safetensors", tensors_of(net), meta)
        made[channels, expanded] = export_int8(folder / "net.safetensors", [picture(50, 60)], folder)
    return made


@pytest.mark.parametrize("sizes", [(32, 64), (64, 128), (64, 256)])
def test_a_shallow_network_is_the_graph(shallow, sizes) -> None:
    """Its first block keeps its sums in levels, its last in float32."""
    given = floats(picture(37, 53))
    far = 255 * np.abs(native(shallow[sizes], given) - plainly(shallow[sizes], given))
    assert np.quantile(far, 0.75) < 1e-3
    assert far.max() < 0.5


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_all_that_ships_is_as_near_to_the_graph_as_engines_are(path: Path) -> None:
    """A value that rounds to the other side sets off others; OpenVINO is as far away."""
    pixels = picture(37, 53)
    runtime, exact = NativeRuntime(path, precision="int8"), plainly(path, floats(pixels))
    found = runtime.run(floats(pixels))
    assert (runtime.precision, runtime.name) == ("int8", "native int8")
    far = 255 * np.abs(found - exact)
    assert far.mean() < 0.3
    assert far.max() < 3
    levels = runtime.run_pixels(pixels)
    rounded = np.floor(found[0].transpose(1, 2, 0).clip(0, 1) * np.float32(255) + np.float32(0.5))
    assert levels.dtype == np.uint8
    assert np.array_equal(levels, rounded)


@pytest.mark.parametrize("name", ["mssn-s-x2", "mssn-m-x4"])
def test_it_loses_what_openvino_loses(name) -> None:
    given = floats(picture(90, 120))
    exact = OpenVINORuntime(shipped_file(name), precision="fp32").run(given)
    path = shipped_file(f"{name}-int8")
    ours, theirs = (
        np.square(kind(path, precision="int8").run(given) - exact).mean()
        for kind in (NativeRuntime, OpenVINORuntime)
    )
    assert ours == pytest.approx(theirs, rel=0.03)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (7, 1), (2, 700), (64, 321)])
@pytest.mark.parametrize("best", ["avx2", "avxvnni", "avx512", "avx512vnni"])
def test_all_instructions_make_the_same_pixels(size, best, shallow, monkeypatch) -> None:
    if not runs(best):
        pytest.skip(f"this processor has no {best}")
    pixels = picture(*size)
    expected = [
        NativeRuntime(path, precision="int8").run_pixels(pixels) for path in (SMALL, *shallow.values())
    ]
    monkeypatch.setattr(kernels, "instructions", lambda: best)
    for path, levels in zip((SMALL, *shallow.values()), expected, strict=True):
        assert np.array_equal(NativeRuntime(path, precision="int8").run_pixels(pixels), levels)


def runs(best: str) -> bool:
    """Whether this processor has a set of instructions; VNNI of AVX-512 does not bring that of AVX2."""
    if best == "avxvnni" and instructions() != best:
        return "avx_vnni" in Path("/proc/cpuinfo").read_text().split()
    return SETS.index(instructions()) >= SETS.index(best)


@pytest.mark.parametrize("strength", [0.55, 1.0])
def test_a_network_is_told(strength) -> None:
    path, given = shipped_file("mssn-s-photo-x2-int8"), floats(picture(24, 31))
    ours, theirs = (
        kind(path, precision="int8", strength=strength).run(given) for kind in (NativeRuntime, ONNXRuntime)
    )
    far = 255 * np.abs(ours - theirs)
    assert far.mean() < 0.3
    assert far.max() < 3
    assert np.abs(ours - native(path, given)).max() * 255 > 3


def test_batches_and_values_beyond_white() -> None:
    given = np.concatenate([floats(picture(9, 8)), 3 * floats(picture(9, 8, 1)) - 1.5])
    far = 255 * np.abs(native(SMALL, given) - plainly(SMALL, given))
    assert far.mean() < 0.3
    assert far.max() < 3


def test_a_processor_without_the_instructions_is_refused(monkeypatch) -> None:
    monkeypatch.setattr(kernels, "instructions", lambda: "")
    with pytest.raises(WeightsError, match="native cannot compute in int8 on this machine; take openvino"):
        NativeRuntime(SMALL, precision="int8")


def test_a_file_of_another_precision_is_refused() -> None:
    with pytest.raises(WeightsError, match="holds no int8 units"):
        NativeRuntime(shipped_file("mssn-s-x2"), precision="int8")
    with pytest.raises(WeightsError, match="computes in int8"):
        NativeRuntime(SMALL, precision="fp32")


UNIT = "blocks.1.2"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (f"{UNIT}.project.weight", None),
        (f"{UNIT}.expand.weight", np.full((64, 32, 1, 1), 64, np.int8)),  # two products exceed 16 bits
        (f"{UNIT}.expand.weight", np.ones((64, 32, 1, 1), np.uint8)),
        (f"{UNIT}.expand.weight_zero", np.ones(64, np.int8)),
        (f"{UNIT}.depthwise.weight_scale", np.ones(63, np.float32)),
        (f"{UNIT}.depthwise.weight_scale", np.full(64, np.inf, np.float32)),
        (f"{UNIT}.project.zero", np.asarray(1, np.uint8)),
        (f"{UNIT}.expand.scale", np.asarray(0, np.float32)),
        (f"{UNIT}.expand.scale", np.asarray(np.nan, np.float32)),
    ],
)
def test_a_network_that_is_not_what_it_says_is_refused(name, value, tmp_path) -> None:
    model = onnx.load(SMALL)
    (old,) = (tensor for tensor in model.graph.initializer if tensor.name == name)
    if value is None:
        model.graph.initializer.remove(old)
    else:
        old.CopyFrom(numpy_helper.from_array(value, name))
    onnx.save(model, tmp_path / "a.onnx")
    with pytest.raises(WeightsError, match="not the one it describes"):
        NativeRuntime(tmp_path / "a.onnx", precision="int8")


def test_a_block_that_keeps_only_some_sums_in_levels_is_refused(tmp_path) -> None:
    model = onnx.load(SMALL)
    (add,) = (node for node in model.graph.node if node.output[0] == UNIT)
    add.input[0] = "blocks.1.1"
    onnx.save(model, tmp_path / "a.onnx")
    with pytest.raises(WeightsError, match=r"not the one it describes \(blocks.1\)"):
        NativeRuntime(tmp_path / "a.onnx", precision="int8")


def test_neither_openvino_nor_pytorch_is_loaded(tmp_path) -> None:
    code = "import sys, numpy, mssn; load = mssn.load(runtime='native', precision='int8');"
    code += "load(numpy.zeros((9, 9, 3), 'u1'));"
    code += "raise SystemExit('openvino' in sys.modules or 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=tmp_path).returncode == 0
