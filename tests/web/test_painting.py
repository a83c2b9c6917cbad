"""The page goes on painting while it works, because nothing heavy is done where it paints."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.slow

# What the bar was told, and what it showed in the frames meanwhile.
WATCH = """
window.told = new Set();
window.shown = new Set();
window.Worker = class extends Worker {
  constructor(...how) {
    super(...how);
    this.addEventListener("message", ({ data }) => "progress" in data && told.add(data.progress));
  }
};
(function look() {
  const bar = document.querySelector("li.row progress");
  if (bar && !bar.hidden) shown.add(bar.value);
  requestAnimationFrame(look);
})();
"""


def test_each_step_of_the_work_is_painted(page, site, serve, tmp_path: Path) -> None:
    picture = tmp_path / "photo.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (600, 800, 3), np.uint8)).save(picture)
    page.add_init_script("Object.defineProperty(navigator, 'hardwareConcurrency', { get: () => 1 })")
    page.add_init_script(WATCH)
    page.goto(serve(site).url)
    page.set_input_files("#files", str(picture))
    page.get_by_role("button", name="Download").first.wait_for(timeout=300_000)
    told, shown = page.evaluate("[[...told], [...shown]]")
    assert len(told) >= 6
    painted = sum(any(abs(value - other) < 1e-6 for other in shown) for value in told)
    assert painted >= len(told) / 2
