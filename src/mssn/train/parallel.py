"""Several processes that train one network: each on its own share of every batch.

Started by `torchrun` or `accelerate launch`, which tell each process its place in environment variables.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch import Tensor


class World:
    """The processes of a run; alone unless a launcher started several.

    Args:
        rank: This process's number; number 0 decides, writes and reports.
        size: Number of processes.
    """

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank, self.size = rank, size

    @property
    def leads(self) -> bool:
        """Whether this process decides, writes and reports."""
        return self.rank == 0

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its mean over all processes."""
        if self.size == 1 or not tensors:
            return
        flat = torch.cat([t.flatten() for t in tensors])  # one message, not hundreds
        dist.all_reduce(flat)
        flat /= self.size
        for t, part in zip(tensors, flat.split([t.numel() for t in tensors]), strict=True):
            t.copy_(part.view_as(t))

    def agree(self, *values: float) -> tuple[float, ...]:
        """The leader's values, in every process."""
        if self.size == 1:
            return values
        message = torch.tensor(values, dtype=torch.float64)
        dist.broadcast(message, 0)
        return tuple(message.tolist())

    @contextmanager
    def leader_first(self) -> Iterator[None]:
        """The block runs in the leader, then in the others: what the leader caches, they find."""
        if self.size > 1 and not self.leads:
            self.agree(0)
        yield
        if self.size > 1 and self.leads:
            self.agree(0)


@contextmanager
def world() -> Iterator[World]:
    """Join the processes a launcher started; without one, be alone."""
    size, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    if size == 1:
        yield World()
        return
    backend = "cpu:gloo"
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        backend += ",cuda:nccl"
    dist.init_process_group(backend)
    try:
        yield World(rank, size)
    finally:
        dist.destroy_process_group()
