"""`mssn cache`: lists and empties."""

from __future__ import annotations

import os
import time

import pytest

from mssn.cli.cache import _age, _size
from mssn.lab.data.folder import load_pixels


def test_cache_lists_and_empties(mssn, pictures, net, cache) -> None:
    assert mssn("cache").out == f"nothing is kept in {cache}\n"
    assert mssn("cache", "--clear").out == f"removed 0.0 MB in {cache}\n"
    for scale in (2, 3):
        load_pixels([pictures], scale)
    assert mssn("upscale", pictures / "one.png", "-m", net).code == 0
    for path in cache.rglob("*"):
        os.utime(path, (time.time() - 3 * 86400, time.time() - 3 * 86400))
    out = mssn("cache").out
    assert f"3 pictures of {pictures}, for x2" in out
    assert out.count("3 days") == 3
    assert "networks made ready" in out
    assert out.count("0.0 MB") >= 2
    cleared = mssn("cache", "--clear")
    assert (cleared.code, cleared.err) == (0, "")
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize(("size", "text"), [(0, "0.0 MB"), (1_500_000, "1.5 MB"), (2_340_000_000, "2.3 GB")])
def test_sizes(size, text) -> None:
    assert _size(size) == text


@pytest.mark.parametrize(
    ("age", "text"), [(30, "0 minutes"), (5400, "90 minutes"), (7200, "2 hours"), (200_000, "2 days")]
)
def test_ages(age, text) -> None:
    assert _age(age) == text
