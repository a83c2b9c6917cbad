"""Run an exported network with ONNX Runtime: the second opinion, at home on phones and servers."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mssn.errors import MissingDependencyError, WeightsError
from mssn.models.meta import Meta
from mssn.runtime.base import Precision
from mssn.runtime.precision import settle_int8


class ONNXRuntime:
    """One session; float32, and bytes inside the units of a file that has them.

    Args:
        path: An .onnx file written by `mssn export`.
        precision: "fp32", "int8" (each for its own files), or "auto": what the file has.
        threads: Processor cores to use; None for all.

    Raises:
        MissingDependencyError: ONNX Runtime is not installed.
        WeightsError: Not a readable .onnx file, or one without our description.
    """

    def __init__(self, path: Path, *, precision: Precision = "auto", threads: int | None = None) -> None:
        try:
            import onnxruntime as ort
        except ImportError as error:
            raise MissingDependencyError(
                "ONNX Runtime is not installed; run: pip install 'mssn[onnxruntime]'"
            ) from error
        if not path.is_file():
            raise WeightsError(f"{path}: no such weights file")
        if precision == "bf16":
            raise WeightsError("onnxruntime computes in fp32 or int8 here; use openvino for bf16")
        options = ort.SessionOptions()
        options.log_severity_level = 3
        if threads:
            options.intra_op_num_threads = threads
        try:
            self._session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its own exception classes share no public base
            raise WeightsError(f"{path}: not a readable .onnx file") from error
        text = self._session.get_modelmeta().custom_metadata_map.get("mssn")
        if text is None:
            raise WeightsError(f"{path}: carries no mssn description; only files written by mssn export run")
        self.meta = Meta.from_json(text, str(path))
        self.scale, self.halo = self.meta.scale, self.meta.halo
        self.name = f"onnxruntime {'int8' if settle_int8(path, precision) else 'fp32'}"

    def run(self, lr: np.ndarray) -> np.ndarray:
        """See `Runtime.run`."""
        return np.asarray(self._session.run(None, {"lr": lr})[0])
