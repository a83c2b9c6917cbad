"""Small pictures as cameras and the web make them: resized by anyone, a little soft, noisy, compressed.

The paper trains on clean bicubic pictures; a network that knows nothing else sharpens the blocks of a JPEG.
The order is that of a picture's life (and of X. Wang et al., "Real-ESRGAN", 2021, section 3): lens, resize,
sensor, file; each with strengths that a photograph still worth enlarging has.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Protocol, cast, get_args

import numpy as np

from mssn.checks import number_of
from mssn.errors import DataError
from mssn.image.compression import LEAST, strength_of
from mssn.image.compression import Compression as Stored
from mssn.image.resize import Kernel, shrink
from mssn.score.defects import Compression, blurred, compressed, noisy

_RESIZES: tuple[Kernel, ...] = ("cubic", "box", "lanczos3", "triangle")
_KINDS: dict[Compression, str] = {"jpeg": "JPEG", "webp": "WebP", "avif": "AVIF"}  # as files are described
_PHASE = 16  # pixels: the side of a JPEG's block of blocks when its colours are halved
_ELSEWHERE = (4, 5)  # half a block, and an odd number, so that halved colours have other partners


class Shrinker(Protocol):
    """Makes the small partner of a picture.

    Args:
        hr: The picture, H x W x 3 uint8, sides multiples of the scale.
        scale: Factor.
        number: The picture's; all chance depends on it.
        small: The clean small partner, if it is not the shrunk picture.

    Returns:
        H / scale x W / scale x 3 uint8, and how strongly its file says that it is degraded, 0..1
        (`mssn.image.compression.Compression.strength`).
    """

    def __call__(
        self, hr: np.ndarray, scale: int, number: int, small: np.ndarray | None = None, /
    ) -> tuple[np.ndarray, float]: ...


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
        happened.append(strength_of(quality, "WebP" if webp else "JPEG"))
    hidden, told = rng.random() < how.hidden, rng.random() < how.told
    known = LEAST if hidden or not compressions else happened[-1]
    return lr, max(happened) if told else known


def _strength_of_noise(dark: float, white: float) -> float:
    """On the scale of `strength_of`: by the deviation in mid-grey, in levels; 1 from 8 on."""
    return LEAST + (1 - LEAST) * min(1.0, (dark**2 + white**2 / 2) ** 0.5 / 8) ** 0.5


def by_name(text: str) -> Shrinker:
    """One degradation of a known strength, for scoring.

    Args:
        text: "jpeg:75", "webp:60" or "avif:60" (quality 1..100; blocks beginning at the corner), "double:75"
            (JPEG of that quality, cut so that blocks begin elsewhere, and saved again), "hidden:75" (JPEG of
            that quality, then stored without loss, so that no file tells of it), "noise:5" (standard
            deviation, grey levels), "blur:0.8" (pixels of the small picture), "scan" (blur, noise and JPEG as
            a scanner makes them), "mix" (the usual strengths of training, none of the pictures clean), or
            "none".

    Returns:
        What makes the small partner of a picture; noise and mix depend on its number alone.

    Raises:
        DataError: It is none of these.
    """
    kind, _, given = text.partition(":")
    try:
        value = number_of(given) if given else 0.0
    except ValueError:
        value = -1.0
    quality = int(value) if 1 <= value <= 100 and value == int(value) else 0
    if kind in get_args(Compression) and quality:
        return _Steps(files=((cast(Compression, kind), quality, (0, 0)),))
    if kind == "double" and quality:
        return _Steps(files=(("jpeg", quality, (0, 0)), ("jpeg", quality, _ELSEWHERE)))
    if kind == "hidden" and quality:
        return _Steps(files=(("jpeg", quality, (0, 0)),), hidden=True)
    if kind == "noise" and 0 < value < 256:
        return _Steps(noise=value)
    if kind == "blur" and 0 < value < 100:
        return _Steps(blur=value)
    if text == "scan":
        return _Steps(blur=0.7, noise=4, files=(("jpeg", 85, (0, 0)),))
    if text == "mix":
        mixed = Degradation(clean=0)
        return lambda hr, scale, number, small=None: degrade(
            hr, scale, mixed, np.random.default_rng(number), small
        )
    if text == "none":
        return _Steps()
    raise DataError(
        f"cannot degrade by '{text}'; use jpeg:75, webp:60, avif:60, double:75, hidden:75, noise:5, "
        "blur:0.8, scan, mix or none"
    )


@dataclass(frozen=True)
class _Steps:
    """A `Shrinker` that does the same to every picture.

    Args:
        blur: Standard deviation, pixels of the small picture.
        noise: Standard deviation, grey levels.
        files: (kind, quality, phase as for `compressed`) of the files it goes through.
        hidden: At last it is stored without loss.
    """

    blur: float = 0.0
    noise: float = 0.0
    files: tuple[tuple[Compression, int, tuple[int, int]], ...] = ()
    hidden: bool = False

    def __call__(
        self, hr: np.ndarray, scale: int, number: int, small: np.ndarray | None = None
    ) -> tuple[np.ndarray, float]:
        lr = shrink(blurred(hr, self.blur * scale), scale) if small is None else blurred(small, self.blur)
        lr, strength = noisy(lr, self.noise, 0, np.random.default_rng(number)), LEAST
        for kind, quality, phase in self.files:
            lr = compressed(lr, quality, kind=kind, phase=phase)
            strength = Stored(kind=_KINDS[kind], quality=None if kind == "avif" else quality).strength
        return lr, LEAST if self.hidden else strength
