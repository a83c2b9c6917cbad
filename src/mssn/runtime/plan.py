"""How a network is run: the one place where file, precision, halo and border are decided."""

from __future__ import annotations

import platform
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from mssn.errors import MssnError, UnknownModelError
from mssn.image.compression import LEAST
from mssn.models import info
from mssn.models.info import ModelInfo
from mssn.models.meta import read_meta
from mssn.runtime.base import Computed, Precision, RuntimeName, check_strength
from mssn.runtime.native.kernels import computes
from mssn.runtime.offer import Offer, Part, Processor, WeightsFile, offer_of, part_of, require_native

BICUBIC = "bicubic"
DEFAULT_SCALE = 2
MAX_LOSS_OF_AUTO = 0.02  # dB on Set5 that "auto" may give away for speed

# Convolutions see zeros beyond a picture, which changes its outermost pixels, by up to 46 levels where it is
# flat and saturated. With four mirrored pixels around it that is 1. Scores are of the network alone.
BORDER = 4

# A tile's context is computed twice: with a halo of 18 to 26 pixels a tile inside a picture has 12 to 18 %
# more pixels than it keeps at 640, 7 to 11 % at 1024. Our kernels need a quarter of the engines' memory.
TILE = 640
NATIVE_TILE = 1024

_CHOOSES = ("auto", "native", "openvino")  # runtimes that are faster in some precisions than in others


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
        tile: Largest side of the tiles a picture is cut into, LR pixels; never changes the result.
    """

    runtime: Literal["native", "openvino", "onnxruntime", "pytorch", "bicubic"]
    scale: int
    file: Path | None
    precision: Computed
    deep: Part
    halo: int
    border: int
    strength: float = LEAST
    tile: int = TILE

    def for_deep(self) -> Plan:
        """The plan for 16-bit and float pictures."""
        return replace(self, file=self.deep.file, precision=self.deep.precision)


def plan_for(
    model: str | Path,
    scale: int | None = None,
    *,
    runtime: RuntimeName = "auto",
    precision: Precision = "auto",
    strength: float = LEAST,
) -> Plan:
    """The plan for this machine.

    Args:
        model: "bicubic", the name of a model that ships, or the path of an .onnx or .safetensors file.
        scale: Factor; default 2 for a name, the file's own for a path (and checked against it).
        runtime: As for `plan`; .safetensors files run in "pytorch", .onnx files in all (in "pytorch" and
            "native" those of MSSN, MSSN-M and MSSN-S).
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
    asked = runtime in _CHOOSES and model != BICUBIC  # the others take no precision for its speed
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
        runtime: What is to run it. "auto": our own kernels where they compute in that precision on this
            processor and know the network, else OpenVINO; PyTorch for .safetensors files.
        precision: "fp32", "bf16", "int8", or "auto". That is, of a model that ships, the fastest on this
            processor that loses at most 0.02 dB on Set5, and fp32 for 16-bit and float pictures; of a file,
            int8 if its units compute in it, else bf16 if the processor does, else fp32. In ONNX Runtime
            and PyTorch it is what the file's units compute in, and fp32 of a model that ships. On a
            processor without bf16 it is fp32 that is computed, and the plan says so.
        processor: What the machine computes fast.
        strength: How strongly pictures are degraded, 0..1; a network that is not told takes no notice.

    Raises:
        UnknownModelError: The model does not enlarge by this scale, or does not ship in int8.
        WeightsError: The runtime does not run such a file, or not in this precision, or not on this machine.
        MssnError: `runtime` or `precision` is none of those named, or `strength` is not from 0 to 1.
    """
    require_known(runtime, precision)
    check_strength(strength)
    if model == BICUBIC:
        factor = DEFAULT_SCALE if scale is None else scale
        _require_scale(factor)
        return Plan(BICUBIC, factor, None, "fp32", Part(None, "fp32"), halo=2, border=0)
    offer = offer_of(model)
    if runtime == "auto" and offer.only_pytorch:
        runtime = "pytorch"
    if scale is not None:
        _require_scale(scale)
        if scale != offer.scale:
            raise UnknownModelError(f"{offer.name}: enlarges by {offer.scale}, not by {scale}")
    taken = _fastest(offer, runtime, processor) if precision == "auto" else precision
    if taken == "bf16" and not processor.bf16 and runtime in ("auto", "openvino") and offer.exact == "fp32":
        taken = "fp32"  # as OpenVINO computes there by itself, and it should be called so
    native = offer.native and taken in processor.native
    runs = ("native" if native else "openvino") if runtime == "auto" else runtime
    if runs == "native":
        require_native(offer, taken, processor)
    part = deep = part_of(offer, runs, taken)
    if precision == "auto":
        deep = part_of(offer, runs, offer.exact)
    told = float(strength) if offer.told else LEAST
    tile = NATIVE_TILE if runs == "native" else TILE
    return Plan(runs, offer.scale, part.file, part.precision, deep, offer.halo, BORDER, told, tile)


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
    """What this machine computes fast; OpenVINO is asked, and loaded, only where our kernels do not run."""
    native = computes()
    if native:
        return Processor(bf16="bf16" in native, int8="int8" in native, native=native)
    from mssn.runtime.openvino import computes_bf16

    # int8 is faster than fp32 from AVX2 on (benchmarks/isa.py); elsewhere nobody has measured.
    int8 = platform.machine().lower() in ("x86_64", "amd64")
    return Processor(bf16=computes_bf16(), int8=int8)


def _fastest(offer: Offer, runtime: RuntimeName, processor: Processor) -> Computed:
    """The fastest precision that costs next to nothing: what "auto" is."""
    if offer.exact == "int8" or runtime not in _CHOOSES:  # the others are no faster in anything else
        return offer.exact
    near = {name for name, loss in offer.loss.items() if loss <= MAX_LOSS_OF_AUTO}
    if processor.bf16 and "bf16" in near:
        return "bf16"
    able = runtime != "native" or "int8" in processor.native
    if processor.int8 and "int8" in near and offer.int8 is not None and able:
        return "int8"
    return "fp32"


def require_known(runtime: str, precision: str) -> None:
    """Refuse what is no runtime or no precision.

    Raises:
        MssnError: It is none of those there are.
    """
    for name, value, kind in (("runtime", runtime, RuntimeName), ("precision", precision, Precision)):
        if value not in get_args(kind):
            raise MssnError(f"`{name}` must be one of {', '.join(get_args(kind))}, not {value!r}")


def _require_scale(scale: int) -> None:
    if scale < 1:
        raise UnknownModelError(f"scale must be at least 1, not {scale}")
