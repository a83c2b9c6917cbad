"""Run an exported network with ONNX Runtime: the second opinion, at home on phones and servers."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np

from mssn.errors import MissingDependencyError, WeightsError
from mssn.image.compression import LEAST
from mssn.models.meta import read_meta, read_told
from mssn.runtime.base import Computed, failure


class ONNXRuntime:
    """One session; float32, and int8 inside the units of a file that has them.

    Args:
        path: An .onnx file written by `mssn export`.
        precision: What the file's units compute in, "fp32" or "int8".
        threads: Processor cores to use; None for all.
        strength: How strongly pictures are degraded, 0..1; only for a network that is told.

    Raises:
        MissingDependencyError: ONNX Runtime is not installed.
        WeightsError: Not a readable .onnx file, one without our description, of another precision, or not
            told a strength.
    """

    def __init__(
        self, path: Path, *, precision: Computed, threads: int | None = None, strength: float = LEAST
    ) -> None:
        try:
            ort: Any = importlib.import_module("onnxruntime")  # which has no types
        except ImportError as error:
            raise MissingDependencyError(
                "ONNX Runtime is not installed; run: pip install 'mssn[onnxruntime]'"
            ) from error
        self.meta = read_meta(path)
        self.meta.require(precision, str(path), strength)
        options = ort.SessionOptions()
        options.log_severity_level = 3
        if threads:
            options.intra_op_num_threads = threads
        network = read_told(path, strength) if self.meta.told else str(path)
        try:
            self._session = ort.InferenceSession(network, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its own exception classes share no public base
            raise WeightsError(f"{path}: not a readable .onnx file") from error
        self.scale, self.halo = self.meta.scale, self.meta.halo
        self.precision: Computed = precision
        self.name = f"onnxruntime {precision}"

    def run(self, lr: np.ndarray) -> np.ndarray:
        """See `Runtime.run`."""
        try:
            return np.asarray(self._session.run(None, {"lr": lr})[0])
        except Exception as error:  # as above
            raise failure(self.name, lr, error) from error
