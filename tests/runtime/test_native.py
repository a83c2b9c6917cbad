"""Our own kernels compute what the graph says, whatever the size, the threads, the instructions."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import kernels as compiled
import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from waves import floats, picture

from mssn.errors import WeightsError
from mssn.models import info
from mssn.models.info import shipped_file
from mssn.models.meta import read_graph, read_meta
from mssn.runtime.native import kernels
from mssn.runtime.native.kernels import SETS, computes, instructions
from mssn.runtime.native.network import suits
from mssn.runtime.native.runtime import NativeRuntime
from mssn.runtime.openvino import OpenVINORuntime
from mssn.upscaling.tiled import enlarge

SHIPPED = sorted({row.path for row in info.list_models() if row.path is not None})
pytestmark = pytest.mark.skipif(not computes(), reason="no kernels for this machine")
bf16 = pytest.mark.skipif("bf16" not in computes(), reason="this processor does not compute in bfloat16")


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_fp32_is_the_graph(path: Path) -> None:
    pixels = picture(37, 53)
    exact, native = OpenVINORuntime(path, precision="fp32"), NativeRuntime(path, precision="fp32")
    assert (native.scale, native.halo) == (exact.scale, exact.halo)
    out = native.run(floats(pixels))
    assert out.dtype == np.float32
    np.testing.assert_allclose(out, exact.run(floats(pixels)), rtol=0, atol=4e-6)
    levels = native.run_pixels(pixels)
    assert levels.dtype == np.uint8
    assert np.array_equal(
        levels, np.floor(out[0].transpose(1, 2, 0).clip(0, 1) * np.float32(255) + np.float32(0.5))
    )


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (7, 1), (2, 700), (333, 5), (64, 321)])
@pytest.mark.parametrize("best", ["avx2", "avx512"])
def test_all_sizes_with_all_instructions(size, best, monkeypatch) -> None:
    if SETS.index(instructions()) < SETS.index(best):
        pytest.skip(f"this processor has no {best}")
    monkeypatch.setattr(kernels, "instructions", lambda: best)
    path = shipped_file("mssn-s-x2")
    given = floats(picture(*size))
    native = NativeRuntime(path, precision="fp32")
    np.testing.assert_allclose(
        native.run(given), OpenVINORuntime(path, precision="fp32").run(given), rtol=0, atol=2e-6
    )


@bf16
@pytest.mark.parametrize("name", ["mssn-s-x2", "mssn-s-photo-x2", "mssn-s-x3", "mssn-m-x4"])
def test_bf16_is_no_further_from_fp32_than_openvino(name: str) -> None:
    given = floats(picture(90, 120))
    path = shipped_file(name)
    exact = OpenVINORuntime(path, precision="fp32").run(given)
    ours, theirs = (
        np.square(kind(path, precision="bf16").run(given) - exact).mean()
        for kind in (NativeRuntime, OpenVINORuntime)
    )
    assert 0 < ours <= theirs


def file_of(precision: str) -> Path:
    return shipped_file("mssn-s-x2-int8" if precision == "int8" else "mssn-s-x2")


@pytest.mark.parametrize("precision", computes())
def test_pixels_depend_neither_on_threads_nor_on_tiles(precision) -> None:
    path, pixels = file_of(precision), picture(45, 400)
    one = NativeRuntime(path, precision=precision, threads=1)
    whole = one.run_pixels(pixels)
    for threads in (2, 3, 64):
        assert np.array_equal(
            NativeRuntime(path, precision=precision, threads=threads).run_pixels(pixels), whole
        )
    assert np.array_equal(enlarge(one, pixels, tile=100), whole)


@pytest.mark.parametrize("precision", computes())
def test_memory_of_one_picture_does_not_show_in_the_next(precision) -> None:
    runtime = NativeRuntime(file_of(precision), precision=precision, threads=2)
    pictures = [
        picture(20, 30, 1),
        np.full((20, 30, 3), 255, np.uint8),
        picture(30, 20, 2),
        picture(20, 30, 3),
    ]
    alone = [NativeRuntime(file_of(precision), precision=precision).run_pixels(p) for p in pictures]
    for _ in range(2):
        for given, expected in zip(pictures, alone, strict=True):
            assert np.array_equal(runtime.run_pixels(given), expected)
    with ThreadPoolExecutor(4) as pool:
        for k, result in enumerate(pool.map(runtime.run_pixels, pictures * 8)):
            assert np.array_equal(result, alone[k % len(pictures)])


@pytest.mark.parametrize("strength", [0.1, 0.55, 1.0])
def test_a_network_is_told(strength) -> None:
    path, given = shipped_file("mssn-s-photo-x2"), floats(picture(24, 31))
    ours = NativeRuntime(path, precision="fp32", strength=strength).run(given)
    theirs = OpenVINORuntime(path, precision="fp32", strength=strength).run(given)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=4e-6)


def test_batches_and_values_beyond_white() -> None:
    given = np.concatenate([floats(picture(9, 8)), 3 * floats(picture(9, 8, 1)) - 1.5])
    path = shipped_file("mssn-s-x2")
    ours = NativeRuntime(path, precision="fp32").run(given)
    np.testing.assert_allclose(ours, OpenVINORuntime(path, precision="fp32").run(given), rtol=0, atol=4e-6)
    assert ours.max() > 1 > 0 > ours.min()


@pytest.mark.parametrize("name", ["mssn-s-photo-x2", "mssn-s-photo-x2-int8"])
def test_a_graph_is_what_onnx_reads(name) -> None:
    graph = onnx.load(shipped_file(name)).graph
    types = onnx.TensorProto
    expected = {
        tensor.name: numpy_helper.to_array(tensor)
        for tensor in graph.initializer
        if tensor.data_type in (types.FLOAT, types.FLOAT16, types.INT8, types.UINT8)
    }
    found, sources = read_graph(shipped_file(name))
    assert set(found) == set(expected)
    for key, value in expected.items():
        assert found[key].dtype == value.dtype
        assert np.array_equal(found[key], value.ravel())
    assert sources == {node.output[0]: list(node.input) for node in graph.node}


def test_a_network_that_is_not_what_it_says_is_refused(tmp_path) -> None:
    model = onnx.load(shipped_file("mssn-s-x2"))
    del model.graph.initializer[3]
    onnx.save(model, tmp_path / "a.onnx")
    with pytest.raises(WeightsError, match="not the one it describes"):
        NativeRuntime(tmp_path / "a.onnx", precision="fp32")
    with pytest.raises(WeightsError, match="computes in int8"):
        NativeRuntime(shipped_file("mssn-s-x2-int8"), precision="fp32")


@pytest.mark.parametrize(
    "change",
    [{"units": -1}, {"units": "4"}, {"blocks": 10**9}, {"blocks": None}, {"channels": 48}, {"unit": "x"}],
)
def test_a_description_that_makes_no_sense_does_not_suit(change) -> None:
    meta = read_meta(shipped_file("mssn-s-x2"))
    assert suits(meta)
    assert not suits(replace(meta, config={**meta.config, **change}))


def test_pixels_may_lie_in_any_order() -> None:
    runtime, pixels = NativeRuntime(shipped_file("mssn-s-x2"), precision="fp32"), picture(12, 17)
    assert np.array_equal(
        runtime.run_pixels(np.asfortranarray(pixels)[::-1]), runtime.run_pixels(pixels[::-1].copy())
    )


def test_nothing_else_is_loaded(tmp_path) -> None:
    """Neither OpenVINO nor PyTorch, each of which takes longer than a small picture."""
    code = "import sys, numpy, mssn; load = mssn.load(runtime='native', precision='fp32');"
    code += "load(numpy.zeros((9, 9, 3), 'u1'));"
    code += "raise SystemExit('openvino' in sys.modules or 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=tmp_path).returncode == 0


@pytest.mark.slow
def test_the_compiled_kernels_are_what_their_source_says(tmp_path) -> None:
    pytest.importorskip("ziglang")
    subprocess.run([sys.executable, compiled.__file__, "-o", tmp_path], check=True)
    for file in compiled.FILES:
        assert (tmp_path / file.name).read_bytes() == file.read_bytes()
