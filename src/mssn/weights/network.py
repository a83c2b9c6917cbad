"""From a weights file to a PyTorch network, and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from mssn import arch
from mssn.complexity import count_parameters
from mssn.errors import UnknownModelError, WeightsError
from mssn.weights.files import load
from mssn.weights.meta import Meta


def load_network(path: Path) -> tuple[nn.Module, Meta]:
    """Rebuild the network a weights file describes, in float32, ready to run.

    Raises:
        WeightsError: The file is unreadable, or its description and its tensors disagree.
    """
    tensors, meta = load(path)
    try:
        net = arch.build(meta.model, meta.scale, meta.config)
    except UnknownModelError as error:
        raise WeightsError(f"{path}: {error}") from error
    state = {name: torch.from_numpy(array).float() for name, array in tensors.items()}
    expected = {name: tuple(tensor.shape) for name, tensor in net.state_dict().items()}
    found = {name: tuple(tensor.shape) for name, tensor in state.items()}
    wrong = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    if wrong or meta.parameters != count_parameters(net):
        detail = f"tensor {wrong[0]}" if wrong else f"{meta.parameters} parameters"
        raise WeightsError(f"{path}: not the weights of {meta.model} x{meta.scale} ({detail} does not fit)")
    net.load_state_dict(state)
    return net.eval(), meta


def tensors_of(net: nn.Module) -> dict[str, np.ndarray]:
    """The state dict of a network as contiguous arrays on the CPU."""
    return {name: tensor.detach().cpu().contiguous().numpy() for name, tensor in net.state_dict().items()}
