"""The small pictures of a training set, degraded in several versions: made once and kept."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from mssn.atomic import replacing
from mssn.lab.data import cache as kept
from mssn.lab.data.pixels import Pixels
from mssn.score.degrade import Degradation, degrade


def degraded(
    pixels: Pixels,
    how: Degradation,
    seed: int,
    *,
    cache: Path | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Pixels:
    """The same pictures with small partners degraded in several versions, made once and kept.

    What copy v of picture n looks like depends only on (seed, v, n).

    Args:
        pixels: Clean pictures.
        how: The strengths.
        seed: Start of the random numbers.
        cache: Where the degraded pixels are kept; as `load_pixels`.
        progress: Called with (pictures done, pictures in all).

    Returns:
        `pixels` with `lr` of all versions, one after the other.

    Raises:
        DataError: The cache cannot be written.
    """
    words = json.dumps([pixels.key, pixels.scale, asdict(how), seed])
    key = hashlib.blake2b(words.encode(), digest_size=12).hexdigest()
    home = kept.home(cache, f"x{pixels.scale}-degraded", key)
    index = kept.read_index(home)
    told: list[float] = [] if index is None else index["strengths"]
    if index is None:
        with kept.making(home):
            with replacing(home / "lr.rgb") as file:
                for number, (lr, strength) in enumerate(_versions(pixels, how, seed), 1):
                    file.write(lr.tobytes())
                    told.append(strength)
                    progress(number, how.versions * len(pixels.sizes))
            what = f"{kept.pictures(len(pixels.sizes))}, {how.versions} times degraded, for x{pixels.scale}"
            kept.write_index(home, what, strengths=told)
    lr = np.memmap(home / "lr.rgb", np.uint8, "c").reshape(-1, 3)
    strengths = np.array(told, np.float32).reshape(how.versions, -1)
    return replace(pixels, lr=lr, versions=how.versions, key=key, strengths=strengths)


def _versions(pixels: Pixels, how: Degradation, seed: int) -> Iterator[tuple[np.ndarray, float]]:
    """Every picture of the first version, then of the second, with its strength; a few worked on ahead."""
    r2 = pixels.scale**2

    def one(version: int, number: int) -> tuple[np.ndarray, float]:
        start, (rows, columns) = pixels.starts[number], pixels.sizes[number]
        large = pixels.hr[start * r2 : (start + rows * columns) * r2]
        hr = large.reshape(rows * pixels.scale, columns * pixels.scale, 3)
        # Another shrunk picture would not be the partner of a large one that was drawn, or taught.
        small = pixels.lr[start : start + rows * columns].reshape(rows, columns, 3)
        rng = np.random.default_rng([seed % 2**64, version, number])
        return degrade(hr, pixels.scale, how, rng, small if number in pixels.paired else None)

    jobs = [(version, number) for version in range(how.versions) for number in range(len(pixels.sizes))]
    workers = os.cpu_count() or 1
    with ThreadPoolExecutor(workers) as pool:
        for first in range(0, len(jobs), 4 * workers):  # few at once: large pictures fill the memory
            yield from pool.map(one, *zip(*jobs[first : first + 4 * workers], strict=True))
