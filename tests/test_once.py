"""Things that are made once."""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import mssn
from mssn.image.picture import Picture
from mssn.image.source import PictureFile
from mssn.image.write import write
from mssn.once import Once, OnceEach


def test_once_makes_one_thing_for_many_threads() -> None:
    made = []

    def make() -> object:
        time.sleep(0.02)
        made.append(object())
        return made[-1]

    once = Once(make)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: once(), range(16)))
    assert made == [found[0]]
    assert all(one is found[0] for one in found)


def test_once_of_what_fails_tries_again() -> None:
    answers = iter([ValueError("not yet"), None])

    def make() -> int:
        if error := next(answers):
            raise error
        return 7

    once = Once(make)
    with pytest.raises(ValueError, match="not yet"):
        once()
    assert (once(), once()) == (7, 7)


def test_once_each_keeps_the_last_few() -> None:
    made: list[int] = []

    def make(key: int) -> int:
        made.append(key)
        return -key

    kept = OnceEach[int](2)
    assert [kept(key, lambda key=key: make(key)) for key in (1, 2, 1, 3, 1, 2)] == [-1, -2, -1, -3, -1, -2]
    assert made == [1, 2, 3, 2]  # 2 was the one longest not asked for when 3 came
    assert len(kept) == 2
    kept.clear()
    assert len(kept) == 0


def test_once_each_keeps_no_failure() -> None:
    kept = OnceEach[int](2)
    with pytest.raises(ZeroDivisionError):
        kept("a", lambda: 1 // 0)
    assert len(kept) == 0
    assert kept("a", lambda: 5) == 5


def test_threads_make_each_thing_once_and_do_not_wait_for_another() -> None:
    made: list[int] = []

    def make(key: int) -> int:
        time.sleep(0.1)
        made.append(key)
        return key

    kept, started = OnceEach[int](8), time.perf_counter()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: kept(n % 4, lambda: make(n % 4)), range(8)))
    assert sorted(made) == [0, 1, 2, 3]
    assert time.perf_counter() - started < 0.3


def test_threads_that_share_a_file_open_it_once(tmp_path, photo, monkeypatch) -> None:
    write(tmp_path / "a.png", Picture(photo))
    file = PictureFile(tmp_path / "a.png")
    opened: list[dict[str, int]] = []
    usual = PictureFile._open

    def slowly(self: PictureFile, options: dict[str, int]) -> object:
        opened.append(options)
        time.sleep(0.02)
        return usual(self, options)

    monkeypatch.setattr(PictureFile, "_open", slowly)
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: file.size, range(16))) == {photo.shape[:2]}
    assert len(opened) == 1


def test_nothing_is_kept_without_a_lock() -> None:
    """Python's `cached_property` has none since 3.12, and `lru_cache` may make a thing twice."""
    source = Path(mssn.__file__).parent
    unlocked = re.compile(r"cached_property|lru_cache|functools import cache|functools\.cache")
    assert [str(path) for path in source.rglob("*.py") if unlocked.search(path.read_text("utf-8"))] == []
