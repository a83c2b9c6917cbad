"""`mssn train`: train a network from a recipe."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from mssn.cli.options import Minutes
from mssn.errors import RecipeError, TrainingError
from mssn.lab.train.checkpoint import Status
from mssn.lab.train.loop import CHECKPOINT
from mssn.lab.train.parallel import World, world
from mssn.lab.train.recipe import Recipe, load_recipe
from mssn.lab.train.session import prepare, resumed_recipe, write_weights
from mssn.models import info


def train(
    recipe: str,
    /,
    *,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    settings: Annotated[list[str] | None, Parameter(name="--set", negative="")] = None,
    resume: Annotated[bool, Parameter(name="--resume", negative="")] = False,
    init: Path | None = None,
    time_limit: Minutes = None,
    device: Literal["cpu", "cuda"] | None = None,
    cache: Path | None = None,
) -> int:
    """Train a network; Ctrl-C saves and leaves, --resume goes on.

    Args:
        recipe: Name of a shipped recipe (quick, base, paper-...) or a .toml file.
        output: The run's folder; default runs/RECIPE.
        settings: key=value over the recipe; may be repeated.
        resume: Go on from the checkpoint in the run's folder, with the recipe it was started with.
        init: Weights to start from: a .safetensors file, an MSSN's .onnx file, or a model's name for those
            that ship at this scale; those of another scale lend body and head.
        time_limit: Minutes; the schedule fits itself into them.
        device: cpu or cuda; default cuda where there is one.
        cache: Where decoded pictures are kept; default MSSN_CACHE or the user's cache folder.
    """
    if time_limit is not None and time_limit <= 0:
        raise RecipeError(f"--time-limit must be above 0, not {time_limit}")
    if resume and init:
        raise RecipeError("--resume and --init exclude each other: one goes on, the other starts anew")
    folder = output or Path("runs") / Path(recipe).stem
    plan = resumed_recipe(folder, settings or []) if resume else load_recipe(recipe, settings)
    if not resume and (folder / CHECKPOINT).exists():
        raise TrainingError(f"{folder}: holds a run already; add --resume, or choose another -o")
    if init and not init.suffix and len(init.parts) == 1:
        init = info.find(str(init), plan.scale).path
    with world(device) as processes:
        return _train(plan, folder, processes, resume, init, time_limit, device, cache)


def _train(
    plan: Recipe,
    folder: Path,
    processes: World,
    resume: bool,
    init: Path | None,
    time_limit: float | None,
    device: Literal["cpu", "cuda"] | None,
    cache: Path | None,
) -> int:
    console = Console(file=sys.stderr, quiet=not processes.leads)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("decoding pictures", start=False)

        def decoded(done: int, total: int) -> None:
            bar.start_task(task)
            bar.update(task, completed=done, total=total)

        trainer, meta = prepare(
            plan,
            folder,
            init=init,
            cache=cache,
            device=device,
            say=console.print,
            progress=decoded,
            world=processes,
        )
    if resume:
        trainer.resume()
        console.print(f"resumed after {trainer.status.update} updates")
    console.print(
        f"{plan.model} x{plan.scale}, {meta.parameters:,} parameters, on {trainer.device}"
        f"{f' in {processes.size} processes' if processes.size > 1 else ''}; {folder}"
    )
    with _Display(console, plan.validate_every) as display:
        try:
            done = trainer.run(time_limit=time_limit, watch=display.show)
        except RuntimeError as error:  # PyTorch has no error of its own for a processor's memory
            if "out of memory" not in str(error) and "allocate memory" not in str(error):
                raise
            raise TrainingError("not enough memory; use a smaller batch or patch") from error
    if not processes.leads:
        return 0 if done else 130
    target = folder / "weights.safetensors"
    write_weights(trainer, meta, target)
    if not done:
        console.print(f"stopped and saved after {trainer.status.update} updates; go on with --resume")
        return 130
    psnr = trainer.status.psnr
    score = "" if psnr is None else f"  validation {psnr:.3f} dB"
    print(f"{target}  {trainer.status.update} updates{score}")
    return 0


class _Display:
    """A progress bar on a terminal, a line at each validation elsewhere."""

    def __init__(self, console: Console, every: int) -> None:
        self.console, self.every, self.reported = console, every, 0
        self.bar = Progress(
            TextColumn("{task.fields[text]}"),
            BarColumn(),
            TextColumn("{task.percentage:5.1f} %"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self.task = self.bar.add_task("training", total=1.0, text="")

    def __enter__(self) -> _Display:
        self.bar.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.bar.stop()

    def show(self, status: Status) -> None:
        """Called by the loop every few updates."""
        psnr = "" if status.psnr is None else f"  {status.psnr:.3f} dB"
        text = f"update {status.update}  loss {status.loss:.5f}  {status.speed:.1f} updates/s{psnr}"
        self.bar.update(self.task, completed=status.fraction, text=text)
        if status.update - self.reported >= (self.every or 1000):
            self.reported = status.update
            line = f"{text}  data {status.data_share:.1%}  learning rate {status.learning_rate:.2e}"
            self.console.print(line, soft_wrap=True)
