"""Write a trained MSSN with units that compute in int8, for processors and phones without bfloat16.

The inside of the units is quantised: their input, both hidden feature maps and the three weights. So are the
sums between the units of all blocks but the last, which takes a quarter off the time that units take: 8 bits
are read and written in the place of 32, and no sum is rounded apart from its convolution. In the last block
the sums are by far the largest, and what is rounded there is seen in the picture; those before are small
beside them. They, and the first and last layers, stay in float32. Two things help:

* a unit's branch has no biases and only ReLUs, so each hidden channel can be scaled to a maximum of 1 and the
  next weight take it back, exactly; one range for all channels then is as good as a range for each;
* weights have a range for each output channel.

Ranges are means over the pictures of the lowest and highest value in each. In drawn pictures values are four
to eight times as large as in photographs. The largest of all would leave photographs few steps, that of
photographs would cut drawn pictures short; the mean is fair to both, if both are among the pictures.

Weights take 7 bits, +-63: processors without VNNI instructions add two products in 16 bits, which
8 bits would overflow.

The file holds QuantizeLinear and DequantizeLinear pairs around float operators (ONNX's QDQ form), which every
runtime turns into its own int8 operators.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor, nn

from mssn.errors import DataError, WeightsError
from mssn.image.compression import LEAST
from mssn.lab.export.fuse import FusedMSSN
from mssn.lab.export.onnx import make_folder, save_model, to_onnx
from mssn.lab.export.rescale import FusedUnit, round_to_half
from mssn.lab.nets.mssn import MSSN
from mssn.lab.weights import load_network
from mssn.models.meta import exported_file

WEIGHT_LIMIT = 63
_LEVELS = 255  # steps of an activation, which takes 8 bits
_SMALLEST = 1e-6  # what a channel must reach not to count as dead
# What a network that is told is told of every picture in turn, while its ranges are measured.
_STRENGTHS = (LEAST, 0.5, 1.0)
_CROP = (
    192  # pixels a side of the part of a picture that ranges are measured on; ranges hardly grow with more
)


@dataclass(frozen=True)
class Range:
    """Lowest and highest value of each channel of a picture, or their means over pictures; C floats each."""

    low: Tensor
    high: Tensor


def export_int8(weights: Path, pictures: Iterable[np.ndarray], folder: Path) -> Path:
    """Write MODEL-xSCALE-int8.onnx.

    Args:
        weights: A .safetensors or .onnx file of an MSSN.
        pictures: Small pictures like those it will enlarge, H x W x 3 uint8, to measure ranges on.
        folder: Where the file goes; made if missing.

    Returns:
        The file.

    Raises:
        WeightsError: The weights cannot be read or used, are no MSSN's, or the file cannot be written.
        DataError: There are no pictures.
    """
    net, meta = load_network(weights)
    if not isinstance(net, MSSN):
        raise WeightsError(f"{weights}: only MSSN-S, MSSN-M and MSSN have an int8 form, not {meta.model}")
    try:
        fused = FusedMSSN(net)
    except ValueError as error:
        raise WeightsError(f"{meta.model} x{meta.scale}: {error}") from error
    inputs = [_center(picture) for picture in pictures]
    if not inputs:
        raise DataError("no pictures to measure the ranges of an int8 network on")
    round_to_half(fused)
    equalize(fused, measure(fused, inputs))
    model = to_onnx(fused)
    quantize(model, measure(fused, inputs))
    make_folder(folder)
    path = exported_file(folder, meta, "-int8.onnx")
    save_model(model, replace(meta, precision="int8"), path)
    return path


@torch.no_grad()
def measure(net: FusedMSSN, pictures: Iterable[Tensor]) -> dict[str, Range]:
    """What goes into each convolution of the units.

    Args:
        net: The network; one that is told is told several strengths of every picture.
        pictures: Small pictures, 1 x 3 x H x W float32 in [0, 1].

    Returns:
        Name of the convolution, "blocks.0.0.expand" -> range, the mean over the pictures of the lowest and
        highest at any strength.
    """
    inputs = list(pictures)
    # Filled in place: many small tensors that stay, between large ones that go, would scatter over the
    # memory, of which MSSN then takes more than 20 GB.
    seen: dict[str, Range] = {}  # pictures x C

    def note(name: str, _: nn.Module, given: tuple[Tensor]) -> None:
        if name not in seen:
            shape = len(inputs), given[0].shape[1]
            seen[name] = Range(torch.full(shape, math.inf), torch.full(shape, -math.inf))
        low, high = seen[name].low[row], seen[name].high[row]
        torch.minimum(low, given[0].amin((0, 2, 3)), out=low)
        torch.maximum(high, given[0].amax((0, 2, 3)), out=high)

    hooks = [
        layer.register_forward_pre_hook(partial(note, f"{name}.{part}"))
        for name, unit in _units(net)
        for part, layer in unit.named_children()
    ]
    try:
        for row, picture in enumerate(inputs):  # noqa: B007 (`note` reads it)
            for strength in _STRENGTHS if net.told else (LEAST,):
                net(torch.cat([picture, torch.full_like(picture[:, :1], strength)], dim=1))
    finally:
        for hook in hooks:
            hook.remove()
    return {name: Range(every.low.mean(0), every.high.mean(0)) for name, every in seen.items()}


def equalize(net: FusedMSSN, ranges: dict[str, Range]) -> None:
    """Scale every hidden channel to a highest value of 1; the network computes the same, up to rounding.

    Args:
        net: The network; changed.
        ranges: What `measure` found of it; measure again afterwards.
    """
    for name, unit in _units(net):
        first, second = (
            ranges[f"{name}.{part}"].high.clamp_min(_SMALLEST) for part in ("depthwise", "project")
        )
        unit.expand.weight.data /= first.view(-1, 1, 1, 1)
        unit.depthwise.weight.data *= (first / second).view(-1, 1, 1, 1)
        unit.project.weight.data *= second.view(1, -1, 1, 1)


def quantize(model: onnx.ModelProto, ranges: dict[str, Range]) -> None:
    """Put QDQ pairs before the convolutions of the units, and int8 weights in the place of their own.

    What goes into a unit of any block but the last is rounded for everything that reads it.

    Args:
        model: The exported network; changed.
        ranges: What `measure` found of it, after `equalize`.

    Raises:
        ValueError: The model has not all of these convolutions.
    """
    graph = model.graph
    missing = ranges.keys() - {
        node.input[1].removesuffix(".weight") for node in graph.node if node.op_type == "Conv"
    }
    if missing:
        raise ValueError(f"the exported network has no convolution {min(missing)}")
    stored = {tensor.name: tensor for tensor in graph.initializer}
    last = max(_block(name) for name in ranges)
    rounded: dict[str, str] = {}  # sums that are kept in 8 bits -> what is read in their place
    nodes = []
    for node in graph.node:
        node.input[:] = [rounded.get(name, name) for name in node.input]
        name = node.input[1].removesuffix(".weight") if node.op_type == "Conv" else ""
        if name in ranges:
            scale, zero = _input_scale(ranges[name])
            weight, weight_scale = quantize_weight(numpy_helper.to_array(stored[node.input[1]]))
            graph.initializer.remove(stored[node.input[1]])
            constants = {
                "scale": np.asarray(scale),
                "zero": np.asarray(zero),
                "weight": weight,
                "weight_scale": weight_scale,
                "weight_zero": np.zeros(len(weight), np.int8),
            }
            for key, array in constants.items():
                graph.initializer.append(numpy_helper.from_array(array, f"{name}.{key}"))
            of_input = [f"{name}.scale", f"{name}.zero"]
            of_weight = [f"{name}.weight_scale", f"{name}.weight_zero"]
            levels, x, w = f"{name}.byte", f"{name}.x", f"{name}.w"
            nodes += [
                helper.make_node("QuantizeLinear", [node.input[0], *of_input], [levels]),
                helper.make_node("DequantizeLinear", [levels, *of_input], [x]),
                helper.make_node("DequantizeLinear", [f"{name}.weight", *of_weight], [w], axis=0),
            ]
            if name.endswith(".expand") and _block(name) < last:
                rounded[node.input[0]] = x
            node.input[0], node.input[1] = x, w
        nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.checker.check_model(model)


def quantize_weight(weight: np.ndarray, limit: int = WEIGHT_LIMIT) -> tuple[np.ndarray, np.ndarray]:
    """Whole numbers and one scale for each output channel, whose product is close to the weight.

    Args:
        weight: Out x in x k x k, float32.
        limit: Largest magnitude of the whole numbers, at most 127.

    Returns:
        int8 of the same shape; float32, one for each output channel.
    """
    largest = np.abs(weight).reshape(len(weight), -1).max(axis=1)
    scale = np.where(largest > 0, largest / limit, 1).astype(np.float32)
    whole = np.rint(weight / scale.reshape(-1, 1, 1, 1)).clip(-limit, limit)
    return whole.astype(np.int8), scale


def _input_scale(seen: Range) -> tuple[np.float32, np.uint8]:
    """One scale for all channels, and the level that stands for 0."""
    low, high = min(seen.low.min().item(), 0.0), max(seen.high.max().item(), _SMALLEST)
    scale = np.float32((high - low) / _LEVELS)
    return scale, np.uint8(round(-low / float(scale)))


def _block(name: str) -> int:
    """The number of the block that "blocks.0.2.expand" is in."""
    return int(name.split(".")[1])


def _units(net: FusedMSSN) -> list[tuple[str, FusedUnit]]:
    return [(name, module) for name, module in net.named_modules() if isinstance(module, FusedUnit)]


def _center(picture: np.ndarray) -> Tensor:
    """The middle of H x W x 3 uint8, as 1 x 3 x h x w in [0, 1]."""
    top, left = (max(0, (side - _CROP) // 2) for side in picture.shape[:2])
    part = np.ascontiguousarray(picture[top : top + _CROP, left : left + _CROP])
    return torch.from_numpy(part).permute(2, 0, 1)[None].float() / 255
