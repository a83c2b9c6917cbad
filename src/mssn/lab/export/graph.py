"""The ONNX graph of a fused MSSN, node by node: convolutions, ReLUs, sums, a Concat and a DepthToSpace.

Written by hand rather than traced, so that every node and tensor has a name that says what it is
("blocks.0.2.depthwise"), and the graph is the same whatever PyTorch's exporter makes of the network.

A network that is told how strongly a picture is degraded has one constant for that, `STRENGTH`, from which
the biases of its heads are computed: `heads.0.bias` = `heads.0.base` + strength * `heads.0.slope`. Whoever
opens the file puts another number in its place first. Everything there is a constant then, which all engines
compute once, when they open the file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from mssn.image.compression import LEAST
from mssn.lab.export.rescale import bias_of
from mssn.models.meta import STRENGTH

if TYPE_CHECKING:
    from mssn.lab.export.fuse import FusedMSSN
    from mssn.lab.export.rescale import FusedUnit, Head

OPSET = 18
_IR_VERSION = 8  # the first that knows opset 18, so that old runtimes read the files, too


class _Graph:
    """Nodes and tensors, in the order in which they are added."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.tensors: list[onnx.TensorProto] = []

    def node(self, kind: str, inputs: list[str], name: str, **attributes: Any) -> str:
        """Add a node; its output has its name."""
        self.nodes.append(helper.make_node(kind, inputs, [name], name, **attributes))
        return name

    def tensor(self, name: str, values: Tensor) -> str:
        self.tensors.append(numpy_helper.from_array(np.ascontiguousarray(values.numpy()), name))
        return name

    def conv(self, x: str, name: str, conv: nn.Conv2d, bias: str | None = None) -> str:
        """Add a convolution that keeps height and width; its bias is its own, unless one is named."""
        inputs = [x, self.tensor(f"{name}.weight", conv.weight.detach())]
        if bias is not None:
            inputs.append(bias)
        elif conv.bias is not None:
            inputs.append(self.tensor(f"{name}.bias", conv.bias.detach()))
        side = conv.kernel_size[0]
        attributes = {"kernel_shape": [side, side], "pads": [side // 2] * 4, "group": conv.groups}
        return self.node("Conv", inputs, name, **attributes)

    def head(self, x: str, name: str, head: Head) -> str:
        """Add a head; what the strength adds to its bias is computed."""
        if head.slope is None:
            return self.conv(x, name, head)
        base = self.tensor(f"{name}.base", bias_of(head).detach())
        slope = self.tensor(f"{name}.slope", head.slope.detach())
        added = self.node("Mul", [slope, STRENGTH], f"{name}.added")
        return self.conv(x, name, head, self.node("Add", [base, added], f"{name}.bias"))


def build_graph(net: FusedMSSN) -> onnx.ModelProto:
    """The graph of a fused network: "lr", N x 3 x H x W in [0, 1], to "sr", N x 3 x scale*H x scale*W."""
    graph, scale = _Graph(), net.scale
    centred = graph.node("Add", ["lr", graph.tensor("minus_mean", net.minus_mean)], "centred")
    if net.told:
        graph.tensor(STRENGTH, torch.tensor([LEAST]))
    z = graph.head(centred, "heads.0", net.heads[0])
    for index, block in enumerate(net.blocks):
        for number, unit in enumerate(block):
            z = _unit(graph, z, f"blocks.{index}.{number}", unit)
        if len(net.heads) > 1:
            source = graph.head(centred, f"heads.{index + 1}", net.heads[index + 1])
            z = graph.node("Add", [z, source], f"blocks.{index}")
    difference = graph.node(
        "Add", [graph.conv(z, "tail", net.tail), graph.conv(centred, "skip", net.skip)], "difference"
    )
    copies = graph.node("Concat", ["lr"] * scale**2, "copies", axis=1)
    squares = graph.node("Add", [difference, copies], "squares")
    graph.node("DepthToSpace", [squares], "sr", blocksize=scale, mode="DCR")
    free = "batch", "height", "width"
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "mssn",
            [_picture("lr", *free)],
            [_picture("sr", "batch", f"{scale}*height", f"{scale}*width")],
            graph.tensors,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=_IR_VERSION,
        producer_name="mssn",
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def _unit(graph: _Graph, z: str, name: str, unit: FusedUnit) -> str:
    x = graph.conv(z, f"{name}.expand", unit.expand)
    x = graph.node("Relu", [x], f"{name}.expand.relu")
    x = graph.conv(x, f"{name}.depthwise", unit.depthwise)
    if unit.depthwise_relu:
        x = graph.node("Relu", [x], f"{name}.depthwise.relu")
    return graph.node("Add", [z, graph.conv(x, f"{name}.project", unit.project)], name)


def _picture(name: str, batch: str, height: str, width: str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, 3, height, width])
