"""How strongly what is wrong with a picture is removed: the dial, and where it stands for each picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from mssn.errors import ImageError
from mssn.image.compression import LEAST, Compression
from mssn.runtime.base import check_strength

Variant = Literal["auto", "photo", "clean"]
# From which quality on clean weights score higher, measured in paper/results/degraded.json.
CLEAN_FROM = {"JPEG": 92, "WebP": 85}
_FILES = ("JPEG", "WebP", "AVIF", "HEIC", "JPEG XL")  # of pictures; those of films were measured apart


@dataclass(frozen=True)
class Dial:
    """What was asked for: how much of the weights made for photographs, and what these are told.

    Some networks made for photographs are told how strongly a picture is degraded. The dial's strength is
    what they are told, from `LEAST` on. Below `LEAST`, their picture is mixed with that of the clean weights,
    and at 0 nothing is left of it. Of networks that are not told anything, the strength is the share of their
    picture.

    Args:
        variant: "clean" is a strength of 0; "photo" gives every picture to the weights for photographs; with
            "auto" each picture's compression decides.
        strength: 0 to 1 for every picture; None: what suits each.

    Raises:
        ImageError: There is no such variant, or the two contradict each other.
        MssnError: The strength makes no sense.
    """

    variant: Variant = "auto"
    strength: float | None = None

    def __post_init__(self) -> None:
        if self.variant not in get_args(Variant):
            known = ", ".join(get_args(Variant))
            raise ImageError(f"`variant` must be one of {known}, not '{self.variant}'")
        if self.strength is None:
            return
        check_strength(self.strength)
        if self.variant == "clean" and self.strength > 0:
            raise ImageError("a `strength` above 0 contradicts the variant clean; leave one of them out")
        object.__setattr__(self, "strength", abs(float(self.strength)))  # NumPy's numbers, and -0.0

    def at(self, compression: Compression, *, told: bool) -> float:
        """Where it stands for a picture, 0 to 1.

        From `LEAST` on in steps, because every strength is a network of its own, and a folder of photographs
        should not need many: a file's own in twentieths, which costs no more than 0.01 dB (paper/LOG.md),
        one that was asked for in hundredths.

        Args:
            compression: How the picture was stored.
            told: Whether the network made for photographs is told the strength.
        """
        if self.variant == "clean":
            return 0.0
        strength = self.strength
        if not told:
            wanted = self.variant == "photo" or wants_photo(compression)
            return float(wanted) if strength is None else strength
        if strength is None:
            strength = compression.strength
            strength = in_steps(strength) if compression.kind in _FILES else _rounded(strength)
        if self.variant == "photo":
            strength = max(strength, LEAST)
        return strength if strength < LEAST else round(strength, 2)


def in_steps(strength: float) -> float:
    """What a network is told by default of a picture's file, in whole twentieths.

    Of a lightly compressed one it is told less than it was in training, where blur and noise came with it:
    below a half, the distance from a half counts twice. That is within 0.05 dB of the best for photographs
    of all qualities up to 95 (paper/results/panel.json).

    Args:
        strength: How strongly the file was compressed.
    """
    return _rounded(max(LEAST, 2 * strength - 0.5) if strength < 0.5 else strength)


def _rounded(strength: float) -> float:
    return round(strength * 20) / 20


def share_of_photo(strength: float, *, told: bool) -> float:
    """The share of the result, 0 to 1, that a network made for photographs has at a strength of the dial."""
    return min(1.0, strength / LEAST) if told else strength


def in_words(model: str, strength: float | None) -> str:
    """What enlarged a picture; the strength is said where the model's name alone does not say it.

    Examples:
        >>> in_words("mssn-s-photo", 0.64), in_words("mssn-s-photo", 1.0), in_words("mssn-s", 0.0)
        ('mssn-s-photo 0.64', 'mssn-s-photo', 'mssn-s')
    """
    return f"{model} {strength:.3g}" if strength and strength < 1 else model


def wants_photo(compression: Compression) -> bool:
    """Whether a picture stored like this is better enlarged by weights for photographs that are not told.

    | the file | weights |
    |---|---|
    | stored without loss (PNG, TIFF, GIF, lossless WebP) | clean |
    | JPEG of a quality of 92 or more, lossy WebP of 85 or more, as their tables tell | clean |
    | those below, or of unknown quality; AVIF, HEIC | photo |
    | films | as a JPEG of the quality that they count as |
    """
    least = CLEAN_FROM.get(compression.kind, CLEAN_FROM["JPEG"])
    return compression.lossy and (compression.quality is None or compression.quality < least)
