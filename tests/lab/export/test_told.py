"""Networks that are told how strongly a picture is degraded: fused, as a file, in int8, and back again."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, replace

import numpy as np
import onnx
import pytest
import torch
from networks import SWITCHES, TINY, scrambled
from onnx import numpy_helper
from torch import Tensor

from mssn.errors import WeightsError
from mssn.image.compression import LEAST
from mssn.lab import weights
from mssn.lab.complexity import count_parameters
from mssn.lab.export import int8
from mssn.lab.export.fuse import FusedMSSN
from mssn.lab.export.onnx import export, write_onnx
from mssn.lab.export.unfuse import learnt_scales, unfuse
from mssn.lab.nets.mssn import MSSN, MSSNConfig
from mssn.lab.soup import soup
from mssn.lab.weights import load_network, tensors_of
from mssn.models.meta import Meta, read_meta

TOLD = replace(TINY, told=True)


def meta_of(net: MSSN) -> Meta:
    return Meta("mssn-s", net.scale, asdict(net.config), "rgb", halo=6, parameters=count_parameters(net))


def with_plane(x: Tensor, *strengths: float) -> Tensor:
    """Pictures as they are trained on: a fourth plane holds the strength."""
    plane = torch.tensor(strengths).view(-1, 1, 1, 1).expand(len(x), 1, *x.shape[2:])
    return torch.cat([x, plane], dim=1)


@pytest.mark.parametrize("changes", SWITCHES[:-1], ids=str)
def test_fused_equals_trained_at_every_strength(changes) -> None:
    net = scrambled(MSSNConfig(**{**vars(TOLD), **changes}))
    fused = FusedMSSN(net)
    x = torch.rand(3, 3, 13, 10)
    with torch.no_grad():
        each = with_plane(x, 0.0, 0.37, 1.0)
        torch.testing.assert_close(fused(each), net(each), rtol=0, atol=1e-5)
        torch.testing.assert_close(fused(x), net(with_plane(x, LEAST)), rtol=0, atol=1e-5)
        fused.strength = 0.8
        torch.testing.assert_close(fused(x), net(with_plane(x, 0.8)), rtol=0, atol=1e-5)
        assert (net(with_plane(x, 0.8)) - net(x)).abs().max() > 0.01, "it makes a difference"


def test_a_fused_network_that_is_not_told_passes_over_the_plane() -> None:
    fused = FusedMSSN(scrambled())
    x = torch.rand(1, 3, 9, 8)
    assert torch.equal(fused(with_plane(x, 0.9)), fused(x))


@pytest.mark.parametrize("half", [False, True])
def test_the_strength_is_one_constant_of_the_file(tmp_path, half) -> None:
    write_onnx(scrambled(TOLD), meta_of(scrambled(TOLD)), tmp_path / "net.onnx", half=half)
    graph = onnx.load(tmp_path / "net.onnx").graph
    (strength,) = (tensor for tensor in graph.initializer if tensor.name == "strength")
    assert np.array_equal(numpy_helper.to_array(strength), np.array([LEAST], np.float32))
    assert strength.data_type == onnx.TensorProto.FLOAT
    computed = {node.output[0]: list(node.input) for node in graph.node if node.op_type in ("Mul", "Add")}
    for head in range(3):
        name = f"heads.{head}"
        assert computed[f"{name}.bias"] == [f"{name}.base", f"{name}.added"]
        assert computed[f"{name}.added"] == [f"{name}.slope", "strength"]
    assert [value.name for value in graph.input] == ["lr"]
    assert Counter(node.op_type for node in graph.node)["Mul"] == 3


def test_a_file_that_is_not_told_has_none(exported) -> None:
    graph = onnx.load(exported / "mssn-s-x2.onnx").graph
    assert not [
        tensor.name for tensor in graph.initializer if tensor.name.endswith(("strength", "slope", "base"))
    ]
    assert not read_meta(exported / "mssn-s-x2.onnx").told


@pytest.mark.parametrize("scale", [2, 3])
def test_what_it_learnt_of_strengths_comes_back(scale) -> None:
    net = scrambled(TOLD, scale)
    back = MSSN(TOLD, scale)
    fused = FusedMSSN(net)
    unfuse(back, fused.state_dict(), learnt_scales(net), fused.shifts)
    assert net.slope is not None
    assert back.slope is not None
    torch.testing.assert_close(back.slope, net.slope, rtol=1e-5, atol=1e-7)
    back(with_plane(torch.rand(1, 3, 9, 9), 0.5)).square().mean().backward()
    assert all(parameter.grad is not None for parameter in back.parameters())
    del (lacking := fused.state_dict())["heads.1.slope"]
    with pytest.raises(ValueError, match=r"tensor heads\.1\.slope does not fit"):
        unfuse(MSSN(TOLD, scale), lacking, learnt_scales(net), fused.shifts)


@pytest.mark.parametrize("half", [False, True])
def test_the_network_comes_back_from_its_file(tmp_path, half) -> None:
    net = scrambled(TOLD)
    weights.save(tmp_path / "net.safetensors", tensors_of(net), meta_of(net))
    safetensors, path = export(tmp_path / "net.safetensors", tmp_path, half=half)
    assert read_meta(path).told
    x = with_plane(torch.rand(2, 3, 11, 12), 0.2, 0.9)
    for file in (path, safetensors):
        back, meta = load_network(file)
        assert meta == meta_of(net)
        with torch.no_grad():
            torch.testing.assert_close(back(x), net(x), rtol=0, atol=5e-3)
    again, meta = load_network(path)
    write_onnx(again, meta, tmp_path / "again.onnx", half=half)
    if half:
        assert (tmp_path / "again.onnx").read_bytes() == path.read_bytes()


def test_ranges_of_int8_hold_weak_and_strong() -> None:
    net = FusedMSSN(scrambled(TOLD))
    x = torch.rand(1, 3, 20, 20, generator=torch.Generator().manual_seed(0))
    seen = int8.measure(net, [x])
    grown = False
    for strength in (LEAST, 0.5, 1.0):
        with torch.no_grad():
            alone = int8.measure(_deaf(net, strength), [x])
        for name, one in alone.items():
            assert (seen[name].high >= one.high - 1e-6).all()
            assert (seen[name].low <= one.low + 1e-6).all()
            grown |= bool((seen[name].high > one.high + 1e-3).any())
    assert grown


def _deaf(net: FusedMSSN, strength: float) -> FusedMSSN:
    """The same at one strength, whatever it is told."""
    import copy

    net = copy.deepcopy(net)
    for head in net.heads:
        assert head.slope is not None
        assert head.bias is not None
        head.bias += strength * head.slope
        head.slope = None
    net.told = False
    return net


def test_files_from_before_there_was_a_strength_are_read(exported, tmp_path) -> None:
    """Their description lacks the word; the model's own config may have it by now."""
    tensors, meta = weights.load(exported / "net.safetensors")
    config = {key: value for key, value in meta.config.items() if key != "told"}
    old = replace(meta, model="mssn-s-photo", config=config)
    weights.save(tmp_path / "old.safetensors", tensors, old)
    net, found = load_network(tmp_path / "old.safetensors")
    assert not found.told
    x = torch.rand(1, 3, 9, 9)
    with torch.no_grad():
        assert torch.equal(net(x), load_network(exported / "net.safetensors")[0](x))
    weights.save(tmp_path / "new.safetensors", tensors, replace(old, config=meta.config))
    soup([tmp_path / "old.safetensors", tmp_path / "new.safetensors"])  # of one network


