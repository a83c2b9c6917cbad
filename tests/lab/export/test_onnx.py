"""The exported file: plain operators only, equal to the trained network, and able to explain itself."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch
from networks import SWITCHES, TINY, scrambled

from mssn.errors import WeightsError
from mssn.lab import weights
from mssn.lab.export.fuse import fuse
from mssn.lab.export.onnx import export, round_to_half, write_onnx
from mssn.lab.nets.mssn import MSSNConfig
from mssn.lab.weights import SCALES, load_network
from mssn.models.meta import Meta
from mssn.runtime.onnxruntime import ONNXRuntime
from mssn.runtime.openvino import OpenVINORuntime

META = Meta(model="mssn-s", scale=2, config={}, domain="rgb", halo=6, parameters=1)


def test_graph_holds_plain_operators_only(exported) -> None:
    model = onnx.load(exported / "mssn-s-x2.onnx")
    operators = Counter(node.op_type for node in model.graph.node)
    assert set(operators) == {"Conv", "Relu", "Add", "Gather", "DepthToSpace"}
    assert operators["DepthToSpace"] == 1
    assert operators["Gather"] == 1  # each pixel as it is, for all that it becomes
    assert operators["Relu"] == 2 * 4  # two a unit
    # Three a unit, a head for the start and one for each share-source skip, tail and skip.
    assert operators["Conv"] == 3 * 4 + 3 + 2
    assert [opset.version for opset in model.opset_import if not opset.domain] == [18]
    for value, size in ((model.graph.input[0], ["height", "width"]), (model.graph.output[0], None)):
        batch, channels, *area = value.type.tensor_type.shape.dim
        assert (batch.dim_value, channels.dim_value) == (1, 3)
        assert all(dim.dim_param for dim in area)
        assert size is None or [dim.dim_param for dim in area] == size


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


def test_half_the_size_is_the_network_with_rounded_weights(exported, tmp_path) -> None:
    whole = exported / "mssn-s-x2.onnx"
    _, half = export(exported / "mssn-s-x2.safetensors", tmp_path, half=True)
    net, _ = load_network(exported / "mssn-s-x2.safetensors")
    folded = fuse(net)
    round_to_half(folded)
    x = torch.rand(1, 3, 30, 20)
    with torch.no_grad():
        expected = folded(x).numpy()
    for runtime in (OpenVINORuntime(half, precision="fp32"), ONNXRuntime(half)):
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
    if half:  # the very same file again
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
