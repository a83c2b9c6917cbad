"""Run a network in PyTorch: the slow, exact reference, and the runtime of training's own validation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from mssn.lab.weights import load_network


class PyTorchRuntime:
    """Wraps a module.

    Args:
        net: Maps N x 3 x H x W in [0, 1] to the enlarged picture.
        scale: Its factor.
        halo: See `Runtime`.
        bf16: Compute in bfloat16 where PyTorch thinks it safe.
    """

    def __init__(self, net: nn.Module, scale: int, halo: int, *, bf16: bool = False) -> None:
        self.net, self.scale, self.halo, self.bf16 = net, scale, halo, bf16
        self.device = next(net.parameters()).device
        self.name = f"pytorch {self.device.type} {'bf16' if bf16 else 'fp32'}"

    @torch.inference_mode()
    def run(self, lr: np.ndarray) -> np.ndarray:
        """See `Runtime.run`."""
        x = torch.from_numpy(lr).to(self.device, memory_format=torch.channels_last)
        training = self.net.training
        self.net.eval()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            y = self.net(x)
        self.net.train(training)
        return y.float().contiguous().cpu().numpy()


def open_pytorch(path: Path, *, bf16: bool = False, threads: int | None = None) -> PyTorchRuntime:
    """A runtime from a .safetensors file, or from the .onnx file of an MSSN.

    Args:
        path: Weights.
        bf16: Compute in bfloat16 where PyTorch thinks it safe.
        threads: Processor cores to use; None leaves PyTorch's setting.

    Raises:
        WeightsError: The file is unreadable or not ours.
    """
    net, meta = load_network(path)
    if threads:
        torch.set_num_threads(threads)
    return PyTorchRuntime(net, meta.scale, meta.halo, bf16=bf16)
