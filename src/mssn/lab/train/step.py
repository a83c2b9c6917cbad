"""One update of the weights, read top to bottom: schedule, loss, step, averaged weights.

Source: paper section IV-B (Adam, L1, the step schedule). Cosine schedule, warm-up, loss on luma, teachers,
averaged weights, clipping and bfloat16 are ours, off in the `paper-*` recipes.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from mssn.lab import private_torch
from mssn.lab.nets.layers import Conv2d
from mssn.lab.train.parallel import World
from mssn.lab.train.recipe import Recipe

_EAGER = 3  # updates before the capture; they are real ones
_ERRORS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"l1": F.l1_loss, "l2": F.mse_loss}
_LUMA = (65.481 / 255, 128.553 / 255, 24.966 / 255)  # BT.601; the offset of 16 cancels in a difference


def in_bf16(precision: str, device: torch.device) -> bool:
    """Whether a recipe's precision means bfloat16 on a device.

    A processor without instructions for it computes in it ten times slower than in float32.
    """
    if precision != "auto":
        return precision == "bf16"
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return private_torch.processor_has_bf16()


def progress(updates: int, update: int, first: int, begun: float, in_time: float | None) -> float:
    """Share of the schedule that is done, 0..1.

    Args:
        updates: Updates of the whole schedule.
        update: Updates done.
        first: Updates that were done when this start began.
        begun: Share of the schedule that was done then.
        in_time: Share of this start's time limit that is used up; None without a limit.

    Returns:
        With a time limit, what was left of the schedule spread over it: the clock alone decides. Else
        update / updates, or, after a start whose clock ran ahead of that, what was left then spread over
        the updates that are left.
    """
    if in_time is not None:
        return min(1.0, begun + (1 - begun) * in_time)
    if begun > first / updates:
        return min(1.0, begun + (1 - begun) * (update - first) / max(1, updates - first))
    return min(1.0, update / updates)


def learning_rate(recipe: Recipe, update: int, fraction: float) -> float:
    """The rate of the update after `update` updates, `fraction` of the schedule being done.

    Source: step schedule, paper section IV-B; its halvings are places on the schedule, so that they
    move together when a time limit shortens it.
    """
    # Under a time limit, an update may be worth many of the schedule's; warm-up is a part of the schedule.
    place = max(update + 1, fraction * recipe.updates)
    warm = min(1.0, place / recipe.warmup) if recipe.warmup else 1.0
    if recipe.schedule == "cosine":
        return warm * recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * fraction))
    # The small nudge keeps 200,000 of 1,000,000 from rounding to just below a halving.
    halvings = int(fraction * recipe.updates / recipe.halve_every + 1e-9)
    return warm * recipe.learning_rate * 0.5**halvings


class Loss:
    """Mean error of RGB and of luma, against the original and against a larger network's picture.

    Args:
        kind: "l1" (the paper's) or "l2".
        luma: Share of the error of Y, which is what PSNR is measured on; the rest is the error of RGB.
        distill: Share of the error against the teacher's picture; the rest is against the original.
    """

    def __init__(self, kind: str, luma: float = 0.0, distill: float = 0.0) -> None:
        self.error, self.luma, self.distill = _ERRORS[kind], luma, distill

    def __call__(self, sr: Tensor, hr: Tensor, taught: Tensor | None = None) -> Tensor:
        """N x 3 x H x W float32 each -> a scalar."""
        loss = self._apart(sr, hr)
        if taught is not None and self.distill:
            loss = torch.lerp(loss, self._apart(sr, taught), self.distill)
        return loss

    def _apart(self, sr: Tensor, target: Tensor) -> Tensor:
        if not self.luma:
            return self.error(sr, target)
        y = self.error(_luma(sr), _luma(target))
        return y if self.luma == 1 else torch.lerp(self.error(sr, target), y, self.luma)


def _luma(x: Tensor) -> Tensor:
    """N x 3 x H x W -> N x H x W, Y without its offset."""
    red, green, blue = _LUMA
    return red * x[:, 0] + green * x[:, 1] + blue * x[:, 2]


class Step:
    """Forward, loss, backward, clipping, optimiser, and the lengths of normalised weights set back.

    On CUDA a small network's update is hundreds of kernels of a few microseconds each, and starting them
    one by one takes longer than running them. So after a few updates the whole update is captured in a
    CUDA graph and replayed; nothing in it waits for the device.

    Args:
        net: The network in training.
        optimizers: Whose updates are made; if they are captured, their learning rates must be tensors.
        recipe: Precision, loss, clipping and lengths in force. When batch, patch or loss change, a new Step
            is needed.
        world: The processes that train together.
        teacher: A larger network to learn from, if the recipe distills.
        captures: Capture updates, which a CUDA device can, and only for one process.
    """

    def __init__(
        self,
        net: nn.Module,
        optimizers: Sequence[torch.optim.Optimizer],
        recipe: Recipe,
        world: World,
        teacher: nn.Module | None = None,
        captures: bool = False,
    ) -> None:
        self.net, self.optimizers, self.world, self.teacher = net, optimizers, world, teacher
        self.loss = Loss(recipe.loss, recipe.luma, recipe.distill)
        self.clip = recipe.clip
        self.weight_rms = recipe.weight_rms
        self.normalised = [m for m in net.modules() if isinstance(m, Conv2d) and m.gain is not None]
        self.parameters = list(net.parameters())
        self.device = self.parameters[0].device
        self.bf16 = in_bf16(recipe.precision, self.device)
        self.captures, self.calls = captures, 0
        self.captured: Captured | None = None

    def __call__(self, lr: Tensor, hr: Tensor, rate: float, share: float = 1.0) -> Tensor:
        """Make one update.

        Args:
            lr: N x 3 x H x W in [0, 1], channels last.
            hr: N x 3 x scale*H x scale*W.
            rate: Learning rate.
            share: Of the update's patches, those that are this process's.

        Returns:
            The loss before the update, a scalar on the device; reading it waits for the device.
        """
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                if isinstance(group["lr"], Tensor):
                    group["lr"].fill_(rate)
                else:
                    group["lr"] = rate
        self.calls += 1
        if not self.captures:
            return self._update(lr, hr, share)
        if self.calls <= _EAGER:
            return self._update_aside(lr, hr)
        self.captured = self.captured or self._capture(lr, hr)
        return self.captured.replay(lr, hr)

    def _update(self, lr: Tensor, hr: Tensor, share: float = 1.0) -> Tensor:
        for p in self.parameters:
            p.grad = None
        taught = None
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            if self.teacher is not None and self.loss.distill:
                with torch.no_grad():
                    # One that is not told a strength has no use for the fourth plane.
                    seen = lr if getattr(self.teacher, "told", False) else lr[:, :3]
                    taught = self.teacher(seen).float()
            sr = self.net(lr)
        loss = self.loss(sr.float(), hr, taught)
        loss.backward()
        loss = loss.detach()
        self.world.average([loss, *(p.grad for p in self.parameters if p.grad is not None)], share)
        if self.clip:
            nn.utils.clip_grad_norm_(self.parameters, self.clip)
        for optimizer in self.optimizers:
            optimizer.step()
        if self.weight_rms:
            for layer in self.normalised:
                layer.stretch(self.weight_rms)
        return loss

    def _update_aside(self, lr: Tensor, hr: Tensor) -> Tensor:
        """An eager update on a side stream, as CUDA asks for before a capture."""
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side), warnings.catch_warnings():
            # Adam made for a graph warns when it steps outside of one, which a capture begins with.
            warnings.filterwarnings("ignore", message=".*capturable=True")
            loss = self._update(lr, hr)
        torch.cuda.current_stream().wait_stream(side)
        return loss

    def _capture(self, lr: Tensor, hr: Tensor) -> Captured:
        lr, hr = lr.clone(), hr.clone()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):  # notes the work, does none
            loss = self._update(lr, hr)
        return Captured(graph, lr, hr, loss)


@dataclass(frozen=True)
class Captured:
    """An update as a CUDA graph, with the memory that it reads and writes.

    Args:
        graph: The update.
        lr: Where it reads the small patches.
        hr: Where it reads the large ones.
        loss: Where it writes the loss.
    """

    graph: torch.cuda.CUDAGraph
    lr: Tensor
    hr: Tensor
    loss: Tensor

    def replay(self, lr: Tensor, hr: Tensor) -> Tensor:
        """Make the update with these patches; the loss before it."""
        self.lr.copy_(lr)
        self.hr.copy_(hr)
        self.graph.replay()
        return self.loss.clone()


class EMA(AveragedModel):
    """The exponential moving average of a network's weights: what a run validates and ships.

    The decay rises as (1 + n) / (10 + n) over the first updates n to its full value, so that even a short
    run's average has forgotten the random start.

    Args:
        net: The network in training; the average starts as a copy.
        decay: Full decay, at least 0 and below 1.

    Attributes:
        module: The averaged network.
        n_averaged: Updates taken in so far.
    """

    def __init__(self, net: nn.Module, decay: float) -> None:
        super().__init__(net)
        self.decay = decay
        self._pairs: tuple[list[Tensor], list[Tensor]] = (
            [*self.module.parameters()],
            [*net.parameters()],
        )

    @torch.no_grad()
    def update(self) -> None:
        """Take in the network's present weights; call it once after every update.

        The parent's `update_parameters` would move the count to the GPU and back, and so wait for it.
        """
        mine, theirs = self._pairs
        n = int(self.n_averaged)
        if n == 0:
            private_torch.copy_(mine, theirs)
        else:
            private_torch.lerp_(mine, theirs, 1 - min(self.decay, (1 + n) / (10 + n)))
        self.n_averaged += 1
