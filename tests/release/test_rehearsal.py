"""A tiny network goes through every step that measures: once, and again only when its file has changed."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import budget
import check
import degraded
import ensemble
import manifest
import numpy as np
import onnx
import precision
import pytest
import record
import scores
import ship
from onnx import numpy_helper

from mssn.errors import MssnError
from mssn.lab.weights import load_network, save, tensors_of
from mssn.models import info
from mssn.models.meta import FORMAT

NAME = "mssn-s-x2"


def tensors(path: Path) -> dict[str, np.ndarray]:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer}


def result() -> dict:
    return json.loads((record.RESULTS / f"{NAME}.json").read_text())


@pytest.fixture(scope="module")
def once(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Where `shipped` keeps what shipping made, so that it is made once for all tests."""
    return {"kept": tmp_path_factory.mktemp("kept") / "all"}


@pytest.fixture
def shipped(package: Path, data: Path, trained: Path, job: record.Job, once: dict[str, Path]) -> Path:
    """The tiny network, shipped."""
    if not once["kept"].exists():
        ship.ship(trained / "weights.safetensors", job, ("mssn train fast",))
        manifest.write_manifest()
        shutil.copytree(package, once["kept"] / "shipped")
        shutil.copytree(record.RESULTS, once["kept"] / "results")
    shutil.copytree(once["kept"] / "shipped", package, dirs_exist_ok=True)
    shutil.copytree(once["kept"] / "results", record.RESULTS, dirs_exist_ok=True)
    return package / f"{NAME}.onnx"


def test_shipping_installs_weights_with_their_scores(shipped: Path, job: record.Job, trained: Path) -> None:
    meta = load_network(shipped)[1]
    assert (meta.recipe, meta.commands) == ("fast", ("mssn train fast",))
    assert set(meta.scores) == set(info.BENCHMARKS)
    (row,) = [row for row in info.list_models() if row.weights]
    assert (row.model, row.scale, row.weights, row.int8, row.loss) == ("mssn-s", 2, shipped.name, None, {})
    assert row.scores == meta.scores
    assert result()["files"] == {shipped.name: record.content_hash(shipped)}
    assert result()["commit"] == job.revision
    assert result()["validation"]["clean"] == result()["cells"]["Set5"], "of the same picture here"
    assert result()["meta"]["scores"] == meta.scores

    told = ("mssn train other",)
    before = shipped.read_bytes()
    int8 = shipped.with_name(f"{NAME}-int8.onnx")
    int8.write_bytes(b"of these weights")
    with pytest.raises(MssnError, match=r"mssn-s-x2: not better .* \(\+0\.0000 dB\); kept those"):
        ship.ship(trained / "weights.safetensors", job, told)
    assert shipped.read_bytes() == before
    assert int8.exists()
    fewer = {"clean": result()["validation"]["clean"]}  # as an older release scored them
    record.write_json(record.RESULTS / f"{NAME}.json", result() | {"validation": fewer})
    with pytest.raises(MssnError, match=r"mssn-s-x2: not better .* \(\+0\.0000 dB\); kept those"):
        ship.ship(trained / "weights.safetensors", job, told)


