"""A checkpoint survives everything but its own success."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from mssn.errors import CheckpointError
from mssn.lab.train import checkpoint
from mssn.lab.train.checkpoint import History, load_checkpoint, save_checkpoint
from mssn.lab.train.session import prepare, resumed_recipe

FIRST_LAYOUT = Path(__file__).parents[2] / "golden" / "checkpoint-0.1"


def test_state_comes_back(tmp_path) -> None:
    path = tmp_path / "c.pt"
    state = {"a": torch.arange(3), "b": {"c": 1.5, "d": None, "e": "text"}, "f": [1, 2]}
    save_checkpoint(path, state)
    loaded = load_checkpoint(path)
    assert torch.equal(loaded.pop("a"), state.pop("a"))
    assert loaded == state
    assert [p.name for p in tmp_path.iterdir()] == ["c.pt"]


def test_full_disk_keeps_the_previous_one(tmp_path, monkeypatch) -> None:
    path = tmp_path / "c.pt"
    save_checkpoint(path, {"update": 1})

    def half(state: object, file) -> None:
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint.torch, "save", half)
    with pytest.raises(CheckpointError, match=r"No space left on device.*the previous one is kept"):
        save_checkpoint(path, {"update": 2})
    assert load_checkpoint(path) == {"update": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["c.pt"]


def test_damaged_and_missing_files_are_one_clear_error(tmp_path) -> None:
    save_checkpoint(tmp_path / "whole.pt", {"a": torch.zeros(1000)})
    (tmp_path / "cut.pt").write_bytes((tmp_path / "whole.pt").read_bytes()[:500])
    (tmp_path / "empty.pt").write_bytes(b"")
    (tmp_path / "text.pt").write_text("hello")
    torch.save([1, 2], tmp_path / "list.pt")
    for name, words in {
        "cut": "not a readable checkpoint",
        "empty": "not a readable checkpoint",
        "text": "not a readable checkpoint",
        "list": "not a checkpoint of mssn",
        "gone": "no checkpoint to resume from",
    }.items():
        with pytest.raises(CheckpointError, match=words) as caught:
            load_checkpoint(tmp_path / f"{name}.pt")
        assert "\n" not in str(caught.value)


class Harmful:
    """Runs a function when unpickled, as a hostile file would."""

    def __reduce__(self):
        return (print, ("harm done",))


def test_nothing_in_a_checkpoint_is_executed(tmp_path, capsys) -> None:
    torch.save({"a": Harmful()}, tmp_path / "c.pt")
    with pytest.raises(CheckpointError):
        load_checkpoint(tmp_path / "c.pt")
    assert capsys.readouterr().out == ""


def test_a_checkpoint_of_version_01_goes_on_as_if_it_had_never_stopped(tmp_path, monkeypatch) -> None:
    """Written by version 0.1 after 6 of 12 updates, with Muon, an average, and a stage still to come."""
    monkeypatch.chdir(FIRST_LAYOUT)  # its recipe names the folders beside it
    (tmp_path / "old").mkdir()
    shutil.copy("checkpoint.pt", tmp_path / "old")
    recipe = resumed_recipe(tmp_path / "old", [])
    old, _ = prepare(recipe, tmp_path / "old", cache=tmp_path / "cache", device="cpu")
    old.resume()
    assert old.history == History(7, "mssn-s x2")
    assert (old.status.update, old.status.samples, old.status.fraction) == (6, 24, 0.5)
    assert old.run() is True
    whole, _ = prepare(recipe, tmp_path / "whole", cache=tmp_path / "cache", device="cpu")
    assert whole.run() is True
    assert (old.status.update, old.status.samples) == (whole.status.update, whole.status.samples) == (12, 48)
    # Bit for bit on the processor that wrote it; others round in other places.
    for name, tensor in whole.result.state_dict().items():
        torch.testing.assert_close(old.result.state_dict()[name], tensor, atol=1e-4, rtol=0)
    assert old.status.psnr == pytest.approx(whole.status.psnr, abs=1e-3)
    # And what it leaves is of today's layout, with the same history.
    assert "past" not in torch.load(tmp_path / "old" / "checkpoint.pt", weights_only=True)
    again, _ = prepare(recipe, tmp_path / "old", cache=tmp_path / "cache", device="cpu")
    again.resume()
    assert again.history == History(7, "mssn-s x2")
    assert again.status.fraction == 1
