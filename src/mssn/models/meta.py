"""The description every weights file carries, so that the file alone rebuilds and explains its network."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from mssn.errors import WeightsError
from mssn.image.compression import LEAST
from mssn.models.onnx_file import constants, op_types, read_metadata, sources, with_number

FORMAT = 2  # raise when a field changes its meaning
KEY = "mssn"  # where the metadata of a file keep its description
STRENGTH = "strength"  # the constant of a graph that says how strongly a picture is degraded
UnitPrecision = Literal["fp32", "int8"]
ENDINGS = (".onnx", ".safetensors")


@dataclass(frozen=True)
class Meta:
    """What a weights file says of itself.

    Args:
        model: Name in the table of models, for example "mssn-s".
        scale: Enlargement factor.
        config: Every field of the network's config.
        domain: What the network takes: "rgb", "y" or "y-enlarged".
        halo: Pixels of context, on each side, that one output pixel depends on (LR pixels).
        parameters: Trained weights and biases, weight-norm gains left out.
        recipe: Name of the training recipe.
        updates: Optimiser updates, those of earlier runs it was started from included.
        data: What it was trained on, in words.
        scores: Benchmark name -> {"psnr": dB, "ssim": 0..1}, on Y, measured when exported.
        licence: Licence of the weights.
        commit: Revision of this project that trained it.
        commands: The commands that made it, one after another, with those of the weights it was started from;
            empty where it is not known.
        precision: What the network's units compute in: "fp32" or "int8". An fp32 file may be run in bf16.
        format: Version of this description, as it stands in the file that was read; written is always the
            newest, `FORMAT`.
    """

    model: str
    scale: int
    config: dict[str, Any]
    domain: str
    halo: int
    parameters: int
    recipe: str = ""
    updates: int = 0
    data: str = ""
    scores: dict[str, dict[str, float]] = field(default_factory=dict[str, dict[str, float]])
    licence: str = ""
    commit: str = ""
    commands: tuple[str, ...] = ()
    precision: UnitPrecision = "fp32"
    format: int = FORMAT

    @property
    def told(self) -> bool:
        """Whether the network is told how strongly a picture is degraded."""
        return self.config.get("told", False)

    def to_json(self) -> str:
        """One line of JSON, keys sorted, so that equal descriptions are equal text."""
        values = asdict(self) | {"format": FORMAT}
        if not self.commands:  # as in files that were written before they were kept
            del values["commands"]
        return json.dumps(values, sort_keys=True)

    @classmethod
    def from_json(cls, text: str, source: str, *, old: UnitPrecision = "fp32") -> Meta:
        """Read a description.

        Args:
            text: What `to_json` wrote.
            source: File name for error messages.
            old: The precision of a file of format 1, whose description does not name it.

        Raises:
            WeightsError: It is no description, or one of a newer format.
        """
        try:
            values = json.loads(text)
            if values.get("format") not in (1, FORMAT):
                raise WeightsError(
                    f"{source}: weights of format {values.get('format')}, this mssn reads {FORMAT}; "
                    "install the version of mssn that wrote it"
                )
            if values["format"] == 1:
                values["precision"] = old
            values["commands"] = tuple(values.get("commands", ()))  # older files do not know them
            meta = cls(**{f.name: values[f.name] for f in fields(cls)})
            meta._require_sound()
        except (ValueError, AttributeError, KeyError, TypeError, RecursionError) as error:
            raise WeightsError(f"{source}: the weights' description cannot be read ({error})") from error
        return meta

    def require(self, precision: str, source: str, strength: float = LEAST) -> None:
        """Refuse a precision or a strength that is none of the file's.

        Args:
            precision: "fp32", "bf16" or "int8".
            source: File name for error messages.
            strength: How strongly pictures are said to be degraded, 0..1.

        Raises:
            WeightsError: The units of the file compute in something else, or its network is not told a
                strength and this is not the least.
        """
        if not self.told and strength != LEAST:
            raise WeightsError(f"{source}: its network cannot be told a `strength`")
        if self.precision == "int8" and precision != "int8":
            raise WeightsError(
                f"{source}: computes in int8; for {precision} take the float32 file it was made from"
            )
        if self.precision != "int8" and precision == "int8":
            raise WeightsError(f"{source}: holds no int8 units; mssn export --int8 makes a file that does")

    def _require_sound(self) -> None:
        for name, lowest in (("scale", 1), ("halo", 0)):
            value = getattr(self, name)
            if type(value) is not int or value < lowest:
                raise ValueError(f"{name} is {value!r}")
        if type(self.told) is not bool:
            raise ValueError(f"told is {self.told!r}")
        if not all(type(command) is str for command in self.commands):
            raise ValueError("commands are no text")
        if self.precision not in get_args(UnitPrecision):
            raise ValueError(f"precision is {self.precision!r}")


def read_meta(path: Path) -> Meta:
    """Read the description of a weights file, and nothing of its network.

    A file of format 1 does not say what its units compute in: this is the one place where that is read from
    the operators of the graph instead.

    Args:
        path: An .onnx or .safetensors file.

    Raises:
        WeightsError: No such file, of another kind, damaged, or without our description.
    """
    if path.suffix.lower() not in ENDINGS:
        raise WeightsError(f"{path}: weights files end in .onnx or .safetensors")
    if not path.is_file():
        raise WeightsError(f"{path}: no such weights file")
    old: UnitPrecision = "fp32"
    try:
        if path.suffix.lower() == ".onnx":
            with path.open("rb") as file:
                text = read_metadata(file).get(KEY)
                if text is not None and _is_old(text) and "DequantizeLinear" in op_types(file):
                    old = "int8"
        else:
            text = _safetensors_metadata(path).get(KEY)
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror or error})") from error
    except ValueError as error:
        raise WeightsError(f"{path}: not a readable {path.suffix.lower()} file") from error
    if text is None:
        raise WeightsError(f"{path}: carries no mssn description; only files that mssn wrote can be used")
    return Meta.from_json(text, str(path), old=old)


def read_told(path: Path, strength: float) -> bytes:
    """Read an .onnx file of a network that is told how strongly a picture is degraded, and tell it.

    Args:
        path: A file whose description says that it is told.
        strength: 0..1; the constant `STRENGTH` of the graph.

    Raises:
        WeightsError: It cannot be read, or has no such constant.
    """
    try:
        with path.open("rb") as file:
            return with_number(file, STRENGTH, strength)
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror or error})") from error
    except ValueError as error:
        raise WeightsError(f"{path}: cannot be told a `strength` ({error})") from error


def read_graph(path: Path) -> tuple[dict[str, np.ndarray], dict[str, list[str]]]:
    """An .onnx file's graph.

    Args:
        path: The file.

    Returns:
        Its constants by name, flat: float32, float16, int8 or uint8.
        What each operator reads, by the name of its result.

    Raises:
        WeightsError: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            return constants(file), sources(file)
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror or error})") from error
    except ValueError as error:
        raise WeightsError(f"{path}: not a readable .onnx file") from error


def exported_file(folder: Path, meta: Meta, ending: str) -> Path:
    """Where weights go when they are exported: MODEL-xSCALE and the ending, such as ".onnx"."""
    return folder / f"{meta.model}-x{meta.scale}{ending}"


def _is_old(text: str) -> bool:
    try:
        return json.loads(text).get("format") == 1
    except (ValueError, AttributeError, RecursionError):
        return False  # which `Meta.from_json` puts into words


def _safetensors_metadata(path: Path) -> dict[str, str]:
    from safetensors import SafetensorError, safe_open

    try:
        opened: Any = safe_open(path, framework="numpy")  # a class without types
        with opened as file:
            return file.metadata() or {}
    except SafetensorError as error:
        raise ValueError(str(error)) from error
