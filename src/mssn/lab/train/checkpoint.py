"""Save and load everything a training run needs to go on as if it had never stopped.

A checkpoint is a table of plain data and tensors: `recipe` (its fields), `pictures` (the key of the training
pictures), `processes` (that the run was begun with), `net`, `average` (None without one) and `optimizers`
(their state dicts), `status` and `history` (the fields of the classes below). Version 0.1 called `history`
`past`; its checkpoints are read, too.
"""

from __future__ import annotations

import math
import pickle
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from mssn.atomic import replacing
from mssn.errors import CheckpointError
from mssn.lab.train.recipe import Recipe


@dataclass
class Status:
    """What a training run has to tell; handed to `watch` after every look at the loss.

    Args:
        update: Updates done.
        samples: Patches seen, in all processes together.
        fraction: Share of the schedule done, 0..1.
        loss: Mean loss since the last look.
        learning_rate: In force.
        speed: Updates a second since the last look.
        data_share: Share of that time spent making batches.
        psnr: Last validation's PSNR on Y in dB; None before the first.
    """

    update: int = 0
    samples: int = 0
    fraction: float = 0.0
    loss: float = math.nan
    learning_rate: float = 0.0
    speed: float = 0.0
    data_share: float = 0.0
    psnr: float | None = None


@dataclass(frozen=True)
class History:
    """What weights have behind them from runs before this one.

    Args:
        updates: How many.
        origin: The network they started as, if it was another one: "mssn-s x2".
        commands: What made them, one command after another.
    """

    updates: int = 0
    origin: str = ""
    commands: tuple[str, ...] = ()

    def then(self, command: str) -> History:
        """The same with one more command."""
        return replace(self, commands=(*self.commands, command))


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint; the previous one survives whatever happens meanwhile.

    Args:
        path: Target.
        state: Tensors, numbers, text, and lists and dicts of them.

    Raises:
        CheckpointError: It cannot be written.
    """
    try:
        with replacing(path, durable=True) as file:
            torch.save(state, file)
    except (OSError, RuntimeError) as error:
        raise CheckpointError(
            f"{path}: cannot save a checkpoint ({error}); the previous one is kept"
        ) from error


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint; tensors come to the CPU, and no code in the file is ever executed.

    Returns:
        A table with today's names, also from a checkpoint of version 0.1.

    Raises:
        CheckpointError: There is none, or it is damaged.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: no checkpoint to resume from")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        raise CheckpointError(f"{path}: not a readable checkpoint; start again without --resume") from error
    if not isinstance(state, dict):
        raise CheckpointError(f"{path}: not a checkpoint of mssn; start again without --resume")
    if "past" in state:  # version 0.1's name
        state["history"] = state.pop("past")
    return state


def check_fits(state: dict[str, Any], recipe: Recipe, pictures: str, *, averages: bool) -> None:
    """Refuse to go on with another network, optimiser or other pictures.

    Args:
        state: A checkpoint.
        recipe: Of the run that wants to go on.
        pictures: The key of its pictures.
        averages: Whether it averages the weights.

    Raises:
        ValueError: It does not fit.
        KeyError: It is no checkpoint of a training run.
    """
    mine = {key: getattr(recipe, key) for key in ("model", "scale", "config", "optimizer")}
    theirs = {key: state["recipe"][key] for key in mine}
    if mine != theirs:
        raise ValueError(f"it is for {theirs}, the recipe for {mine}")
    if state["pictures"] != pictures:
        raise ValueError("it has learnt from other pictures; start anew with --init")
    if (state["average"] is None) == averages:
        raise ValueError("one averages the weights (ema), the other does not")
