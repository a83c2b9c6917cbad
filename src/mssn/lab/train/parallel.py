"""Several processes that train one network: each on its own share of every update's patches.

Started by `torchrun` or `accelerate launch`, on one machine or on several, which tell each process its place
in environment variables. A process that dies closes its connections, and the others notice at once; one that
freezes, or whose machine loses its power, is given up after `PATIENCE`.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor

from mssn.errors import TrainingError

PATIENCE = timedelta(minutes=5)  # with a process that does not answer
_OWN_SIGNAL = 10.0  # seconds in which a launcher that stops its processes has told all of them


class World:
    """The processes of a run; alone unless a launcher started several.

    Args:
        rank: This process's number; number 0 decides, writes and reports.
        size: Number of processes.
        local: This process's number on its machine.
    """

    def __init__(self, rank: int = 0, size: int = 1, local: int = 0) -> None:
        self.rank, self.size, self.local = rank, size, local
        self._launcher = os.getppid()

    @property
    def leads(self) -> bool:
        """Whether this process decides, writes and reports."""
        return self.rank == 0

    def average(self, tensors: Sequence[Tensor], weight: float | None = None) -> None:
        """Replace each tensor by its mean over all processes.

        Args:
            tensors: Of the same shapes in every process.
            weight: Of this process; all of them together are 1. Default: every process has the same.
        """
        if self.size == 1 or not tensors:
            return
        flat = torch.cat([t.flatten() for t in tensors])  # one message, not hundreds
        flat *= 1 / self.size if weight is None else weight
        with _others_alive():
            dist.all_reduce(flat)
        for t, part in zip(tensors, flat.split([t.numel() for t in tensors]), strict=True):
            t.copy_(part.view_as(t))

    def any(self, flag: bool) -> bool:
        """Whether it is true in any process."""
        if self.size == 1:
            return flag
        message = torch.tensor([float(flag)])
        with _others_alive():
            dist.all_reduce(message, dist.ReduceOp.MAX)
        return bool(message.item())

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
        if self.any(self.agree(*values) != tuple(values)):
            raise TrainingError(
                f"the processes start from different {what}; give all of them the same recipe and files"
            )

    @contextmanager
    def together(self) -> Iterator[None]:
        """However long the block takes in any process, the others wait at its end, and lose no patience.

        Also after an error, so that all of them meet what all have.
        """
        ended = threading.Event()
        beat = threading.Thread(target=self._beat, args=(ended,), daemon=True)
        if self.size > 1:
            beat.start()
        try:
            yield
        except Exception:
            self._wait(ended, beat)
            raise
        finally:  # whoever was told to stop at once does not wait
            ended.set()
        self._wait(ended, beat)

    def _beat(self, ended: threading.Event) -> None:
        """Tell the others from time to time that this process is still at work."""
        with suppress(TrainingError):  # which the main thread meets, too, when it asks the next time
            while not ended.wait(PATIENCE.total_seconds() / 30):
                self.any(True)

    def _wait(self, ended: threading.Event, beat: threading.Thread) -> None:
        ended.set()
        if self.size > 1:
            beat.join()
            while self.any(False):
                pass

    @contextmanager
    def in_turns(self) -> Iterator[None]:
        """The block runs in the leader, then in one process of each other machine, then in the rest.

        So what the first of a machine caches, the others find, whether machines share the cache or not.
        """
        turn = 0 if self.leads else 1 if self.local == 0 else 2
        self._pass(turn)
        try:
            with self.together():
                yield
        except Exception:
            self._pass(2 - turn)
            raise
        self._pass(2 - turn)

    def _pass(self, turns: int) -> None:
        for _ in range(turns):
            with self.together():
                pass

    def pass_on(self, stopped: Callable[[], bool]) -> None:
        """After a wish to stop: stop this machine's launcher too, which else would start its processes again.

        A launcher that tells its processes itself to stop is let alone: every one does so when a machine
        joins, to start them all again.

        Args:
            stopped: Whether this process was told to.
        """
        # A wrapper between the two would make it another's parent; Windows has no signals to pass on.
        if not launched() or not hasattr(os, "getsid") or os.getsid(0) != os.getpid():
            return
        told, waits_until = False, time.monotonic() + _OWN_SIGNAL
        while not stopped() and os.getppid() == self._launcher:
            if time.monotonic() > waits_until:
                if told:
                    return
                if self.local == 0:
                    os.kill(self._launcher, signal.SIGTERM)
                told, waits_until = True, time.monotonic() + _OWN_SIGNAL
            time.sleep(0.05)


def launched() -> bool:
    """Whether a launcher watches over this process, and gives it the same command whenever it starts it."""
    return "TORCHELASTIC_RUN_ID" in os.environ


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
    local = int(os.environ.get("LOCAL_RANK", str(rank)))
    backend = "cpu:gloo"
    if device != "cpu" and torch.cuda.is_available():
        if local >= torch.cuda.device_count():
            raise TrainingError(f"process {local + 1} of this machine finds no GPU; start one a GPU")
        torch.cuda.set_device(local)
        backend += ",cuda:nccl"
    try:
        dist.init_process_group(backend, timeout=PATIENCE)
    except (RuntimeError, ValueError) as error:
        raise TrainingError(f"the processes cannot meet ({error}); start them with torchrun") from error
    yield World(rank, size, local)
    # Only after success: this waits for the others, who may wait for a process that failed. All leave
    # together, because one whose neighbour is gone already may be aborted while it takes the group down.
    with _others_alive():
        dist.barrier()
    dist.destroy_process_group()


@contextmanager
def _others_alive() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        patience = f"{PATIENCE.total_seconds() / 60:g} minutes"
        raise TrainingError(
            f"another process of this run stopped, or did not answer for {patience}; its own message says why"
        ) from error
