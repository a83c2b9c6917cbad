"""Numbers typed at the command line arrive where they act: cores, memory, pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import openvino
import pytest
from PIL import Image

from mssn.image.picture import Picture
from mssn.image.scratch import ScratchArrays
from mssn.image.write import write
from mssn.runtime.bicubic import BicubicRuntime
from mssn.upscaling.files import upscale_file
from mssn.upscaling.jobs import Options
from mssn.upscaling.size import Factor
from mssn.upscaling.tiled import TiledModel
from mssn.upscaling.upscaler import Upscaler
from mssn.upscaling.way import ModelFamily

KIB = 2**10
COPY = Upscaler(ModelFamily("bicubic", (), lambda scale, _: TiledModel(BicubicRuntime(scale))), Factor(1))


@pytest.fixture
def openvino_threads(monkeypatch) -> list[int]:
    """Threads asked for of every network that OpenVINO compiles (it takes no more than there are cores)."""
    found: list[int] = []
    compile_model = openvino.Core.compile_model

    def watched(core: openvino.Core, model: Any, device: str, config: dict[str, Any]) -> Any:
        found.append(config.get("INFERENCE_NUM_THREADS", 0))
        return compile_model(core, model, device, config)

    monkeypatch.setattr(openvino.Core, "compile_model", watched)
    return found


@pytest.fixture
def onnxruntime_threads(monkeypatch) -> list[int]:
    """Threads of every session of ONNX Runtime, as it tells itself."""
    found: list[int] = []

    class Watched(onnxruntime.InferenceSession):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            found.append(self.get_session_options().intra_op_num_threads)

    monkeypatch.setattr(onnxruntime, "InferenceSession", Watched)
    return found


@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
@pytest.mark.parametrize(
    "arguments",
    [
        ("upscale", "pictures/one.png", "-o", "large.png", "-f"),
        ("compare", "pictures/one.png", "-o", "large.png", "-f"),
        ("evaluate", "--data", "pictures/scored"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_threads_reach_the_runtime(
    mssn, pictures, photo, exported, arguments, runtime, openvino_threads, onnxruntime_threads
) -> None:
    (pictures / "scored").mkdir()
    write(pictures / "scored" / "a.png", Picture(photo))
    found = openvino_threads if runtime == "openvino" else onnxruntime_threads
    for threads in (1, 3):
        found.clear()
        options = ("-m", exported / "mssn-s-x2.onnx", "--runtime", runtime, "--threads", threads)
        assert mssn(*arguments, *options).code == 0
        assert found and set(found) == {threads}


def test_threads_reach_what_is_timed(mssn, exported, openvino_threads) -> None:
    assert mssn("profile", exported / "mssn-s-x2.onnx", "--size", "40x40", "--threads", 3).code == 0
    assert openvino_threads == [3]


@pytest.fixture
def files_made(monkeypatch) -> list[Path]:
    """Temporary files in which arrays wait."""
    found: list[Path] = []
    new_file = ScratchArrays.new_file

    def watched(self: ScratchArrays) -> Path:
        found.append(new_file(self))
        return found[-1]

    monkeypatch.setattr(ScratchArrays, "new_file", watched)
    return found


def of_size(path: Path, size: int) -> Path:
    """A grey picture whose pixels take so many bytes."""
    write(path, Picture(np.zeros((size // 256, 256, 1), np.uint8)))
    return path


@pytest.mark.parametrize(("size", "waits"), [(255 * KIB, False), (257 * KIB, True)])
def test_memory_is_given_in_mebibytes(mssn, tmp_path, files_made, size, waits) -> None:
    """Four arrays are held at once, so that of 1 MiB each may take 256 KiB."""
    source = of_size(tmp_path / "a.png", size)
    for number, memory in enumerate((1, 2, 4096)):
        files_made.clear()
        assert mssn("upscale", source, "-s", 1, "-o", f"{number}.png", "--memory", memory).code == 0
        assert bool(files_made) == (waits and memory == 1)


@pytest.mark.parametrize(("size", "waits"), [(255 * KIB, False), (257 * KIB, True)])
def test_memory_of_the_options_is_in_bytes(tmp_path, files_made, size, waits) -> None:
    source = of_size(tmp_path / "a.png", size)
    upscale_file(COPY, source, tmp_path / "b.png", Options(memory=2**20))
    assert bool(files_made) == waits


def test_the_default_memory_is_a_gibibyte(mssn, tmp_path) -> None:
    assert Options().memory == 2**30
    assert "1024" in mssn("upscale", "--help").out.partition("--memory")[2].partition("--")[0]


def test_megapixels_count_all_pages(mssn, tmp_path, photo) -> None:
    """Five pages of 96 x 112 are 0.05376 megapixels."""
    frames = [Image.fromarray(np.roll(photo, 9 * n, axis=0)) for n in range(5)]
    for name in ("a.tif", "a.gif"):
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:])
        refused = mssn("upscale", name, "-m", "bicubic", "--max-megapixels", "0.0537")
        assert refused.code == 2
        assert "112 x 96 pixels on 5 pages exceed the limit of 0.0537 million" in refused.line
        assert mssn("upscale", name, "-m", "bicubic", "--max-megapixels", "0.0538").code == 0
