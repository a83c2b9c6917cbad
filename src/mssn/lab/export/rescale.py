"""Powers of two that bring a fused network's weights into the range of half precision.

Files store weights in half precision, whose numbers below 2**-14 are rough and which some converters turn
into 0. ReLUs let a factor above 0 through, so a channel can be multiplied by a power of two before them and
by its inverse behind them; nothing is rounded by that. Two kinds of channels can be shifted like this:

* those inside a unit, each by itself: the largest weights of its row in `expand` and its kernel in
  `depthwise` are brought to the same power of two, that of its column in `project` to the same, the double
  or the fourfold, because exponents are whole numbers;
* the features between units, all together: the heads one way and the tail the other, until the smallest head
  and the tail are of one size. (Each by itself was tried: no better.) Units need no change for it, because
  twice the features in are twice the features out.

Shifts depend on the weights as half precision rounds them, so that a network that comes back from a file is
shifted in the same way again. The file keeps them (`Shifts.to_text`), so that what learns on has the weights
that training left (`mssn.lab.export.unfuse`).
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

SMALLEST = 2.0**-14  # of half precision's normal numbers
_SMALLEST_EXPONENT = -13  # of SMALLEST as a fraction in 0.5..1 times a power of two
_ZERO = -(2**20)  # in the place of the exponent of 0
# Beyond what float32 can need: its exponents go from -148 to 128.
_LARGEST_SHIFT = 300
_LARGEST_TEXT = 2**20  # bytes of exponents; the largest network here has 4,000


class FusedUnit(nn.Module):
    """Widen, filter each channel, narrow, add: three plain convolutions."""

    def __init__(
        self, expand: nn.Conv2d, depthwise: nn.Conv2d, project: nn.Conv2d, *, depthwise_relu: bool = True
    ) -> None:
        super().__init__()
        self.expand, self.depthwise, self.project = expand, depthwise, project
        self.depthwise_relu = depthwise_relu

    def forward(self, z: Tensor) -> Tensor:
        """N x C x H x W -> N x C x H x W."""
        inside = self.depthwise(F.relu(self.expand(z)))
        return z + self.project(F.relu(inside) if self.depthwise_relu else inside)


class Head(nn.Conv2d):
    """The first convolution, 3x3 from the picture to the features.

    Attributes:
        slope: What strength 1 adds to its bias, C numbers; None of a network that is not told a strength.
    """

    slope: nn.Parameter | None

    def __init__(self, *shape: Any, **more: Any) -> None:
        super().__init__(*shape, **more)
        self.register_parameter("slope", None)

    def at(self, picture: Tensor, strength: Tensor | float) -> Tensor:
        """N x 3 x H x W -> N x C x H x W.

        Args:
            picture: The picture without its mean.
            strength: One number, or N x 1 x 1 x 1.
        """
        z = self(picture)
        return z if self.slope is None else z + strength * self.slope.view(1, -1, 1, 1)


@dataclass(frozen=True)
class Shifts:
    """Powers of two that a fused network's weights were multiplied by, as exponents.

    Args:
        features: Of the features between units.
        inside: Of the hidden channels of all units in their order: units x 2 x E, those of the channels of
            `expand` and of `depthwise`; `project` has what makes the sum of all three 0.
    """

    features: int
    inside: np.ndarray

    def to_text(self) -> str:
        """The exponents as a short line of letters."""
        packed = np.concatenate([[self.features], self.inside.ravel()]).astype("<i2").tobytes()
        return base64.b64encode(zlib.compress(packed, 9)).decode()

    @classmethod
    def from_text(cls, text: str, units: int) -> Shifts:
        """Read what `to_text` wrote of a network with so many units.

        Raises:
            ValueError: It is nothing of that kind.
        """
        try:
            unpacking = zlib.decompressobj()
            packed = unpacking.decompress(base64.b64decode(text), _LARGEST_TEXT)
            if not unpacking.eof:
                raise ValueError("cut short, or far too long")
            exponents = np.frombuffer(packed, "<i2").astype(int)
            if np.abs(exponents).max() > _LARGEST_SHIFT:
                raise ValueError("far too large")
            return cls(int(exponents[0]), exponents[1:].reshape(units, 2, -1))
        except (ValueError, zlib.error) as error:
            raise ValueError(f"its powers of two cannot be read ({error})") from error


def bias_of(conv: nn.Conv2d) -> Tensor:
    """The bias of a convolution that has one.

    Raises:
        ValueError: It has none.
    """
    if conv.bias is None:
        raise ValueError("a convolution lacks its bias")
    return conv.bias


@torch.no_grad()
def rescale(heads: Sequence[Head], units: Sequence[FusedUnit], tail: nn.Conv2d) -> Shifts:
    """Multiply channels by powers of two, so that weights are neither tiny nor huge; the function stays.

    Args:
        heads: All heads of a fused network; changed, as the others.
        units: Its units, in the order in which they run.
        tail: Its tail.

    Returns:
        What the weights were multiplied by.
    """
    features = _features(heads, tail)
    for head in heads:
        head.weight *= 2.0**features
        bias_of(head).mul_(2.0**features)
        if head.slope is not None:
            head.slope.mul_(2.0**features)
    tail.weight *= 2.0**-features
    inside: list[Tensor] = []
    for unit in units:
        expand, depthwise, silent = _inside(unit)
        inside.append(torch.stack([expand, depthwise]))
        unit.project.weight[:, silent] = 0
        unit.expand.weight *= _power(expand, (-1, 1, 1, 1))
        unit.depthwise.weight *= _power(depthwise, (-1, 1, 1, 1))
        unit.project.weight *= _power(-expand - depthwise, (1, -1, 1, 1))
    return Shifts(features, torch.stack(inside).numpy())


@torch.no_grad()
def round_to_half(net: nn.Module) -> None:
    """Round every weight to half precision, what is below its normal numbers to 0.

    The network still computes in float32.
    """
    for parameter in net.parameters():
        half = parameter.half()
        parameter.copy_(torch.where(half.abs() < SMALLEST, 0, half))


def _features(heads: Sequence[nn.Conv2d], tail: nn.Conv2d) -> int:
    """Exponent for the features between units."""
    behind, *before = (int(_exponents(conv.weight.abs().max())) for conv in (tail, *heads))
    before = [head for head in before if head != _ZERO]  # one with a learnt scale of 0 adds nothing
    return 0 if behind == _ZERO or not before else (behind - min(before)) // 2


def _inside(unit: FusedUnit) -> tuple[Tensor, Tensor, Tensor]:
    """Exponents for the E hidden channels of a unit, those of `expand` and of `depthwise`; which are silent.

    A silent channel adds nothing that half precision could hold. Of it only the first two weights are brought
    into range.
    """
    sizes = [
        _exponents(weight.flatten(1).abs().amax(1))
        for weight in (unit.expand.weight, unit.depthwise.weight, unit.project.weight.transpose(0, 1))
    ]
    expand, depthwise, project = sizes
    total = expand + depthwise + project
    size = torch.div(total, 3, rounding_mode="floor")
    silent = (torch.stack(sizes) == _ZERO).any(0) | (size <= _SMALLEST_EXPONENT)
    size = torch.where(silent, 0, size)
    expand, depthwise = (torch.where(own == _ZERO, 0, size - own) for own in (expand, depthwise))
    return expand, depthwise, silent


def _exponents(sizes: Tensor) -> Tensor:
    """E of m * 2**e, m in 0.5..1, of numbers above 0 as 11 bits hold them; `_ZERO` of 0."""
    mantissa, exponent = torch.frexp(sizes.double())
    rounds_up = (mantissa * 2**11).round() == 2**11
    return torch.where(sizes == 0, _ZERO, exponent.long() + rounds_up.long())


def _power(exponents: Tensor, shape: tuple[int, ...]) -> Tensor:
    return torch.ldexp(torch.ones(len(exponents)), exponents).view(shape)
