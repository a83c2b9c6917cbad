"""How a network is run: the one place where file, precision, halo and border are decided."""

from __future__ import annotations

import platform
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from mssn.errors import MssnError, UnknownModelError, WeightsError
from mssn.image.compression import LEAST
from mssn.models import info
from mssn.models.info import ModelInfo
from mssn.models.meta import Meta, read_meta
from mssn.runtime.base import Computed, Precision, RuntimeName, check_strength

BICUBIC = "bicubic"
DEFAULT_SCALE = 2
MAX_LOSS_OF_AUTO = 0.02  # dB on Set5 that "auto" may give away for speed

# Convolutions see zeros beyond a picture, which changes its outermost pixels, by up to 46 levels where it is
# flat and saturated. With four mirrored pixels around it that is 1. Scores are of the network alone.
BORDER = 4

_COMPUTES: dict[RuntimeName, tuple[Computed, ...]] = {
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
    """

    bf16: bool
    int8: bool


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
class Plan:
    """Everything that is decided before a network is opened; runtimes carry it out.

    Args:
        runtime: What runs it.
        scale: Enlargement factor.
        file: The weights; None for bicubic.
        precision: What is computed in.
        deep: The same for 16-bit and float pictures: bfloat16 holds 8 bits, too few for them.
        halo: Pixels of context that one output pixel depends on, on each side, LR pixels.
        border: Mirrored LR pixels that the network is shown around a picture.
        strength: How strongly the network is told that pictures are degraded, 0..1; `LEAST` for one that is
            not told.
        stages: Networks that run one after another on the same picture. Empty: `file` is the only one.
        exits: Places in the network where a tile may leave it early. Empty: there are none.
    """

    runtime: RuntimeName | Literal["bicubic"]
    scale: int
    file: Path | None
    precision: Computed
    deep: Part
    halo: int
    border: int
    strength: float = LEAST
    stages: tuple[Path, ...] = ()
    exits: tuple[int, ...] = ()

    def for_deep(self) -> Plan:
        """The plan for 16-bit and float pictures."""
        return replace(self, file=self.deep.file, precision=self.deep.precision)


def plan_for(
    model: str | Path,
    scale: int | None = None,
    *,
    runtime: RuntimeName = "openvino",
    precision: Precision = "auto",
    strength: float = LEAST,
) -> Plan:
    """The plan for this machine.

    Args:
        model: "bicubic", the name of a model that ships, or the path of an .onnx or .safetensors file.
        scale: Factor; default 2 for a name, the file's own for a path (and checked against it).
        runtime: What runs it; .safetensors files need "pytorch", .onnx files run in all (in "pytorch"
            those of MSSN, MSSN-M and MSSN-S).
        precision: As for `plan`.
        strength: As for `plan`.

    Raises:
        UnknownModelError: No such model or scale.
        WeightsError: The file cannot be used, or not with this runtime or precision.
        MssnError: `runtime` or `precision` is none of those named, or `strength` is not from 0 to 1.
    """
    require_known(runtime, precision)
    check_strength(strength)
    described = describe(model, scale)
    asked = runtime == "openvino" and model != BICUBIC  # the others take no precision for its speed
    found = processor() if asked else Processor(bf16=False, int8=False)
    return plan(described, scale, runtime, precision, found, strength)


def plan(
    model: ModelInfo | WeightsFile | Literal["bicubic"],
    scale: int | None,
    runtime: RuntimeName,
    precision: Precision,
    processor: Processor,
    strength: float = LEAST,
) -> Plan:
    """Decide how a network is run. A pure function: it reads no file and asks no machine.

    Args:
        model: What `describe` found.
        scale: The factor asked for; None for the model's own.
        runtime: What is to run it.
        precision: "fp32", "bf16", "int8", or "auto". In OpenVINO that is, of a model that ships, the fastest
            on this processor that loses at most 0.02 dB on Set5, and fp32 for 16-bit and float pictures; of a
            file, int8 if its units compute in it, else bf16 if the processor does, else fp32. In ONNX Runtime
            and PyTorch it is what the file's units compute in, and fp32 of a model that ships.
        processor: What the machine computes fast.
        strength: How strongly pictures are degraded, 0..1; a network that is not told takes no notice.

    Raises:
        UnknownModelError: The model does not enlarge by this scale, or does not ship in int8.
        WeightsError: The runtime does not run such a file, or not in this precision.
        MssnError: `runtime` or `precision` is none of those named, or `strength` is not from 0 to 1.
    """
    require_known(runtime, precision)
    check_strength(strength)
    if model == BICUBIC:
        factor = DEFAULT_SCALE if scale is None else scale
        _require_scale(factor)
        return Plan(BICUBIC, factor, None, "fp32", Part(None, "fp32"), halo=2, border=0)
    offer = _offer(model)
    if scale is not None:
        _require_scale(scale)
        if scale != offer.scale:
            raise UnknownModelError(f"{offer.name}: enlarges by {offer.scale}, not by {scale}")
    taken = _fastest(offer, runtime, processor) if precision == "auto" else precision
    part = deep = _part(offer, runtime, taken)
    if precision == "auto":
        deep = _part(offer, runtime, offer.exact)
    told = float(strength) if offer.told else LEAST
    return Plan(runtime, offer.scale, part.file, part.precision, deep, offer.halo, BORDER, told)


def describe(model: str | Path, scale: int | None = None) -> ModelInfo | WeightsFile | Literal["bicubic"]:
    """Look a model up: what the table of models or its own file says of it.

    Args:
        model: As for `plan_for`.
        scale: Of a name; default 2.

    Raises:
        UnknownModelError: No such model, no such scale of it, or no weights ship for it.
        WeightsError: The file is missing, damaged, or carries no description.
    """
    if model == BICUBIC:
        return BICUBIC
    if names_file(model):
        return WeightsFile(Path(model), read_meta(Path(model)))
    scale = DEFAULT_SCALE if scale is None else scale
    _require_scale(scale)
    return info.find(str(model), scale)


def names_file(model: str | Path) -> bool:
    """Whether a model is given by the path of a file, and not by its name."""
    path = Path(model)
    return bool(path.suffix) or len(path.parts) > 1


def processor() -> Processor:
    """What this machine computes fast, as OpenVINO sees it."""
    from mssn.runtime.openvino import computes_bf16

    # int8 is faster than fp32 from AVX2 on (benchmarks/isa.py); elsewhere nobody has measured.
    int8 = platform.machine().lower() in ("x86_64", "amd64")
    return Processor(bf16=computes_bf16(), int8=int8)


@dataclass(frozen=True)
class _Offer:
    """The files of a model, in one form for what ships and for what is given by path.

    Args:
        name: The model's or the file's, for messages.
        scale: Enlargement factor.
        halo: As for `Plan`.
        fp32: The file whose units compute in fp32.
        int8: The file whose units compute in int8.
        loss: Precision -> what it costs on Set5, dB; "auto" never takes what is not in it.
        told: Whether the network is told how strongly pictures are degraded.
        meta: What the one file says of itself; None of a model that ships.
    """

    name: str
    scale: int
    halo: int
    fp32: Path | None
    int8: Path | None
    loss: dict[str, float]
    told: bool
    meta: Meta | None = None

    @property
    def exact(self) -> Computed:
        """The most exact precision there is."""
        return "int8" if self.fp32 is None else "fp32"


def _offer(model: ModelInfo | WeightsFile) -> _Offer:
    if isinstance(model, ModelInfo):
        name = f"{model.model} x{model.scale}"
        return _Offer(name, model.scale, model.halo, model.path, model.int8_path, model.loss, model.told)
    path, meta = model.path, model.meta
    fp32, int8 = (path if meta.precision == kind else None for kind in ("fp32", "int8"))
    # Of a file nothing has been measured; in bf16 all networks so far lost 0.01 dB at most.
    return _Offer(str(path), meta.scale, meta.halo, fp32, int8, {"bf16": 0.0}, meta.told, meta)


def _fastest(offer: _Offer, runtime: RuntimeName, processor: Processor) -> Computed:
    """The fastest precision that costs next to nothing: what "auto" is."""
    if offer.exact == "int8" or runtime != "openvino":  # the others are no faster in anything else
        return offer.exact
    near = {name for name, loss in offer.loss.items() if loss <= MAX_LOSS_OF_AUTO}
    if processor.bf16 and "bf16" in near:
        return "bf16"
    if processor.int8 and "int8" in near and offer.int8 is not None:
        return "int8"
    return "fp32"


def _part(offer: _Offer, runtime: RuntimeName, precision: Computed) -> Part:
    """The file to run in a precision, or why there is none."""
    file = offer.int8 if precision == "int8" else offer.fp32
    anything = offer.fp32 or offer.int8
    if runtime != "pytorch" and anything is not None and anything.suffix.lower() == ".safetensors":
        raise WeightsError(f"{offer.name}: {runtime} runs .onnx files; mssn export makes one of it")
    if precision not in _COMPUTES[runtime]:
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


def require_known(runtime: str, precision: str) -> None:
    """Refuse what is no runtime or no precision.

    Raises:
        MssnError: It is none of those there are.
    """
    for value, known in ((runtime, get_args(RuntimeName)), (precision, get_args(Precision))):
        if value not in known:
            raise MssnError(f"{value!r} is none of: {', '.join(known)}")


def _require_scale(scale: int) -> None:
    if scale < 1:
        raise UnknownModelError(f"scale must be at least 1, not {scale}")
