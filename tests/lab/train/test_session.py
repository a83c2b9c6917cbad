"""From a recipe to a trainer, and to a weights file."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mssn.errors import DataError, RecipeError, WeightsError
from mssn.lab.train import session
from mssn.lab.train.session import write_weights
from mssn.lab.weights import load_network


def test_weights_of_a_run_describe_themselves(make, tmp_path) -> None:
    trainer, meta = make()
    trainer.run(stop_after=5)
    write_weights(trainer, meta, tmp_path / "w.safetensors")
    net, meta = load_network(tmp_path / "w.safetensors")
    assert (meta.model, meta.scale, meta.updates, meta.recipe) == ("mssn-s", 2, 5, "unnamed")
    assert meta.halo == 6  # head, four units, tail
    assert all(torch.equal(t, trainer.result.state_dict()[n]) for n, t in net.state_dict().items())


def test_init_continues_from_weights_and_adds_up_the_updates(make, tmp_path) -> None:
    trainer, meta = make()
    trainer.run(stop_after=5)
    write_weights(trainer, meta, tmp_path / "w.safetensors")
    trainer, meta = make("second", init=tmp_path / "w.safetensors")
    net, _ = load_network(tmp_path / "w.safetensors")
    assert all(torch.equal(t, net.state_dict()[n]) for n, t in trainer.net.state_dict().items())
    trainer.run(stop_after=3)
    write_weights(trainer, meta, tmp_path / "more.safetensors")
    assert load_network(tmp_path / "more.safetensors")[1].updates == 8


def test_init_from_another_scale_lends_body_and_head(make, tmp_path) -> None:
    trainer, meta = make()
    trainer.run(stop_after=5)
    write_weights(trainer, meta, tmp_path / "w.safetensors")
    source, _ = load_network(tmp_path / "w.safetensors")
    theirs = source.state_dict()
    for scale in (3, 4):
        trainer, _ = make(f"x{scale}", scale=scale, init=tmp_path / "w.safetensors")
        for name, tensor in trainer.net.state_dict().items():
            lent = not name.startswith(("tail.", "skip."))
            assert (name in theirs and torch.equal(tensor, theirs[name])) == lent, name


def test_init_from_a_smaller_network_grows(make, tmp_path) -> None:
    trainer, meta = make()
    trainer.run(stop_after=5)
    write_weights(trainer, meta, tmp_path / "w.safetensors")
    larger = {"channels": 10, "expanded": 16, "blocks": 3, "units": 2}
    grown, meta = make("grown", model="mssn-m", config=larger, init=tmp_path / "w.safetensors")
    x = torch.rand(1, 3, 20, 20)
    torch.testing.assert_close(grown.result(x), trainer.result(x), atol=1e-5, rtol=0)
    grown.run(stop_after=2)
    again, meta = make("grown", model="mssn-m", config=larger)
    again.resume()
    write_weights(again, meta, tmp_path / "grown.safetensors")
    _, meta = load_network(tmp_path / "grown.safetensors")
    assert (meta.updates, meta.recipe) == (7, "unnamed, from mssn-s x2")


def test_a_teacher_of_another_scale_is_refused(make, tmp_path) -> None:
    trainer, meta = make()
    write_weights(trainer, meta, tmp_path / "w.safetensors")
    with pytest.raises(RecipeError, match="enlarges by 2, not by 3"):
        make("taught", scale=3, teacher=str(tmp_path / "w.safetensors"), distill=0.5)


def test_init_from_another_network_is_refused(make, tmp_path) -> None:
    trainer, meta = make()
    write_weights(trainer, meta, tmp_path / "w.safetensors")
    with pytest.raises(WeightsError, match="weights of mssn-s x2 cannot start"):
        make("other", config={"channels": 6, "expanded": 12}, init=tmp_path / "w.safetensors")


def test_missing_data_is_named(make, monkeypatch) -> None:
    monkeypatch.delenv("MSSN_DATA", raising=False)
    with pytest.raises(DataError, match="no folder nowhere"):
        make(train=("nowhere",))
    with pytest.raises(DataError, match="no picture holds a patch of 400 pixels"):
        make(patch=200)


def test_skipped_pictures_are_reported(make, tmp_path, folders) -> None:
    (tmp_path / "train" / "broken.png").write_text("no picture")
    trainer, _ = make()
    assert trainer.run() is True


def test_degraded_pictures_are_trained_and_validated(make, tmp_path) -> None:
    """Another small picture, the same original; and the same again in the next run."""
    clean, _ = make("clean")
    trainer, _ = make("photo", degrade={"versions": 2, "clean": 0.0, "quality": [30, 40], "compress": 1})
    again, _ = make("again", degrade={"versions": 2, "clean": 0.0, "quality": [30, 40], "compress": 1})
    k = np.arange(8)
    (lr, hr), (degraded, same) = clean.patches.batch(k), trainer.patches.batch(k)
    assert torch.equal(hr, same)
    assert not torch.equal(lr, degraded)
    assert torch.equal(again.patches.batch(k)[0], degraded)
    for (small, large, _), (small_again, *_), (clean_small, clean_large, _) in zip(
        trainer.validation, again.validation, clean.validation, strict=True
    ):
        assert np.array_equal(large, clean_large)
        assert np.array_equal(small, small_again)
        assert not np.array_equal(small, clean_small)
    trainer.run()
    assert trainer.status.psnr is not None
    with pytest.raises(RecipeError, match="degrade: unknown key 'jpeg'"):
        make("bad", degrade={"jpeg": 1})


def test_of_thousands_of_lines_the_first_are_said() -> None:
    said: list[str] = []
    session._say_some([f"skipped {k}.png" for k in range(1234)], said.append)
    assert said == [*(f"skipped {k}.png" for k in range(10)), "and 1,224 more such lines"]
    session._say_some(["one"], said.append)
    assert said[-1] == "one"
