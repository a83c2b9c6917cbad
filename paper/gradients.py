"""How strong the gradient of each residual unit is: norms by depth, with and without AWSSC.

    python paper/gradients.py                   # after: mssn ablate paper/plans/table-3.toml

Section IV-C says that the share-source skip lets information bypass the units. Measured: the norm of the L1
loss's gradient for the weights of each unit, at the start and after training (averaged weights), of Table
3's arms `mssn` and `mssn-na`; the mean over all seeds and over 32 patches of the validation pictures.
Writes paper/results/gradients.json.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

from mssn import provenance
from mssn.errors import MssnError
from mssn.image.find import find_images
from mssn.image.read import read_rgb
from mssn.image.resize import crop_to_multiple, shrink
from mssn.lab import nets
from mssn.lab.experiment.plan import load_experiment
from mssn.lab.experiment.results import RESULT as ARM
from mssn.lab.experiment.results import WEIGHTS
from mssn.lab.nets.mssn import MSSN
from mssn.lab.weights import load_network
from mssn.score.folders import locate

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "paper" / "results" / "gradients.json"
ARMS, PATCH, PATCHES = ("mssn", "mssn-na"), 48, 32


def main() -> int:
    """Measure and write."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    experiment = load_experiment(ROOT / "paper" / "plans" / "table-3.toml")
    scale = experiment.recipes[ARMS[0]].scale
    lr, hr = patches(scale)
    norms: dict[str, dict[str, list[float]]] = {}
    updates: set[int] = set()
    for name in ARMS:
        found: dict[str, list[list[float]]] = {"start": [], "end": []}
        for arm in experiment.arms(ROOT / "runs" / "ablate"):
            if arm.name != name:
                continue
            result = arm.folder / ARM
            if not result.exists():
                print(
                    f"{result}: not there; first run: mssn ablate paper/plans/{experiment.name}.toml",
                    file=sys.stderr,
                )
                return 2
            updates.add(json.loads(result.read_text())["updates"])
            torch.manual_seed(arm.recipe.seed)
            start = nets.build(arm.recipe.model, scale, arm.recipe.config)
            end, _ = load_network(arm.folder / WEIGHTS)
            found["start"].append(by_unit(start, lr, hr))
            found["end"].append(by_unit(end, lr, hr))
        norms[name] = {when: np.mean(seeds, axis=0).round(7).tolist() for when, seeds in found.items()}
    if len(updates) != 1:
        print(f"the arms were trained with different budgets: {sorted(updates)} updates", file=sys.stderr)
        return 2
    result = {
        "experiment": experiment.name,
        "updates": updates.pop(),
        "seeds": len(experiment.seeds),
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
    try:
        sys.exit(main())
    except MssnError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
