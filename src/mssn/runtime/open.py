"""From a plan to something that runs."""

from __future__ import annotations

import importlib

from mssn.errors import MissingDependencyError
from mssn.runtime.base import Runtime, check_strength, check_threads
from mssn.runtime.plan import Plan


def open_runtime(plan: Plan, threads: int | None = None) -> Runtime:
    """Make a network ready to run, as planned.

    Args:
        plan: What `mssn.runtime.plan` decided.
        threads: Processor cores, at least 1; None for all. PyTorch has one number for the whole process.

    Raises:
        WeightsError: The file cannot be used.
        MissingDependencyError: The runtime is not installed.
        MssnError: `threads` is below 1, or the plan's `strength` is not from 0 to 1.
    """
    check_threads(threads)
    check_strength(plan.strength)
    if plan.file is None:
        from mssn.runtime.bicubic import BicubicRuntime

        return BicubicRuntime(plan.scale)
    file, precision, strength = plan.file, plan.precision, plan.strength
    if plan.runtime == "native":
        from mssn.runtime.native.runtime import NativeRuntime

        return NativeRuntime(file, precision=precision, threads=threads, strength=strength)
    if plan.runtime == "openvino":
        from mssn.runtime.openvino import OpenVINORuntime

        return OpenVINORuntime(file, precision=precision, threads=threads, strength=strength)
    if plan.runtime == "onnxruntime":
        from mssn.runtime.onnxruntime import ONNXRuntime

        return ONNXRuntime(file, precision=precision, threads=threads, strength=strength)
    # By name, so that nothing that enlarges pictures imports PyTorch, even where the linter looks.
    try:
        module = importlib.import_module("mssn.lab.pytorch")
    except ModuleNotFoundError as error:
        raise MissingDependencyError("PyTorch is not installed; run: pip install 'mssn[train]'") from error
    return module.open_pytorch(file, precision=precision, threads=threads, strength=strength)
