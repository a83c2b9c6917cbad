"""A checkpoint survives everything but its own success."""

from __future__ import annotations

import pytest
import torch

from mssn.errors import CheckpointError
from mssn.lab.train import checkpoint
from mssn.lab.train.checkpoint import load_checkpoint, save_checkpoint


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
    for name, words in {
        "cut": "not a readable checkpoint",
        "empty": "not a readable checkpoint",
        "text": "not a readable checkpoint",
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
