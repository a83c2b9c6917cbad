"""The models that exist and the weights that ship: one literal table in JSON, readable without PyTorch."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

from mssn.errors import UnknownModelError

BENCHMARKS = ("Set5", "Set14", "B100", "Urban100")
PHOTO = "-photo"  # ends the names of models whose weights are made for photographs as they are stored
FOLDER = Path(str(resources.files("mssn.models"))) / "shipped"


@dataclass(frozen=True)
class ModelInfo:
    """A model at one scale.

    Args:
        model: Name, for example "mssn-s".
        scale: Enlargement factor.
        parameters: Trained weights and biases, without weight-norm gains.
        parameters_with_gains: With them.
        mult_adds: For a 1280x720 output.
        receptive_field: Side of the square of LR pixels that one output pixel depends on.
        weights: Name of the shipped .onnx file, which can be run and trained on, or None.
        int8: Name of the shipped .onnx file whose units compute in int8, or None.
        told: Whether the shipped weights are told how strongly a picture is degraded.
        native: Whether our own kernels (`mssn.runtime.native`) run them.
        loss: Precision ("bf16", "int8") -> what it costs on Set5 beside float32, dB.
        scores: Benchmark -> {"psnr", "ssim"} of the shipped weights.
        training: What the shipped weights say of their training: recipe, updates, data, licence.
    """

    model: str
    scale: int
    parameters: int
    parameters_with_gains: int
    mult_adds: int
    receptive_field: int
    weights: str | None = None
    int8: str | None = None
    told: bool = False
    native: bool = False
    loss: dict[str, float] = field(default_factory=dict[str, float])
    scores: dict[str, dict[str, float]] = field(default_factory=dict[str, dict[str, float]])
    training: dict[str, str | int] = field(default_factory=dict[str, str | int])

    @property
    def path(self) -> Path | None:
        """The shipped .onnx file."""
        return None if self.weights is None else FOLDER / self.weights

    @property
    def int8_path(self) -> Path | None:
        """The shipped .onnx file whose units compute in int8."""
        return None if self.int8 is None else FOLDER / self.int8

    @property
    def halo(self) -> int:
        """Pixels of context, on each side, that one output pixel depends on (LR pixels)."""
        return self.receptive_field // 2


def list_models() -> list[ModelInfo]:
    """All models, smallest first, each at its scales."""
    text = (FOLDER / "manifest.json").read_text("utf-8")
    return [ModelInfo(**row) for row in json.loads(text)]


def shipped_scales(model: str) -> list[int]:
    """The factors for which a model's weights ship.

    Raises:
        UnknownModelError: No such model, or no weights for it yet.
    """
    known = list_models()
    _require_known(model, known)
    scales = [row.scale for row in known if row.model == model and row.weights]
    if not scales:
        raise UnknownModelError(_none_ship(model, known))
    return scales


def photo_variant(model: str) -> str | None:
    """The name under which weights of a model made for photographs ship; None if none do."""
    name = f"{model}{PHOTO}"
    return name if any(row.model == name and row.weights for row in list_models()) else None


def find(model: str, scale: int) -> ModelInfo:
    """A model that ships.

    Raises:
        UnknownModelError: No such model, no such scale of it, or no weights for it yet.
    """
    known = list_models()
    _require_known(model, known)
    scales = [row.scale for row in known if row.model == model]
    if scale not in scales:
        raise UnknownModelError(f"{model} has no scale {scale}; it has: {', '.join(map(str, scales))}")
    for row in known:
        if (row.model, row.scale) == (model, scale) and row.weights is not None:
            return row
    raise UnknownModelError(_none_ship(f"{model} x{scale}", known))


def shipped_file(name: str) -> Path:
    """The shipped .onnx file of a name such as "mssn-s-x2" or "mssn-s-x2-int8".

    Raises:
        UnknownModelError: No such file ships.
    """
    files = [path for row in list_models() for path in (row.path, row.int8_path) if path is not None]
    for path in files:
        if path.stem == name:
            return path
    known = ", ".join(path.stem for path in files)
    raise UnknownModelError(f"no file ships for '{name}'; there are: {known}")


def _require_known(model: str, known: list[ModelInfo]) -> None:
    if all(row.model != model for row in known):
        shipped = ", ".join(dict.fromkeys(row.model for row in known if row.weights))
        name, _, scale = model.rpartition("-x")
        if scale.isdecimal() and any(row.model == name for row in known):
            raise UnknownModelError(f"unknown model '{model}'; take {name} with a `scale` of {scale}")
        raise UnknownModelError(f"unknown model '{model}'; known are: {shipped}, bicubic")


def _none_ship(what: str, known: list[ModelInfo]) -> str:
    shipped = ", ".join(f"{row.model} x{row.scale}" for row in known if row.weights)
    return f"no weights ship for {what} (mssn train or mssn import make some); shipped are: {shipped}"
