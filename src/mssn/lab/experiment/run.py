"""Train and score the arms of an experiment: here, or spread over a cluster by Ray."""

from __future__ import annotations

import importlib
import socket
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mssn import provenance
from mssn.errors import DataError, DivergedError, MssnError
from mssn.lab.data.sources import find_sources, located
from mssn.lab.experiment.plan import Arm, Experiment
from mssn.lab.experiment.results import WEIGHTS, another_recipe, borrow, finished, trained, unscored, write
from mssn.lab.export.onnx import export
from mssn.lab.train.log import Log
from mssn.lab.train.loop import CHECKPOINT
from mssn.lab.train.session import prepare, resumed_recipe, write_weights
from mssn.runtime.base import check_threads
from mssn.runtime.openvino import OpenVINORuntime
from mssn.score.evaluate import evaluate

Say = Callable[[str], None]
_PATIENCE = 20  # seconds for an answer over the network, or for runs to save what they have


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
        say: Called with what happens, a sentence at a time.

    Returns:
        Whether all is finished; False after Ctrl-C.

    Raises:
        MssnError: Data, recipe, folder or `threads` are not usable, or Ray cannot be reached.
    """
    check_threads(threads)
    waiting = [arm for arm in experiment.arms(folder.resolve()) if not finished(arm)]
    trained_on = (name for arm in waiting for name in (*arm.recipe.train, *arm.recipe.validation))
    for name in dict.fromkeys((*experiment.scored, *trained_on)):
        find_sources(located(name))  # what is missing fails now, not after an hour
    if ray is None:
        return all(run_arm(arm, cache=cache, threads=threads, say=say) for arm in waiting)
    return _spread_out(waiting, cache, threads, ray, say)


def _spread_out(arms: list[Arm], cache: Path | None, threads: int | None, address: str, say: Say) -> bool:
    """`run_arm` for each, as many at once as the cluster has cores for."""
    ray: Any = importlib.import_module("ray")  # optional, and its types do not help
    _require_answer(address)
    try:
        ray.init(address=address, log_to_driver=False)
    except (ConnectionError, ValueError) as error:
        raise _no_cluster(address) from error
    with ExitStack() as stack:
        stack.callback(ray.shutdown)
        most = max(int(node["Resources"].get("CPU", 0)) for node in ray.nodes())
        cores = threads or most
        if cores > most:
            raise MssnError(f"--threads {cores}: no machine of the cluster has more than {most}")
        remote = ray.remote(num_cpus=cores)(run_arm)
        running = {remote.remote(arm, cache=cache, threads=cores, say=str): arm for arm in arms}
        try:
            while running:
                (ready,), _ = ray.wait(list(running), num_returns=1)
                arm = running.pop(ready)
                if not ray.get(ready):
                    return False
                say(f"{arm.name}, seed {arm.recipe.seed}: finished")
        except KeyboardInterrupt:
            for task in running:
                ray.cancel(task)  # as Ctrl-C there: they save what they have
            ray.wait(list(running), num_returns=len(running), timeout=_PATIENCE)
            return False
        except ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, MssnError):
                raise error.cause from error
            raise
    return True


def _require_answer(address: str) -> None:
    """Refuse an address where nothing listens; Ray itself would try for many minutes."""
    if address in ("local", "auto"):
        return
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=_PATIENCE).close()
    except (OSError, ValueError, OverflowError) as error:
        raise _no_cluster(address) from error


def _no_cluster(address: str) -> MssnError:
    how = "start one with `ray start --head`, and give HOST:PORT, auto or local"
    return MssnError(f"no Ray cluster answers at {address}: {how}")


def run_arm(arm: Arm, *, cache: Path | None = None, threads: int | None = None, say: Say = print) -> bool:
    """Train and score one arm, going on where an earlier attempt was stopped.

    Args:
        arm: What to do.
        cache: Where decoded pictures are kept.
        threads: Processor cores; default all.
        say: Called with what happens, a sentence at a time.

    Returns:
        Whether it is finished; False after Ctrl-C.

    Raises:
        MssnError: Data, recipe or folder are not usable.
    """
    result = trained(arm)
    if result is None and not (arm.folder / CHECKPOINT).exists():
        result = borrow(arm)
    if result is None:
        result = _train(arm, cache, threads, say)
    if result is None:
        return False
    if lacking := unscored(arm, result):
        result["psnr"] |= _scores(arm.folder / WEIGHTS, lacking, threads)
    write(arm, result)
    outcome = result.get("failed") or f"validation {result['validation']:.3f} dB"
    if "same_as" in result:
        outcome += f", the same as {result['same_as']}"
    say(f"{arm.name}, seed {arm.recipe.seed}: {outcome}")
    return True


def _train(arm: Arm, cache: Path | None, threads: int | None, say: Say) -> dict[str, Any] | None:
    """The result of training an arm, or going on with it, without scores; None after Ctrl-C."""
    if threads:
        torch.set_num_threads(threads)
    resumes = (arm.folder / CHECKPOINT).exists()
    if resumes and resumed_recipe(arm.folder, []) != arm.recipe:
        raise another_recipe(arm)
    name = f"{arm.name}, seed {arm.recipe.seed}: "
    decoding = Log(lambda line: say(name + line))
    trainer, meta = prepare(arm.recipe, arm.folder, cache=cache, progress=partial(decoding.count, "decoding"))
    failure = ""
    if resumes:
        trainer.resume()
    try:
        log = Log(lambda line: say(name + line), trainer.status.fraction)
        if not trainer.run(watch=log.pulse):
            return None
    except DivergedError as error:  # that it cannot be trained so is a result
        failure = str(error)
    result: dict[str, Any] = {
        "recipe": asdict(arm.recipe),
        "data": meta.data,
        "updates": trainer.status.update,
        "versions": provenance.versions(),
        "commit": provenance.commit(),
    }
    if failure:
        return result | {"failed": failure}
    write_weights(trainer, meta, arm.folder / WEIGHTS)
    return result | {"validation": trainer.status.psnr, "curve": _curve(arm.folder), "psnr": {}}


def _scores(weights: Path, benchmarks: list[str], threads: int | None) -> dict[str, float]:
    """PSNR on each benchmark, in float32, as exported."""
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        _, onnx = export(weights, Path(folder))
        runtime = OpenVINORuntime(onnx, precision="fp32", threads=threads)
        for name in benchmarks:
            report = evaluate(runtime, name)
            if report.failed:  # a mean over fewer pictures could not be compared
                raise DataError(f"{name}: {report.failed[0]}")
            found[name] = round(report.mean.psnr, 4)
    return found


def _curve(folder: Path) -> list[tuple[int, float]]:
    """(update, PSNR in dB) of every validation of a run."""
    events = EventAccumulator(str(folder))
    events.Reload()
    # A run that was killed repeats the steps since its last checkpoint.
    return sorted({event.step: round(event.value, 4) for event in events.Scalars("validation/psnr")}.items())
