"""Run an exported network with OpenVINO: the default, and the fastest on ordinary processors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import openvino as ov

from mssn.errors import WeightsError
from mssn.runtime.base import Precision
from mssn.weights.meta import Meta


class OpenVINORuntime:
    """One compiled network; shapes may change from call to call.

    Args:
        path: An .onnx file written by `mssn export`.
        precision: "fp32", "bf16", or "auto": bf16 where the processor computes in it (it costs about
            0.002 dB), else fp32.
        threads: Processor cores to use; None for all.

    Raises:
        WeightsError: Not a readable .onnx file, or one without our description.
    """

    def __init__(self, path: Path, *, precision: Precision = "auto", threads: int | None = None) -> None:
        if not path.is_file():
            raise WeightsError(f"{path}: no such weights file")
        with path.open("rb") as file:
            # How every ONNX file begins; of others, OpenVINO would go on guessing the kind, loudly.
            if file.read(1) != b"\x08":
                raise WeightsError(f"{path}: not a readable .onnx file")
        core = ov.Core()
        try:
            model = core.read_model(path)
        except RuntimeError as error:
            raise WeightsError(f"{path}: not a readable .onnx file") from error
        place = ["framework", "mssn"]  # where OpenVINO keeps an ONNX file's own notes
        if not model.has_rt_info(place):
            raise WeightsError(f"{path}: carries no mssn description; only files written by mssn export run")
        self.meta = Meta.from_json(model.get_rt_info(place).astype(str), str(path))
        self.scale, self.halo = self.meta.scale, self.meta.halo
        if precision == "auto":
            able = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
            precision = "bf16" if able else "fp32"
        settings: dict[str, str | int] = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": {"fp32": "f32", "bf16": "bf16"}[precision],
        }
        if threads:
            settings["INFERENCE_NUM_THREADS"] = threads
        self.name = f"openvino {precision}"
        self._compiled = core.compile_model(model, "CPU", settings)

    def run(self, lr: np.ndarray) -> np.ndarray:
        """See `Runtime.run`."""
        # A request of its own for each call: an upscaler may be shared by threads.
        request = self._compiled.create_infer_request()
        request.infer([lr], share_inputs=True)
        return request.get_output_tensor(0).data
