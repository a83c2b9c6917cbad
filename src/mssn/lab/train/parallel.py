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

from mssn.errors import TrainingError


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
        with _others_alive():
            dist.all_reduce(flat)
        flat /= self.size
        for t, part in zip(tensors, flat.split([t.numel() for t in tensors]), strict=True):
            t.copy_(part.view_as(t))

    def agree(self, *values: float) -> tuple[float, ...]:
        """The leader's values, in every process."""
        if self.size == 1:
            return values
        message = torch.tensor(values, dtype=torch.float64)
        with _others_alive():
            dist.broadcast(message, 0)
        return tuple(message.tolist())

    def check_equal(self, values: Sequence[float], what: str) -> None:
        """Stop, in every process, unless all have the same numbers.

        Raises:
            TrainingError: They differ.
        """
        differs = torch.tensor([float(self.agree(*values) != tuple(values))])
        self.average([differs])
        if differs.item():
            raise TrainingError(
                f"the processes start from different {what}; give all of them the same recipe and files"
            )

    @contextmanager
    def leader_first(self) -> Iterator[None]:
        """The block runs in the leader, then in the others: what the leader caches, they find."""
        if not self.leads:
            self.agree(0)
        try:
            yield
        finally:  # also after an error, which the others then meet, too
            if self.leads:
                self.agree(0)


@contextmanager
def world(device: str | None = None) -> Iterator[World]:
    """Join the processes a launcher started; without one, be alone.

    Args:
        device: "cpu" or "cuda"; default: CUDA where there is one.

    Raises:
        TrainingError: The processes cannot meet, or are more than there are GPUs.
    """
    size, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    if size == 1:
        yield World()
        return
    backend = "cpu:gloo"
    if device != "cpu" and torch.cuda.is_available():
        local = int(os.environ.get("LOCAL_RANK", "0"))
        if local >= torch.cuda.device_count():
            raise TrainingError(f"process {local + 1} of this machine finds no GPU; start one a GPU")
        torch.cuda.set_device(local)
        backend += ",cuda:nccl"
    try:
        dist.init_process_group(backend)
    except (RuntimeError, ValueError) as error:
        raise TrainingError(f"the processes cannot meet ({error}); start them with torchrun") from error
    yield World(rank, size)
    # Only after success: this waits for the others, who may wait for a process that failed. All leave
    # together, because one whose neighbour is gone already may be aborted while it takes the group down.
    dist.barrier()
    dist.destroy_process_group()


@contextmanager
def _others_alive() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise TrainingError("another process of this run stopped; its own message says why") from error
