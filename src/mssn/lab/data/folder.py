"""A folder of photographs as one flat, memory-mapped array of pixels.

Decoding hundreds of pictures takes a minute; doing it at every start would cost more than the training
of a small network. So each folder is decoded once into two files of raw RGB bytes, the pictures (`hr`)
and their MATLAB-shrunk partners (`lr`), named by the content of the pictures: change, add or remove a
file and a new cache is made; move the folder and the old one is found again.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mssn.errors import DataError, ImageError
from mssn.image.read import find_images, read_rgb
from mssn.image.resize import crop_to_multiple, shrink

_LAYOUT = 1  # raise when the files below change their form


@dataclass(frozen=True)
class Pixels:
    """All pictures of a folder, end to end.

    Args:
        scale: Factor between the two arrays.
        lr: Pixels of the small pictures, total x 3 uint8, rows of picture 0 first.
        hr: Pixels of the large ones, total * scale**2 x 3 uint8, in the same order.
        sizes: (height, width) of each small picture, n x 2.
        skipped: Pictures that could not be used, with the reason.
        key: Content hash; equal keys mean equal pixels.
        versions: How often `lr` holds all pictures, differently degraded (`mssn.score.degrade`).
    """

    scale: int
    lr: np.ndarray
    hr: np.ndarray
    sizes: np.ndarray
    skipped: tuple[str, ...]
    key: str
    versions: int = 1

    @property
    def starts(self) -> np.ndarray:
        """Index of each small picture's first pixel in `lr`; times scale**2 in `hr`."""
        areas = self.sizes.prod(axis=1)
        return np.cumsum(areas) - areas


def default_cache() -> Path:
    """Where decoded pixels are kept: $MSSN_CACHE, else the user's cache folder."""
    if folder := os.environ.get("MSSN_CACHE"):
        return Path(folder)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mssn"


def load_pixels(
    folders: Sequence[Path],
    scale: int,
    *,
    cache: Path | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Pixels:
    """Decode folders of pictures, or find them already decoded.

    Args:
        folders: Folders, searched recursively for every format `mssn.image.read` reads.
        scale: Whole factor between large and small pictures.
        cache: Where to keep the decoded pixels; default `default_cache()`.
        progress: Called with (pictures done, pictures in all).

    Raises:
        DataError: A folder is missing, holds no pictures, or none of them can be used, or the cache
            cannot be written.
    """
    paths = [path for folder in folders for path in find_images(Path(folder))]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        digests = list(pool.map(_digest, paths))
    key = hashlib.blake2b(json.dumps([_LAYOUT, scale, digests]).encode(), digest_size=12).hexdigest()
    home = (cache or default_cache()) / f"x{scale}-{key}"
    if not (home / "index.json").exists():
        try:
            home.parent.mkdir(parents=True, exist_ok=True)
            _decode(paths, scale, home, progress)
        except OSError as error:
            raise DataError(
                f"{home.parent}: cannot keep decoded pictures here ({error.strerror}); "
                "free some room or point MSSN_CACHE to another folder"
            ) from error
    index = json.loads((home / "index.json").read_text())
    # Copy-on-write: never written, but PyTorch wants memory that could be.
    lr, hr = (np.memmap(home / f"{name}.rgb", np.uint8, "c").reshape(-1, 3) for name in ("lr", "hr"))
    sizes = np.array(index["sizes"], np.int64)
    return Pixels(scale, lr, hr, sizes, tuple(index["skipped"]), key)


def _digest(path: Path) -> str:
    try:
        return hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
    except OSError:
        return f"unreadable {path.name}"  # reported with the other broken pictures when decoding


def _decode(paths: list[Path], scale: int, home: Path, progress: Callable[[int, int], None]) -> None:
    """Write lr.rgb, hr.rgb and index.json into `home`, which appears only when whole."""
    sizes: list[tuple[int, ...]] = []
    skipped: list[str] = []
    with tempfile.TemporaryDirectory(dir=home.parent, prefix=".decoding-") as folder:
        temporary = Path(folder) / "whole"
        temporary.mkdir()
        with open(temporary / "lr.rgb", "wb") as lr_file, open(temporary / "hr.rgb", "wb") as hr_file:
            for done, pair in enumerate(_pairs(paths, scale), 1):
                if isinstance(pair, str):
                    skipped.append(pair)
                else:
                    lr_file.write(pair[0].tobytes())
                    hr_file.write(pair[1].tobytes())
                    sizes.append(pair[0].shape[:2])
                progress(done, len(paths))
        if not sizes:
            raise DataError(f"no usable picture among {len(paths)} files; the first: {skipped[0]}")
        (temporary / "index.json").write_text(json.dumps({"sizes": sizes, "skipped": skipped}))
        try:
            os.replace(temporary, home)
        except OSError:
            if not (home / "index.json").exists():  # unless another process was first with the same pixels
                raise


def _pairs(paths: list[Path], scale: int) -> Iterator[tuple[np.ndarray, np.ndarray] | str]:
    """(small, large) of each picture in order, or why there is none; a few decoded ahead."""

    def pair(path: Path) -> tuple[np.ndarray, np.ndarray] | str:
        try:
            hr = crop_to_multiple(read_rgb(path), scale)
            return shrink(hr, scale), hr
        except (ImageError, ValueError) as error:
            return str(error) if path.name in str(error) else f"{path}: {error}"

    workers = os.cpu_count() or 1
    waiting: deque[Future] = deque()
    with ThreadPoolExecutor(workers) as pool:
        for path in paths:
            waiting.append(pool.submit(pair, path))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
