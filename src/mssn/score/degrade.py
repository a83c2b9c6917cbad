"""Small pictures as cameras and the web make them: resized by anyone, a little soft, noisy, compressed.

The paper trains on clean bicubic pictures; a network that knows nothing else sharpens the blocks of a JPEG.
The order is that of a picture's life (and of X. Wang et al., "Real-ESRGAN", 2021, section 3): lens, resize,
sensor, file; each with strengths that a photograph still worth enlarging has.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from io import BytesIO
from typing import Any, Literal, cast, get_args

import numpy as np

from mssn.errors import DataError
from mssn.image.compression import LEAST, strength_of
from mssn.image.resize import Kernel, shrink

Compression = Literal["jpeg", "webp", "avif"]
Shrinker = Callable[[np.ndarray, int, int], np.ndarray]  # (large picture, scale, its number) -> small one
_RESIZES: tuple[Kernel, ...] = ("cubic", "box", "lanczos3", "triangle")
_PHASE = 16  # pixels: the side of a JPEG's block of blocks when its colours are halved


@dataclass(frozen=True)
class Degradation:
    """How strongly small pictures are degraded; each strength is drawn anew for every picture.

    Args:
        versions: Degraded copies made of each training picture.
        clean: Share of copies that stay clean: MATLAB's bicubic and nothing else.
        resize: Share of the others that are made small by another kernel than MATLAB's bicubic: the mean of
            an area, Lanczos or bilinear.
        blur: Largest standard deviation of a Gaussian blur, pixels of the small picture (half have none).
        noise: Largest standard deviation of the sensor's noise in the dark, grey levels (half have none).
        shot: Largest standard deviation of what light adds to it in full white, grey levels.
        quality: Lowest and highest quality of a compressed file.
        compress: Share of the degraded copies that are compressed.
        webp: Share of these that are WebP, not JPEG.
        halved: Share of JPEGs with colours at half size (4:2:0); the others keep them (4:4:4).
        twice: Share of the compressed that are compressed a second time, with blocks elsewhere.
        hidden: Share of the compressed whose file is gone: what was a JPEG comes as a PNG.
        told: Share of the degraded of which more is known than their last file tells: their noise, a hidden
            file, the stronger of two compressions.
    """

    versions: int = 4
    clean: float = 0.2
    resize: float = 0.5
    blur: float = 0.7
    noise: float = 4.0
    shot: float = 6.0
    quality: tuple[float, float] = (30, 98)
    compress: float = 0.85
    webp: float = 0.15
    halved: float = 0.7
    twice: float = 0.15
    hidden: float = 0.08
    told: float = 0.3

    @classmethod
    def of(cls, values: dict[str, Any]) -> Degradation:
        """From a table of a recipe.

        Raises:
            ValueError: An unknown key, or a strength that cannot be.
        """
        known = [field.name for field in fields(cls)]
        for key in values:
            if key not in known:
                raise ValueError(f"unknown key '{key}'; known are {', '.join(known)}")
        try:
            return cls(**values)
        except TypeError as error:
            raise ValueError(f"a strength is not a number ({error})") from error

    def __post_init__(self) -> None:
        object.__setattr__(self, "quality", tuple(self.quality))  # a list in TOML
        if type(self.versions) is not int or self.versions < 1:
            raise ValueError(f"versions must be a whole number of at least 1, not {self.versions!r}")
        for name in ("clean", "resize", "compress", "webp", "halved", "twice", "hidden", "told"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be from 0 to 1, not {getattr(self, name)}")
        for name in ("blur", "noise", "shot"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must not be below 0, it is {getattr(self, name)}")
        if len(self.quality) != 2 or not 1 <= self.quality[0] <= self.quality[1] <= 100:
            raise ValueError(f"quality must be two numbers from 1 to 100, not {list(self.quality)}")


def degrade(
    hr: np.ndarray, scale: int, how: Degradation, rng: np.random.Generator, small: np.ndarray | None = None
) -> tuple[np.ndarray, float]:
    """Make the small partner of a picture, degraded.

    Args:
        hr: H x W x 3 uint8, sides multiples of `scale`.
        scale: Whole factor.
        how: The strengths.
        rng: Draws them.
        small: The clean small partner, if it is not the shrunk picture; blurred as it is, not shrunk anew.

    Returns:
        H / scale x W / scale x 3 uint8, and how strongly it is said to be degraded: `strength_of` the quality
        of the file it is in, or, where more is known, the strongest thing that happened to it.
    """
    if rng.random() < how.clean:
        return (shrink(hr, scale) if small is None else small), LEAST
    # Everything is drawn, whether it is used or not: a strength of 0 changes nothing else.
    kernel = _RESIZES[int(rng.integers(1, len(_RESIZES)))] if rng.random() < how.resize else "cubic"
    sigma = how.blur * scale * max(rng.uniform(-1, 1), 0.0)
    dark, white = (strength * max(rng.uniform(-1, 1), 0.0) for strength in (how.noise, how.shot))
    lr = (
        blurred(small, sigma / scale)
        if small is not None
        else shrink(blurred(hr, sigma), scale, kernel=kernel)
    )
    lr = noisy(lr, dark, white, rng)
    happened = [_strength_of_noise(dark, white)]
    compressions = int(rng.random() < how.compress) * (1 + int(rng.random() < how.twice))
    for _ in range(compressions):
        webp, halved = rng.random() < how.webp, rng.random() < how.halved
        down, right = (int(n) for n in rng.integers(0, _PHASE, 2))
        quality = round(rng.uniform(*how.quality))
        lr = compressed(lr, quality, kind="webp" if webp else "jpeg", halved=halved, phase=(down, right))
        happened.append(strength_of(quality))
    hidden, told = rng.random() < how.hidden, rng.random() < how.told
    known = LEAST if hidden or not compressions else happened[-1]
    return lr, max(happened) if told else known


def _strength_of_noise(dark: float, white: float) -> float:
    """On the scale of `strength_of`: by the deviation in mid-grey, in levels; 1 from 8 on."""
    return LEAST + (1 - LEAST) * min(1.0, (dark**2 + white**2 / 2) ** 0.5 / 8) ** 0.5


def blurred(image: np.ndarray, sigma: float) -> np.ndarray:
    """A Gaussian blur, as of a lens a little out of focus.

    Args:
        image: H x W x 3 uint8.
        sigma: Standard deviation in pixels; below 0.1 nothing happens.
    """
    if sigma < 0.1:
        return image
    try:
        import pyvips
    except ImportError:
        return _blurred_by_numpy(image, sigma)
    return (
        pyvips.Image.new_from_array(image)
        .gaussblur(sigma, min_ampl=0.01, precision="float")
        .rint()
        .cast("uchar")
        .numpy()
    )  # pyright: ignore


def _blurred_by_numpy(image: np.ndarray, sigma: float) -> np.ndarray:
    """The same where there is no libvips, cutting the kernel at a hundredth, as it does."""
    reach = int(sigma * (2 * np.log(100)) ** 0.5)
    taps = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * sigma**2)).astype(np.float32)
    taps /= taps.sum()
    result = image.astype(np.float32)
    for axis in (0, 1):
        border = [(reach, reach) if each == axis else (0, 0) for each in range(3)]
        framed, length = np.pad(result, border, mode="edge"), image.shape[axis]
        result = np.zeros_like(result)
        for first, tap in enumerate(taps):
            result += framed.take(range(first, first + length), axis) * tap
    return np.rint(result).astype(np.uint8)


def noisy(image: np.ndarray, dark: float, white: float, rng: np.random.Generator) -> np.ndarray:
    """Poisson-Gaussian noise, its Poisson part as a Gaussian whose variance follows the light.

    Args:
        image: H x W x 3 uint8.
        dark: Standard deviation without light, grey levels.
        white: Standard deviation that full light adds, grey levels.
        rng: Draws the noise.

    Source: A. Foi et al., "Practical Poissonian-Gaussian noise modeling ...", 2008, Eq. 3 and 5.
    """
    if not dark and not white:
        return image
    light = image.astype(np.float32)
    deviation = np.sqrt(dark**2 + white**2 / 255 * light)
    light += deviation * rng.standard_normal(image.shape, np.float32)
    return np.clip(np.rint(light), 0, 255).astype(np.uint8)


def compressed(
    image: np.ndarray,
    quality: int,
    *,
    kind: Compression = "jpeg",
    halved: bool = True,
    phase: tuple[int, int] = (0, 0),
) -> np.ndarray:
    """What is left after a JPEG, WebP or AVIF file.

    Args:
        image: H x W x 3 uint8.
        quality: 1..100.
        kind: The file's; the colours of WebP and, below 90, of AVIF are always at half size.
        halved: JPEG's colours at half size (4:2:0), or all of them (4:4:4).
        phase: Rows and columns by which its blocks begin before the picture, as after a crop.
    """
    down, right = phase
    framed = np.pad(image, ((down, 0), (right, 0), (0, 0)), mode="symmetric")
    again = _through_file(np.ascontiguousarray(framed), quality, kind, halved)
    return np.ascontiguousarray(again[down:, right:])


def _through_file(image: np.ndarray, quality: int, kind: Compression, halved: bool) -> np.ndarray:
    try:
        import pyvips
    except ImportError:
        if kind == "avif":  # nothing is trained on; Pillow's encoder is another
            raise
        return _through_pillow(image, quality, kind, halved)
    whole: Any = pyvips.Image.new_from_array(image)
    if kind == "webp":
        file = whole.webpsave_buffer(Q=quality, effort=2)
    elif kind == "avif":
        file = whole.heifsave_buffer(Q=quality, effort=2, compression="av1")
    else:
        file = whole.jpegsave_buffer(Q=quality, subsample_mode="on" if halved else "off")
    back: Any = pyvips.Image.new_from_buffer(file, "")
    return back.numpy()


def _through_pillow(image: np.ndarray, quality: int, kind: Compression, halved: bool) -> np.ndarray:
    """The same where there is no libvips, by the same encoders."""
    from PIL import Image

    options: dict[str, Any] = {"method": 2}  # as above
    if kind == "jpeg":
        options = {"subsampling": "4:2:0" if halved else "4:4:4"}
    file = BytesIO()
    Image.fromarray(image).save(file, kind, quality=quality, **options)
    with Image.open(file) as back:
        return np.asarray(back.convert("RGB"))


def by_name(text: str) -> Shrinker:
    """One degradation of a known strength, for scoring.

    Args:
        text: "jpeg:75", "webp:60" or "avif:60" (quality 1..100; blocks beginning at the corner), "noise:5"
            (standard deviation, grey levels), "blur:0.8" (pixels of the small picture), "mix" (the
            usual strengths of training, none of the pictures clean), or "none".

    Returns:
        What makes the small partner of a picture; noise and mix depend on its number alone.

    Raises:
        DataError: It is none of these.
    """
    kind, _, strength = text.partition(":")
    try:
        value = float(strength) if strength else 0.0
    except ValueError:
        value = -1.0
    if kind in get_args(Compression) and 1 <= value <= 100 and value == int(value):
        return lambda hr, scale, number: compressed(
            shrink(hr, scale), int(value), kind=cast(Compression, kind)
        )
    if kind == "noise" and 0 < value < 256:
        return lambda hr, scale, number: noisy(shrink(hr, scale), value, 0, np.random.default_rng(number))
    if kind == "blur" and 0 < value < 100:
        return lambda hr, scale, number: shrink(blurred(hr, value * scale), scale)
    if text == "mix":
        mixed = Degradation(clean=0)
        return lambda hr, scale, number: degrade(hr, scale, mixed, np.random.default_rng(number))[0]
    if text == "none":
        return lambda hr, scale, number: shrink(hr, scale)
    raise DataError(
        f"cannot degrade by '{text}'; use jpeg:75, webp:60, avif:60, noise:5, blur:0.8, mix or none"
    )
