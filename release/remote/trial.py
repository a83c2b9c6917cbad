"""Which way to make an update on this machine: tried before the training, each in a process of its own.

A way is a device, eager or captured in a CUDA graph, with PyTorch's depthwise convolution or Triton's. Eager
updates on a processor are the measure: a way whose losses differ from theirs is not taken, nor is one that
fails or hangs, which in a process of its own harms nobody. Of the others the fastest is taken.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch

from mssn.errors import TrainingError
from mssn.lab import nets
from mssn.lab.nets import layers
from mssn.lab.train.optimizers import optimizers
from mssn.lab.train.parallel import World
from mssn.lab.train.recipe import Recipe
from mssn.lab.train.step import Step

SECONDS = 55.0  # for everything
# Losses of so many updates in float32 are compared. Rounding moves them by 5e-5 at most; a gradient of the
# depthwise convolution that is wrong by a mirrored kernel moves them by 3e-3 or more.
_UPDATES, _NEAR = 8, 1e-3
_TIMED = 1.5  # seconds


@dataclass(frozen=True)
class Way:
    """How updates are made.

    Args:
        device: "cpu" or "cuda".
        captures: As a CUDA graph.
        triton: With Triton's depthwise convolution.
    """

    device: str
    captures: bool = False
    triton: bool = False

    def __str__(self) -> str:
        kernels = ", Triton" if self.triton else ""
        return f"{self.device}, {'captured' if self.captures else 'eager'}{kernels}"


@dataclass(frozen=True)
class Tried:
    """What a way did.

    Args:
        way: The way.
        losses: Of the first updates, in float32.
        speed: Updates a second as the recipe wants them; 0 where nothing depends on it.
    """

    way: Way
    losses: list[float]
    speed: float


REFERENCE = Way("cpu")
# Ways in one process follow each other; a process that dies takes the rest of its row with it.
ON_CUDA = (
    (Way("cuda"), Way("cuda", captures=True)),
    (Way("cuda", triton=True), Way("cuda", captures=True, triton=True)),
)


def named(words: str) -> Way:
    """The way that a log calls so.

    Raises:
        TrainingError: None is called so.
    """
    ways = {str(way): way for way in (REFERENCE, *(way for row in ON_CUDA for way in row))}
    if words not in ways:
        raise TrainingError(f"MSSN_WAY cannot be '{words}'; ways are {'; '.join(ways)}")
    return ways[words]


def choose(recipe: Recipe, say: Callable[[str], None], rows: Sequence[Sequence[Way]] | None = None) -> Way:
    """Try all ways and take the best, in less than a minute.

    Args:
        recipe: What will be trained.
        say: Takes a line for each way.
        rows: The ways beside the reference, by process; default: those of CUDA, where it is.

    Returns:
        The fastest way that agrees with eager updates on a processor; these if there is no other.
    """
    end = time.monotonic() + SECONDS
    if rows is None:
        rows = ON_CUDA if torch.cuda.is_available() else ()
    if not rows:
        say("no CUDA device: updates are made on the processor")
        return REFERENCE
    found: list[Tried] = []
    reference = _started([REFERENCE], recipe)
    for number, row in enumerate(rows):
        # One row after the other, so that none slows another down; each gets its part of what is left.
        left = (end - time.monotonic()) / (len(rows) - number)
        found += _finished(_started(row, recipe), left, say)
    truth = _finished(reference, end - time.monotonic(), say)
    return pick(truth, [way for row in rows for way in row], found, say)


def pick(
    truth: Sequence[Tried], ways: Sequence[Way], found: Sequence[Tried], say: Callable[[str], None]
) -> Way:
    """Say what became of each way, and return the fastest whose losses are right.

    Args:
        truth: What the reference did; empty if it was not ready.
        ways: All ways, as they were tried.
        found: What those did that work.
        say: Takes a line for each way.
    """
    if not truth:
        say(f"{REFERENCE}: not ready in time; the first way that works is the measure")
        truth = found[:1]
    best, fastest = REFERENCE, 0.0
    for way in ways:
        tried = next((each for each in found if each.way == way), None)
        if tried is None:
            say(f"{way}: does not work here")
            continue
        pairs = zip(tried.losses, truth[0].losses, strict=True)
        apart = float(np.max([abs(mine - right) / right for mine, right in pairs]))  # keeps what is no number
        agrees = apart <= _NEAR
        say(f"{way}: {tried.speed:.1f} updates/s, losses within {apart:.1e}" + ": refused" * (not agrees))
        if agrees and tried.speed > fastest:
            best, fastest = way, tried.speed
    say(f"updates are made: {best}")
    return best


def _started(ways: Sequence[Way], recipe: Recipe) -> subprocess.Popen[str]:
    job = json.dumps({"ways": [asdict(way) for way in ways], "recipe": asdict(recipe)})
    command, pipe = [sys.executable, "-m", "remote.trial", job], subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True)


def _finished(process: subprocess.Popen[str], seconds: float, say: Callable[[str], None]) -> list[Tried]:
    try:
        said, complaints = process.communicate(timeout=max(seconds, 0.1))
    except subprocess.TimeoutExpired:
        process.kill()
        said, complaints = process.communicate()
        complaints += "\ntoo slow"
    if process.returncode:
        say("a trial ended early: " + complaints.strip().rpartition("\n")[2])
    found = []
    for line in said.splitlines():
        row = json.loads(line)
        if "note" in row:
            say(row["note"])
        else:
            found.append(Tried(Way(**row["way"]), row["losses"], row["speed"]))
    return found


def use(way: Way) -> None:
    """Make the networks of this process compute this way."""
    layers.faster_depthwise = None
    if way.triton:
        from mssn.lab.nets.depthwise import depthwise

        layers.faster_depthwise = depthwise


def attempt(way: Way, recipe: Recipe) -> Tried:
    """Make updates this way.

    Raises:
        RuntimeError: PyTorch cannot.
        ImportError: There is no Triton.
    """
    use(way)
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = False
    exact = replace(recipe, precision="fp32", stages=(), batch=2, patch=min(recipe.patch, 24))
    losses = _updates(way, exact, _UPDATES)
    torch.backends.cudnn.allow_tf32 = True
    speed = 0.0 if way == REFERENCE else _speed(way, replace(recipe, stages=()))
    return Tried(way, losses, speed)


def _made(way: Way, recipe: Recipe) -> tuple[Step, torch.Tensor, torch.Tensor]:
    """An update of a network with random weights, the same on every device, and patches for it."""
    torch.manual_seed(0)
    net = nets.build(recipe.model, recipe.scale, recipe.config).to(way.device)
    net = net.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    step = Step(net, optimizers(net, recipe, captured=way.captures), recipe, World(), captures=way.captures)
    shape = (recipe.batch, 3, recipe.patch, recipe.patch)
    lr = torch.rand(shape, generator=torch.Generator().manual_seed(1))
    hr = torch.nn.functional.interpolate(lr, scale_factor=recipe.scale, mode="bicubic").clamp(0, 1)
    lr, hr = (t.to(way.device).contiguous(memory_format=torch.channels_last) for t in (lr, hr))
    return step, lr, hr


def _updates(way: Way, recipe: Recipe, count: int) -> list[float]:
    step, lr, hr = _made(way, recipe)
    return [step(lr, hr, 1e-3 * (1 + number % 3)).item() for number in range(count)]


def _speed(way: Way, recipe: Recipe) -> float:
    step, lr, hr = _made(way, recipe)
    for _ in range(6):  # the first are slow: kernels are chosen and compiled, the update captured
        step(lr, hr, 1e-3).item()
    started, count = time.monotonic(), 0
    while time.monotonic() - started < _TIMED:
        losses = [step(lr, hr, 1e-3) for _ in range(10)]
        losses[-1].item()  # waits for the device
        count += len(losses)
    return count / (time.monotonic() - started)


def _depthwise_times(recipe: Recipe) -> str:
    """Milliseconds of PyTorch's and Triton's depthwise convolution and its two gradients, in words."""
    from mssn.lab.nets import depthwise

    net = nets.build(recipe.model, recipe.scale, recipe.config)
    widest = max((m for m in net.modules() if isinstance(m, layers.Conv2d)), key=lambda m: m.groups)
    side, channels = widest.weight.shape[-1], widest.groups
    pictures = torch.randn(2, recipe.batch, channels, recipe.patch, recipe.patch, device="cuda").bfloat16()
    x, grad = (t.contiguous(memory_format=torch.channels_last) for t in pictures)
    weight = torch.randn(channels, 1, side, side, device="cuda").bfloat16()

    def gradients(*, wanted: list[bool]) -> Any:
        pad, ones = [side // 2] * 2, [1, 1]
        return torch.ops.aten.convolution_backward(
            grad, x, weight, None, ones, pad, ones, False, [0, 0], channels, wanted
        )

    jobs: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
        "forward": (
            lambda: torch.nn.functional.conv2d(x, weight, padding=side // 2, groups=channels),
            lambda: depthwise.filtered(x, weight, turned=False),
        ),
        "input gradient": (
            lambda: gradients(wanted=[True, False, False]),
            lambda: depthwise.filtered(grad, weight, turned=True),
        ),
        "weight gradient": (
            lambda: gradients(wanted=[False, True, False]),
            lambda: depthwise.weight_gradient(x, grad, side),
        ),
    }
    told = [f"{name} {_ms(theirs):.3f} / {_ms(ours):.3f}" for name, (theirs, ours) in jobs.items()]
    return f"depthwise, {channels} channels, ms of PyTorch / Triton: {', '.join(told)}"


def _ms(work: Callable[[], Any], repeats: int = 50) -> float:
    for _ in range(5):
        work()
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in "be")
    begin.record()
    for _ in range(repeats):
        work()
    end.record()
    end.synchronize()
    return begin.elapsed_time(end) / repeats


def main(job: str) -> None:
    """Try ways one after the other, and print a line for each as soon as it is done."""
    values = json.loads(job)
    values["recipe"] = {k: tuple(v) if isinstance(v, list) else v for k, v in values["recipe"].items()}
    recipe, ways = Recipe(**values["recipe"]), [Way(**way) for way in values["ways"]]
    for way in ways:
        print(json.dumps(asdict(attempt(way, recipe))), flush=True)
    if all(way.triton for way in ways):
        print(json.dumps({"note": _depthwise_times(recipe)}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
