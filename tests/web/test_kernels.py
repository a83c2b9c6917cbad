"""Our kernels in WebAssembly compute what the graph says, as ONNX Runtime does."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from skimage import data
from waves import floats, picture

from mssn.models.info import list_models, shipped_file
from mssn.models.meta import read_graph, read_told
from mssn.runtime.onnxruntime import ONNXRuntime

NODE = shutil.which("node")
PAGE = Path(__file__).parents[2] / "web" / "src" / "network"
BUILDS = ["kernels.wasm", "kernels-relaxed.wasm"]
SHIPPED = sorted({row.path for row in list_models() if row.path is not None})
pytestmark = pytest.mark.skipif(NODE is None, reason="needs Node.js (node)")


@dataclass(frozen=True)
class Done:
    """What the page made of pictures: levels and floats of each, H x W x 3; memory after each, in bytes."""

    levels: list[np.ndarray]
    floats: list[np.ndarray]
    memory: list[int]
    constants: dict[str, np.ndarray]
    error: str | None
    refusal: str | None


def run(
    folder: Path,
    model: bytes,
    pictures: list[np.ndarray],
    build: str = BUILDS[0],
    refused: tuple[int, int] | None = None,
) -> Done:
    sizes = [{"height": len(rgb), "width": len(rgb[0])} for rgb in pictures]
    jobs = {"kernels": str(PAGE / build), "pictures": sizes, "refused": refused}
    (folder / "jobs.json").write_text(json.dumps(jobs))
    (folder / "model.onnx").write_bytes(model)
    for k, rgb in enumerate(pictures):
        (folder / f"{k}.rgb").write_bytes(np.ascontiguousarray(rgb).tobytes())
    subprocess.run([str(NODE), Path(__file__).parent / "kernels.mjs", folder], check=True)
    done = json.loads((folder / "done.json").read_text())
    if build == BUILDS[1] and not done["known"]:
        pytest.skip("this Node.js has no relaxed SIMD")

    def results(ending: str, dtype: type[np.generic]) -> list[np.ndarray]:
        found: list[np.ndarray] = []
        for k in range(len(done["memory"])):
            values = np.fromfile(folder / f"{k}.{ending}", dtype)
            scale = round((values.size / pictures[k].size) ** 0.5)
            found.append(values.reshape(scale * len(pictures[k]), -1, 3))
        return found

    constants: dict[str, np.ndarray] = {}
    if (folder / "constants.json").exists():
        values, at = np.fromfile(folder / "constants", np.float32), 0
        for name, length in json.loads((folder / "constants.json").read_text()):
            constants[name] = values[at : at + length]
            at += length
    levels, values = results("levels", np.uint8), results("floats", np.float32)
    return Done(levels, values, done["memory"], constants, done["error"], done["refusal"])


def require_equal(done: Done, exact: ONNXRuntime, pictures: list[np.ndarray]) -> None:
    assert done.error is None
    for rgb, levels, values in zip(pictures, done.levels, done.floats, strict=True):
        expected = exact.run(floats(rgb))[0].transpose(1, 2, 0)
        np.testing.assert_allclose(values, expected, rtol=0, atol=4e-6)
        assert np.array_equal(
            levels, np.floor(values.clip(0, 1) * np.float32(255) + np.float32(0.5)).astype(np.uint8)
        )


@pytest.mark.parametrize(
    ("path", "build"),
    [
        pytest.param(path, build, marks=() if path.stem.startswith("mssn-s") else pytest.mark.slow)
        for path, build in (
            *((path, BUILDS[0]) for path in SHIPPED),
            *((shipped_file(name), BUILDS[1]) for name in ("mssn-s-x2", "mssn-m-x3", "mssn-x4")),
        )
    ],
    ids=lambda value: getattr(value, "stem", value),
)
def test_every_network(path: Path, build: str, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (21, 18, 3), np.uint8)
    pictures = [data.astronaut()[80:117, 180:233], noise]
    done = run(tmp_path, path.read_bytes(), pictures, build)
    require_equal(done, ONNXRuntime(path, precision="fp32"), pictures)


@pytest.mark.parametrize("build", BUILDS)
def test_every_size(build: str, tmp_path: Path) -> None:
    path = shipped_file("mssn-s-x3")
    sizes = [(1, 1), (1, 7), (7, 1), (2, 3), (5, 6), (1, 700), (333, 5), (33, 321)]
    pictures = [picture(*size) for size in sizes]
    require_equal(
        run(tmp_path, path.read_bytes(), pictures, build), ONNXRuntime(path, precision="fp32"), pictures
    )


@pytest.mark.parametrize("strength", [0.0, 0.37, 1.0])
@pytest.mark.parametrize("name", ["mssn-s-photo-x2", "mssn-s-photo-x4"])
def test_a_network_is_told(name: str, strength: float, tmp_path: Path) -> None:
    path, pictures = shipped_file(name), [picture(24, 31)]
    done = run(tmp_path, read_told(path, strength), pictures)
    require_equal(done, ONNXRuntime(path, precision="fp32", strength=strength), pictures)


def test_memory_is_used_again_and_does_not_show(tmp_path: Path) -> None:
    model = shipped_file("mssn-s-x2").read_bytes()
    pictures = [picture(40, 30, seed) for seed in range(4)]
    pictures[1:1] = [picture(9, 61), np.full((3, 5, 3), 255, np.uint8)]
    done = run(tmp_path, model, pictures)
    assert len(set(done.memory)) == 1  # the largest came first
    for rgb, levels in zip(pictures, done.levels, strict=True):
        assert np.array_equal(run(tmp_path, model, [rgb]).levels[0], levels)


def test_constants_are_what_python_reads(tmp_path: Path) -> None:
    path = shipped_file("mssn-m-photo-x3")
    ours, theirs = run(tmp_path, path.read_bytes(), []).constants, read_graph(path)[0]
    assert set(ours) == set(theirs)
    for name, values in theirs.items():
        assert np.array_equal(ours[name], values.astype(np.float32))


def test_half_precision_is_exact(tmp_path: Path) -> None:
    halves = np.arange(2**16, dtype=np.uint16).view(np.float16)
    halves = halves[np.isfinite(halves)]
    model = onnx.load(shipped_file("mssn-s-x2"))
    model.graph.initializer.append(numpy_helper.from_array(halves, "all"))
    found = run(tmp_path, model.SerializeToString(), []).constants["all"]
    assert np.array_equal(found.view(np.uint32), halves.astype(np.float32).view(np.uint32))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda _: shipped_file("mssn-s-x2-int8").read_bytes(), "not a network that the kernels can run"),
        (lambda model: model[:-1000], "not an .onnx file"),
        (lambda _: b"\x89PNG\r\n\x1a\n" + bytes(99), "not an .onnx file"),
        (lambda _: b"", "not a network that the kernels can run"),
    ],
    ids=["int8", "cut off", "a picture", "empty"],
)
def test_other_files_are_refused(change, message: str, tmp_path: Path) -> None:
    done = run(tmp_path, change(shipped_file("mssn-s-x2").read_bytes()), [picture(4, 4)])
    assert done.error is not None
    assert done.error.startswith(message)


def test_a_picture_that_is_too_large_takes_nothing(tmp_path: Path) -> None:
    model, pictures = shipped_file("mssn-s-x2").read_bytes(), [picture(8, 8)]
    alone, after = run(tmp_path, model, pictures), run(tmp_path, model, pictures, refused=(20_000, 20_000))
    assert after.refusal == "RangeError"
    assert after.memory == alone.memory
    assert np.array_equal(after.levels[0], alone.levels[0])
