"""Train and score the arms of an experiment: here, or spread over a cluster by Ray."""

from __future__ import annotations

import socket
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mssn import provenance
from mssn.cluster.nodes import Fitness, connect
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
_PATIENCE = 20  # seconds for runs to save what they have
_NEWS = 90.0  # seconds after which a shared folder shows a file that another machine made


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
    _check_data(waiting)
    if ray is None:
        return all(run_arm(arm, cache=cache, threads=threads, say=say) for arm in waiting)
    return _spread_out(waiting, cache, threads, ray, say)


def _spread_out(arms: list[Arm], cache: Path | None, threads: int | None, address: str, say: Say) -> bool:
    """`run_arm` for each, as many at once as the cluster has cores for."""
    with connect(address) as cluster:
        ray, nodes = cluster.ray, cluster.nodes()
        most = max((node.cores for node in nodes), default=0)
        cores = threads or most
        if cores > most:
            raise MssnError(f"--threads {cores}: no machine of the cluster has more than {most}")
        running: dict[Any, Arm] = {}
        try:
            for node, answer in [(node, cluster.ask(node, None)) for node in nodes]:
                if problem := Fitness(*ray.get(answer)).problem:
                    raise MssnError(f"{node.name}: {problem}")
            remote = ray.remote(num_cpus=cores)(_run_arm_there)
            running.update((remote.remote(arm, cache, cores), arm) for arm in arms)
            while running:
                (ready,), _ = ray.wait(list(running), num_returns=1)
                arm = running.pop(ready)
                if not ray.get(ready):
                    return False
                _require_result(arm)
                say(f"{arm.name}, seed {arm.recipe.seed}: finished")
        except (KeyboardInterrupt, SystemExit) as stop:
            for task in running:
                ray.cancel(task)  # as Ctrl-C there: they save what they have
            ray.wait(list(running), num_returns=len(running), timeout=_PATIENCE)
            if isinstance(stop, SystemExit):
                raise
            return False
        except ray.exceptions.RayError as error:
            cause = getattr(error, "cause", None)
            if isinstance(cause, MssnError):
                raise cause from error
            words = " ".join(str(cause or error).split())[:300]
            raise MssnError(f"the cluster cannot train: {words}; each machine needs mssn[train]") from error
    return True


def _run_arm_there(arm: Arm, cache: Path | None, threads: int) -> bool:
    """`run_arm` on a machine of a cluster, which is named if it cannot."""
    try:
        _check_data([arm])
        return run_arm(arm, cache=cache, threads=threads, say=lambda text: None)
    except MssnError as error:
        raise MssnError(f"{socket.gethostname()}: {error}") from error


def _check_data(arms: Iterable[Arm]) -> None:
    """What is missing fails now, not after an hour."""
    named = (name for arm in arms for name in (*arm.scored, *arm.recipe.train, *arm.recipe.validation))
    for name in dict.fromkeys(named):
        find_sources(located(name))


def _require_result(arm: Arm) -> None:
    """Refuse a folder that the machines do not share; in one that they do a new file may take a while."""
    until = time.monotonic() + _NEWS
    while not finished(arm):
        if time.monotonic() > until:
            raise MssnError(
                f"{arm.folder}: a machine of the cluster wrote to another folder of that name; "
                "choose an -o that all of them share"
            )
        time.sleep(1)


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