@pytest.mark.parametrize("told", ["yes", 1, None])
def test_a_description_that_makes_no_sense_is_refused(exported, told) -> None:
    meta = read_meta(exported / "mssn-s-x2.onnx")
    text = replace(meta, config={**meta.config, "told": told}).to_json()
    with pytest.raises(WeightsError, match="cannot be read"):
        Meta.from_json(text, "net.onnx")


def test_only_units_that_can_be_fused_are_told() -> None:
    with pytest.raises(ValueError, match="only a network of MAWRUs"):
        MSSNConfig(unit="mobilenet-v1", adaptive_scales=False, told=True)


def test_training_goes_on_from_the_file_and_grows(tmp_path, folders) -> None:
    from mssn.lab.train.recipe import Recipe
    from mssn.lab.train.session import prepare

    net = scrambled(TOLD)
    write_onnx(net, replace(meta_of(net), model="mssn-s-photo"), tmp_path / "net.onnx", half=True)
    read = load_network(tmp_path / "net.onnx")[0]
    same = {"channels": 4, "expanded": 6, "blocks": 2, "units": 2}
    larger = {"channels": 7, "expanded": 9, "blocks": 3, "units": 2}
    x = with_plane(torch.rand(2, 3, 12, 12), 0.1, 0.9)
    for model, config in (("mssn-s-photo", same), ("mssn-m-photo", larger)):
        recipe = Recipe(
            model=model,
            config=config,
            updates=2,
            batch=2,
            patch=8,
            precision="fp32",
            validate_every=0,
            **folders,
        )
        home = tmp_path / model
        trainer, meta = prepare(
            recipe, home, init=tmp_path / "net.onnx", cache=tmp_path / "cache", device="cpu"
        )
        assert meta.told
        with torch.no_grad():
            torch.testing.assert_close(trainer.net(x), read(x), rtol=0, atol=1e-5)
        trainer.run(stop_after=1)


def test_a_teacher_that_is_not_told_teaches_one_that_is(tmp_path, folders, exported) -> None:
    from mssn.lab.train.recipe import Recipe
    from mssn.lab.train.session import prepare

    config = {"channels": 4, "expanded": 6, "blocks": 1, "units": 1}
    recipe = Recipe(
        model="mssn-s-photo", config=config, updates=1, batch=2, patch=8, precision="fp32", validate_every=0,
        teacher=str(exported / "net.safetensors"), distill=0.5, degrade={"versions": 1}, **folders,
    )  # fmt: skip
    trainer, _ = prepare(recipe, tmp_path / "run", cache=tmp_path / "cache", device="cpu")
    trainer.run()
    assert trainer.status.update == 1
