"""One update of the weights, and on a GPU the same update as one captured graph."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mssn.lab.nets.layers import Conv2d
from mssn.lab.train.losses import Loss
from mssn.lab.train.parallel import World
from mssn.lab.train.recipe import Recipe

_EAGER = 3  # updates before the capture, on a side stream as CUDA asks for; they are real ones


class Step:
    """Forward, loss, backward, clipping, optimiser, and the lengths of normalised weights set back.

    On CUDA a small network's update is hundreds of kernels of a few microseconds each, and starting them
    one by one takes longer than running them. So after a few updates the whole update is captured in a
    CUDA graph and replayed; nothing in it waits for the device. With several processes it stays eager.

    Args:
        net: The network in training.
        optimizers: Whose updates are made; on CUDA their learning rates must be tensors.
        recipe: Precision, loss, clipping and lengths in force. When batch, patch or loss change, a new Step
            is needed.
        world: The processes that train together.
        teacher: A larger network to learn from, if the recipe distills.
    """

    def __init__(
        self,
        net: nn.Module,
        optimizers: Sequence[torch.optim.Optimizer],
        recipe: Recipe,
        world: World,
        teacher: nn.Module | None = None,
    ) -> None:
        self.net, self.optimizers, self.world, self.teacher = net, optimizers, world, teacher
        self.loss = Loss(recipe.loss, recipe.luma, recipe.distill)
        self.clip, self.bf16 = recipe.clip, recipe.precision == "bf16"
        self.weight_rms = recipe.weight_rms
        self.normalised = [m for m in net.modules() if isinstance(m, Conv2d) and m.gain is not None]
        self.parameters = list(net.parameters())
        self.device = self.parameters[0].device
        self.calls = 0
        self.graph: torch.cuda.CUDAGraph | None = None
        self.buffers: tuple[Tensor, Tensor, Tensor] | None = None  # what the graph reads and writes

    def __call__(self, lr: Tensor, hr: Tensor, rate: float) -> Tensor:
        """Make one update.

        Args:
            lr: N x 3 x H x W in [0, 1], channels last.
            hr: N x 3 x scale*H x scale*W.
            rate: Learning rate.

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
        if self.device.type != "cuda" or self.world.size > 1:
            return self._update(lr, hr)
        return self._captured(lr, hr)

    def _update(self, lr: Tensor, hr: Tensor) -> Tensor:
        for p in self.parameters:
            p.grad = None
        taught = None
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            if self.teacher is not None and self.loss.distill:
                with torch.no_grad():
                    taught = self.teacher(lr).float()
            sr = self.net(lr)
        loss = self.loss(sr.float(), hr, taught)
        loss.backward()
        loss = loss.detach()
        self.world.average([loss, *(p.grad for p in self.parameters if p.grad is not None)])
        if self.clip:
            nn.utils.clip_grad_norm_(self.parameters, self.clip)
        for optimizer in self.optimizers:
            optimizer.step()
        if self.weight_rms:
            for layer in self.normalised:
                layer.stretch(self.weight_rms)
        return loss

    def _captured(self, lr: Tensor, hr: Tensor) -> Tensor:
        if self.calls <= _EAGER:
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side), warnings.catch_warnings():
                # Adam made for a graph warns when it steps outside of one, which a capture begins with.
                warnings.filterwarnings("ignore", message=".*capturable=True")
                loss = self._update(lr, hr)
            torch.cuda.current_stream().wait_stream(side)
            return loss
        if self.graph is None:
            lr, hr = lr.clone(), hr.clone()
            self.graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self.graph):  # notes the work, does none
                loss = self._update(lr, hr)
            self.buffers = lr, hr, loss
        assert self.buffers is not None
        self.buffers[0].copy_(lr)
        self.buffers[1].copy_(hr)
        self.graph.replay()
        return self.buffers[2].clone()
