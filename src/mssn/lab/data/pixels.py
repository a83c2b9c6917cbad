"""Decoded pictures in memory: what patches are cut from, wherever they came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mssn.image.compression import LEAST


@dataclass(frozen=True)
class Pixels:
    """All pictures of a folder, end to end.

    Args:
        scale: Factor between the two arrays.
        lr: Pixels of the small pictures, total x 3 uint8, rows of picture 0 first.
        hr: Pixels of the large ones, total * scale**2 x 3 uint8, in the same order.
        sizes: (height, width) of each small picture, n x 2.
        skipped: Pictures that could not be used, or not all of each, with the reason.
        key: Content hash; equal keys mean equal pictures.
        versions: How often `lr` holds all pictures, differently degraded (`mssn.score.degrade`).
        names: Of the pictures, for people.
        paired: Numbers of those whose small partner was given, not shrunk.
        strengths: How strongly each picture of each version is degraded, versions x n from 0 to 1; None where
            networks are not told.
    """

    scale: int
    lr: np.ndarray
    hr: np.ndarray
    sizes: np.ndarray
    skipped: tuple[str, ...]
    key: str
    versions: int = 1
    names: tuple[str, ...] = ()
    paired: frozenset[int] = frozenset()
    strengths: np.ndarray | None = None

    @property
    def starts(self) -> np.ndarray:
        """Index of each small picture's first pixel in `lr`; times scale**2 in `hr`."""
        areas = self.sizes.prod(axis=1)
        return np.cumsum(areas) - areas


class Pair(NamedTuple):
    """A picture that a run is validated on.

    Args:
        small: What is enlarged, H x W x 3 uint8.
        large: What it should become, scale*H x scale*W x 3 uint8.
        strength: How strongly the small one is said to be degraded, 0..1.
    """

    small: np.ndarray
    large: np.ndarray
    strength: float = LEAST


@dataclass(frozen=True)
class Pictures:
    """All that a training run looks at.

    Args:
        pixels: What it learns from, as it is before a recipe degrades it.
        validation: What it is validated on.
    """

    pixels: Pixels
    validation: list[Pair]
