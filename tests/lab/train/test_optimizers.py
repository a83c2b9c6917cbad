"""Muon against its definition and against PyTorch's own."""

from __future__ import annotations

import pytest
import torch

from mssn.lab import nets
from mssn.lab.train.optimizers import Muon, optimizers, orthogonal
from mssn.lab.train.recipe import Recipe


@pytest.mark.parametrize("shape", [(3, 16, 8), (2, 8, 16), (1, 8, 8)])
def test_orthogonal_keeps_the_directions_and_evens_the_lengths(shape) -> None:
    matrices = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    u, _, vt = torch.linalg.svd(matrices, full_matrices=False)
    result = orthogonal(matrices)
    lengths = u.mT @ result @ vt.mT
    diagonal = lengths.diagonal(dim1=1, dim2=2)
    assert diagonal.min() > 0.5
    assert diagonal.max() < 1.3
    assert (lengths - torch.diag_embed(diagonal)).abs().max() < 1e-4


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="this PyTorch has no Muon to compare with")
@pytest.mark.parametrize("shape", [(16, 8, 1, 1), (16, 1, 3, 3), (4, 3, 3, 3)])
def test_steps_are_those_of_pytorch_for_the_matrix_of_a_patch(shape) -> None:
    generator = torch.Generator().manual_seed(2)
    start = torch.randn(shape, generator=generator).flatten(1)
    ours = torch.nn.Parameter(start.clone().view(shape))
    theirs = torch.nn.Parameter(start.clone())
    mine = Muon([ours], lr=0.02)
    reference = torch.optim.Muon([theirs], lr=0.02, weight_decay=0.0, adjust_lr_fn="match_rms_adamw")
    for _ in range(5):
        gradient = torch.randn(start.shape, generator=generator)
        ours.grad, theirs.grad = gradient.view(shape).clone(), gradient.clone()
        mine.step()
        reference.step()
    moved = (theirs - start).abs().max().item()
    # PyTorch iterates in bfloat16, we in float32.
    assert (ours.flatten(1) - theirs).abs().max().item() < 0.03 * moved


def test_muon_takes_the_weights_of_convolutions_and_adam_the_rest() -> None:
    net = nets.build("mssn-s", 2)
    adam, muon = optimizers(net, Recipe(optimizer="muon"))
    taken = [p for group in muon.param_groups for p in group["params"]]
    rest = [p for group in adam.param_groups for p in group["params"]]
    assert len(taken) == 3 * 16 + 3  # three for each of the 16 units; head, tail and skip
    assert {id(p) for p in taken} | {id(p) for p in rest} == {id(p) for p in net.parameters()}
    assert len(taken) + len(rest) == len(list(net.parameters()))
    (only,) = optimizers(net, Recipe())
    assert isinstance(only, torch.optim.Adam)
