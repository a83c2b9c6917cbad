"""Small parts that networks are built from."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mssn.lab.private_torch import weight_norm

M = TypeVar("M", bound=nn.Module)
# Depthwise convolution on a GPU: set by who has measured that it is faster there than PyTorch's own.
faster_depthwise: Callable[[Tensor, Tensor], Tensor] | None = None


class Modules(nn.ModuleList, Generic[M]):
    """A `ModuleList` whose modules are all of one kind, which type checkers then know."""

    if TYPE_CHECKING:

        def __init__(self, modules: Iterable[M] | None = None) -> None: ...
        def __iter__(self) -> Iterator[M]: ...
        def __getitem__(self, idx: int) -> M: ...  # pyright: ignore[reportIncompatibleMethodOverride]


class Conv2d(nn.Module):
    """Convolution whose weight may be normalised: direction and length learnt apart.

    With weight normalisation the weight of output channel c is gain[c] * v[c] / |v[c]| (Salimans and
    Kingma 2016), and the gains start at |v[c]| so that the first output equals the plain convolution's.

    Args:
        in_channels: Channels in.
        out_channels: Channels out.
        kernel_size: Odd side of the kernel; zero padding keeps the picture size.
        groups: Groups of channels; `in_channels` for a depthwise convolution.
        weight_norm: Learn direction and length apart (paper section III-C, "WN layer").
        bias: Add a number to each output channel.
        slope: Of the leaky ReLU that the first weights are sized for (He et al. 2015). By default they are
            small, as PyTorch's own, so that branches start small beside their inputs; 0 for layers that
            nothing bypasses, which must pass on all they are given.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        groups: int = 1,
        weight_norm: bool = True,
        bias: bool = False,
        slope: float = math.sqrt(5),
    ) -> None:
        super().__init__()
        self.groups = groups
        self.padding = kernel_size // 2
        weight = torch.empty(out_channels, in_channels // groups, kernel_size, kernel_size)
        nn.init.kaiming_uniform_(weight, a=slope)  # paper: not stated
        self.weight = nn.Parameter(weight)
        self.gain = nn.Parameter(weight.flatten(1).norm(dim=1)) if weight_norm else None
        bound = weight[0].numel() ** -0.5
        self.bias = nn.Parameter(torch.empty(out_channels).uniform_(-bound, bound)) if bias else None

    def effective_weight(self, scale: Tensor | float = 1.0) -> Tensor:
        """The weight the convolution really applies, times `scale`; out x in/groups x k x k."""
        if self.gain is None:
            return self.weight * scale
        gain = (self.gain * scale).view(-1, 1, 1, 1)
        return weight_norm(self.weight, gain)

    @torch.no_grad()
    def stretch(self, rms: float) -> None:
        """Give every direction v the length at which its entries have this root mean square.

        A normalised weight applies only v / |v|, so the layer computes the same as before.

        Raises:
            ValueError: The weight is not normalised; its length means something.
        """
        if self.gain is None:
            raise ValueError("only a normalised weight can be stretched")
        length = rms * self.weight[0].numel() ** 0.5
        self.weight.copy_(weight_norm(self.weight, torch.full_like(self.gain, length).view(-1, 1, 1, 1)))

    def forward(self, x: Tensor, scale: Tensor | float = 1.0) -> Tensor:
        """Convolve N x C x H x W; the weight is multiplied by `scale`."""
        weight = self.effective_weight(scale)
        ours = x.device.type == "cpu" or faster_depthwise is not None
        if ours and self.groups == x.shape[1] == weight.shape[0] and self.bias is None:
            return depthwise(x, weight)
        return F.conv2d(x, weight, self.bias, padding=self.padding, groups=self.groups)


def depthwise(x: Tensor, weight: Tensor) -> Tensor:
    """Filter each channel by itself: N x C x H x W with C x 1 x k x k (k odd), same size out."""
    if torch.is_autocast_enabled(x.device.type):
        # Here, not inside: the gradient is computed in the precision of the result.
        dtype = torch.get_autocast_dtype(x.device.type)
        x, weight = x.to(dtype), weight.to(dtype)
    if faster_depthwise is not None and x.device.type != "cpu":
        return faster_depthwise(x, weight)
    return _Depthwise.apply(x, weight)  # pyright: ignore[reportReturnType]


class _Depthwise(torch.autograd.Function):
    """Depthwise convolution whose gradient for x is one, too, with the kernels turned by 180 degrees.

    The same numbers as PyTorch's own backward, which on processors takes 16 times as long as the forward
    convolution and was 40 % of a training step.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return F.conv2d(x, weight, padding=weight.shape[-1] // 2, groups=x.shape[1])

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, weight = ctx.saved_tensors
        grad, channels, padding = grad_outputs[0], x.shape[1], weight.shape[-1] // 2
        grad_x = grad_weight = None
        if ctx.needs_input_grad[0]:
            grad_x = F.conv2d(grad, weight.flip(2, 3), padding=padding, groups=channels)
        if ctx.needs_input_grad[1]:
            two, ones = [padding, padding], [1, 1]
            _, grad_weight, _ = torch.ops.aten.convolution_backward(
                grad, x, weight, None, ones, two, ones, False, [0, 0], channels, [False, True, False]
            )
        return grad_x, grad_weight


def channel_weights(channels: int, reduction: int) -> nn.Sequential:
    """N x C x 1 x 1 of each channel's summary -> N x C x 1 x 1 in 0..1, through C / reduction channels."""
    return nn.Sequential(
        nn.Conv2d(channels, channels // reduction, 1),
        nn.ReLU(),
        nn.Conv2d(channels // reduction, channels, 1),
        nn.Sigmoid(),
    )


class Upsample(nn.Module):
    """Enlarges features: a 3x3 convolution and a pixel shuffle, at x4 two of both (EDSR and after).

    Args:
        channels: Channels in and out.
        scale: 2, 3 or 4.

    Raises:
        ValueError: It is another scale.
    """

    def __init__(self, channels: int, scale: int) -> None:
        super().__init__()
        if scale not in (2, 3, 4):
            raise ValueError(f"scale must be 2, 3 or 4, got {scale}")
        self.factors = (2, 2) if scale == 4 else (scale,)
        self.convs = nn.ModuleList(
            nn.Conv2d(channels, channels * factor**2, 3, padding=1) for factor in self.factors
        )

    def forward(self, x: Tensor) -> Tensor:
        """N x C x H x W -> N x C x scale*H x scale*W."""
        for factor, conv in zip(self.factors, self.convs, strict=True):
            x = F.pixel_shuffle(conv(x), factor)
        return x


class Normalize(nn.Module):
    """Moves RGB in [0, 1] to about [-1, 1] with mean 0, and back.

    paper: not stated; chosen because the family MSSN comes from (AWSRN, WDSR) subtracts the DIV2K mean
    and divides by 127.5 grey levels.

    Args:
        spread: What is divided by.
    """

    mean: Tensor
    MEAN = (0.4488, 0.4371, 0.4040)

    def __init__(self, spread: float = 0.5) -> None:
        super().__init__()
        self.spread = spread
        # A buffer: it must follow the network to its device and into its file.
        self.register_buffer("mean", torch.tensor(self.MEAN).view(1, 3, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """[0, 1] -> about [-1, 1]."""
        return (x - self.mean) / self.spread

    def inverse(self, x: Tensor) -> Tensor:
        """About [-1, 1] -> [0, 1]."""
        return x * self.spread + self.mean
