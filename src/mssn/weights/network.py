"""From a weights file to a PyTorch network, and back."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import torch
from google.protobuf.message import DecodeError
from onnx import numpy_helper
from torch import nn

from mssn import arch
from mssn.arch.mssn import MSSN
from mssn.arch.unfolded import unfold
from mssn.complexity import count_parameters
from mssn.errors import UnknownModelError, WeightsError
from mssn.weights.files import load
from mssn.weights.meta import Meta

SCALES = "mssn-scales"  # where an ONNX file's metadata keep what folding loses


def load_network(path: Path) -> tuple[nn.Module, Meta]:
    """Rebuild the network a weights file describes, in float32, ready to run.

    Args:
        path: A .safetensors file, or an .onnx file of an MSSN as `mssn export` writes it and as they ship.

    Raises:
        WeightsError: The file is unreadable, or its description and its tensors disagree.
    """
    if path.suffix.lower() == ".onnx":
        return _load_exported(path)
    tensors, meta = load(path)
    net = _build(path, meta)
    state = {name: torch.from_numpy(array).float() for name, array in tensors.items()}
    expected = {name: tuple(tensor.shape) for name, tensor in net.state_dict().items()}
    found = {name: tuple(tensor.shape) for name, tensor in state.items()}
    wrong = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    if wrong or meta.parameters != count_parameters(net):
        detail = f"tensor {wrong[0]}" if wrong else f"{meta.parameters} parameters"
        raise WeightsError(f"{path}: not the weights of {meta.model} x{meta.scale} ({detail} does not fit)")
    net.load_state_dict(state)
    return net.eval(), meta


def _load_exported(path: Path) -> tuple[nn.Module, Meta]:
    if not path.is_file():
        raise WeightsError(f"{path}: no such weights file")
    try:
        model = onnx.load(path)
    except (OSError, DecodeError) as error:
        raise WeightsError(f"{path}: not a readable ONNX file ({error})") from error
    kept = {entry.key: entry.value for entry in model.metadata_props}
    if "mssn" not in kept:
        raise WeightsError(f"{path}: carries no mssn description; only files written by mssn load")
    meta = Meta.from_json(kept["mssn"], str(path))
    net = _build(path, meta)
    if not isinstance(net, MSSN) or SCALES not in kept:
        raise WeightsError(
            f"{path}: this ONNX file can only be run; "
            "to train or export, take the .safetensors file it was exported from"
        )
    folded = {
        tensor.name.removesuffix(".half"): torch.from_numpy(numpy_helper.to_array(tensor).copy())
        for tensor in model.graph.initializer
    }
    try:
        unfold(net, folded, json.loads(kept[SCALES]))
        if meta.parameters != count_parameters(net):
            raise ValueError(f"{meta.parameters} parameters do not fit")
    except (ValueError, AttributeError, TypeError) as error:
        raise WeightsError(f"{path}: not the weights of {meta.model} x{meta.scale} ({error})") from error
    return net.eval(), meta


def _build(path: Path, meta: Meta) -> nn.Module:
    try:
        return arch.build(meta.model, meta.scale, meta.config)
    except UnknownModelError as error:
        raise WeightsError(f"{path}: {error}") from error


def tensors_of(net: nn.Module) -> dict[str, np.ndarray]:
    """The state dict of a network as contiguous arrays on the CPU."""
    return {name: tensor.detach().cpu().contiguous().numpy() for name, tensor in net.state_dict().items()}
