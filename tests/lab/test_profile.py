"""The profile counts what the exported graph holds, and leaves no time out."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from mssn.lab import nets
from mssn.lab.complexity import count_parameters, mult_adds
from mssn.lab.export.fuse import fuse
from mssn.lab.profile import SUMS, profile
from mssn.models import info

SIZE = (36, 64)


def shipped(name: str) -> Path:
    return info.FOLDER / name


@pytest.mark.parametrize("name", ["mssn-s-x2.onnx", "mssn-s-x2-int8.onnx"])
def test_counts_are_those_of_the_fused_network(name) -> None:
    layers = profile(shipped(name), size=SIZE, repeats=2)
    fused = fuse(nets.build("mssn-s", 2))
    total = sum(p.numel() for p in fused.parameters())
    assert sum(layer.parameters for layer in layers) == total
    assert sum(layer.mult_adds for layer in layers) == total * math.prod(SIZE)
    # Each share-source skip runs a copy of the head: the paper counts one.
    head = 3 * 3 * 3 * 32 + 32
    # And one bias serves the tail and the skip.
    assert total == count_parameters(nets.build("mssn-s", 2, {"adaptive_scales": False})) + 4 * head - 12
    assert mult_adds(fused, 2) == total * 360 * 640


def test_every_layer_is_named_and_timed() -> None:
    layers = profile(shipped("mssn-s-x2.onnx"), size=SIZE, repeats=3)
    names = [layer.name for layer in layers]
    assert len(set(names)) == len(names) == 16 * 3 + 5 + 2 + 1
    assert names[1] == "blocks.0.0.expand"
    assert names[-1] == SUMS
    assert {layer.kind for layer in layers} == {"1x1", "3x3", "3x3 depthwise", "5x5", ""}
    assert all(layer.seconds > 0 for layer in layers)
