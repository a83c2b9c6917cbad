"""From a model's name or a weights file to something that runs it."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import get_args

from mssn.errors import MissingDependencyError, MssnError, UnknownModelError, WeightsError
from mssn.models import info
from mssn.runtime.base import Precision, Runtime, RuntimeName
from mssn.runtime.precision import fastest


def open_runtime(
    model: str | Path,
    scale: int | None = None,
    *,
    runtime: RuntimeName = "openvino",
    precision: Precision = "auto",
    threads: int | None = None,
) -> Runtime:
    """Make a network ready to run.

    Args:
        model: "bicubic", the name of a model that ships with the package, or the path of an .onnx or
            .safetensors file.
        scale: Factor; default 2 for a name, the file's own for a path (and checked against it).
        runtime: What runs it; .safetensors files need "pytorch", .onnx files run in all (in "pytorch"
            those of MSSN, MSSN-M and MSSN-S).
        precision: "auto" takes the fastest on this processor that costs next to nothing; ONNX Runtime knows
            fp32 (its "auto") and int8 only, PyTorch fp32 (its "auto") and bf16.
        threads: Processor cores; None for all.

    Raises:
        UnknownModelError: No such model or scale.
        WeightsError: The file cannot be used, or not with this runtime or scale.
        MissingDependencyError: The runtime is not installed.
        MssnError: `threads` is below 1, or `runtime` or `precision` none of those named.
    """
    if threads is not None and threads < 1:
        raise MssnError(f"`threads` must be at least 1, not {threads}")
    for value, known in ((runtime, get_args(RuntimeName)), (precision, get_args(Precision))):
        if value not in known:
            raise MssnError(f"'{value}' is none of: {', '.join(known)}")
    if scale is not None and scale < 1:
        raise UnknownModelError(f"scale must be at least 1, not {scale}")
    if model == "bicubic":
        from mssn.runtime.bicubic import BicubicRuntime

        return BicubicRuntime(scale or 2)
    path = Path(model)
    if path.suffix.lower() not in (".onnx", ".safetensors"):
        if path.suffix or len(path.parts) > 1:
            raise WeightsError(f"{model}: weights files end in .onnx or .safetensors")
        path, precision = _shipped(str(model), scale or 2, runtime, precision)
    opened = _open(path, runtime, precision, threads)
    if scale not in (None, opened.scale):
        raise UnknownModelError(f"{model}: enlarges by {opened.scale}, not by {scale}")
    return opened


def _shipped(model: str, scale: int, runtime: RuntimeName, precision: Precision) -> tuple[Path, Precision]:
    """The file of a shipped model that suits a runtime and a precision, and the precision that is to be."""
    row = info.find(model, scale)
    path = row.path
    assert path is not None
    if runtime == "pytorch":
        return path, precision
    if runtime == "openvino" and precision == "auto":
        from mssn.runtime.openvino import computes_bf16

        precision = fastest(row, bf16=computes_bf16())
    if precision == "int8":
        if row.int8 is None:
            known = ", ".join(f"{row.model} x{row.scale}" for row in info.list_models() if row.int8)
            raise UnknownModelError(
                f"{model} x{scale} does not ship in int8; in int8 ship: {known or 'none'}"
            )
        path = path.with_name(row.int8)
    return path, precision


def _open(path: Path, runtime: RuntimeName, precision: Precision, threads: int | None) -> Runtime:
    if path.suffix.lower() == ".safetensors" and runtime != "pytorch":
        raise WeightsError(f"{path}: {runtime} runs .onnx files; mssn export makes one of it")
    if runtime == "pytorch":
        return _open_pytorch(path, precision, threads)
    if runtime == "onnxruntime":
        from mssn.runtime.onnxruntime import ONNXRuntime

        return ONNXRuntime(path, precision=precision, threads=threads)
    from mssn.runtime.openvino import OpenVINORuntime

    return OpenVINORuntime(path, precision=precision, threads=threads)


def _open_pytorch(path: Path, precision: Precision, threads: int | None) -> Runtime:
    if precision == "int8":
        raise WeightsError("pytorch computes in fp32 or bf16 here; use openvino or onnxruntime for int8")
    # By name, so that nothing that enlarges pictures depends on PyTorch, not even on paper.
    try:
        module = importlib.import_module("mssn.lab.pytorch")
    except ModuleNotFoundError as error:
        raise MissingDependencyError("PyTorch is not installed; run: pip install 'mssn[train]'") from error
    return module.open_pytorch(path, bf16=precision == "bf16", threads=threads)
