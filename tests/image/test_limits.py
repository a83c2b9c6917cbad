"""What a format cannot hold is known before it is made."""

from __future__ import annotations

import pytest

from mssn.errors import ImageError
from mssn.image.limits import refuse_oversize

LIMITS = {".webp": 16383, ".jpg": 65500, ".jpeg": 65500, ".avif": 16384}


@pytest.mark.parametrize("suffix", LIMITS)
@pytest.mark.parametrize("upright", [False, True])
def test_the_longest_side(suffix, upright) -> None:
    most = LIMITS[suffix]
    width, height = (3, most) if upright else (most, 3)
    refuse_oversize("a", suffix, width, height)
    width, height = (3, most + 1) if upright else (most + 1, 3)
    with pytest.raises(ImageError, match=f"a: the result would have {width}x{height} .* have {most} at most"):
        refuse_oversize("a", suffix, width, height)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_png_and_tiff_hold_everything_that_is_made_here(suffix) -> None:
    refuse_oversize("a", suffix, 1_000_000, 8000)
