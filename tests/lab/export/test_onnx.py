"""The exported file: plain operators only, equal to the trained network, and able to explain itself."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from networks import SWITCHES, TINY, scrambled
from onnx import numpy_helper

from mssn.errors import WeightsError
from mssn.lab import nets, weights
from mssn.lab.export.fuse import fuse
from mssn.lab.export.onnx import export, write_onnx
from mssn.lab.export.rescale import SMALLEST, round_to_half
from mssn.lab.nets.mssn import MSSNConfig
from mssn.lab.weights import SCALES, load_network
from mssn.models.meta import Meta
from mssn.runtime.onnxruntime import ONNXRuntime
from mssn.runtime.openvino import OpenVINORuntime

META = Meta(model="mssn-s", scale=2, config={}, domain="rgb", halo=6, parameters=1)


def test_graph_holds_plain_operators_only(exported) -> None:
    model = onnx.load(exported / "mssn-s-x2.onnx")
    operators = Counter(node.op_type for node in model.graph.node)
    assert set(operators) == {"Conv", "Relu", "Add", "Concat", "DepthToSpace"}
    assert operators["DepthToSpace"] == operators["Concat"] == 1
    assert operators["Relu"] == 2 * 4  # two a unit
    # Three a unit, a head for the start and one for each share-source skip, tail and skip.
    assert operators["Conv"] == 3 * 4 + 3 + 2
    assert [opset.version for opset in model.opset_import if not opset.domain] == [18]
    assert [value.name for value in (*model.graph.input, *model.graph.output)] == ["lr", "sr"]
    (lr,), (sr,) = model.graph.input, model.graph.output
    sides = [
        [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim] for value in (lr, sr)
    ]
    assert sides == [["batch", 3, "height", "width"], ["batch", 3, "2*height", "2*width"]]


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_picture_itself_is_copied_for_all_that_its_pixels_become(tmp_path, scale) -> None:
    """With a tail and a skip that add nothing, what comes out is each pixel repeated, to the last bit."""
    net = scrambled(scale=scale)
    with torch.no_grad():
        for parameter in (*net.tail.parameters(), *net.skip.parameters()):
            parameter.zero_()
        for c in range(3):  # the nearest pixel, which fusing takes out again
            net.skip.weight[c * scale**2 : (c + 1) * scale**2, c, 2, 2] = 1
    write_onnx(net, replace(META, scale=scale), tmp_path / "net.onnx", half=True)
    x = np.random.default_rng(0).random((2, 3, 9, 14), np.float32)
    repeated = x.repeat(scale, axis=2).repeat(scale, axis=3)
    for precision in ("fp32", "bf16"):
        runtime = OpenVINORuntime(tmp_path / "net.onnx", precision=precision)
        assert np.array_equal(runtime.run(x), repeated)
    assert np.array_equal(ONNXRuntime(tmp_path / "net.onnx", precision="fp32").run(x), repeated)


@pytest.mark.parametrize(
    "model", ["mssn-s", *(pytest.param(peer, marks=pytest.mark.slow) for peer in ("espcn", "carn-m"))]
)
def test_several_pictures_at_once_are_what_each_is_alone(tmp_path, model) -> None:
    torch.manual_seed(0)
    net = scrambled() if model == "mssn-s" else nets.build(model, 2)
    write_onnx(net, META, tmp_path / "net.onnx")
    x = np.random.default_rng(0).random((3, 3, 17, 12), np.float32)
    for runtime in (
        OpenVINORuntime(tmp_path / "net.onnx", precision="fp32"),
        ONNXRuntime(tmp_path / "net.onnx", precision="fp32"),
    ):
        alone = np.concatenate([runtime.run(x[n : n + 1]) for n in range(3)])
        np.testing.assert_allclose(runtime.run(x), alone, rtol=0, atol=1e-6)


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("changes", SWITCHES, ids=str)
def test_exported_equals_trained(tmp_path, changes, scale) -> None:
    net = scrambled(MSSNConfig(**{**vars(TINY), **changes}), scale)
    write_onnx(net, replace(META, scale=scale), tmp_path / "net.onnx")
    runtime = OpenVINORuntime(tmp_path / "net.onnx", precision="fp32")
    x = torch.rand(1, 3, 19, 26)
    with torch.no_grad():
        np.testing.assert_allclose(runtime.run(x.numpy()), net(x).numpy(), rtol=0, atol=1e-5)


def test_the_pair_that_ships_agrees(exported) -> None:
    net, meta = load_network(exported / "mssn-s-x2.safetensors")
    runtime = OpenVINORuntime(exported / "mssn-s-x2.onnx", precision="fp32")
    assert runtime.meta == meta
    tensors, _ = weights.load(exported / "mssn-s-x2.safetensors")
    assert {array.dtype for array in tensors.values()} == {np.dtype(np.float16)}
    x = torch.rand(1, 3, 30, 20)
    with torch.no_grad():
        np.testing.assert_allclose(runtime.run(x.numpy()), net(x).numpy(), rtol=0, atol=1e-5)


@pytest.mark.parametrize("changes", SWITCHES, ids=str)
def test_files_in_half_precision_hold_normal_numbers_only(tmp_path, changes) -> None:
    net = scrambled(MSSNConfig(**{**vars(TINY), **changes}))
    with torch.no_grad():  # as trained networks have them: tiny in the tail, and in some channels of a unit
        net.tail.weight.mul_(1e-5)
        net.get_parameter("body.0.units.0.expand.weight").mul_(
            torch.logspace(-6, 3, TINY.expanded).view(-1, 1, 1, 1)
        )
    write_onnx(net, META, tmp_path / "half.onnx", half=True)
    stored = {t.name: numpy_helper.to_array(t) for t in onnx.load(tmp_path / "half.onnx").graph.initializer}
    halves = {name: array for name, array in stored.items() if array.dtype == np.float16}
    assert {name for name in stored if name not in halves} <= {"minus_mean", "strength"}
    sizes = np.concatenate([np.abs(array).ravel() for array in halves.values()]).astype(float)
    assert sizes.max() < 64
    assert not ((sizes > 0) & (sizes < SMALLEST)).any()


def test_the_stored_network_is_what_runs(exported, tmp_path) -> None:
    whole = exported / "mssn-s-x2.onnx"
    _, half = export(exported / "mssn-s-x2.safetensors", tmp_path, half=True)
    stored = fuse(load_network(half)[0])
    round_to_half(stored)
    x = torch.rand(1, 3, 30, 20)
    with torch.no_grad():
        expected = stored(x).numpy()
    for runtime in (OpenVINORuntime(half, precision="fp32"), ONNXRuntime(half, precision="fp32")):
        np.testing.assert_allclose(runtime.run(x.numpy()), expected, rtol=0, atol=1e-5)
    weights = [
        sum(len(tensor.raw_data) for tensor in onnx.load(path).graph.initializer) for path in (whole, half)
    ]
    assert weights[1] < 0.52 * weights[0]


@pytest.mark.parametrize("half", [False, True])
def test_the_network_comes_back_from_the_exported_file(exported, tmp_path, half) -> None:
    _, path = export(exported / "mssn-s-x2.safetensors", tmp_path, half=half)
    net, meta = load_network(exported / "mssn-s-x2.safetensors")
    back, same = load_network(path)
    assert same == meta
    assert [parameter.shape for parameter in back.parameters()] == [p.shape for p in net.parameters()]
    x = torch.rand(1, 3, 30, 20)
    with torch.no_grad():
        np.testing.assert_allclose(back(x).numpy(), net(x).numpy(), rtol=0, atol=2e-3 if half else 1e-5)
    if half:  # the very same file again, from whatever numbers training left
        write_onnx(back, meta, tmp_path / "again.onnx", half=True)
        assert (tmp_path / "again.onnx").read_bytes() == path.read_bytes()


def test_files_that_no_network_comes_back_from_say_so(exported, tmp_path) -> None:
    model = onnx.load(exported / "mssn-s-x2.onnx")
    scales = next(entry for entry in model.metadata_props if entry.key == SCALES)
    scales.value = '{"body": 1}'
    onnx.save(model, tmp_path / "other.onnx")
    with pytest.raises(WeightsError, match=r"other\.onnx: not the weights of mssn-s x2 \(its learnt scales"):
        load_network(tmp_path / "other.onnx")
    model.metadata_props.remove(scales)
    onnx.save(model, tmp_path / "run-only.onnx")
    with pytest.raises(WeightsError, match=r"can only be run; to train or export, take the \.safetensors"):
        load_network(tmp_path / "run-only.onnx")


def test_exporting_twice_changes_nothing(exported, tmp_path) -> None:
    export(exported / "mssn-s-x2.safetensors", tmp_path)
    for ending in ("safetensors", "onnx"):
        name = f"mssn-s-x2.{ending}"
        assert (tmp_path / name).read_bytes() == (exported / name).read_bytes()


def test_what_cannot_be_exported_is_one_clear_error(exported, tmp_path) -> None:
    net = scrambled()
    with torch.no_grad():
        net.get_parameter("body.0.units.0.scales.identity").zero_()
    with pytest.raises(WeightsError, match="mssn-s x2: a learnt scale is 0"):
        write_onnx(net, META, tmp_path / "net.onnx")
    with pytest.raises(WeightsError, match="no such weights file"):
        export(tmp_path / "gone.safetensors", tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(WeightsError, match="cannot be made"):
        export(exported / "net.safetensors", tmp_path / "file" / "folder")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


GOLDEN = Path(__file__).parents[2] / "golden" / "format-1"


@pytest.mark.parametrize("name", ["mssn-s-x2.onnx", "mssn-s-x2.safetensors"])
def test_files_of_format_1_are_read(tmp_path, name) -> None:
    net, meta = load_network(GOLDEN / name)
    expected = np.load(GOLDEN / "expected.npy")
    x = torch.linspace(0, 1, 3 * 6 * 5).reshape(1, 3, 6, 5)
    with torch.no_grad():
        atol = 1e-5 if name.endswith("onnx") else 2e-3
        np.testing.assert_allclose(net(x).numpy(), expected, rtol=0, atol=atol)
    assert meta.format == 1
    _, path = export(GOLDEN / name, tmp_path, half=True)
    again, meta = load_network(path)
    assert meta.format == 2
    with torch.no_grad():
        np.testing.assert_allclose(again(x).numpy(), expected, rtol=0, atol=2e-3)


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_files_of_format_1_run(precision) -> None:
    path = GOLDEN / ("mssn-s-x2.onnx" if precision == "fp32" else "mssn-s-x2-int8.onnx")
    x = np.linspace(0, 1, 3 * 6 * 5, dtype=np.float32).reshape(1, 3, 6, 5)
    for runtime in (OpenVINORuntime(path, precision=precision), ONNXRuntime(path, precision=precision)):
        atol = 1e-4 if precision == "fp32" else 0.1
        np.testing.assert_allclose(runtime.run(x), np.load(GOLDEN / "expected.npy"), rtol=0, atol=atol)