def test_better_weights_replace_those_that_ship(
    shipped: Path, job: record.Job, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure = scores.measure

    def other(weights: Path, photo: bool, threads: int | None) -> scores.Measured:
        found = measure(weights, photo, threads)
        better = {way: psnr + 0.1 for way, psnr in found.validation.items()}
        return replace(found, validation=better, cells={**found.cells, "B100": found.cells["B100"] - 0.3})

    monkeypatch.setattr(scores, "measure", other)
    int8 = shipped.with_name(f"{NAME}-int8.onnx")
    int8.write_bytes(b"of these weights")
    weights, commands = trained / "weights.safetensors", ("mssn train other",)
    with pytest.raises(MssnError, match=r"0\.3000 dB lost on B100, more than 0\.02; kept those"):
        ship.ship(weights, job, commands)
    assert int8.exists()
    ship.ship(weights, job, commands, lose=["B100"])
    assert load_network(shipped)[1].commands == commands
    assert result()["lost"] == {"B100": -0.3}
    assert not int8.exists(), "of other weights"


@pytest.mark.parametrize(
    ("commit", "commands", "words"),
    [
        ("0123456789ab", (), "does not know the commands that made it; --commands FILE"),
        ("", ("mssn train",), "code that is not committed"),
        ("0123456789ab-dirty", ("mssn train",), "code that is not committed"),
    ],
)
def test_what_nobody_could_make_again_does_not_ship(
    package: Path,
    trained: Path,
    job: record.Job,
    tmp_path: Path,
    commit: str,
    commands: tuple[str, ...],
    words,
) -> None:
    net, meta = load_network(trained / "weights.safetensors")
    save(tmp_path / "w.safetensors", tensors_of(net), replace(meta, commit=commit))
    with pytest.raises(MssnError, match=words):
        ship.ship(tmp_path / "w.safetensors", job, commands)
    assert not list(package.glob("*.onnx"))


def test_changes_that_are_not_committed_ship_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def unclean(dirty: bool = False) -> str:
        assert not dirty
        raise MssnError("not committed: src/mssn/api.py; commit or stash it")

    monkeypatch.setenv("MSSN_DATA", str(tmp_path))
    monkeypatch.setattr(record, "revision", unclean)
    monkeypatch.setattr("sys.argv", ["ship.py", "w.safetensors"])
    assert ship.main() == 2
    assert capsys.readouterr().err == "ship: not committed: src/mssn/api.py; commit or stash it\n"


def test_a_file_is_made_anew_once_and_keeps_its_weights(
    package: Path, data: Path, trained: Path, job: record.Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = package / f"{NAME}.onnx"
    shutil.copy(trained / shipped.name, shipped)  # without scores in it, or in the results
    before = tensors(shipped)
    done = ship.remake(NAME, job)
    assert done is not None
    assert done.startswith("made anew")
    after = tensors(shipped)
    assert after.keys() == before.keys()
    for name, array in before.items():  # what is computed of rounded weights may round to a neighbour
        np.testing.assert_allclose(after[name], array, rtol=2**-10)
    meta = load_network(shipped)[1]
    assert meta.format == FORMAT
    assert {data: score["psnr"] for data, score in meta.scores.items()} == result()["cells"]
    assert ship.remake(NAME, job) is None

    assert ship.remake(NAME, replace(job, force=True)) is not None
    again = tensors(shipped)
    for name, array in after.items():
        np.testing.assert_array_equal(again[name], array)

    record.write_json(record.RESULTS / f"{NAME}.json", result() | {"meta": result()["meta"] | {"format": 0}})
    asked = []
    monkeypatch.setattr(ship, "write", lambda weights, folder: asked.append(weights) or (weights, meta))
    ship.remake(NAME, job)
    assert asked == [shipped], "the format is an older one"


def test_a_file_that_scores_lower_when_made_anew_stays(
    shipped: Path, job: record.Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, measure = shipped.read_bytes(), scores.measure

    def worse(weights: Path, photo: bool, threads: int | None) -> scores.Measured:
        found = measure(weights, photo, threads)
        return replace(found, cells={**found.cells, "B100": found.cells["B100"] - 0.006})

    monkeypatch.setattr(scores, "measure", worse)
    with pytest.raises(MssnError, match=r"0\.0060 dB lost on B100, more than 0\.005; kept the old file"):
        ship.remake(NAME, replace(job, force=True))
    assert shipped.read_bytes() == before


def test_precisions_are_measured_of_the_present_files(
    shipped: Path, job: record.Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "BITS", (8,))
    int8 = shipped.with_name(f"{NAME}-int8.onnx")
    with pytest.raises(MssnError, match="run the step int8 first"):
        precision.measure(NAME, job)
    monkeypatch.setattr(precision, "MAX_LOSS_TO_SHIP", -100)
    assert "does not ship" in (precision.make_int8(NAME, job) or "")
    assert not int8.exists()
    assert precision.make_int8(NAME, job) is None, "it was tried of these weights"
    monkeypatch.setattr(precision, "MAX_LOSS_TO_SHIP", 100)
    with monkeypatch.context() as full:
        full.setattr(budget, "has_int8", lambda name: False)
        assert "does not ship" in (precision.make_int8(NAME, replace(job, force=True)) or "")
    assert not int8.exists()
    assert "does not ship" not in (precision.make_int8(NAME, replace(job, force=True)) or "")
    assert precision.make_int8(NAME, job) is None

    assert precision.measure(NAME, job) == "measured: bf16, weights of 8 bits"
    assert precision.measure(NAME, job) is None
    table = record.Table(record.RESULTS / "precision.json")
    numbers = table.numbers(NAME, [shipped, int8])
    assert list(numbers) == ["fp32", "bf16", "int8", "weights of 8 bits"]
    assert numbers["int8"]["kilobytes"] == round(int8.stat().st_size / 1000)
    assert numbers["fp32"]["Set5"] == pytest.approx(numbers["weights of 8 bits"]["Set5"], abs=0.5)

    monkeypatch.setattr(precision, "computes_bf16", lambda: False)  # never fp32 under the name of bf16
    assert precision._in_bf16(shipped, 1).name == "pytorch cpu bf16"

    manifest.write_manifest()
    (row,) = [row for row in info.list_models() if row.weights]
    assert row.int8 == int8.name
    assert row.loss["int8"] == pytest.approx(numbers["fp32"]["Set5"] - numbers["int8"]["Set5"], abs=1e-6)

    int8.unlink()
    assert precision.make_int8(NAME, job) is not None, "made again when it is gone"


def test_the_ensemble_and_degraded_pictures_are_measured_once(shipped: Path, job: record.Job) -> None:
    assert ensemble.measure(NAME, job) is not None
    assert ensemble.measure(NAME, job) is None
    numbers = record.Table(record.RESULTS / "ensemble.json").models[NAME]
    assert numbers["psnr"]["Set5"] == pytest.approx(result()["cells"]["Set5"], abs=1e-4)

    photo = shipped.with_name("mssn-s-photo-x2.onnx")
    shutil.copy(shipped, photo)
    rows = json.loads((info.FOLDER / "manifest.json").read_text())
    rows.append(rows[0] | {"model": "mssn-s-photo", "weights": photo.name})
    record.write_json(info.FOLDER / "manifest.json", rows)
    name = "mssn-s-photo-x2"
    assert degraded.measure(name, job, ["none"], ["Set14"]) == "measured 1 of 1 cells"
    assert degraded.measure(name, job, ["none", "jpeg:50"], ["Set14"]) == "measured 1 of 2 cells"
    assert degraded.measure(name, job, ["none", "jpeg:50"], ["Set14"]) is None
    numbers = record.Table(record.RESULTS / "degraded.json").models[name]
    assert list(numbers) == ["none", "jpeg:50"]
    for cells in numbers.values():
        assert cells["Set14"]["photo"] == cells["Set14"]["clean"], "the same weights here"
    assert numbers["jpeg:50"]["Set14"]["bicubic"] < numbers["none"]["Set14"]["bicubic"]

    assert check.stale() == []
    with shipped.open("ab") as file:
        file.write(b"\x00")  # other clean weights: what they were compared with is known no more
    assert sum(
        "degraded.json: mssn-s-photo-x2 was measured of another file" in line for line in check.stale()
    )
    assert sum("ensemble.json: mssn-s-x2 was measured of another file" in line for line in check.stale())
