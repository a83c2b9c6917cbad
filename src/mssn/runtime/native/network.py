"""The weights of an MSSN, read from its .onnx file and packed as the kernels take them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import numpy as np

from mssn.checks import is_whole
from mssn.errors import WeightsError
from mssn.models.meta import Meta, read_graph
from mssn.runtime.native.int8 import Int8Units

SHAPES = ((32, 64), (64, 128), (64, 256))  # C and E that the kernels know
LANES = 16
MOST = 64  # units in a block, and blocks: far more than any network of the family has


@dataclass(frozen=True)
class BlockWeights:
    """One cascading block.

    Args:
        units: Bytes of its units, one after another: expand, depthwise (float32), project; of int8, `Unit` of
            kernels.c.
        head: The share of the source that joins the block's result, packed.
        bias: Its bias, C float32.
        levels: Of int8: how its input becomes levels, `Levels` of kernels.c; else null.
        in_levels: Whether its input and sums are levels of int8.
    """

    units: np.ndarray
    head: np.ndarray
    bias: np.ndarray
    levels: np.ndarray | None = None
    in_levels: bool = False


@dataclass(frozen=True)
class Network:
    """A whole MSSN.

    Args:
        channels: C.
        expanded: E.
        units: Units in a block.
        scale: Factor.
        mean: 3 float32, taken off the picture.
        source: The head that makes the first block's input, packed.
        source_bias: Its bias, C float32.
        blocks: Its cascading blocks.
        features: 9*C x outputs, packed: the last layer's share of the features.
        picture: 76 x outputs float32: its share of the picture; the last row is a bias.
    """

    channels: int
    expanded: int
    units: int
    scale: int
    mean: np.ndarray
    source: np.ndarray
    source_bias: np.ndarray
    blocks: list[BlockWeights]
    features: np.ndarray
    picture: np.ndarray


def suits(meta: Meta) -> bool:
    """Whether the kernels can run what a description is of."""
    config = meta.config
    return (
        meta.domain == "rgb"
        and meta.format >= 2
        and config.get("unit", "mawru") == "mawru"
        and (config.get("channels"), config.get("expanded")) in SHAPES
        and all(config.get(name, True) is True for name in ("share_source", "depthwise_relu", "normalize"))
        and meta.scale in (2, 3, 4)
        and all(is_whole(config.get(name)) and 0 < config[name] <= MOST for name in ("units", "blocks"))
    )


def read_network(path: Path, meta: Meta, strength: float, *, half: bool, lanes: int) -> Network:
    """Read and pack the weights of a network.

    Args:
        path: An .onnx file.
        meta: Its description, one that `suits`.
        strength: How strongly pictures are degraded, 0..1; of a network that is told.
        half: Pack for bfloat16.
        lanes: Numbers of 32 bits in a register, for units of int8.

    Raises:
        WeightsError: It cannot be read, or is not the network that its description says.
    """
    constants, sources = read_graph(path)

    def take(name: str, *shape: int) -> np.ndarray:
        try:
            found = constants[name] if name in constants else constants[f"{name}.half"]
            return found.astype(np.float32).reshape(shape)
        except (KeyError, ValueError) as error:
            raise WeightsError(f"{path}: its network is not the one it describes ({name})") from error

    c, e, scale = meta.config["channels"], meta.config["expanded"], meta.scale
    units, count = meta.config["units"], meta.config["blocks"]
    outputs = 3 * scale**2

    def head(index: int) -> tuple[np.ndarray, np.ndarray]:
        weight = take(f"heads.{index}.weight", c, 3, 3, 3).transpose(2, 3, 1, 0).reshape(3, 9, c)
        weight = np.pad(weight, [(0, 0), (0, int(half)), (0, 0)])  # bfloat16 goes in twos
        if meta.told:
            bias = take(f"heads.{index}.base", c) + take(f"heads.{index}.slope", c) * np.float32(strength)
        else:
            bias = take(f"heads.{index}.bias", c)
        return _packed(weight.reshape(-1, c), half), bias

    inner = Int8Units(constants, sources, str(path), c, e, lanes) if meta.precision == "int8" else None
    # In bfloat16 a kernel takes 32 channels apart into those at even and those at odd places.
    order = np.arange(e, dtype=np.intp)
    order = order.reshape(-1, LANES, 2).transpose(0, 2, 1).ravel() if half else order

    def unit(name: str) -> bytes:
        parts = [
            _packed(take(f"{name}.expand.weight", e, c).T, half),
            np.ascontiguousarray(take(f"{name}.depthwise.weight", e, 9)[order].T),
            _packed(take(f"{name}.project.weight", c, e).T[order], half),
        ]
        return b"".join(part.tobytes() for part in parts)

    def block(index: int) -> BlockWeights:
        names = [f"blocks.{index}.{u}" for u in range(units)]
        if inner is None:
            return BlockWeights(_joined(map(unit, names)), *head(index + 1))
        in_levels = inner.in_levels(index, units)
        nexts = names[1:] if in_levels else []
        packed = _joined(inner.unit(name, then) for name, then in zip_longest(names, nexts))
        return BlockWeights(packed, *head(index + 1), inner.levels_of(index), in_levels)

    blocks = [block(index) for index in range(count)]
    mean = -take("minus_mean", 3)
    room = -(-outputs // LANES) * LANES
    features = np.zeros((9 * c, room), np.float32)
    features[:, :outputs] = take("tail.weight", outputs, c, 3, 3).transpose(2, 3, 1, 0).reshape(-1, outputs)
    picture = np.zeros((76, room), np.float32)
    skip = take("skip.weight", outputs, 3, 5, 5).transpose(2, 3, 1, 0).copy()
    bias = take("tail.bias", outputs)
    colours = np.arange(outputs) % 3
    skip[2, 2, colours, np.arange(outputs)] += 1  # the picture itself, which each large pixel is a change of
    picture[:75, :outputs] = skip.reshape(75, outputs)
    picture[75, :outputs] = bias + mean[colours]
    return Network(c, e, units, scale, mean, *head(0), blocks, _packed(features, half), picture)


def _joined(parts: Iterable[bytes]) -> np.ndarray:
    return np.frombuffer(b"".join(parts), np.uint8)


def _packed(weights: np.ndarray, half: bool) -> np.ndarray:
    """K x N float32 as the kernels take them; of bfloat16 two of K side by side, nearest values."""
    weights = np.ascontiguousarray(weights, np.float32)
    if not half:
        return weights
    bits = weights.view(np.uint32)
    bits = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    k, n = weights.shape
    return np.ascontiguousarray(bits.astype(np.uint16).reshape(k // 2, 2, n).transpose(0, 2, 1))
