"""Networks whose units compute in int8."""

from __future__ import annotations

import gc
from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch
from networks import scrambled

from mssn.api import load
from mssn.errors import DataError, WeightsError
from mssn.lab import weights
from mssn.lab.export import int8
from mssn.lab.export.fuse import FusedMSSN
from mssn.models.meta import read_meta
from mssn.runtime.onnxruntime import ONNXRuntime
from mssn.runtime.openvino import OpenVINORuntime
from mssn.upscaling.tiled import enlarge


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    y, x = np.mgrid[0:60, 0:70]
    noise = np.random.default_rng(3).normal(0, 20, (60, 70, 3))
    waves = np.stack([100 * np.sin(x / 5), 100 * np.cos(y / 7), 100 * np.sin(x * y / 90)], axis=2)
    return np.clip(128 + waves + noise, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def path(exported, picture, tmp_path_factory):
    return int8.export_int8(exported / "net.safetensors", [picture], tmp_path_factory.mktemp("int8"))


def test_equalizing_changes_nothing_but_the_ranges() -> None:
    net = FusedMSSN(scrambled())
    x = torch.rand(1, 3, 30, 34, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        before = net(x)
        ranges = int8.measure(net, [x])
        int8.equalize(net, ranges)
        torch.testing.assert_close(net(x), before, rtol=0, atol=1e-5)
    for name, seen in int8.measure(net, [x]).items():
        if not name.endswith("expand"):
            alive = ranges[name].high > 1e-6
            assert alive.any()
            assert seen.low.min() >= 0
            torch.testing.assert_close(seen.high[alive], torch.ones(int(alive.sum())), rtol=1e-4, atol=0)


def test_ranges_are_means_over_the_pictures() -> None:
    net = FusedMSSN(scrambled())
    pictures = [torch.rand(1, 3, 20, 20, generator=torch.Generator().manual_seed(n)) for n in range(3)]
    for name, seen in int8.measure(net, pictures).items():
        alone = [int8.measure(net, [x])[name] for x in pictures]
        torch.testing.assert_close(seen.high, sum(one.high for one in alone) / 3)
        torch.testing.assert_close(seen.low, sum(one.low for one in alone) / 3)


def test_no_picture_leaves_tensors_behind() -> None:
    """Many small ones between the large maps scattered the memory, until MSSN had taken all of it."""
    net, alive = FusedMSSN(scrambled()), []
    net.register_forward_hook(
        lambda *_: alive.append(sum(isinstance(thing, torch.Tensor) for thing in gc.get_objects()))
    )
    int8.measure(net, [torch.rand(1, 3, 20, 20) for _ in range(4)])
    assert len(set(alive[1:])) == 1


@pytest.mark.parametrize("limit", [127, 63, 7])
def test_weights_are_whole_numbers_of_a_scale_for_each_channel(limit) -> None:
    weight = np.random.default_rng(0).normal(0, 1, (6, 5, 3, 3)).astype(np.float32)
    weight[2] = 0
    whole, scale = int8.quantize_weight(weight, limit)
    assert whole.dtype == np.int8
    assert np.abs(whole).max() == limit
    error = np.abs(whole * scale.reshape(-1, 1, 1, 1) - weight).reshape(6, -1).max(axis=1)
    assert (error <= 0.5001 * scale).all()
    assert not whole[2].any()


def test_units_are_in_int8_and_the_rest_is_not(path) -> None:
    graph = onnx.load(path).graph
    units = sum(node.op_type == "QuantizeLinear" for node in graph.node)
    assert units == 3 * sum(name.name.endswith("expand.weight") for name in graph.initializer)
    stored = {tensor.name: tensor for tensor in graph.initializer}
    kinds = {name: tensor.data_type for name, tensor in stored.items() if name.endswith(".weight")}
    for name, kind in kinds.items():
        inside = name.startswith("blocks.")
        assert kind == (onnx.TensorProto.INT8 if inside else onnx.TensorProto.FLOAT)
        if inside:
            assert np.abs(onnx.numpy_helper.to_array(stored[name])).max() <= 63
    assert {"heads.0.weight", "tail.weight", "skip.weight"} < kinds.keys()


def test_close_to_float_and_equal_in_both_runtimes(path, exported, picture) -> None:
    exact = enlarge(OpenVINORuntime(exported / "mssn-s-x2.onnx", precision="fp32"), picture).astype(int)
    one, other = (
        enlarge(runtime(path, precision="int8"), picture).astype(int)
        for runtime in (OpenVINORuntime, ONNXRuntime)
    )
    assert 0 < np.abs(one - exact).mean() < 0.5
    assert np.abs(one - exact).max() <= 8
    assert np.abs(one - other).max() <= 1


def test_sums_of_all_blocks_but_the_last_are_kept_in_8_bits(path) -> None:
    graph = onnx.load(path).graph
    sums = {node.name: node.input[0] for node in graph.node if node.op_type == "Add"}
    units = {name: of for name, of in sums.items() if name.startswith("blocks.") and name.count(".") == 2}
    last = max(name.split(".")[1] for name in units)
    assert len({name.split(".")[1] for name in units}) > 1
    for name, of in units.items():
        assert of.endswith(".x") == (name.split(".")[1] != last)
    # What is rounded for the sum is what the unit itself reads.
    read = {node.name: node.input[0] for node in graph.node if node.op_type == "Conv"}
    assert all(read[f"{name}.expand"] == of for name, of in units.items() if of.endswith(".x"))


def test_openvino_rounds_features_apart_from_convolutions_in_the_last_block_only(path) -> None:
    layers = OpenVINORuntime(path, precision="int8")._floats().get_runtime_model().get_ops()
    notes = [op.get_rt_info() for op in layers]
    apart = [
        note["originalLayersNames"].astype(str)
        for note in notes
        if note["layerType"].astype(str) == "FakeQuantize"
    ]
    units = [node.name for node in onnx.load(path).graph.node if node.name.endswith(".expand")]
    last = max(name.split(".")[1] for name in units)
    # The first of them reads the sum with the picture's copy, which no unit computes.
    assert all(names.startswith(f"blocks.{last}.") for names in apart)


def test_openvino_multiplies_no_features_apart_from_the_convolutions(path) -> None:
    layers = OpenVINORuntime(path, precision="int8")._floats().get_runtime_model().get_ops()
    sums = [op for op in layers if op.get_rt_info()["layerType"].astype(str) == "Eltwise"]
    assert not [op for op in sums if op.get_friendly_name().startswith("Multiply")]


def test_other_precisions_are_refused(path, exported) -> None:
    for runtime in (OpenVINORuntime, ONNXRuntime):
        with pytest.raises(WeightsError, match="computes in int8"):
            runtime(path, precision="fp32")
        with pytest.raises(WeightsError, match="holds no int8 units"):
            runtime(exported / "mssn-s-x2.onnx", precision="int8")


def test_a_graph_without_the_units_is_refused() -> None:
    net = FusedMSSN(scrambled())
    ranges = int8.measure(net, [torch.rand(1, 3, 9, 9)])
    graph = onnx.helper.make_graph([], "empty", [], [])
    with pytest.raises(ValueError, match=r"no convolution blocks\.0\.0"):
        int8.quantize(onnx.helper.make_model(graph), ranges)


def test_no_pictures_no_file(exported, tmp_path) -> None:
    with pytest.raises(DataError, match="no pictures"):
        int8.export_int8(exported / "net.safetensors", [], tmp_path)
    assert not list(tmp_path.iterdir())


def test_command_line(exported, picture, tmp_path, monkeypatch, capsys) -> None:
    from mssn.cli import main
    from mssn.image.picture import Picture
    from mssn.image.write import write

    (tmp_path / "pictures").mkdir()
    write(tmp_path / "pictures" / "a.png", Picture(picture))
    command = ["mssn", "export", str(exported / "net.safetensors"), "-o", str(tmp_path / "out"), "--int8"]
    monkeypatch.setattr("sys.argv", [*command, str(tmp_path / "pictures")])
    with pytest.raises(SystemExit) as left:
        main()
    assert not left.value.code
    assert len(capsys.readouterr().out.splitlines()) == 3
    made = tmp_path / "out" / "mssn-s-x2-int8.onnx"
    meta = weights.load(exported / "net.safetensors")[1]
    assert read_meta(made) == replace(meta, precision="int8")
    monkeypatch.setattr("sys.argv", [*command, str(tmp_path / "nowhere")])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2


def test_deep_pictures_take_float32_where_there_is_one(path, picture) -> None:
    deep = picture.astype(np.uint16) * 257
    only = load(path)  # a file by itself has one precision
    assert only(deep).shape == (120, 140, 3)
    assert np.abs(only(deep) / 257 - only(picture)).mean() < 0.5
    auto, exact = load("mssn-s", 3), load("mssn-s", 3, precision="fp32")
    assert np.array_equal(auto(deep), exact(deep))
    assert not np.array_equal(load("mssn-s", 3, precision="int8")(deep), exact(deep))
