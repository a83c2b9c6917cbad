"""`mssn compare`: see what a model is worth on a picture of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import pyvips
from cyclopts import Parameter

from mssn.api import DEFAULT_MODEL, load
from mssn.cli.options import Model, PrecisionOption, Runtime, Threads
from mssn.errors import ImageError
from mssn.image.color import luma
from mssn.image.io import Picture, read_rgb, write
from mssn.image.resize import crop_to_multiple, shrink
from mssn.metrics import psnr_y, ssim_y

_PANEL = 480  # width of one panel, pixels


def compare(
    photo: Path,
    /,
    *,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    scale: Annotated[int | None, Parameter(name=["--scale", "-s"])] = None,
    model: Model = DEFAULT_MODEL,
    force: Annotated[bool, Parameter(name=["--force", "-f"], negative="")] = False,
    runtime: Runtime = "openvino",
    precision: PrecisionOption = "auto",
    threads: Threads = None,
) -> None:
    """Shrink a photograph, enlarge it with a model and with bicubic, score both, and draw them.

    Args:
        photo: The original; it is shrunk with MATLAB's bicubic first.
        output: PNG to write; default PHOTO_compare.png in the present folder.
        scale: 2, 3 or 4; default 2, or what a weights file was trained for.
        model: mssn-s, mssn-m, mssn, or the path of a weights file.
        force: Overwrite an existing file.
        runtime: What runs the network.
        precision: auto takes bf16 where the processor has it.
        threads: Processor cores to use; default all.
    """
    target = output or Path(f"{photo.stem}_compare.png")
    if target.exists() and not force:
        raise ImageError(f"{target}: exists already; use --force to overwrite it")
    upscaler = load(model, scale, runtime=runtime, precision=precision, threads=threads)
    bicubic = load("bicubic", upscaler.scale)
    try:
        hr = crop_to_multiple(read_rgb(photo), upscaler.scale)
        lr = shrink(hr, upscaler.scale)
        pictures = {"bicubic": bicubic(lr), Path(model).stem: upscaler(lr)}
        scores = {
            name: (psnr_y(sr, hr, upscaler.scale), ssim_y(sr, hr, upscaler.scale))
            for name, sr in pictures.items()
        }
    except ValueError as error:
        raise ImageError(f"{photo}: {error}") from error
    print(f"{photo.name}: {hr.shape[1]}x{hr.shape[0]} -> {lr.shape[1]}x{lr.shape[0]} -> x{upscaler.scale}")
    for name, (psnr, ssim) in scores.items():
        print(f"{name:>10}  PSNR {psnr:6.2f} dB  SSIM {ssim:.4f}")
    panels = {"original": hr}
    for name, sr in pictures.items():
        panels[f"{name}  {scores[name][0]:.2f} dB  {scores[name][1]:.4f}"] = sr
    write(target, Picture(pixels=_side_by_side(panels, _detail(hr))))
    print(target)


def _detail(hr: np.ndarray) -> tuple[slice, slice]:
    """The square of the picture with the most fine detail, a sixth of its shorter side."""
    height, width, _ = hr.shape
    side = max(8, min(height, width) // 6)
    side = min(side, height, width)
    y = luma(hr)
    energy = np.zeros_like(y)
    energy[1:-1, 1:-1] = np.abs(4 * y[1:-1, 1:-1] - y[:-2, 1:-1] - y[2:, 1:-1] - y[1:-1, :-2] - y[1:-1, 2:])
    total = np.pad(energy.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    sums = total[side:, side:] - total[:-side, side:] - total[side:, :-side] + total[:-side, :-side]
    top, left = np.unravel_index(int(sums.argmax()), sums.shape)
    return slice(int(top), int(top) + side), slice(int(left), int(left) + side)


def _side_by_side(panels: dict[str, np.ndarray], detail: tuple[slice, slice]) -> np.ndarray:
    """Whole pictures above, the same detail below, a caption over each column; H x W x 3 uint8."""
    columns = []
    for caption, pixels in panels.items():
        framed = pixels.copy()
        _frame(framed, detail)
        whole = _fit(framed, pyvips.enums.Kernel.LANCZOS3)
        zoom = _fit(np.ascontiguousarray(pixels[detail]), pyvips.enums.Kernel.NEAREST)
        columns.append(
            np.concatenate([_caption(caption), whole, np.full((8, _PANEL, 3), 255, np.uint8), zoom])
        )
    gap = np.full((columns[0].shape[0], 8, 3), 255, np.uint8)
    row = [part for column in columns for part in (column, gap)][:-1]
    return np.concatenate(row, axis=1)


def _frame(pixels: np.ndarray, detail: tuple[slice, slice]) -> None:
    """Draw a frame around the detail, in place."""
    width = max(1, pixels.shape[1] // 240)
    inside = pixels[detail].copy()
    rows, columns = detail
    outer = (
        slice(max(0, rows.start - width), rows.stop + width),
        slice(max(0, columns.start - width), columns.stop + width),
    )
    pixels[outer] = (255, 64, 0)
    pixels[detail] = inside


def _fit(pixels: np.ndarray, kernel: str) -> np.ndarray:
    image = pyvips.Image.new_from_array(pixels)
    across = _PANEL / image.width
    down = max(1, round(image.height * across)) / image.height
    fitted = image.resize(across, vscale=down, kernel=kernel).numpy()
    return fitted[:, :_PANEL]


def _caption(text: str) -> np.ndarray:
    ink = pyvips.Image.text(text, font="sans 16", width=_PANEL).numpy()
    strip = np.full((32, _PANEL), 255, np.uint8)
    height, width = min(24, ink.shape[0]), min(_PANEL - 8, ink.shape[1])
    strip[6 : 6 + height, 8 : 8 + width] = 255 - ink[:height, :width].reshape(height, width)
    return np.repeat(strip[:, :, None], 3, axis=2)
