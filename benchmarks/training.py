"""How fast is training? Updates a second of the real loop, data included, and the share data takes.

    python benchmarks/training.py [--model mssn-s] [--scale 2] [--recipe best] [--updates 150]
                                  [--device cpu|cuda] [--set key=value ...]

Uses the pictures of the recipe (MSSN_DATA); any other folder: --set train=FOLDER. Beside the speed stands
what limits it: the arithmetic of an update, the features it must at least move, and how fast this machine
copies memory.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import torch
from common import report
from torch import nn

from mssn.lab import complexity
from mssn.lab.nets.layers import Conv2d
from mssn.lab.train.loop import Trainer
from mssn.lab.train.recipe import load_recipe
from mssn.lab.train.session import prepare
from mssn.lab.train.step import in_bf16


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="mssn-s")
    parser.add_argument("--scale", type=int, default=2)
    parser.add_argument("--recipe", default="best")
    parser.add_argument("--updates", type=int, default=150)
    parser.add_argument("--device", choices=["cpu", "cuda"])
    parser.add_argument("--set", action="append", default=[])
    options = parser.parse_args()
    settings = [f"model={options.model}", f"scale={options.scale}", "validate_every=0", *options.set]
    recipe = load_recipe(options.recipe, settings)
    with tempfile.TemporaryDirectory() as folder:
        trainer, _ = prepare(recipe, Path(folder), device=options.device)
        seen: list[tuple[float, float]] = []
        trainer.run(stop_after=options.updates, watch=lambda s: seen.append((s.speed, s.data_share)))
    seen = sorted(seen[1:])  # the first stretch warms up
    speed, share = seen[len(seen) // 2]
    moved, copied = _traffic(trainer), _copy_speed(trainer.device)
    cuda = trainer.device.type == "cuda"
    memory = (
        torch.cuda.max_memory_allocated()
        if cuda
        else 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    )
    pixels = recipe.batch * recipe.patch**2
    # Forward, gradient for the features, gradient for the weights: three times the multiplications.
    macs = 3 * pixels * complexity.mult_adds(trainer.net, recipe.scale) / _pixels_of_mult_adds(recipe.scale)
    report(
        f"training-{options.model}-x{options.scale}-{trainer.device.type}",
        {
            "recipe": recipe.name,
            "batch": recipe.batch,
            "patch": recipe.patch,
            "precision": "bf16" if in_bf16(recipe.precision, trainer.device) else "fp32",
            "optimizer": recipe.optimizer,
            "updates_per_second": round(speed, 2),
            "milliseconds_per_update": round(1000 / speed, 2),
            "patches_per_second": round(speed * recipe.batch, 1),
            "data_share": round(share, 4),
            "peak_memory_mib": round(memory / 2**20),
            "gmac_per_second": round(speed * macs / 1e9, 1),
            "least_traffic_mib_per_update": round(moved / 2**20),
            "copy_gb_per_second": round(copied / 1e9, 1),
            "share_of_copy_speed": round(speed * moved / copied, 3),
            "threads": torch.get_num_threads(),
            "device": torch.cuda.get_device_name() if cuda else "cpu",
        },
    )


def _pixels_of_mult_adds(scale: int) -> int:
    return (1280 // scale) * (720 // scale)


def _traffic(trainer: Trainer) -> int:
    """Bytes an update must move if every convolution were fused with its ReLU and nothing stayed in a cache.

    Forward reads a convolution's input and writes its output; the gradient for the input reads one and
    writes the other; the gradient for the weight reads both: three times both, 2 bytes each in bf16.
    """
    numbers = 0

    def count(module: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        nonlocal numbers
        numbers += inputs[0].numel() + output.numel()

    convolutions = [m for m in trainer.net.modules() if isinstance(m, Conv2d | nn.Conv2d)]
    handles = [m.register_forward_hook(count) for m in convolutions]
    recipe = trainer.recipe
    with torch.no_grad():
        trainer.net(torch.zeros(recipe.batch, 3, recipe.patch, recipe.patch, device=trainer.device))
    for handle in handles:
        handle.remove()
    return 3 * numbers * (2 if in_bf16(recipe.precision, trainer.device) else 4)


def _copy_speed(device: torch.device) -> float:
    """Bytes a second, read and written, of copying one large block."""
    source = torch.ones(2**28, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    best = float("inf")
    for _ in range(5):
        started = time.perf_counter()
        target.copy_(source)
        if device.type == "cuda":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - started)
    return 2 * source.numel() / best


if __name__ == "__main__":
    main()
