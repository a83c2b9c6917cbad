"""What each layer of an exported network costs: weights, multiplications, and measured time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper, shape_inference

from mssn.errors import WeightsError
from mssn.runtime.base import Precision, check_threads
from mssn.runtime.openvino import OpenVINORuntime
from mssn.runtime.plan import plan_for

SUMS = "sums and rearranging"  # whatever OpenVINO does not fuse into a convolution


@dataclass(frozen=True)
class Layer:
    """One convolution as it ships, or all that is none.

    Args:
        name: "blocks.0.2.depthwise": block 0, unit 2; or `SUMS`.
        kind: "1x1", "3x3", "3x3 depthwise"; empty for `SUMS`.
        parameters: Weights and bias.
        mult_adds: Multiplications with their additions, and additions of the bias.
        seconds: Mean time of one run, with what is fused into it (ReLU, the unit's sum).
    """

    name: str
    kind: str
    parameters: int
    mult_adds: int
    seconds: float


def profile(
    path: Path,
    *,
    size: tuple[int, int] = (360, 640),
    precision: Precision = "auto",
    threads: int | None = None,
    repeats: int = 20,
) -> list[Layer]:
    """Measure an exported network layer by layer, with OpenVINO.

    Args:
        path: An .onnx file written by `mssn export`.
        size: Rows and columns of the small picture.
        precision: As for `mssn.runtime.plan.plan`.
        threads: Processor cores; None for all.
        repeats: Runs to take the mean of.

    Returns:
        The convolutions in the order in which they run, and `SUMS` last.

    Raises:
        WeightsError: The file cannot be used.
        MssnError: `threads` is below 1.
    """
    check_threads(threads)
    chosen = plan_for(path, precision=precision)
    runtime = OpenVINORuntime(path, precision=chosen.precision, threads=threads)
    times = runtime.layer_times(np.zeros((1, 3, *size), np.float32), repeats)
    found = _convolutions(onnx.load(path), size)
    seconds = dict.fromkeys((*found, SUMS), 0.0)
    for originals, spent in times:
        # What is fused into a convolution counts as part of it.
        owner = next((name for name in originals if name in found), SUMS)
        seconds[owner] += spent
    layers = [Layer(*found[node], seconds[node]) for node in found]
    return [*layers, Layer(SUMS, "", 0, 0, seconds[SUMS])]


def _convolutions(model: onnx.ModelProto, size: tuple[int, int]) -> dict[str, tuple[str, str, int, int]]:
    """(name, kind, parameters, Mult-Adds) of every convolution, by the name of its node."""
    picture = model.graph.input[0].type.tensor_type.shape.dim
    for dim, length in zip(picture[2:], size, strict=True):
        dim.dim_value = length
    graph = shape_inference.infer_shapes(model).graph
    shapes = {
        info.name: [dim.dim_value for dim in info.type.tensor_type.shape.dim]
        for info in (*graph.value_info, *graph.output)
    }
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    makers = {output: node for node in graph.node for output in node.output}

    def stored(name: str) -> onnx.TensorProto:
        while name not in tensors:  # in half precision or int8, widened on the way
            if name not in makers:
                raise WeightsError("a convolution's weights are computed, not stored; export it again")
            name = makers[name].input[0]
        return tensors[name]

    found = {}
    for node in graph.node:
        if node.op_type != "Conv":
            continue
        weight = numpy_helper.to_array(stored(node.input[1]))
        bias = stored(node.input[2]).dims[0] if len(node.input) > 2 else 0
        rows, columns = shapes[node.output[0]][2:]
        side = f"{weight.shape[2]}x{weight.shape[3]}"
        kind = f"{side} depthwise" if weight.shape[1] == 1 and weight.shape[0] > 1 else side
        name = stored(node.input[1]).name.removesuffix(".half").removesuffix(".weight")
        parameters = weight.size + bias
        found[node.name] = (name, kind, parameters, parameters * rows * columns)
    return found
