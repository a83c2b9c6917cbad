"""Train and score the arms of an experiment: here, or spread over a cluster by Ray."""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mssn import provenance
from mssn.data.folder import locate
from mssn.errors import DivergedError, MssnError
from mssn.evaluate import evaluate
from mssn.experiment.plan import Arm, Experiment
from mssn.experiment.results import WEIGHTS, another_recipe, borrow, finished, write
from mssn.export.onnx import export
from mssn.runtime.openvino import OpenVINORuntime
from mssn.train.loop import CHECKPOINT
from mssn.train.session import prepare, resumed_recipe, write_weights

Say = Callable[[str], None]


def run(
    experiment: Experiment,
    folder: Path,
    *,
    cache: Path | None = None,
    threads: int | None = None,
    ray: str | None = None,
    say: Say = print,
) -> bool:
    """Train and score whatever is not finished yet.

    Args:
        experiment: What to run.
        folder: Where runs go; with Ray on several machines, one that all of them see.
        cache: Where decoded pictures are kept.
        threads: Processor cores for an arm; default all of the machine.
        ray: Spread the arms over a Ray cluster: its address, or "local" for this machine's cores.
        say: Told what happens.

    Returns:
        Whether all is finished; False after Ctrl-C.

    Raises:
        MssnError: Data, recipe or folder are not usable, or Ray cannot be reached.
    """
    for name in experiment.scored:
        locate(name)  # what is missing is told now, not after an hour
    waiting = [arm for arm in experiment.arms(folder.resolve()) if not finished(arm)]
    if ray is None:
        return all(run_arm(arm, cache=cache, threads=threads, say=say) for arm in waiting)
    return _spread_out(waiting, cache, threads, ray, say)


def _spread_out(arms: list[Arm], cache: Path | None, threads: int | None, address: str, say: Say) -> bool:
    """`run_arm` for each, as many at once as the cluster has cores for."""
    ray: Any = importlib.import_module("ray")  # optional, and its types do not help
    try:
        ray.init(address=None if address == "local" else address, log_to_driver=False)
    except ConnectionError as error:
        raise MssnError(f"no Ray cluster answers at {address}: start one with `ray start --head`") from error
    with ExitStack() as stack:
        stack.callback(ray.shutdown)
        cores = threads or int(ray.nodes()[0]["Resources"].get("CPU", 1))
        remote = ray.remote(num_cpus=cores)(run_arm)
        running = {remote.remote(arm, cache=cache, threads=cores, say=str): arm for arm in arms}
        while running:
            (ready,), _ = ray.wait(list(running), num_returns=1)
            arm = running.pop(ready)
            try:
                if not ray.get(ready):
                    return False
            except ray.exceptions.RayTaskError as error:
                if isinstance(error.cause, MssnError):
                    raise error.cause from error
                raise
            say(f"{arm.name}, seed {arm.recipe.seed}: finished")
    return True


def run_arm(arm: Arm, *, cache: Path | None = None, threads: int | None = None, say: Say = print) -> bool:
    """Train and score one arm, going on where an earlier attempt was stopped.

    Args:
        arm: What to do.
        cache: Where decoded pictures are kept.
        threads: Processor cores; default all.
        say: Told what happens.

    Returns:
        Whether it is finished; False after Ctrl-C.

    Raises:
        MssnError: Data, recipe or folder are not usable.
    """
    if finished(arm):
        return True
    if not (arm.folder / CHECKPOINT).exists() and (same := borrow(arm)):
        say(f"{arm.name}, seed {arm.recipe.seed}: the same as {same['same_as']}, finished before")
        return True
    if threads:
        torch.set_num_threads(threads)
    resumes = (arm.folder / CHECKPOINT).exists()
    if resumes and resumed_recipe(arm.folder, []) != arm.recipe:
        raise another_recipe(arm)
    trainer, meta = prepare(arm.recipe, arm.folder, cache=cache)
    failure = ""
    if resumes:
        trainer.resume()
    try:
        if not trainer.run():
            return False
    except DivergedError as error:  # that it cannot be trained so is a result
        failure = str(error)
    result: dict[str, Any] = {
        "recipe": asdict(arm.recipe),
        "data": meta.data,
        "updates": trainer.status.update,
    }
    if failure:
        result["failed"] = failure
    else:
        write_weights(trainer, meta, arm.folder / WEIGHTS)
        result["validation"] = trainer.status.psnr
        result["psnr"] = _scores(arm)
        result["curve"] = _curve(arm.folder)
    result |= {"versions": provenance.versions(), "commit": provenance.commit()}
    write(arm, result)
    told = failure or f"validation {result['validation']:.3f} dB"
    say(f"{arm.name}, seed {arm.recipe.seed}: {told}")
    return True


def _scores(arm: Arm) -> dict[str, float]:
    """PSNR on each benchmark, in float32, as exported."""
    if not arm.scored:
        return {}
    with tempfile.TemporaryDirectory() as folder:
        _, onnx = export(arm.folder / WEIGHTS, Path(folder))
        runtime = OpenVINORuntime(onnx, precision="fp32")
        reports = [evaluate(runtime, name) for name in arm.scored]
    return {report.data: round(report.mean.psnr, 4) for report in reports}


def _curve(folder: Path) -> list[tuple[int, float]]:
    """(update, PSNR in dB) of every validation of a run."""
    events = EventAccumulator(str(folder))
    events.Reload()
    # A run that was killed repeats the steps since its last checkpoint.
    return sorted({event.step: round(event.value, 4) for event in events.Scalars("validation/psnr")}.items())
