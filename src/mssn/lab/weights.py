"""Weights files: read and write them as safetensors, and make a PyTorch network of one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes
from torch import nn

from mssn.atomic import replacing
from mssn.errors import UnknownModelError, WeightsError
from mssn.lab import nets
from mssn.lab.complexity import count_parameters
from mssn.lab.export.rescale import Shifts
from mssn.lab.export.unfuse import unfuse
from mssn.lab.nets.mssn import MSSN
from mssn.models.meta import ENDINGS, KEY, Meta

SCALES, SHIFTS = "mssn-scales", "mssn-shifts"  # where an ONNX file's metadata keep what fusing loses


def save(path: Path, tensors: dict[str, np.ndarray], meta: Meta) -> None:
    """Write a weights file; it appears under its name only when whole.

    Args:
        path: Target, normally ending in .safetensors.
        tensors: Name -> array, as in the network's state dict.
        meta: What they are.

    Raises:
        WeightsError: It cannot be written there.
    """
    try:
        with replacing(path) as file:
            file.write(to_bytes(tensors, metadata={KEY: meta.to_json()}))
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path}: cannot be written ({error})") from error


def load(path: Path) -> tuple[dict[str, np.ndarray], Meta]:
    """Read a weights file.

    Returns:
        Name -> array (as stored, float32 or float16), and the description.

    Raises:
        WeightsError: No such file, not a safetensors file, or one without our description.
    """
    if not path.is_file():
        raise WeightsError(f"{path}: no such weights file")
    try:
        with safe_open(path, framework="numpy") as file:
            text = (file.metadata() or {}).get(KEY)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except (OSError, SafetensorError, TypeError) as error:  # TypeError: a number type NumPy lacks
        raise WeightsError(f"{path}: not a readable safetensors file ({error})") from error
    if text is None:
        raise WeightsError(f"{path}: carries no mssn description; only files that mssn wrote can be used")
    return tensors, Meta.from_json(text, str(path))


def load_network(path: Path) -> tuple[nn.Module, Meta]:
    """Rebuild the network a weights file describes, in float32, ready to run.

    Args:
        path: A .safetensors file, or an .onnx file of an MSSN as `mssn export` writes it and as they ship.

    Raises:
        WeightsError: The file is unreadable, or its description and its tensors disagree.
    """
    if path.suffix.lower() == ".onnx":
        return _load_exported(path)
    if path.suffix.lower() not in ENDINGS:
        raise WeightsError(f"{path}: weights files end in {' or '.join(ENDINGS)}")
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
    # Here, so that training from a .safetensors file needs no ONNX.
    import onnx
    from google.protobuf.message import DecodeError
    from onnx import numpy_helper

    if not path.is_file():
        raise WeightsError(f"{path}: no such weights file")
    try:
        model = onnx.load(path)
    except (OSError, DecodeError) as error:
        raise WeightsError(f"{path}: not a readable ONNX file ({error})") from error
    kept = {entry.key: entry.value for entry in model.metadata_props}
    if KEY not in kept:
        raise WeightsError(f"{path}: carries no mssn description; only files that mssn wrote can be used")
    meta = Meta.from_json(kept[KEY], str(path))
    net = _build(path, meta)
    if not isinstance(net, MSSN) or SCALES not in kept:
        raise WeightsError(
            f"{path}: this ONNX file can only be run; "
            "to train or export, take the .safetensors file it was exported from"
        )
    fused = {
        _parameter(tensor.name): torch.from_numpy(numpy_helper.to_array(tensor).copy())
        for tensor in model.graph.initializer
    }
    try:
        shifts = (
            None
            if meta.format == 1
            else Shifts.from_text(kept.get(SHIFTS, ""), net.config.blocks * net.config.units)
        )
        unfuse(net, fused, json.loads(kept[SCALES]), shifts)
        if meta.parameters != count_parameters(net):
            raise ValueError(f"{meta.parameters} parameters do not fit")
    except (ValueError, AttributeError, TypeError, OverflowError, RecursionError) as error:
        raise WeightsError(f"{path}: not the weights of {meta.model} x{meta.scale} ({error})") from error
    return net.eval(), meta


def _parameter(tensor: str) -> str:
    """The name of a tensor of the graph in a fused network; a bias that is computed has a base there."""
    name = tensor.removesuffix(".half")
    return f"{name.removesuffix('base')}bias" if name.endswith(".base") else name


def settings(meta: Meta) -> dict[str, Any]:
    """Every field of a network's config; what files lacked when they were written is as it was then."""
    known = nets.spec(meta.model).network is MSSN
    return {"told": False, **meta.config} if known else meta.config


def _build(path: Path, meta: Meta) -> nn.Module:
    try:
        return nets.build(meta.model, meta.scale, settings(meta))
    except UnknownModelError as error:
        raise WeightsError(f"{path}: {error}") from error


def tensors_of(net: nn.Module) -> dict[str, np.ndarray]:
    """The state dict of a network as contiguous arrays on the CPU."""
    return {name: tensor.detach().cpu().contiguous().numpy() for name, tensor in net.state_dict().items()}
