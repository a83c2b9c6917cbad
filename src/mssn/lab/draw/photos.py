"""Photographs that are laid into drawn pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mssn.image.find import find_images
from mssn.lab.data.opaque import read_opaque
from mssn.once import OnceEach

_OPEN = 16  # photographs kept decoded


class Photos:
    """The photographs of a folder.

    Args:
        folder: Searched recursively.
        scale: Large pixels in a small one.

    Raises:
        DataError: The folder holds no pictures.
    """

    def __init__(self, folder: Path, scale: int) -> None:
        self.paths, self.scale = find_images(folder), scale
        self._read = OnceEach[np.ndarray](_OPEN)

    def crop(self, rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
        """Any part of any photograph.

        Args:
            rng: Chooses it.
            rows: Its height, small pixels.
            columns: Its width, small pixels.

        Returns:
            Its large pixels, h x w x 3 uint8; smaller than asked for if the photograph is, even empty.

        Raises:
            ImageError: The photograph cannot be read.
        """
        path = self.paths[int(rng.integers(len(self.paths)))]
        photo = self._read(path, lambda: read_opaque(path, self.scale)[0])
        height, width = (
            min(asked, length // self.scale) * self.scale
            for asked, length in zip((rows, columns), photo.shape, strict=False)
        )
        top, left = (
            int(rng.integers(length + 1)) for length in np.subtract(photo.shape[:2], (height, width))
        )
        return photo[top : top + height, left : left + width]
