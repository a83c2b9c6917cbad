"""Weights files describe themselves, and lying or damaged ones are refused."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from networks import TINY, scrambled
from safetensors.numpy import save_file

from mssn.errors import WeightsError
from mssn.lab import weights
from mssn.lab.complexity import count_parameters
from mssn.lab.weights import load_network, tensors_of
from mssn.models.meta import Meta


def meta_of(net, **changes) -> Meta:
    meta = Meta(
        model="mssn-s",
        scale=net.scale,
        config=asdict(net.config),
        domain="rgb",
        halo=6,
        parameters=count_parameters(net),
        recipe="test",
        updates=12,
        data="none",
    )
    return replace(meta, **changes)


def test_a_file_alone_rebuilds_its_network(tmp_path) -> None:
    net, path, x = scrambled(), tmp_path / "net.safetensors", torch.rand(1, 3, 7, 8)
    weights.save(path, tensors_of(net), meta_of(net, scores={"Set5": {"psnr": 37.5, "ssim": 0.9}}))
    other, meta = load_network(path)
    assert other.config == TINY
    assert torch.equal(other(x), net(x))
    assert meta == meta_of(net, scores={"Set5": {"psnr": 37.5, "ssim": 0.9}})
    assert not list(tmp_path.glob(".*"))  # nothing temporary is left


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"scale": 3}, "not the weights of mssn-s x3"),
        ({"config": {**asdict(TINY), "channels": 5}}, "tensor .* does not fit"),
        ({"config": {**asdict(TINY), "blocks": 3}}, "does not fit"),
        ({"config": {**asdict(TINY), "depth": 3}}, "depth"),
        ({"parameters": 1}, "1 parameters does not fit"),
        ({"model": "resnet"}, "unknown model 'resnet'"),
    ],
)
def test_description_and_tensors_must_agree(tmp_path, changes, words) -> None:
    net, path = scrambled(), tmp_path / "net.safetensors"
    weights.save(path, tensors_of(net), meta_of(net, **changes))
    with pytest.raises(WeightsError, match=words):
        load_network(path)


def test_what_is_no_weights_file_is_refused_in_one_line(tmp_path) -> None:
    (tmp_path / "text.safetensors").write_text("hello")
    (tmp_path / "empty.safetensors").write_bytes(b"")
    save_file({"a": np.zeros(3, np.float32)}, tmp_path / "foreign.safetensors")
    newer = {**asdict(meta_of(scrambled())), "format": 99}
    save_file({"a": np.zeros(3, np.float32)}, tmp_path / "newer.safetensors", {"mssn": json.dumps(newer)})
    save_file({"a": np.zeros(3, np.float32)}, tmp_path / "odd.safetensors", {"mssn": '{"format": 1}'})
    for name, words in {
        "missing": "no such weights file",
        "text": "not a readable safetensors file",
        "empty": "not a readable safetensors file",
        "foreign": "carries no mssn description",
        "newer": "format 99",
        "odd": "cannot be read",
    }.items():
        with pytest.raises(WeightsError, match=words) as caught:
            weights.load(tmp_path / f"{name}.safetensors")
        assert f"{name}.safetensors" in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_failed_write_keeps_the_old_file(tmp_path, monkeypatch) -> None:
    path = tmp_path / "net.safetensors"
    path.write_bytes(b"old")

    def full(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(WeightsError, match="No space left on device"):
        weights.save(path, {}, meta_of(scrambled()))
    assert [p.name for p in tmp_path.iterdir()] == ["net.safetensors"]
    assert path.read_bytes() == b"old"


def test_half_precision_is_read_as_float32(tmp_path) -> None:
    net, path = scrambled(), tmp_path / "net.safetensors"
    halves = {name: array.astype(np.float16) for name, array in tensors_of(net).items()}
    weights.save(path, halves, meta_of(net))
    loaded, _ = load_network(path)
    assert {p.dtype for p in loaded.parameters()} == {torch.float32}
    x = torch.rand(1, 3, 6, 6)
    assert 0 < (loaded(x) - net(x)).abs().max() < 0.01
