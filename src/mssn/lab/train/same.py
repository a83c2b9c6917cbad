"""What must be the same for all processes before they train as one."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from zlib import crc32

from torch import nn

from mssn.errors import CheckpointError, TrainingError
from mssn.lab.train.parallel import World
from mssn.lab.train.recipe import Recipe

_NEWS = 90.0  # seconds after which a shared folder shows a file that another machine made


def check_start(world: World, recipe: Recipe, begun: int, update: int, net: nn.Module, pictures: str) -> None:
    """Stop, in every process, unless they can train as one.

    Args:
        world: The processes.
        recipe: How to train.
        begun: Number of processes that the run was begun with.
        update: Updates done.
        net: The network as it starts.
        pictures: The key of the pictures.

    Raises:
        TrainingError: The processes start from different things, or are too many.
    """
    fewest = begun * min([recipe.batch, *(recipe.at(stage["after"]).batch for stage in recipe.stages)])
    if fewest < world.size:
        raise TrainingError(
            f"an update has {fewest} patches, too few for {world.size} processes; start fewer"
        )
    # Not the names of files, which may lie elsewhere on another machine.
    settings = {**asdict(recipe), "train": (), "validation": (), "teacher": ""}
    sums = [t.double().sum().item() for t in net.state_dict().values()]
    world.check_equal([update, *sums], "weights")
    world.check_equal([crc32(pictures.encode())], "pictures")
    world.check_equal([crc32(repr(settings).encode())], "recipes")


def check_shared(world: World, file: Path) -> None:
    """Stop, in every process, unless all see a file that the leader has just written.

    Raises:
        CheckpointError: A machine has another folder of that name.
    """
    with world.together():
        until = time.monotonic() + _NEWS
        while not (seen := file.exists()) and time.monotonic() < until:
            time.sleep(1)
    if world.any(not seen):
        raise CheckpointError(
            f"{file.parent}: not every machine sees the same folder there; let them share it"
        )
