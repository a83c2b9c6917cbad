"""Photographs that are laid into drawn pictures."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from mssn.errors import DataError, ImageError
from mssn.image.find import find_images
from mssn.lab.data.opaque import read_opaque
from mssn.once import OnceEach

_OPEN = 16  # photographs kept decoded


class Photos:
    """The photographs of a folder; in place of one that cannot be read the next is taken.

    Args:
        folder: Searched recursively.
        scale: Large pixels in a small one.

    Attributes:
        skipped: Those found so far that cannot be read, and why.

    Raises:
        DataError: The folder holds no pictures.
    """

    def __init__(self, folder: Path, scale: int) -> None:
        self.paths, self.scale = find_images(folder), scale
        self.skipped: dict[Path, str] = {}
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
            DataError: None of them can be read.
        """
        photo = self._from(int(rng.integers(len(self.paths))))
        height, width = (
            min(asked, length // self.scale) * self.scale
            for asked, length in zip((rows, columns), photo.shape, strict=False)
        )
        top, left = (
            int(rng.integers(length + 1)) for length in np.subtract(photo.shape[:2], (height, width))
        )
        return photo[top : top + height, left : left + width]

    def _from(self, number: int) -> np.ndarray:
        """A photograph, or the first after it that can be read."""
        for following in range(len(self.paths)):
            path = self.paths[(number + following) % len(self.paths)]
            if path in self.skipped:
                continue
            try:
                return self._read(path, partial(self._decoded, path))
            except ImageError as error:
                self.skipped[path] = str(error)
        raise DataError(f"no photograph can be read; the first: {self.skipped[self.paths[0]]}")

    def _decoded(self, path: Path) -> np.ndarray:
        return read_opaque(path, self.scale)[0]
