"""A larger network that starts as an exact copy of a smaller one's function.

After T. Chen et al., "Net2Net: Accelerating Learning via Knowledge Transfer" (2016), but new channels are not
copies of old ones: they start at random and nobody reads them yet (the weights that would are 0), so nothing
has to break a symmetry. New units and blocks start as identities: their mu_res is 0. Behind it waits a copy
of the unit before them: of eight units that started at random, five had learnt to keep still (every depthwise
ReLU closed) before they were of any use (paper/LOG.md).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mssn.lab.nets.blocks import MAWRU, CascadingBlock
from mssn.lab.nets.mssn import MSSN

_GROW = ("channels", "expanded", "blocks", "units", "told")  # who is told may have learnt untold


def can_grow(small: MSSN, large: MSSN) -> bool:
    """Whether `large` is `small` with more channels, units or blocks, and otherwise the same network."""
    theirs, mine = vars(small.config), vars(large.config)
    if mine["unit"] != "mawru":
        return False  # their shuffles and plain sums leave no room for new channels
    deeper = (theirs["blocks"], theirs["units"]) != (mine["blocks"], mine["units"])
    if deeper and not mine["adaptive_scales"]:
        return False  # nothing that could be 0
    return all(theirs[key] <= mine[key] if key in _GROW else theirs[key] == mine[key] for key in mine)


@torch.no_grad()
def grow(small: MSSN, large: MSSN) -> None:
    """Make `large`, with its weights as they were drawn at random, compute what `small` computes.

    Args:
        small: The network to start from.
        large: Changed in place. Of another scale, its tail and skip stay (see `mssn.lab.train.tails`).

    Raises:
        ValueError: It is not a larger network of the same kind.
    """
    if not can_grow(small, large):
        raise ValueError(f"{small.config} does not grow into {large.config}")
    _widen(large.head, small.head)
    if large.slope is not None and small.slope is not None:
        large.slope[: len(small.slope)] = small.slope
    if large.scale == small.scale:
        _widen(large.tail, small.tail)
        _widen(large.skip, small.skip)
    for index, block in enumerate(large.body):
        old_units = _units(small.body[index]) if index < len(small.body) else []
        for number, unit in enumerate(_units(block)):
            if number < len(old_units):
                for name in ("expand", "depthwise", "project"):
                    _widen(getattr(unit, name), getattr(old_units[number], name))
                unit.scales.load_state_dict(old_units[number].scales.state_dict())
            else:
                unit.load_state_dict(_before(large, index, number).state_dict())
                unit.scales.identity.fill_(1)
                unit.scales.residual.zero_()
    for index, mu in enumerate(large.skips):
        if index < len(small.skips):
            mu.load_state_dict(small.skips[index].state_dict())
        else:
            mu.identity.zero_()  # the source's share is in what the last old block hands on


def _units(block: CascadingBlock) -> list[MAWRU]:
    """What `can_grow` has made sure is all the block's units."""
    return [unit for unit in block.units if isinstance(unit, MAWRU)]


def _before(net: MSSN, block: int, unit: int) -> MAWRU:
    """The unit a new one starts as: at the same place in the block before; in the first block, the last."""
    where = (block - 1, unit) if block else (0, unit - 1)
    return _units(net.body[where[0]])[where[1]]


def _widen(large: nn.Module, small: nn.Module) -> None:
    """Old outputs from old inputs, as before, and from no new ones; new outputs as they were drawn."""
    for name, old in small.named_parameters(recurse=False):
        new = large.get_parameter(name)
        if name == "weight":
            _read_old_only(new, old)
        new[tuple(slice(n) for n in old.shape)] = old


def _read_old_only(new: Tensor, old: Tensor) -> None:
    outputs, inputs = old.shape[:2]
    new[:outputs, inputs:] = 0
