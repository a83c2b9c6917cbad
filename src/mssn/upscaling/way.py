"""Which networks enlarge a picture, in which order, told what: decided once for each picture."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mssn.image.compression import LEAST, Compression
from mssn.upscaling.dial import Dial, share_of_photo
from mssn.upscaling.tiled import TiledModel


@dataclass(frozen=True)
class ModelFamily:
    """A model's networks, one for each factor.

    Args:
        name: The model's.
        scales: The factors there are, smallest first; none for plain bicubic.
        open: Loads the network of a factor, for a strength: from `LEAST` to 1 if it is told, else `LEAST`.
        told: The factors whose networks are told how strongly a picture is degraded.
    """

    name: str
    scales: tuple[int, ...]
    open: Callable[[int, float], TiledModel]
    told: tuple[int, ...] = ()


@dataclass(frozen=True)
class Step:
    """An enlargement by one network's factor.

    Args:
        scale: The factor.
        family: Whose network enlarges.
        strength: What it is opened for.
        mixed_with: Whose network enlarges as well, to be mixed with it; None: nobody's.
        share: Of the first network in the mix.
    """

    scale: int
    family: ModelFamily
    strength: float = LEAST
    mixed_with: ModelFamily | None = None
    share: float = 1.0

    @property
    def name(self) -> str:
        """The model, or both."""
        return self.family.name if self.mixed_with is None else f"{self.mixed_with.name} + {self.family.name}"

    @property
    def passes(self) -> int:
        """How many networks run."""
        return 1 if self.mixed_with is None else 2


def steps_for(
    clean: ModelFamily, photo: ModelFamily | None, dial: Dial, compression: Compression, factor: float
) -> tuple[tuple[Step, ...], float | None]:
    """What enlarges a picture, step by step.

    Only the first step is taken by weights for photographs, because what they make is clean.

    Args:
        clean: The networks for clean pictures.
        photo: Those for photographs, at some of the same factors; None where there are none.
        dial: How much of these is wanted.
        compression: How the picture was stored.
        factor: How much larger it is to become, at least.

    Returns:
        The steps, and where the dial stands; None if there is no step, or nothing to choose from.
    """
    if photo is not None and (scales := chain(factor, photo.scales, clean.scales)):
        told = scales[0] in photo.told
        strength = dial.at(compression, told=told)
        if share := share_of_photo(strength, told=told):
            first = Step(
                scales[0],
                photo,
                max(strength, LEAST) if told else LEAST,
                mixed_with=clean if share < 1 else None,
                share=share,
            )
            return (first, *(Step(scale, clean) for scale in scales[1:])), strength
    steps = tuple(Step(scale, clean) for scale in chain(factor, clean.scales))
    return steps, 0.0 if steps and photo is not None else None


def cost(size: tuple[int, int], steps: Sequence[Step]) -> int:
    """Pixels that networks enlarge in all, for a page of this height and width."""
    pixels, done = 0, size[0] * size[1]
    for step in steps:
        pixels += done * step.passes
        done *= step.scale**2
    return pixels


def chain(factor: float, scales: Sequence[int], later: Sequence[int] = ()) -> list[int]:
    """Whole factors whose product is at least `factor`: as few as possible, then as small as possible.

    The smallest comes first, because the later ones work on larger pictures.

    Args:
        factor: Above 0; up to 1 needs none.
        scales: Factors there are for the first step, each above 1; without any, none are needed.
        later: Those for the steps behind it, where they differ.

    Examples:
        >>> chain(2.5, [2, 3, 4])
        [3]
        >>> chain(5, [2, 3, 4])
        [2, 3]
        >>> chain(5, [4], later=[2, 3, 4])
        [4, 2]
    """
    if not scales:
        return []
    chains: list[tuple[int, ...]] = [()]
    while max(map(math.prod, chains)) < factor * (1 - 1e-9):
        chains = [
            (*begun, scale)
            for begun in chains
            for scale in (later or scales if begun else scales)
            if len(begun) < 2 or scale >= begun[-1]
        ]
    enough = [whole for whole in chains if math.prod(whole) >= factor * (1 - 1e-9)]
    return list(min(enough, key=lambda whole: (math.prod(whole), whole)))
