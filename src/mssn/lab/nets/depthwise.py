"""Depthwise convolution and its gradients as Triton kernels, for GPUs on which they beat PyTorch's own.

A depthwise convolution reads and writes much and computes little. Pixels lie channels last in memory, so a
program that takes some pixels and some neighbouring channels reads whole lines; the k*k neighbours come from
the cache. The gradient for the input is the same kernel with the weights turned by 180 degrees.

Triton comes with PyTorch for CUDA. TRITON_INTERPRET=1 runs the kernels on a processor, for tests.
"""

# ruff: noqa: N803 (constants are written as Triton's own are)
from __future__ import annotations

from typing import Any

import torch
import triton  # pyright: ignore[reportMissingImports]
import triton.language as tl  # pyright: ignore[reportMissingImports]
from torch import Tensor

_PIXELS, _CHANNELS = 32, 64  # of one program
_PARTS = 512  # sums that a gradient for the weights is made of: enough programs for a GPU


@triton.jit
def _filter(
    x, weight, y, height, width, channels, total,
    K: tl.constexpr, TURNED: tl.constexpr, P: tl.constexpr, C: tl.constexpr,
):  # fmt: skip
    """y[p, c] = sum over taps of x[p + tap, c] * weight[c, tap]; `total` pixels, all pictures in a row."""
    pixel = tl.program_id(0) * P + tl.arange(0, P)
    channel = tl.program_id(1) * C + tl.arange(0, C)
    row, column = pixel // width % height, pixel % width
    known = channel < channels
    place = pixel.to(tl.int64)[:, None] * channels + channel[None, :]
    result = tl.zeros((P, C), tl.float32)
    for tap in tl.static_range(K * K):
        down, right = tap // K - K // 2, tap % K - K // 2
        inside = (row + down >= 0) & (row + down < height) & (column + right >= 0) & (column + right < width)
        mask = (inside & (pixel < total))[:, None] & known[None, :]
        values = tl.load(x + place + (down * width + right) * channels, mask=mask, other=0.0)
        taken = K * K - 1 - tap if TURNED else tap
        factor = tl.load(weight + channel * (K * K) + taken, mask=known, other=0.0)
        result += values.to(tl.float32) * factor.to(tl.float32)[None, :]
    mask = (pixel < total)[:, None] & known[None, :]
    tl.store(y + place, result.to(y.dtype.element_ty), mask=mask)


@triton.jit
def _weight_gradient(
    x, grad, parts, height, width, channels, total,
    ROUNDS: tl.constexpr, K: tl.constexpr, T: tl.constexpr, P: tl.constexpr, C: tl.constexpr,
):  # fmt: skip
    """parts[program, c, tap] = sum over this program's pixels of x[p + tap, c] * grad[p, c]."""
    channel = tl.program_id(1) * C + tl.arange(0, C)
    known = channel < channels
    taps = tl.arange(0, T)
    sums = tl.zeros((T, C), tl.float32)
    for n in range(ROUNDS):
        pixel = (tl.program_id(0) * ROUNDS + n) * P + tl.arange(0, P)
        row, column = pixel // width % height, pixel % width
        place = pixel.to(tl.int64)[:, None] * channels + channel[None, :]
        mask = (pixel < total)[:, None] & known[None, :]
        slope = tl.load(grad + place, mask=mask, other=0.0).to(tl.float32)
        for tap in tl.static_range(K * K):
            down, right = tap // K - K // 2, tap % K - K // 2
            inside = (row + down >= 0) & (row + down < height)
            inside = inside & (column + right >= 0) & (column + right < width)
            values = tl.load(
                x + place + (down * width + right) * channels, mask=mask & inside[:, None], other=0.0
            )
            sums += tl.where(
                taps[:, None] == tap, tl.sum(values.to(tl.float32) * slope, axis=0)[None, :], 0.0
            )
    out = parts + (tl.program_id(0) * channels + channel[None, :]) * (K * K) + taps[:, None]
    tl.store(out, sums, mask=(taps < K * K)[:, None] & known[None, :])


def filtered(x: Tensor, weight: Tensor, *, turned: bool) -> Tensor:
    """As `depthwise`, without gradients; with the kernels turned by 180 degrees, the gradient for x."""
    x, weight = x.contiguous(memory_format=torch.channels_last), weight.contiguous()
    y = torch.empty_like(x, memory_format=torch.channels_last)
    count, channels, height, width = x.shape
    total, side = count * height * width, weight.shape[-1]
    grid = (triton.cdiv(total, _PIXELS), triton.cdiv(channels, _CHANNELS))
    _filter[grid](x, weight, y, height, width, channels, total, side, turned, _PIXELS, _CHANNELS)  # pyright: ignore
    return y


def weight_gradient(x: Tensor, grad: Tensor, side: int) -> Tensor:
    """The gradient for the weights, C x 1 x side x side float32; `grad` is that of the result."""
    x, grad = (t.contiguous(memory_format=torch.channels_last) for t in (x, grad))
    count, channels, height, width = x.shape
    total = count * height * width
    rounds = triton.cdiv(total, _PIXELS * _PARTS)
    programs = triton.cdiv(total, _PIXELS * rounds)
    parts = x.new_empty(programs, channels, 1, side, side, dtype=torch.float32)
    taps, grid = triton.next_power_of_2(side**2), (programs, triton.cdiv(channels, _CHANNELS))
    _weight_gradient[grid](  # pyright: ignore
        x, grad, parts, height, width, channels, total, rounds, side, taps, _PIXELS, _CHANNELS
    )
    return parts.sum(0)


class _Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return filtered(x, weight, turned=False)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, weight = ctx.saved_tensors
        grad, grad_x, grad_weight = grad_outputs[0], None, None
        if ctx.needs_input_grad[0]:
            grad_x = filtered(grad, weight, turned=True)
        if ctx.needs_input_grad[1]:
            grad_weight = weight_gradient(x, grad, weight.shape[-1]).to(weight.dtype)
        return grad_x, grad_weight


def depthwise(x: Tensor, weight: Tensor) -> Tensor:
    """Filter each channel by itself.

    Args:
        x: N x C x H x W, any floating point type; sums are taken in float32.
        weight: C x 1 x k x k, k odd.

    Returns:
        N x C x H x W, channels last; what lies beyond the picture counts as 0.
    """
    return _Depthwise.apply(x, weight)  # pyright: ignore[reportReturnType]
