"""Pixels that wait in a file are encoded from there, and do not stay in memory."""

from __future__ import annotations

import re
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from mssn.image.encode import encode
from mssn.image.picture import Picture
from mssn.image.scratch import ScratchArrays, release

SIDE = 2000


def _mapped() -> int:
    """Bytes of temporary files that are in this process's memory."""
    maps = Path("/proc/self/smaps").read_text()
    return sum(1024 * int(size) for size in re.findall(r"\.part\n(?:[^-]*\n)*?Rss: +(\d+) kB", maps))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what is in memory")
@pytest.mark.parametrize("suffix", [".tif", ".png", ".jpg"])
def test_what_was_encoded_leaves_the_memory(tmp_path, suffix) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    with ScratchArrays(0, tmp_path) as scratch:
        pixels = scratch.empty((SIDE, SIDE, 3), np.uint8)
        pixels[:] = noise
        assert _mapped() >= pixels.nbytes
        release(pixels)
        assert _mapped() == 0
        found = []

        class File(BytesIO):
            def write(self, data, /) -> int:
                if self.tell() // 2**20 != (self.tell() + len(data)) // 2**20:
                    found.append(_mapped())
                return super().write(data)

        encode(File(), Picture(pixels), suffix, None)
        assert len(found) > 1 and max(found) < pixels.nbytes / 2


@pytest.mark.parametrize("suffix", [".tif", ".png", ".jpg", ".webp"])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_file_gives_the_bytes_that_memory_gives(tmp_path, photo, suffix, channels) -> None:
    photo = photo[:, :, :channels]
    with ScratchArrays(0, tmp_path) as scratch:
        arrays = [scratch.empty(photo.shape, np.uint8) for _ in range(2)]
        for array in arrays:
            array[:] = photo
        files = [BytesIO(), BytesIO()]
        waiting = Picture(arrays[0], alpha=arrays[1][:, :, :1] if channels == 1 else None)
        encode(files[0], waiting, suffix, None)
        memory = Picture(photo, alpha=photo if channels == 1 else None)
        encode(files[1], memory, suffix, None)
    assert files[0].getvalue() == files[1].getvalue()
