"""What the figures of the paper's page are made of is there."""

from __future__ import annotations

from pathlib import Path

import details
import pytest

from mssn.image.find import find_images
from mssn.score.folders import locate


@pytest.mark.parametrize("figure", sorted(details.FIGURES))
def test_pictures_of_the_figures_exist(benchmarks: Path, figure: str) -> None:
    for detail in details.FIGURES[figure]:
        assert detail.picture in {path.stem for path in find_images(locate(detail.data))}
