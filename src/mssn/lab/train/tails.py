"""The last layers of a network whose body learnt another scale: solved for, not learnt again.

Tail and skip are linear in what the body hands on, so the best of them, by squared error, follow from sums
over some patches. Learning them from random numbers takes hundreds of updates, and spoils the body meanwhile.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mssn.lab.data.patches import Patches
from mssn.lab.nets.mssn import MSSN

BATCHES, BATCH = 30, 8  # some 100,000 equations for at most 652 unknowns
_EVERY = 3  # neighbours tell nearly the same
_RIDGE = 1e-6  # of the mean square, for channels that say nothing


@torch.no_grad()
def fit_tail(net: MSSN, patches: Patches) -> int:
    """Set the tail and the skip of a network to what enlarges patches with the least squared error.

    Args:
        net: Changed in place; the rest of it stays as it is. On the device of the patches.
        patches: What it is to learn from, of the network's scale.

    Returns:
        The number of patches looked at.
    """
    layers = (net.tail, net.skip)
    seen: list[Tensor] = []
    hooks = [
        layer.register_forward_pre_hook(lambda layer, inputs: seen.append(inputs[0])) for layer in layers
    ]
    products = answers = torch.zeros((), dtype=torch.float64, device=net.tail.weight.device)
    try:
        for number in range(BATCHES):
            small, large = patches.batch(np.arange(number * BATCH, (number + 1) * BATCH))
            seen.clear()
            net(small)
            equations = _equations(layers, seen)
            truth = F.pixel_unshuffle(large if net.normalize is None else net.normalize(large), net.scale)
            first = number % min(_EVERY, patches.patch**2)
            chosen = [x.flatten(2)[..., first::_EVERY].transpose(0, 1).flatten(1) for x in (equations, truth)]
            rows, wanted = (x.double() for x in chosen)  # neighbours are alike: float32 would not do
            products = products + rows @ rows.T
            answers = answers + rows @ wanted.T
    finally:
        for hook in hooks:
            hook.remove()
    ridge = _RIDGE * products.diagonal().mean() * torch.eye(len(products), dtype=torch.float64).to(products)
    solved = torch.linalg.solve(products + ridge, answers).float().T
    widths = [layer.weight[0].numel() for layer in layers]
    tail, skip, bias = solved.split([*widths, 1], dim=1)
    for layer, found in zip(layers, (tail, skip), strict=True):
        layer.weight.copy_(found.view_as(layer.weight))
    _bias(net.tail).copy_(bias[:, 0])
    _bias(net.skip).zero_()  # the two are added; one is enough
    return BATCHES * BATCH


def _equations(layers: tuple[nn.Conv2d, ...], inputs: list[Tensor]) -> Tensor:
    """What the weights of both layers are multiplied by at each pixel, and 1 for the bias: N x D x H x W.

    The edges of patches count, as they do in training: inside, the skip is nothing that tail and head could
    not do together, and only the edge tells how much of it each should do.
    """
    n, _, height, width = inputs[0].shape
    parts = [
        F.unfold(x, layer.kernel_size, padding=layer.padding)  # pyright: ignore[reportArgumentType]
        for layer, x in zip(layers, inputs, strict=True)
    ]
    ones = torch.ones(n, 1, height * width, device=inputs[0].device)
    return torch.cat([*parts, ones], dim=1).view(n, -1, height, width)


def _bias(layer: nn.Conv2d) -> Tensor:
    assert layer.bias is not None  # both are made with one
    return layer.bias
