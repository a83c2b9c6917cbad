"""`mssn compare`: see what a model is worth on a picture of one's own."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Annotated

import numpy as np
import pyvips
from cyclopts import Parameter

from mssn.api import DEFAULT_MODEL, load, load_tiled
from mssn.cli.dial import Strength, VariantOption
from mssn.cli.jobs import check
from mssn.cli.options import (
    Force,
    Model,
    PrecisionOption,
    Runtime,
    Scale,
    Threads,
)
from mssn.cli.progress import by_what
from mssn.cli.streams import tell
from mssn.errors import FilmError, ImageError
from mssn.film.asked import seconds
from mssn.film.inputs import is_pattern, may_move
from mssn.image.color import luma, to_8_bit
from mssn.image.compression import Compression
from mssn.image.formats import FILMS, WRITABLE
from mssn.image.picture import Picture
from mssn.image.read import read_rgb
from mssn.image.resize import crop_to_multiple, shrink
from mssn.image.source import PictureFile
from mssn.image.write import write
from mssn.runtime.plan import BICUBIC, DEFAULT_SCALE
from mssn.score.metrics import psnr_y, ssim_y
from mssn.upscaling.dial import in_words
from mssn.upscaling.jobs import Done, Job

_PANEL, _TALLEST = 480, 640  # width of one panel and height of the whole picture in it, pixels


def compare(
    photo: Path,
    /,
    *,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    scale: Scale = None,
    model: Model = DEFAULT_MODEL,
    variant: VariantOption = "auto",
    strength: Strength = None,
    at: Annotated[str | None, Parameter(name="--at")] = None,
    force: Force = False,
    runtime: Runtime = "auto",
    precision: PrecisionOption = "auto",
    threads: Threads = None,
) -> None:
    """Shrink a photograph or a film's frame, enlarge it with a model and with bicubic, score and draw them.

    Args:
        photo: The original; it is shrunk with MATLAB's bicubic first.
        output: Picture to write; default PHOTO_compare.png in the present folder.
        scale: A whole number from 2 on; default 2, or what a weights file was trained for.
        model: mssn-s, mssn-m, mssn (mssn info says which ship), bicubic, or the path of a weights file;
            mssn-s-photo is mssn-s --variant photo.
        variant: photo takes weights made for photographs as they are stored (soft, noisy, compressed), clean
            those for clean pictures; auto takes what mssn upscale takes for the small picture.
        strength: 0 to 1: how strongly noise and traces of compression are removed; 0 is clean. Left out, that
            of a picture stored without loss.
        at: Of a film, the time of the frame: 83.5 or 1:23.5; default its middle.
        force: Overwrite an existing file.
        runtime: What runs the network.
        precision: auto takes the fastest here that costs next to nothing: bf16, int8 or fp32.
        threads: Processor cores to use; default all.
    """
    target = output or Path(f"{photo.stem}_compare.png")
    if target.suffix.lower() not in WRITABLE:
        raise ImageError(f"{target}: ends in no format that can be written ({' '.join(WRITABLE)})")
    check([Job(photo, target)], force)
    if scale is not None and scale < 2:
        raise ImageError(f"`scale` must be at least 2, not {scale}")
    upscaler = load(
        *(model, scale),
        variant=variant,
        strength=strength,
        runtime=runtime,
        precision=precision,
        threads=threads,
    )
    factor = int(upscaler.scale or DEFAULT_SCALE)
    bicubic = load_tiled(BICUBIC, factor)
    try:
        original, moment, stored = _original(photo, seconds("at", at))
        hr = crop_to_multiple(original, factor)
        lr = shrink(hr, factor)
        large = upscaler.enlarge(Picture(lr))
        ran = in_words(large.model, large.strength)
        pictures = {BICUBIC: bicubic(lr), ran: large.picture.pixels}
        scores = {name: (psnr_y(sr, hr, factor), ssim_y(sr, hr, factor)) for name, sr in pictures.items()}
    except ValueError as error:
        raise ImageError(f"{photo}: {error}") from error
    sizes = f"{hr.shape[1]}x{hr.shape[0]} -> {lr.shape[1]}x{lr.shape[0]}"
    print(f"{photo.name}{moment}: {sizes} -> x{factor}")
    width = max(map(len, scores))
    for name, (psnr, ssim) in scores.items():
        print(f"{name:>{width}}  PSNR {psnr:6.2f} dB  SSIM {ssim:.4f}")
    panels = {"original": hr}
    for name, sr in pictures.items():
        panels[f"{name}  {scores[name][0]:.2f} dB  {scores[name][1]:.4f}"] = sr
    write(target, Picture(pixels=_side_by_side(panels, _detail(hr))))
    print(target)
    model, strength = upscaler.chosen(stored, *hr.shape[:2])
    if in_words(model, strength) != ran:  # the file itself would be enlarged in another way
        way = by_what(Done(Job(photo, photo), model=model, strength=strength, compression=stored))
        tell(
            f"mssn upscale takes {way} for the file itself; the small picture was never stored like that and "
            "counts as a PNG"
        )


def _original(photo: Path, at: float | None) -> tuple[np.ndarray, str, Compression]:
    """The picture, or a film's frame, H x W x 3 uint8, its time in words, and how it is stored."""
    if not (photo.suffix.lower() in FILMS or is_pattern(photo) or (at is not None and may_move(photo))):
        if at is not None:
            raise FilmError(f"`at` is for films, which {photo} is not")
        return read_rgb(photo), "", PictureFile(photo).compression
    from mssn.film.facts import probe
    from mssn.film.frames import frame_at

    frame = frame_at(photo, at)
    pixels = to_8_bit(frame.pixels)
    pixels = np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels
    return pixels, f" at {frame.time:.2f} s", probe(photo, None).video.compression


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
    """Draw a white frame with a black rim around the detail, in place: seen on any ground."""
    width = max(1, pixels.shape[1] // 240)
    rows, columns = detail
    inside = pixels[detail].copy()
    for reach, colour in ((2 * width, 0), (width, 255)):
        top, left = max(0, rows.start - reach), max(0, columns.start - reach)
        pixels[top : rows.stop + reach, left : columns.stop + reach] = colour
    pixels[detail] = inside


def _fit(pixels: np.ndarray, kernel: str) -> np.ndarray:
    """Scale into a box of 480 x 640 pixels and fill up with white to the panel's width."""
    image = pyvips.Image.new_from_array(pixels)
    factor = min(_PANEL / image.width, _TALLEST / image.height)
    width, height = (max(1, round(side * factor)) for side in (image.width, image.height))
    fitted = image.resize(width / image.width, vscale=height / image.height, kernel=kernel).numpy()
    return np.pad(fitted, ((0, 0), (0, _PANEL - fitted.shape[1]), (0, 0)), constant_values=255)


def _caption(text: str) -> np.ndarray:
    ink = pyvips.Image.text(html.escape(text), font="sans 16", width=_PANEL).numpy()
    strip = np.full((32, _PANEL), 255, np.uint8)
    height, width = min(24, ink.shape[0]), min(_PANEL - 8, ink.shape[1])
    strip[6 : 6 + height, 8 : 8 + width] = 255 - ink[:height, :width].reshape(height, width)
    return np.repeat(strip[:, :, None], 3, axis=2)
