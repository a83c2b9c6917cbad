"""How strongly each residual unit is told to change: gradient norms by depth, with and without AWSSC.

    python paper/gradients.py                   # after: mssn ablate table-3

Section IV-C says that the share-source skip lets information bypass the units. Measured: the norm of the L1
loss's gradient for the weights of each unit, at the start and after training, of Table 3's arms `mssn` and
`mssn-na`; the mean over 32 patches of the validation pictures. Writes paper/results/gradients.json.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

from mssn import arch, provenance
from mssn.arch.mssn import MSSN
from mssn.data.folder import locate
from mssn.experiment.plan import load_experiment
from mssn.experiment.results import WEIGHTS
from mssn.image.io import find_images, read_rgb
from mssn.image.resize import crop_to_multiple, shrink
from mssn.weights.network import load_network

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "paper" / "results" / "gradients.json"
ARMS, PATCH, PATCHES = ("mssn", "mssn-na"), 48, 32


def main() -> int:
    """Measure and write."""
    experiment = load_experiment("table-3")
    arms = {arm.name: arm for arm in experiment.arms(ROOT / "runs" / "ablate") if arm.recipe.seed == 0}
    scale = arms[ARMS[0]].recipe.scale
    lr, hr = patches(scale)
    norms: dict[str, dict[str, list[float]]] = {}
    for name in ARMS:
        recipe = arms[name].recipe
        torch.manual_seed(recipe.seed)
        start = arch.build(recipe.model, recipe.scale, recipe.config)
        end, _ = load_network(arms[name].folder / WEIGHTS)
        norms[name] = {"start": by_unit(start, lr, hr), "end": by_unit(end, lr, hr)}
    result = {
        "experiment": experiment.name,
        "updates": arms[ARMS[0]].recipe.updates,
        "norms": norms,
        "versions": provenance.versions(),
        "commit": provenance.commit(),
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    print(RESULT)
    return 0


def patches(scale: int) -> tuple[torch.Tensor, torch.Tensor]:
    """(small, large): random places of the validation pictures, N x 3 x H x W."""
    small, large = [], []
    rng = np.random.default_rng(0)
    pictures = [crop_to_multiple(read_rgb(path), scale) for path in find_images(locate("validation"))]
    for number in range(PATCHES):
        hr = pictures[number % len(pictures)]
        lr = shrink(hr, scale)
        top, left = (int(rng.integers(length - PATCH + 1)) for length in lr.shape[:2])
        small.append(lr[top : top + PATCH, left : left + PATCH])
        top, left = top * scale, left * scale
        large.append(hr[top : top + PATCH * scale, left : left + PATCH * scale])
    return _floats(small), _floats(large)


def by_unit(net: nn.Module, lr: torch.Tensor, hr: torch.Tensor) -> list[float]:
    """The norm of the gradient for the weights of each unit, first to last, mean over patches."""
    assert isinstance(net, MSSN)
    units = [unit for block in net.body for unit in block.units]  # pyright: ignore[reportGeneralTypeIssues]
    sums = np.zeros(len(units))
    for x, y in zip(lr, hr, strict=True):
        net.zero_grad()
        (net(x[None]) - y[None]).abs().mean().backward()
        for number, unit in enumerate(units):
            squares = sum(p.grad.square().sum().item() for p in unit.parameters() if p.grad is not None)
            sums[number] += squares**0.5
    return [round(float(value), 7) for value in sums / len(lr)]


def _floats(pictures: list[np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255


if __name__ == "__main__":
    sys.exit(main())
