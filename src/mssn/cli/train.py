"""`mssn train`: train a network from a recipe."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from mssn.cli.options import Minutes
from mssn.cli.streams import typed
from mssn.errors import RecipeError, TrainingError
from mssn.models import info

if TYPE_CHECKING:
    from mssn.lab.train.checkpoint import Status
    from mssn.lab.train.parallel import World
    from mssn.lab.train.recipe import Recipe


def train(
    recipe: str,
    /,
    *,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    settings: Annotated[list[str] | None, Parameter(name="--set")] = None,
    resume: Annotated[bool, Parameter(name="--resume")] = False,
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
        resume: Go on from the checkpoint in the run's folder, with the recipe it was started with; under
            torchrun, begin if there is none yet.
        init: Weights to start from: a .safetensors file, an MSSN's .onnx file, or a model's name for those
            that ship at this scale; those of another scale lend body and head.
        time_limit: Minutes; the schedule fits itself into them.
        device: cpu or cuda; default cuda where there is one.
        cache: Where decoded pictures are kept; default MSSN_CACHE or the user's cache folder.
    """
    # Here, so that --help needs no PyTorch.
    from mssn.lab.train.loop import CHECKPOINT
    from mssn.lab.train.parallel import launched, world
    from mssn.lab.train.recipe import load_recipe
    from mssn.lab.train.session import resumed_recipe

    if time_limit is not None and time_limit <= 0:
        raise RecipeError(f"--time-limit must be above 0, not {time_limit}")
    if resume and init and not launched():
        raise RecipeError("--resume and --init exclude each other: one goes on, the other starts anew")
    folder = output or Path("runs") / Path(recipe).stem
    with world(device) as processes:
        # What the leader sees, for all: a shared folder may show a new file later elsewhere.
        begun = any(processes.agree((folder / CHECKPOINT).exists()))
        if begun and not resume:
            raise TrainingError(f"{folder}: holds a run already; add --resume, or choose another -o")
        resume = resume and (begun or not launched())
        plan = resumed_recipe(folder, settings or []) if resume else load_recipe(recipe, settings)
        if init and not init.suffix and len(init.parts) == 1:
            init = info.find(str(init), plan.scale).path
        return _train(plan, folder, processes, resume, None if resume else init, time_limit, device, cache)


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
    from mssn.lab.train.log import SILENCE, Log
    from mssn.lab.train.session import prepare, write_weights
    from mssn.lab.train.step import in_bf16

    console = Console(file=sys.stderr, quiet=not processes.leads)

    def line(text: str) -> None:
        console.print(text.replace("\n", " "), soft_wrap=True, markup=False)  # names may hold anything

    silence = math.inf if console.is_terminal else SILENCE  # there a bar shows that it goes on
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("decoding pictures", start=False)
        log = Log(line, silence=silence)

        def decoded(done: int, total: int) -> None:
            bar.start_task(task)
            bar.update(task, completed=done, total=total)
            log.count("decoding pictures", done, total)

        trainer, meta = prepare(
            plan,
            folder,
            init=init,
            cache=cache,
            device=device,
            say=line,
            progress=decoded,
            world=processes,
        )
    if resume:
        trainer.resume()
        shared = f", begun in {trainer.processes} processes" * (trainer.processes != processes.size)
        line(f"resumed after {trainer.status.update} updates{shared}")
    trainer.history = trainer.history.then(typed())
    computed = "bf16" if in_bf16(plan.precision, trainer.device) else "fp32"
    line(
        f"{plan.model} x{plan.scale}, {meta.parameters:,} parameters, {computed} on {trainer.device}"
        f"{f' in {processes.size} processes' if processes.size > 1 else ''}; {folder}"
    )
    log = Log(line, trainer.status.fraction, silence)
    with _bar(console) as bar:
        task = bar.add_task("training", total=1.0, text="")

        def watch(status: Status) -> None:
            bar.update(task, completed=status.fraction, text=log.text(status))
            log.watch(status)

        try:
            done = trainer.run(time_limit=time_limit, watch=watch)
        except RuntimeError as error:  # PyTorch has no error of its own for a processor's memory
            if "out of memory" not in str(error) and "allocate memory" not in str(error):
                raise
            raise TrainingError("not enough memory; use a smaller batch or patch") from error
    if not processes.leads:
        return 0 if done else 130
    target = folder / "weights.safetensors"
    write_weights(trainer, meta, target)
    if not done:
        line(f"stopped and saved after {trainer.status.update} updates; go on with --resume")
        return 130
    psnr = trainer.status.psnr
    score = "" if psnr is None else f"  validation {psnr:.3f} dB"
    print(f"{target}  {trainer.status.update} updates{score}")
    return 0


def _bar(console: Console) -> Progress:
    columns = (TextColumn("{task.fields[text]}"), BarColumn(), TextColumn("{task.percentage:5.1f} %"))
    disable = not console.is_terminal
    return Progress(*columns, TimeRemainingColumn(), console=console, transient=True, disable=disable)
