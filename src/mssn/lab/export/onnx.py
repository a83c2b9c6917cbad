"""Write a trained network as ONNX, for every runtime that is not PyTorch."""

from __future__ import annotations

import json
import logging
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import nn

from mssn.atomic import replacing
from mssn.errors import WeightsError
from mssn.lab.export.fuse import FusedMSSN, fuse
from mssn.lab.export.graph import OPSET, build_graph
from mssn.lab.export.rescale import round_to_half
from mssn.lab.export.unfuse import learnt_scales, unfuse
from mssn.lab.nets.mssn import MSSN
from mssn.lab.nets.smfanet import SMFANet
from mssn.lab.weights import SCALES, SHIFTS, load_network, save, tensors_of
from mssn.models.meta import KEY, STRENGTH, Meta, exported_file

_ROUNDS = 5  # two are enough for every network that ships


def export(weights: Path, folder: Path, *, half: bool = False) -> tuple[Path, Path]:
    """Turn a weights file into the pair that ships: half-precision safetensors and ONNX.

    Unless `half` is asked for, the ONNX file is made from the rounded weights in the safetensors file.

    Args:
        weights: A .safetensors file, or an MSSN's .onnx file.
        folder: Where MODEL-xSCALE.safetensors and .onnx go; made if missing.
        half: As for `write_onnx`.

    Returns:
        The two files.

    Raises:
        WeightsError: The weights cannot be read, used or written.
    """
    net, meta = load_network(weights)
    make_folder(folder)
    safetensors, onnx_file = (exported_file(folder, meta, ending) for ending in (".safetensors", ".onnx"))
    halves = {name: array.astype(np.float16) for name, array in tensors_of(net).items()}
    save(safetensors, halves, meta)
    if not half:
        net.half().float()
    write_onnx(net, meta, onnx_file, half=half)
    return safetensors, onnx_file


def make_folder(folder: Path) -> None:
    """Make the folder that exported files go into.

    Raises:
        WeightsError: It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WeightsError(f"{folder}: cannot be made ({error.strerror})") from error


def write_onnx(net: nn.Module, meta: Meta, path: Path, *, half: bool = False) -> None:
    """Export a network: "lr", N x 3 x H x W, to "sr", N x 3 x scale*H x scale*W, all but the 3 free.

    Args:
        net: A trained network; weight norm and learnt scales are fused, it is not changed.
        meta: Its description, kept in the file's metadata under `mssn.models.meta.KEY`.
        path: Target; appears only when whole.
        half: Round the fused weights to half precision and store them so, in half of the space. Whoever
            runs the file still computes in float32.

    Raises:
        WeightsError: The network cannot be fused, or the file not be written.
    """
    try:
        fused = _halves(net.eval()) if half else fuse(net.eval())
    except ValueError as error:
        raise WeightsError(f"{meta.model} x{meta.scale}: {error}") from error
    model = to_onnx(fused)
    if half:
        _store_halves(model)
    if isinstance(fused, FusedMSSN):  # so that the file alone can be trained on (mssn.lab.export.unfuse)
        for key, value in (
            (SCALES, json.dumps(learnt_scales(net))),
            (SHIFTS, fused.shifts.to_text()),
        ):
            model.metadata_props.append(onnx.StringStringEntryProto(key=key, value=value))
    save_model(model, meta, path)


def _halves(net: nn.Module) -> nn.Module:
    """The fused network with its weights rounded to half precision.

    A fused weight can be the product of several of the network's, and rounding a product is not the product
    of what was rounded. So the network is read back and fused again until nothing changes any more: then the
    file gives back a network from which the very same file is made.

    Raises:
        ValueError: The network cannot be fused.
    """
    fused = fuse(net)
    round_to_half(fused)
    if not (isinstance(net, MSSN) and isinstance(fused, FusedMSSN)):
        return fused
    for _ in range(_ROUNDS):
        back = MSSN(net.config, net.scale)
        unfuse(back, fused.state_dict(), learnt_scales(net), fused.shifts)
        before, fused = fused.state_dict(), FusedMSSN(back)
        round_to_half(fused)
        if all(torch.equal(tensor, before[name]) for name, tensor in fused.state_dict().items()):
            return fused
    raise ValueError("its weights do not come to rest in half precision")


def _store_halves(model: onnx.ModelProto) -> None:
    """Store tensors that half precision holds exactly in it, and have them widened where they are used."""
    graph = model.graph
    nodes = []
    for tensor in graph.initializer:
        array = numpy_helper.to_array(tensor)
        if tensor.name == STRENGTH:  # which others replace, by this name
            continue
        if array.dtype != np.float32 or (array != array.astype(np.float16)).any():
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(array.astype(np.float16), f"{name}.half"))
        nodes.append(helper.make_node("Cast", [f"{name}.half"], [name], to=onnx.TensorProto.FLOAT))
    nodes += graph.node
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.checker.check_model(model)


def save_model(model: onnx.ModelProto, meta: Meta, path: Path) -> None:
    """Write an ONNX model with its description.

    Args:
        model: What `to_onnx` made; the description is added to it.
        meta: The description, kept in the file's metadata under `mssn.models.meta.KEY`.
        path: Target; appears only when whole.

    Raises:
        WeightsError: The file cannot be written.
    """
    model.metadata_props.append(onnx.StringStringEntryProto(key=KEY, value=meta.to_json()))
    try:
        with replacing(path) as file:
            file.write(model.SerializeToString())
    except OSError as error:
        raise WeightsError(f"{path}: cannot be written ({error.strerror})") from error


def to_onnx(net: nn.Module) -> onnx.ModelProto:
    """The graph of a network, as it is: "lr", N x 3 x H x W, to "sr"; N, H and W are free.

    Raises:
        WeightsError: ONNX has no operators for it.
    """
    if isinstance(net, SMFANet):  # an exporter would fix the number of places without a word
        raise WeightsError(
            "SMFANet cannot become an .onnx file: it pools to an eighth of any size; use `runtime` pytorch"
        )
    return build_graph(net) if isinstance(net, FusedMSSN) else _traced(net)


def _traced(net: nn.Module) -> onnx.ModelProto:
    """The graph as PyTorch's exporter makes it."""
    batch, height, width = (torch.export.Dim(name, min=1) for name in ("batch", "height", "width"))
    # The exporter warns of its own innards and of packages nobody asked for; none of it is the user's.
    noisy = logging.getLogger("torch.onnx")
    level = noisy.level
    noisy.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                net,
                (torch.rand(2, 3, 24, 32),),
                dynamo=True,
                input_names=["lr"],
                output_names=["sr"],
                dynamic_shapes=({0: batch, 2: height, 3: width},),
                opset_version=OPSET,
                verbose=False,
            )
    finally:
        noisy.setLevel(level)
    if program is None:
        raise ValueError("PyTorch's exporter made no graph of it")
    model = program.model_proto
    # Source lines and shapes of every node: a third of a small file, of no use to anyone who runs it.
    del model.graph.value_info[:], model.metadata_props[:]
    for node in model.graph.node:
        del node.metadata_props[:]
        node.ClearField("doc_string")
    onnx.checker.check_model(model)
    return model
