"""What there is to train on: pictures that are shrunk here, and pairs that came with their small partners."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mssn.errors import DataError
from mssn.image.find import find_images
from mssn.image.resize import crop_to_multiple, shrink
from mssn.lab.data.opaque import TransparentError, read_opaque
from mssn.score.folders import locate

PAIRS = "pairs:"  # before a folder's name; said, not guessed: photographs may lie in folders of any name
SMALL, LARGE = "small", "large"


@dataclass(frozen=True)
class Pairs:
    """A folder of pairs: small/NAME and large/NAME, of any ending each.

    Args:
        folder: Where both lie.
    """

    folder: Path

    def __str__(self) -> str:
        return f"{PAIRS}{self.folder}"


@dataclass(frozen=True)
class Source:
    """A picture to train on.

    Args:
        large: Its file.
        small: That of its small partner; None if it is to be shrunk.
    """

    large: Path
    small: Path | None = None

    @property
    def files(self) -> list[Path]:
        """One or two."""
        return [self.large] if self.small is None else [self.small, self.large]


def located(name: str) -> Path | Pairs:
    """The folder that a recipe names, "photos" or "pairs:drawn".

    Raises:
        DataError: There is none, or a folder of pairs lacks one of its two.
    """
    if not name.startswith(PAIRS):
        return locate(name)
    if name == PAIRS:
        raise DataError(f"{PAIRS} needs the name of a folder, such as {PAIRS}drawn")
    folder = locate(name.removeprefix(PAIRS))
    for part in (SMALL, LARGE):
        if not (folder / part).is_dir():
            raise DataError(f"{folder}: has no folder '{part}'; pairs lie in '{SMALL}' and '{LARGE}'")
    return Pairs(folder)


def find_sources(folder: Path | Pairs) -> list[Source]:
    """All pictures of a folder, in the order a person would count them.

    Raises:
        DataError: There are none, or a picture of a pair has no partner.
    """
    if isinstance(folder, Path):
        return [Source(path) for path in find_images(folder)]
    small, large = (_by_name(folder.folder / name) for name in (SMALL, LARGE))
    for names, others, other in ((small, large, LARGE), (large, small, SMALL)):
        for name, path in names.items():
            if name not in others:
                reason = f"has no partner of this name in {folder.folder / other}; add it, or remove this one"
                raise DataError(f"{path}: {reason}")
    return [Source(path, small[name]) for name, path in large.items()]


def _by_name(folder: Path) -> dict[Path, Path]:
    """Pictures by their names without endings, below the folder."""
    found: dict[Path, Path] = {}
    for path in find_images(folder):
        name = path.relative_to(folder).with_suffix("")
        if name in found:
            raise DataError(f"{path}: {found[name].name} has the same name; one of both must go")
        found[name] = path
    return found


def read_source(source: Source, scale: int) -> tuple[np.ndarray, np.ndarray, bool]:
    """Read a picture to train on, and read or make its small partner.

    Args:
        source: Its files.
        scale: Factor between the two.

    Returns:
        The small picture and the large one, uint8 RGB, and whether it is only the opaque part of a file.

    Raises:
        ImageError: A file cannot be read, or nothing in it is opaque.
        ValueError: It is smaller than `scale` pixels.
        DataError: The pictures of a pair do not fit each other, or are transparent.
    """
    if source.small is None:
        large, part = read_opaque(source.large, scale)
        hr = crop_to_multiple(large, scale)
        return shrink(hr, scale), hr, part
    small, large = (_whole(path, scale) for path in (source.small, source.large))
    (height, width), (rows, columns) = large.shape[:2], small.shape[:2]
    if (height, width) != (rows * scale, columns * scale):
        raise DataError(
            f"{source.large}: has {width}x{height} pixels, and its small partner {columns}x{rows}; "
            f"for x{scale} it needs {columns * scale}x{rows * scale}"
        )
    return small, large, False


def _whole(path: Path, scale: int) -> np.ndarray:
    """A picture of a pair."""
    with suppress(TransparentError):
        pixels, part = read_opaque(path, scale)
        if not part:
            return pixels
    raise DataError(f"{path}: pictures of pairs must be opaque; remove its transparency")
