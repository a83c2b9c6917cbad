"""The files of a model and what each runtime can do with them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mssn.errors import UnknownModelError, WeightsError
from mssn.models.info import ModelInfo
from mssn.models.meta import Meta
from mssn.runtime.base import Computed
from mssn.runtime.native.network import suits

_COMPUTES: dict[str, tuple[Computed, ...]] = {
    "native": ("fp32", "bf16", "int8"),
    "openvino": ("fp32", "bf16", "int8"),
    "onnxruntime": ("fp32", "int8"),
    "pytorch": ("fp32", "bf16"),
}


@dataclass(frozen=True)
class Processor:
    """What this machine computes fast.

    Args:
        bf16: It has instructions for bfloat16.
        int8: Networks in int8 are known to be faster on it than in fp32.
        native: What our own kernels compute in on it.
    """

    bf16: bool
    int8: bool
    native: tuple[Computed, ...] = ()


@dataclass(frozen=True)
class WeightsFile:
    """A weights file and what it says of itself.

    Args:
        path: An .onnx or .safetensors file.
        meta: Its description.
    """

    path: Path
    meta: Meta


@dataclass(frozen=True)
class Part:
    """What one kind of picture is run with.

    Args:
        file: The weights; None for bicubic.
        precision: What is computed in.
    """

    file: Path | None
    precision: Computed


@dataclass(frozen=True)
class Offer:
    """The files of a model, in one form for what ships and for what is given by path.

    Args:
        name: The model's or the file's, for messages.
        scale: Enlargement factor.
        halo: Pixels of context that one output pixel depends on, on each side, LR pixels.
        fp32: The file whose units compute in fp32.
        int8: The file whose units compute in int8.
        loss: Precision -> what it costs on Set5, dB; "auto" never takes what is not in it.
        told: Whether the network is told how strongly pictures are degraded.
        native: Whether our own kernels know it.
        meta: What the one file says of itself; None of a model that ships.
    """

    name: str
    scale: int
    halo: int
    fp32: Path | None
    int8: Path | None
    loss: dict[str, float]
    told: bool
    native: bool
    meta: Meta | None = None

    @property
    def exact(self) -> Computed:
        """The most exact precision there is."""
        return "int8" if self.fp32 is None else "fp32"

    @property
    def only_pytorch(self) -> bool:
        """Whether no other runtime reads its file."""
        anything = self.fp32 or self.int8
        return anything is not None and anything.suffix.lower() == ".safetensors"


def offer_of(model: ModelInfo | WeightsFile) -> Offer:
    """What a model offers, whether it ships or is given by its path."""
    if isinstance(model, ModelInfo):
        name = f"{model.model} x{model.scale}"
        return Offer(
            name,
            model.scale,
            model.halo,
            model.path,
            model.int8_path,
            model.loss,
            model.told,
            model.native,
        )
    path, meta = model.path, model.meta
    fp32, int8 = (path if meta.precision == kind else None for kind in ("fp32", "int8"))
    # Of a file nothing has been measured; in bf16 all networks so far lost 0.01 dB at most.
    known = path.suffix.lower() == ".onnx" and suits(meta)
    return Offer(str(path), meta.scale, meta.halo, fp32, int8, {"bf16": 0.0}, meta.told, known, meta)


def require_native(offer: Offer, precision: Computed, processor: Processor) -> None:
    """Refuse what our own kernels cannot run.

    Raises:
        WeightsError: They do not compute in this precision, here or anywhere, or do not know the network.
    """
    if offer.only_pytorch:
        raise WeightsError(_to_export(offer, "native"))
    if not offer.native:
        raise WeightsError(f"{offer.name}: native runs .onnx files of the MSSN family only; take openvino")
    if precision not in processor.native:
        other = "openvino" if precision != "bf16" or processor.bf16 else "fp32 or auto"
        raise WeightsError(f"native cannot compute in {precision} on this machine; take {other}")


def part_of(offer: Offer, runtime: str, precision: Computed) -> Part:
    """The file to run in a precision.

    Raises:
        UnknownModelError: No such weights ship.
        WeightsError: The runtime does not run such a file, or not in this precision.
    """
    file = offer.int8 if precision == "int8" else offer.fp32
    if runtime != "pytorch" and offer.only_pytorch:
        raise WeightsError(_to_export(offer, runtime))
    if precision not in _COMPUTES[runtime]:
        if offer.only_pytorch and offer.meta is not None:
            offer.meta.require(precision, offer.name)  # says how to make a file that other runtimes run
        others = " or ".join(name for name, able in _COMPUTES.items() if precision in able)
        able = " or ".join(_COMPUTES[runtime])
        raise WeightsError(f"{runtime} computes in {able} here; use {others} for {precision}")
    if offer.meta is not None:
        offer.meta.require(precision, offer.name)
    elif file is None and precision == "int8":
        raise UnknownModelError(f"{offer.name} does not ship in int8; take fp32, bf16 or auto")
    elif file is None:
        raise UnknownModelError(f"no weights ship for {offer.name}")
    return Part(file, precision)


def _to_export(offer: Offer, runtime: str) -> str:
    return f"{offer.name}: {runtime} runs .onnx files; mssn export makes one of it, or take pytorch"
