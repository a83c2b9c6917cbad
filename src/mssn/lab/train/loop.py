"""The training loop, whole and visible.

What one update does is in `step.py`; here it is repeated, measured, validated and saved.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import closing, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mssn.errors import CheckpointError, DivergedError
from mssn.lab.data.patches import Patches
from mssn.lab.data.pixels import Pair
from mssn.lab.pytorch import PyTorchRuntime
from mssn.lab.train.checkpoint import History, Status, check_fits, load_checkpoint, save_checkpoint
from mssn.lab.train.optimizers import load_state, optimizers
from mssn.lab.train.parallel import World
from mssn.lab.train.recipe import Recipe
from mssn.lab.train.same import check_shared, check_start
from mssn.lab.train.step import EMA, Step, in_bf16, learning_rate, progress
from mssn.lab.train.stop import stop_requests
from mssn.score.metrics import psnr_y
from mssn.upscaling.tiled import enlarge

try:
    from torch.utils.tensorboard import SummaryWriter
except ImportError:  # a bare machine, which `mssn.lab.train.session` says
    SummaryWriter = None

CHECKPOINT = "checkpoint.pt"
_LOOK_EVERY, _LOOK_SECONDS = 25, 5.0  # updates or seconds between looks at the loss: each waits for a GPU


@dataclass
class Stretch:
    """The updates between two looks at the loss.

    Args:
        since: Updates done when it began.
        started: Time when it began, seconds.
        data_seconds: Time spent making batches.
        losses: One scalar an update, each still on its device, so that no update waits for it.
    """

    since: int
    started: float = field(default_factory=lambda: time.monotonic())
    data_seconds: float = 0.0
    losses: list[Tensor] = field(default_factory=list)


class Trainer:
    """A network in training, with all that has to survive a restart.

    Args:
        recipe: How to train.
        net: The network, weights as they start.
        patches: Where batches come from.
        validation: What it is validated on.
        halo: Context of the network, LR pixels.
        folder: Where the checkpoint and TensorBoard events go.
        history: What the weights have behind them; default nothing.
        teacher: The network to learn from, if the recipe distills.
        world: The processes that train together; default alone.
        captures: See `mssn.lab.train.step.Step`.

    Attributes:
        processes: That the run was begun with. An update has `batch` patches for each of them, and goes on to
            have as many when a run is resumed with more processes or fewer.
    """

    def __init__(
        self,
        recipe: Recipe,
        net: nn.Module,
        patches: Patches,
        validation: list[Pair],
        halo: int,
        folder: Path,
        history: History | None = None,
        teacher: nn.Module | None = None,
        world: World | None = None,
        captures: bool = True,
    ) -> None:
        self.recipe, self.patches, self.validation, self.halo = recipe, patches, validation, halo
        self.device = next(net.parameters()).device
        self.net: nn.Module = net.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self.average = EMA(self.net, recipe.ema) if recipe.ema else None
        self.teacher, self.world = teacher, world or World()
        self.processes = self.world.size
        self.captures = captures and self.device.type == "cuda" and self.world.size == 1
        self.optimizers = optimizers(self.net, recipe, captured=self.captures)
        self.checkpoint = folder / CHECKPOINT
        self.log = None
        if self.world.leads and SummaryWriter is not None:
            self.log = SummaryWriter(str(folder), max_queue=1000, flush_secs=60)
        self.status, self.history = Status(), history or History()
        self._in_force: tuple[Recipe, Step] | None = None
        self._stages_begun = 0

    @property
    def result(self) -> nn.Module:
        """The network to validate and ship: the averaged one, if there is one."""
        return self.net if self.average is None else self.average.module

    def run(
        self,
        *,
        time_limit: float | None = None,
        stop_after: int | None = None,
        watch: Callable[[Status], None] = lambda status: None,
    ) -> bool:
        """Train to the end of the schedule.

        Args:
            time_limit: Minutes from now in which the rest of the schedule must fit.
            stop_after: Stop, to be resumed, when this many updates are done in all.
            watch: Called with the status every few updates, and from time to time while it is validated.

        Returns:
            Whether the schedule is complete; False after Ctrl-C or `stop_after`. Either way the last
            state is saved.

        Raises:
            DivergedError: The loss is no longer a number; the last good checkpoint is kept.
            TrainingError: The processes do not start from the same, or are too many.
            CheckpointError: The state cannot be saved, or not where all machines see it.
        """
        recipe, status = self.recipe, self.status
        check_start(self.world, recipe, self.processes, status.update, self.net, self.patches.key)
        begun, first = status.fraction, status.update
        asked = False
        with closing(self.log) if self.log else nullcontext(), stop_requests() as stopped:
            if not status.update:
                self.save()  # claims the folder, and shows at once whether it can be written
                check_shared(self.world, self.checkpoint)
            started = saved = time.monotonic()
            stretch = Stretch(status.update)
            while status.fraction < 1 and status.update != stop_after:
                if asked := self.world.any(stopped()):
                    break

                # Draw a batch, update the weights, average them.
                stage, step = self._stage()
                before = time.monotonic()
                patches = stage.batch * self.processes
                mine = self._share(patches)
                lr, hr = self.patches.batch(mine)
                stretch.data_seconds += time.monotonic() - before
                status.learning_rate = learning_rate(recipe, status.update, status.fraction)
                stretch.losses.append(step(lr, hr, status.learning_rate, len(mine) / patches))
                if self.average is not None:
                    self.average.update()
                status.update += 1
                status.samples += patches

                # Share of the schedule done: the leader's clock decides for all.
                now = time.monotonic()
                in_time = (now - started) / (60 * time_limit) if time_limit else None
                fraction = progress(recipe.updates, status.update, first, begun, in_time)
                due = now - saved > 60 * recipe.checkpoint_minutes
                late = now - stretch.started > _LOOK_SECONDS
                status.fraction, save, late = self.world.agree(fraction, due, late)

                # Every few updates: look at the loss, validate, tell, save.
                every = recipe.validate_every
                validate = status.fraction == 1 or (every and status.update % every == 0)
                if validate or save or late or status.update % _LOOK_EVERY == 0:
                    self._log_metrics(stretch)
                    with self.world.together():  # one alone validates and writes
                        if validate:
                            self._validate(watch)
                        watch(status)
                        if save:
                            self.save()
                            saved = time.monotonic()
                    stretch = Stretch(status.update)
            if stretch.losses:
                self._log_metrics(stretch)
            with self.world.together():
                self.save()
            if asked:
                self.world.pass_on(stopped)
        return status.fraction == 1

    def _stage(self) -> tuple[Recipe, Step]:
        """What is in force now, and the update that goes with it."""
        begun = sum(self.status.fraction >= stage["after"] for stage in self.recipe.stages)
        if self._in_force is None or self._stages_begun != begun:
            stage = self.recipe.at(self.status.fraction)
            step = Step(self.net, self.optimizers, stage, self.world, self.teacher, self.captures)
            self._in_force, self._stages_begun = (stage, step), begun
            self.patches = self.patches.sized(stage.patch, stage.detail)
        return self._in_force

    def _share(self, patches: int) -> np.ndarray:
        """Numbers of the samples that are this process's share of the next update's patches."""
        numbers = np.arange(patches) + self.status.samples
        return np.array_split(numbers, self.world.size)[self.world.rank]

    def _log_metrics(self, stretch: Stretch) -> None:
        """Update the status from a stretch, and write it to TensorBoard.

        Raises:
            DivergedError: The loss is no longer a number.
        """
        status = self.status
        status.loss = torch.stack(stretch.losses).mean().item()
        if not math.isfinite(status.loss):
            raise DivergedError(
                f"the loss is not a number any more between updates {stretch.since} and {status.update}; "
                f"resume from {self.checkpoint} with a lower learning_rate"
            )
        seconds = max(time.monotonic() - stretch.started, 1e-9)  # some clocks stand still for milliseconds
        status.speed = (status.update - stretch.since) / seconds
        status.data_share = stretch.data_seconds / seconds
        for name in ("loss", "learning_rate", "speed", "data_share"):
            self._note(f"train/{name}", getattr(status, name))

    def _validate(self, watch: Callable[[Status], None] = lambda status: None) -> None:
        """Mean PSNR on Y of the validation pictures, in the precision that is trained in."""
        if not self.world.leads:
            return
        bf16 = in_bf16(self.recipe.precision, self.device)
        scale, scores = self.recipe.scale, list[float]()
        told = time.monotonic()
        for lr, hr, strength in self.validation:
            runtime = PyTorchRuntime(self.result, scale, self.halo, bf16=bf16, strength=strength)
            scores.append(psnr_y(enlarge(runtime, lr, tile=512), hr, scale))
            if time.monotonic() - told > _LOOK_SECONDS:
                told = time.monotonic()
                watch(self.status)
        self.status.psnr = float(np.mean(scores))
        self._note("validation/psnr", self.status.psnr)

    def _note(self, curve: str, value: float) -> None:
        if self.log is not None:
            self.log.add_scalar(curve, value, self.status.update)

    def save(self) -> None:
        """Write the checkpoint.

        Raises:
            CheckpointError: It cannot be written; the previous one is kept.
            DivergedError: The weights are no longer numbers; likewise.
        """
        if not self.world.leads:
            return
        finite = torch.stack([p.isfinite().all() for p in self.net.parameters()]).all()
        if not finite:
            raise DivergedError(
                f"the weights are not numbers any more at update {self.status.update}; "
                f"resume from {self.checkpoint} with a lower learning_rate"
            )
        save_checkpoint(
            self.checkpoint,
            {
                "recipe": asdict(self.recipe),
                "pictures": self.patches.key,
                "processes": self.processes,
                "net": self.net.state_dict(),
                "average": None if self.average is None else self.average.state_dict(),
                "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
                "status": vars(self.status),
                "history": vars(self.history),
            },
        )

    def resume(self) -> None:
        """Go on from the checkpoint in the run's folder.

        Raises:
            CheckpointError: There is none, it is damaged, or it belongs to another network.
        """
        state = load_checkpoint(self.checkpoint)
        try:
            self._restore(state)
        except (KeyError, RuntimeError, ValueError, TypeError) as error:
            raise CheckpointError(f"{self.checkpoint}: does not fit this recipe ({error})") from error

    def _restore(self, state: dict[str, Any]) -> None:
        check_fits(state, self.recipe, self.patches.key, averages=self.average is not None)
        self.net.load_state_dict(state["net"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        for optimizer, theirs in zip(self.optimizers, state["optimizers"], strict=True):
            load_state(optimizer, theirs)
        self.status = Status(**state["status"])
        self.history = History(**state["history"])
        self.processes = state.get("processes", self.world.size)  # 0.1 did not say
        if state["recipe"]["updates"] != self.recipe.updates:
            self.status.fraction = min(1.0, self.status.update / self.recipe.updates)
