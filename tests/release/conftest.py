"""A package folder of its own with one tiny network, and data sets of one small picture each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import record
from networks import scrambled

from mssn.image.picture import Picture
from mssn.image.write import write
from mssn.lab import nets
from mssn.lab.complexity import count_parameters, halo
from mssn.lab.export.onnx import write_onnx
from mssn.lab.weights import save, tensors_of
from mssn.models import info
from mssn.models.meta import Meta


@pytest.fixture
def job() -> record.Job:
    return record.Job("0123456789ab", threads=1)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with weights of a tiny mssn-s x2 as training leaves them, and as they ship."""
    folder = tmp_path_factory.mktemp("trained")
    net = scrambled()
    meta = Meta(
        model="mssn-s",
        scale=2,
        config=asdict(net.config),
        domain="rgb",
        halo=halo(net, 2),
        parameters=count_parameters(net),
        recipe="fast",
        updates=7,
        data="three pictures",
        licence="MIT",
        commit="0123456789ab",
    )
    save(folder / "weights.safetensors", tensors_of(net), meta)
    write_onnx(net, meta, folder / "mssn-s-x2.onnx", half=True)
    return folder


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty package folder, and folders of results; only mssn-s exists, at x2."""
    shipped = tmp_path / "shipped"
    shipped.mkdir()
    monkeypatch.setattr(info, "FOLDER", shipped)
    monkeypatch.setattr(record, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(record, "BENCHMARKS", tmp_path / "timings")
    only = {"mssn-s": nets.MODELS["mssn-s"]}
    monkeypatch.setattr(nets, "MODELS", only)
    listed(shipped, [])
    return shipped


@pytest.fixture
def data(tmp_path: Path, photo: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Benchmarks and validation pictures."""
    for name in ("validation", *(f"benchmarks/{name}" for name in info.BENCHMARKS)):
        (tmp_path / "data" / name).mkdir(parents=True)
        write(tmp_path / "data" / name / "1.png", Picture(photo))
    monkeypatch.setenv("MSSN_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def ship_files(package: Path) -> Callable[..., None]:
    """Put files with any content into the package, and list them: `ship_files("mssn-s-x2", int8=True)`."""
    names: list[tuple[str, bool]] = []

    def put(*new: str, int8: bool = False, content: str = "weights") -> None:
        for name in new:
            (package / f"{name}.onnx").write_text(f"{content} of {name}")
            if int8:
                (package / f"{name}-int8.onnx").write_text(f"int8 {content} of {name}")
            if (name, int8) not in names:
                names.append((name, int8))
        listed(package, names)

    return put


def listed(folder: Path, names: list[tuple[str, bool]]) -> None:
    """Write a table of models that says that these ship."""
    rows = []
    for name, int8 in names:
        model, _, scale = name.rpartition("-x")
        rows.append(
            info.ModelInfo(
                model=model,
                scale=int(scale),
                parameters=80_068,
                parameters_with_gains=82_628,
                mult_adds=18_438_451_200,
                receptive_field=37,
                weights=f"{name}.onnx",
                int8=f"{name}-int8.onnx" if int8 else None,
                loss={"bf16": 0.001, "int8": -0.0187},
                scores={"Set5": {"psnr": 37.6672, "ssim": 0.95946}},
                training={
                    "recipe": "fast",
                    "updates": 88_331,
                    "data": "three pictures",
                    "licence": "MIT",
                    "commit": "9950d26e4856",
                },
            )
        )
    record.write_json(folder / "manifest.json", [asdict(row) for row in rows])
