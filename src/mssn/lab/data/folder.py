"""Folders of photographs and of pairs as one flat, memory-mapped array of pixels.

Decoding hundreds of pictures takes a minute; doing it at every start would cost more than the training
of a small network. So each folder is decoded once into two files of raw RGB bytes, the pictures (`hr`)
and their partners (`lr`), given or shrunk as MATLAB does, named by the content of the pictures and by what
decodes them (`mssn.lab.data.cache`): change, add or remove a file and a new cache is made; move the folder
and the old one is found again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mssn.atomic import replacing
from mssn.errors import DataError, ImageError
from mssn.lab.data import cache as kept
from mssn.lab.data.opaque import TransparentError
from mssn.lab.data.pixels import Pixels
from mssn.lab.data.sources import Pairs, Source, find_sources, read_source

_LAYOUT = 1  # part of the keys that checkpoints remember; raise when patches would lie elsewhere


@dataclass(frozen=True)
class _Pair:
    """A picture as it is trained on.

    Args:
        lr: Its small partner, h x w x 3; None if it cannot be used.
        hr: The picture.
        told: What there is to be said of it.
        transparent: Some of it is not opaque.
    """

    lr: np.ndarray | None
    hr: np.ndarray | None
    told: str = ""
    transparent: bool = False


def load_pixels(
    folders: Sequence[Path | Pairs],
    scale: int,
    *,
    cache: Path | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Pixels:
    """Decode folders of pictures, or find them already decoded.

    Args:
        folders: Folders of pictures or of pairs, searched recursively for every format `mssn.image.read`
            reads.
        scale: Whole factor between large and small pictures.
        cache: Where to keep the decoded pixels; default `mssn.lab.data.cache.default_cache()`.
        progress: Called with (pictures done, pictures in all).

    Raises:
        DataError: A folder is missing, holds no pictures, or none of them can be used; the pictures of a
            pair do not fit each other; or the cache cannot be written.
    """
    sources = [source for folder in folders for source in find_sources(folder)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        digests = list(pool.map(_digests, sources))
    key = hashlib.blake2b(json.dumps([_LAYOUT, scale, digests]).encode(), digest_size=12).hexdigest()
    home = kept.home(cache, f"x{scale}", key)
    index = kept.read_index(home)
    if index is None:
        with kept.making(home):
            _decode(sources, scale, home, ", ".join(map(str, folders)), progress)
        index = kept.read_index(home)
    assert index is not None
    return _opened(home, index, scale, key, [sources[number] for number in index["used"]])


def _opened(home: Path, index: dict[str, Any], scale: int, key: str, used: list[Source]) -> Pixels:
    # Copy-on-write: never written, but PyTorch wants memory that could be.
    lr, hr = (np.memmap(home / f"{name}.rgb", np.uint8, "c").reshape(-1, 3) for name in ("lr", "hr"))
    sizes = np.array(index["sizes"], np.int64)
    if index["transparent"]:  # 0.1 took all of these pictures, and its checkpoints must not go on with parts
        key = f"{key}-opaque"
    names = tuple(str(source.large) for source in used)
    paired = frozenset(number for number, source in enumerate(used) if source.small)
    return Pixels(scale, lr, hr, sizes, tuple(index["told"]), key, names=names, paired=paired)


def _digests(source: Source) -> str | list[str]:
    """Of a picture, or of both of a pair, so that neither can stand for the other."""
    digests = [_digest(path) for path in source.files]
    return digests if source.small else digests[0]


def _digest(path: Path) -> str:
    try:
        return hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
    except OSError:
        return f"unreadable {path.name}"  # reported with the other broken pictures when decoding


def _decode(
    sources: list[Source], scale: int, home: Path, name: str, progress: Callable[[int, int], None]
) -> None:
    """Write lr.rgb, hr.rgb and the index into `home`, each of which appears only when whole."""
    sizes: list[tuple[int, ...]] = []
    used: list[int] = []
    told: list[str] = []
    transparent = 0
    with replacing(home / "lr.rgb") as lr_file, replacing(home / "hr.rgb") as hr_file:
        for number, pair in enumerate(_pairs(sources, scale)):
            if pair.told:
                told.append(pair.told if pair.lr is not None else f"skipped {pair.told}")
            transparent += pair.transparent
            if pair.lr is not None and pair.hr is not None:
                lr_file.write(pair.lr.tobytes())
                hr_file.write(pair.hr.tobytes())
                sizes.append(pair.lr.shape[:2])
                used.append(number)
            progress(number + 1, len(sources))
        if not sizes:
            raise DataError(
                f"no usable picture among {len(sources)} files; the first: {told[0].removeprefix('skipped ')}"
            )
    what = f"{kept.pictures(len(sizes))} of {name}, for x{scale}"
    kept.write_index(home, what, sizes=sizes, used=used, told=told, transparent=transparent)


def _pairs(sources: list[Source], scale: int) -> Iterator[_Pair]:
    """(small, large) of each picture in order, or why there is none; a few decoded ahead."""

    def pair(source: Source) -> _Pair:
        path = source.large
        try:
            lr, hr, transparent = read_source(source, scale)
            size = f"{hr.shape[1]}x{hr.shape[0]}"
            told = f"{path}: only its opaque part of {size} pixels is used" if transparent else ""
            return _Pair(lr, hr, told, transparent)
        except (ImageError, ValueError) as error:
            told = str(error) if any(file.name in str(error) for file in source.files) else f"{path}: {error}"
            return _Pair(None, None, told, isinstance(error, TransparentError))

    workers = os.cpu_count() or 1
    waiting: deque[Future[_Pair]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        for source in sources:
            waiting.append(pool.submit(pair, source))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
