"""Depthwise convolution as Triton kernels: PyTorch's numbers, forward and both gradients."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch

pytest.importorskip("triton", reason="Triton comes with PyTorch for CUDA")

# Triton reads TRITON_INTERPRET once, when it is imported: so in a process of its own.
COMPARED = """
import sys, torch
import torch.nn.functional as F
from mssn.lab.nets.depthwise import depthwise
dtype, device = getattr(torch, sys.argv[1]), sys.argv[2]
generator = torch.Generator().manual_seed(3)
for count, channels, height, width, side in [(1, 1, 1, 1, 3), (2, 70, 5, 7, 3), (1, 3, 9, 4, 5)]:
    x = torch.randn(count, channels, height, width, generator=generator)
    weight = torch.randn(channels, 1, side, side, generator=generator)
    slope = torch.randn(x.shape, generator=generator)
    results = []
    for ours in (True, False):
        kind = dtype if ours else torch.float64
        a, b = (t.to(device, dtype).to(kind).detach().requires_grad_() for t in (x, weight))
        y = depthwise(a, b) if ours else F.conv2d(a, b, padding=side // 2, groups=channels)
        y.backward(slope.to(device, dtype).to(kind))
        assert y.dtype == a.grad.dtype == b.grad.dtype == kind
        results.append((y, a.grad, b.grad))
    near = 1e-5 if dtype == torch.float32 else 2e-2
    for mine, theirs in zip(*results):
        assert mine.shape == theirs.shape
        error = (mine.double() - theirs).norm() / theirs.norm()
        assert error < near, (channels, side, error)
"""


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_equals_pytorch(dtype) -> None:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    interpreted = {} if device == "cuda" else {"TRITON_INTERPRET": "1"}
    command = [sys.executable, "-c", COMPARED, dtype, device]
    done = subprocess.run(command, env=os.environ | interpreted, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
