"""Decoded pictures in memory: what patches are cut from, wherever they came from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


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

    @property
    def starts(self) -> np.ndarray:
        """Index of each small picture's first pixel in `lr`; times scale**2 in `hr`."""
        areas = self.sizes.prod(axis=1)
        return np.cumsum(areas) - areas


@dataclass(frozen=True)
class Pictures:
    """All that a training run looks at.

    Args:
        pixels: What it learns from, as it is before a recipe degrades it.
        validation: (small, large) uint8 pictures, H x W x 3, that it is validated on.
    """

    pixels: Pixels
    validation: list[tuple[np.ndarray, np.ndarray]]
