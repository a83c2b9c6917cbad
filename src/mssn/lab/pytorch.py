"""Run a network in PyTorch: the slow, exact reference, and the runtime of training's own validation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from mssn.errors import WeightsError
from mssn.image.compression import LEAST
from mssn.lab.weights import load_network
from mssn.runtime.base import Computed, failure


class PyTorchRuntime:
    """Wraps a module.

    Args:
        net: Maps N x 3 x H x W in [0, 1] to the enlarged picture.
        scale: Its factor.
        halo: See `Runtime`.
        bf16: Compute in bfloat16 where PyTorch thinks it safe.
        strength: What a network that is told is told of every picture, 0..1.
    """

    def __init__(
        self, net: nn.Module, scale: int, halo: int, *, bf16: bool = False, strength: float = LEAST
    ) -> None:
        self.net, self.scale, self.halo, self.bf16, self.strength = net, scale, halo, bf16, strength
        self._told = bool(getattr(net, "told", False))
        self.device = next(net.parameters()).device
        self.precision: Computed = "bf16" if bf16 else "fp32"
        self.name = f"pytorch {self.device.type} {self.precision}"

    @torch.inference_mode()
    def run(self, lr: np.ndarray) -> np.ndarray:
        """See `Runtime.run`."""
        training = self.net.training
        self.net.eval()
        try:
            x = torch.from_numpy(lr)
            if self._told:
                x = torch.cat([x, x.new_full((len(x), 1, *x.shape[2:]), self.strength)], dim=1)
            x = x.to(self.device, memory_format=torch.channels_last)
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
                y = self.net(x)
            return y.float().contiguous().cpu().numpy()
        except (RuntimeError, MemoryError) as error:
            raise failure(self.name, lr, error) from error
        finally:
            self.net.train(training)


def open_pytorch(
    path: Path, *, precision: Computed, threads: int | None = None, strength: float = LEAST
) -> PyTorchRuntime:
    """A runtime from a .safetensors file, or from the .onnx file of an MSSN.

    Args:
        path: Weights.
        precision: "fp32", or "bf16": compute in bfloat16 where PyTorch thinks it safe.
        threads: Processor cores to use; None leaves PyTorch's setting.
        strength: How strongly pictures are degraded, 0..1; only for a network that is told.

    Raises:
        WeightsError: The file is unreadable or not ours, the precision is neither, or the network is not told
            a strength.
    """
    if precision == "int8":
        raise WeightsError(f"{path}: pytorch computes in fp32 or bf16 here")
    net, meta = load_network(path)
    meta.require(precision, str(path), strength)
    if threads:
        torch.set_num_threads(threads)
    return PyTorchRuntime(net, meta.scale, meta.halo, bf16=precision == "bf16", strength=strength)
