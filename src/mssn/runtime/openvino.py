"""Run an exported network with OpenVINO: the default, and the fastest on ordinary processors."""

# OpenVINO's own types are partial.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from openvino import opset13 as ops
from openvino.preprocess import PrePostProcessor

from mssn.errors import WeightsError
from mssn.image.compression import LEAST
from mssn.models.meta import read_meta, read_told
from mssn.once import Once
from mssn.runtime.base import Computed, failure, last_line
from mssn.runtime.kept import Kept

# OpenVINO builds its table of types when it is first asked, and two threads that ask at once wait for each
# other for ever (one holds the table, the other Python's lock). A module is imported by one thread only.
ov.Type.u8.to_dtype()
_CORE = Once(ov.Core)  # which reads the list of devices, and loads what runs on each


class OpenVINORuntime:
    """One compiled network; shapes may change from call to call.

    Args:
        path: An .onnx file written by `mssn export`.
        precision: What to compute in: "fp32" or "bf16", or "int8" for a file whose units do.
        threads: Processor cores to use; None for all.
        strength: How strongly pictures are degraded, 0..1; only for a network that is told.

    Raises:
        WeightsError: Not a readable .onnx file, one without our description, of another precision, or not
            told a strength.
    """

    def __init__(
        self, path: Path, *, precision: Computed, threads: int | None = None, strength: float = LEAST
    ) -> None:
        self.meta = read_meta(path)
        self.meta.require(precision, str(path), strength)
        network = read_told(path, strength) if self.meta.told else path.read_bytes()
        core = _CORE()
        try:
            model = core.read_model(network)
        except RuntimeError as error:
            raise WeightsError(f"{path}: not a readable .onnx file") from error
        if precision == "int8":
            _keep_sums(model)
        settings: dict[str, str | int] = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32",
        }
        if threads:
            settings["INFERENCE_NUM_THREADS"] = threads
        self.scale, self.halo = self.meta.scale, self.meta.halo
        self.precision: Computed = precision
        self.name = f"openvino {precision}"
        self._path, self._core, self._model, self._settings = path, core, model, settings
        self._made_from = network, repr(sorted(settings.items())).encode(), *_maker()
        # One of the two is made ready when it is first needed; most users need one only.
        self._floats = Once(lambda: self._ready(b"floats", lambda: model))
        self._pixels = Once(lambda: self._ready(b"pixels", lambda: _on_pixels(model.clone())))

    def _ready(self, form: bytes, model: Callable[[], ov.Model]) -> ov.CompiledModel:
        """The network as it was compiled once, or is now."""
        kept = Kept(form, *self._made_from)
        if (content := kept.read()) is not None:
            with suppress(RuntimeError, MemoryError):
                return self._core.import_model(content, "CPU", self._settings)
        compiled = self._compile(model())
        kept.write(compiled.export_model().getvalue())
        return compiled

    def _compile(self, model: ov.Model, **more: str) -> ov.CompiledModel:
        try:
            return self._core.compile_model(model, "CPU", {**self._settings, **more})
        except (RuntimeError, MemoryError) as error:
            raise WeightsError(
                f"{self._path}: OpenVINO cannot run this network ({last_line(error)})"
            ) from error

    def _infer(self, compiled: ov.CompiledModel, array: np.ndarray) -> np.ndarray:
        try:
            # A request of its own for each call: an upscaler may be shared by threads.
            request = compiled.create_infer_request()
            request.infer([array], share_inputs=True)
            return request.get_output_tensor(0).data
        except (RuntimeError, MemoryError) as error:
            raise failure(self.name, array, error) from error

    def run(self, lr: np.ndarray) -> np.ndarray:
        """See `Runtime.run`."""
        return self._infer(self._floats(), lr)

    def layer_times(self, lr: np.ndarray, repeats: int) -> list[tuple[list[str], float]]:
        """What OpenVINO's own clock says of each step.

        Args:
            lr: As for `run`.
            repeats: Runs to take the mean of.

        Returns:
            For each step that was executed, the nodes of the .onnx file fused into it, and its mean seconds.
        """
        compiled = self._compile(self._model, PERF_COUNT="YES")
        for _ in range(repeats):
            self._infer(compiled, lr)
        notes = [step.get_rt_info() for step in compiled.get_runtime_model().get_ordered_ops()]
        executed = [note for note in notes if note["execTimeMcs"].astype(str) != "not_executed"]
        return [
            (note["originalLayersNames"].astype(str).split(","), int(note["execTimeMcs"].astype(str)) / 1e6)
            for note in executed
            if note["layerType"].astype(str) != "Const"
        ]

    def run_pixels(self, pixels: np.ndarray) -> np.ndarray:
        """See `PixelRuntime.run_pixels`."""
        return self._infer(self._pixels(), pixels[None])[0]


def _maker() -> tuple[bytes, ...]:
    """What a compiled network depends on besides its weights and settings."""
    names = ("FULL_DEVICE_NAME", "OPTIMIZATION_CAPABILITIES")
    processor = [_CORE().get_property("CPU", name) for name in names]
    return Path(__file__).read_bytes(), ov.get_version().encode(), repr(processor).encode()


def computes_bf16() -> bool:
    """Whether this processor has instructions for bfloat16, as OpenVINO sees it."""
    return "BF16" in _CORE().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def _keep_sums(model: ov.Model) -> None:
    """Mark the sums in float32, so that OpenVINO leaves the units' scales with their convolutions.

    It would move them behind the sums and then multiply whole feature maps by them, a tenth of all time. The
    mark is the one it puts on biases itself; where a version does not know it, only that tenth is lost. Sums
    that are kept in 8 bits (they come out of a multiplication by their scale) it must see as they are.
    """
    for node in model.get_ops():
        summed = {source.get_node().get_type_name() for source in node.input_values()}
        if node.get_type_name() == "Add" and not summed & {"Constant", "Multiply"}:
            node.get_rt_info()["LowPrecision::Bias_"] = True


def _on_pixels(model: ov.Model) -> ov.Model:
    """The same network from N x H x W x 3 uint8 to uint8, rounded half up; the last steps stay in float32."""

    def levels(sr: Any) -> Any:
        sr = ops.clamp(ops.add(ops.multiply(sr, np.float32(255)), np.float32(0.5)), 0.0, 255.0)
        return ops.convert(sr, "u8")  # which cuts off what is behind the point

    def rounded(sr: Any) -> Any:
        shuffle = sr.get_node()
        if shuffle.get_type_name() != "DepthToSpace":
            return levels(sr).output(0)
        last = shuffle.input_value(0).get_node()
        if last.get_type_name() != "Add":
            return levels(sr).output(0)
        # An MSSN ends in few channels. OpenVINO holds them pixel by pixel, and adds and rounds them one pixel
        # at a time. A further axis makes it hold them plane by plane first; and bytes are arranged sooner.
        planes = levels(ops.add(*(ops.unsqueeze(term, np.int64(0)) for term in last.input_values())))
        square = shuffle.get_attributes()
        arranged = ops.depth_to_space(ops.squeeze(planes, np.int64(0)), square["mode"], square["block_size"])
        return arranged.output(0)

    steps = PrePostProcessor(model)
    lr, sr = steps.input(), steps.output()
    lr.tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    lr.preprocess().convert_layout(ov.Layout("NCHW")).convert_element_type(ov.Type.f32).scale(255.0)
    lr.model().set_layout(ov.Layout("NCHW"))
    sr.model().set_layout(ov.Layout("NCHW"))
    sr.postprocess().custom(rounded)
    sr.tensor().set_layout(ov.Layout("NHWC"))
    return steps.build()
