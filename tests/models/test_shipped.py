"""The weights in the package run as their networks do, through the runtime that users get."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import onnx
import pytest
import skimage.data
import torch
from onnx import numpy_helper

from mssn.api import load_tiled
from mssn.lab.export.fuse import fuse
from mssn.lab.export.onnx import write_onnx
from mssn.lab.export.rescale import SMALLEST, round_to_half
from mssn.lab.weights import load_network
from mssn.models import info
from mssn.models.meta import FORMAT
from mssn.runtime.native.runtime import NativeRuntime
from mssn.runtime.open import open_runtime
from mssn.runtime.openvino import OpenVINORuntime
from mssn.runtime.plan import plan_for
from mssn.upscaling.tiled import enlarge

PLAIN = {"Cast", "Conv", "Relu", "Add", "Concat", "DepthToSpace"}
QUANTISED = {"QuantizeLinear", "DequantizeLinear"}
INT8 = onnx.TensorProto.INT8
SHIPPED = [row for row in info.list_models() if row.weights]
PHOTO = [row for row in SHIPPED if row.model.endswith(info.PHOTO)]


def rows(shipped: list[info.ModelInfo]) -> list:
    """Cases of a test: the smallest networks are quick, the others slow."""
    return [
        pytest.param(
            row,
            marks=() if row.model.startswith("mssn-s") else pytest.mark.slow,
            id=f"{row.model}-x{row.scale}",
        )
        for row in shipped
    ]


@pytest.mark.parametrize("row", rows(SHIPPED))
def test_the_network_read_back_is_the_one_that_runs(row) -> None:
    net, meta = load_network(row.path)
    runtime = OpenVINORuntime(row.path, precision="fp32")
    assert runtime.meta == meta
    fused = fuse(net)
    round_to_half(fused)  # as the file stores its weights
    x = torch.from_numpy(np.random.default_rng(0).random((1, 3, 40, 52), np.float32))
    with torch.no_grad():
        np.testing.assert_allclose(runtime.run(x.numpy()), fused(x).numpy(), rtol=0, atol=1e-5)
        np.testing.assert_allclose(runtime.run(x.numpy()), net(x).numpy(), rtol=0, atol=2e-3)


@pytest.mark.parametrize("row", rows(SHIPPED))
def test_files_come_back_bit_for_bit(row, tmp_path) -> None:
    net, meta = load_network(row.path)
    assert meta.format == FORMAT
    write_onnx(net, meta, tmp_path / "again.onnx", half=True)
    assert (tmp_path / "again.onnx").read_bytes() == row.path.read_bytes()


@pytest.mark.parametrize("row", SHIPPED, ids=lambda row: f"{row.model}-x{row.scale}")
def test_files_hold_what_every_converter_keeps(row) -> None:
    """Plain operators, a free batch size, and no weight that half precision holds only roughly."""
    for path in filter(None, (row.path, row.int8_path)):
        graph = onnx.load(path).graph
        kinds = {node.op_type for node in graph.node}
        told = {"Mul"} if row.told else set()  # on constants alone
        assert kinds <= PLAIN | told | (QUANTISED if path == row.int8_path else set())
        lr, sr = (
            [dim.dim_param for dim in v.type.tensor_type.shape.dim] for v in (*graph.input, *graph.output)
        )
        assert (lr[0], sr[0]) == ("batch", "batch")
        for tensor in graph.initializer:
            size = np.abs(numpy_helper.to_array(tensor).astype(np.float64))
            if tensor.name.removesuffix(".half").endswith((".weight", ".bias")) and tensor.data_type != INT8:
                assert not ((size > 0) & (size < SMALLEST)).any(), tensor.name
                assert size.max() < 64, tensor.name


@pytest.mark.parametrize("row", rows(SHIPPED))
@pytest.mark.parametrize("precision", ["fp32", "bf16", "int8"])
def test_white_stays_white_and_black_black(row, precision) -> None:
    if precision == "int8" and row.int8 is None:
        pytest.skip("does not ship in int8")
    model = load_tiled(row.model, row.scale, precision=precision)
    for colour in (255, 0):
        for channels in (1, 3):
            assert (model(np.full((24, 31, channels), colour, np.uint8)) == colour).all()


@pytest.mark.parametrize("row", rows(SHIPPED))
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_tiled_equals_whole(row, precision) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (150, 170, 3)).astype(np.uint8)
    runtime = load_tiled(row.model, row.scale, precision=precision).runtime
    whole, tiled = (enlarge(runtime, picture, tile=tile).astype(int) for tile in (1000, 96))
    assert np.abs(whole - tiled).max() <= (1 if precision == "fp32" else 4)
    assert (whole != tiled).mean() < 0.05


@pytest.mark.parametrize("row", rows(SHIPPED))
@pytest.mark.parametrize("precision", ["fp32", "int8"])  # bf16 lies between them
def test_flat_colours_stay_flat_up_to_the_border(row, precision) -> None:
    if precision == "int8" and row.int8 is None:
        pytest.skip("does not ship in int8")
    model = load_tiled(row.model, row.scale, precision=precision)
    off = 6 if row in PHOTO else 3 if precision == "int8" else 1
    for colour in itertools.product((0, 128, 255), repeat=3):
        large = model(np.full((20, 24, 3), colour, np.uint8)).astype(int)
        assert np.abs(large - colour).max() <= off, colour


@pytest.mark.parametrize("row", rows([row for row in SHIPPED if row.int8]))
def test_int8_is_of_the_same_weights_and_equal_in_both_runtimes(row) -> None:
    one = open_runtime(plan_for(row.model, row.scale, precision="int8"))
    other = open_runtime(plan_for(row.model, row.scale, precision="int8", runtime="onnxruntime"))
    exact = open_runtime(plan_for(row.model, row.scale, precision="fp32", runtime="openvino"))
    assert isinstance(one, NativeRuntime | OpenVINORuntime) and isinstance(exact, OpenVINORuntime)
    assert one.meta == replace(exact.meta, precision="int8")
    lr = np.ascontiguousarray(skimage.data.astronaut()[:160, 150:310])  # a face
    ours, theirs, floats = (enlarge(runtime, lr).astype(int) for runtime in (one, other, exact))
    apart = np.abs(ours - theirs)
    # Sums in another order flip a rounding here and there, and later layers carry it on.
    assert (apart <= 1).mean() > 0.997
    assert apart.max() <= 4
    assert np.abs(ours - floats).mean() < 1
    psnr = -10 * np.log10(np.mean((ours - floats) ** 2) / 255**2)
    assert psnr > 45, "int8 stays far closer to float32 than float32 is to the truth"


def test_all_shipped_files_together_stay_small() -> None:
    total = sum(path.stat().st_size for path in info.FOLDER.iterdir())
    assert total < 25_000_000
