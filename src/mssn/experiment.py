"""Experiments: recipes that differ in one thing (arms), each trained from several seeds, scored and compared.

An arm is finished when its result file is there; it is then never trained again. One that was stopped, or
killed, goes on from its checkpoint.
"""

from __future__ import annotations

import importlib
import json
import statistics
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mssn import arch, complexity, provenance
from mssn.atomic import replacing
from mssn.data.folder import locate
from mssn.errors import DivergedError, MssnError, RecipeError
from mssn.evaluate import evaluate
from mssn.export.onnx import export
from mssn.runtime.openvino import OpenVINORuntime
from mssn.train.loop import CHECKPOINT
from mssn.train.recipe import Recipe, recipe_from
from mssn.train.session import prepare, resumed_recipe, write_weights

RESULT, WEIGHTS = "result.json", "weights.safetensors"
Say = Callable[[str], None]


@dataclass(frozen=True)
class Arm:
    """One training of an experiment.

    Args:
        name: What is tried.
        recipe: How, with its seed.
        scored: Benchmarks to score.
        folder: Where its run, weights and result go.
    """

    name: str
    recipe: Recipe
    scored: tuple[str, ...]
    folder: Path


@dataclass(frozen=True)
class Experiment:
    """What differs, and what is scored.

    Args:
        name: "table-1", or the stem of a file.
        title: One line for people.
        recipes: By the arm's name; their seed is set for each run.
        seeds: One run of every arm for each.
        scored: Benchmarks to score.
    """

    name: str
    title: str
    recipes: dict[str, Recipe]
    seeds: tuple[int, ...]
    scored: tuple[str, ...]

    def arms(self, folder: Path) -> Iterator[Arm]:
        """All runs, every arm once before any a second time."""
        for seed in self.seeds:
            for name, recipe in self.recipes.items():
                place = folder / self.name / f"{name}-seed{seed}"
                yield Arm(name, replace(recipe, seed=seed), self.scored, place)


def shipped_experiments() -> list[str]:
    """Names of the experiments that come with the package, sorted."""
    files = (resources.files("mssn") / "experiments").iterdir()
    return sorted(f.name.removesuffix(".toml") for f in files if f.name.endswith(".toml"))


def load_experiment(name: str, settings: list[str] | None = None) -> Experiment:
    """Read an experiment by the name of a shipped one or the path of a TOML file.

    The file is a recipe for all arms, with `title`, `seeds` (default 0 and 1), `score` (default Set5 and
    Set14) and, under `arms.NAME`, what each arm changes.

    Args:
        name: "table-1", "my/experiment.toml".
        settings: "key=value" over every arm's recipe.

    Raises:
        RecipeError: No such experiment, no arms, or an impossible value.
    """
    path = Path(name)
    if path.suffix == ".toml":
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RecipeError(f"{name}: cannot be read as an experiment ({error})") from error
    elif name in shipped_experiments():
        text = (resources.files("mssn") / "experiments" / f"{name}.toml").read_text("utf-8")
    else:
        known = ", ".join(shipped_experiments())
        raise RecipeError(f"no experiment '{name}'; shipped are {known}; your own must end in .toml")
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{name}: not valid TOML: {error}") from error
    title, arms = values.pop("title", path.stem), values.pop("arms", None)
    seeds, scored = values.pop("seeds", [0, 1]), values.pop("score", ["Set5", "Set14"])
    if not arms or not isinstance(arms, dict) or not all(isinstance(arm, dict) for arm in arms.values()):
        raise RecipeError(f"{name}: has no arms; write [arms.NAME] and what it changes")
    if not (isinstance(seeds, list) and seeds and all(type(seed) is int for seed in seeds)):
        raise RecipeError(f"{name}: seeds must be a list of whole numbers, not {seeds!r}")
    if not (isinstance(scored, list) and all(type(item) is str for item in scored)):
        raise RecipeError(f"{name}: score must be a list of benchmarks, not {scored!r}")
    recipes = {
        arm: replace(recipe_from({**values, **changes}, name, settings), name=f"{path.stem}, {arm}")
        for arm, changes in arms.items()
    }
    for recipe in recipes.values():
        arch.build(recipe.model, recipe.scale, recipe.config)  # one that cannot be is told before any work
    return Experiment(path.stem, str(title), recipes, tuple(seeds), tuple(scored))


def finished(arm: Arm) -> dict[str, Any] | None:
    """The result of an arm, or None if it is still to be trained.

    Raises:
        RecipeError: The folder holds the result of another recipe.
    """
    path = arm.folder / RESULT
    if not path.exists():
        return None
    result = json.loads(path.read_text())
    if result["recipe"] != json.loads(json.dumps(asdict(arm.recipe))):
        raise _another_recipe(arm)
    return result


def _another_recipe(arm: Arm) -> RecipeError:
    return RecipeError(f"{arm.folder}: was trained with another recipe; choose another -o, or remove it")


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
    if threads:
        torch.set_num_threads(threads)
    resumes = (arm.folder / CHECKPOINT).exists()
    if resumes and resumed_recipe(arm.folder, []) != arm.recipe:
        raise _another_recipe(arm)
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
    with replacing(arm.folder / RESULT) as file:
        file.write(json.dumps(result, indent=1).encode() + b"\n")
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


def summary(experiment: Experiment, folder: Path) -> dict[str, Any]:
    """What is finished so far: of each arm its cost and, for each benchmark, mean and spread over seeds.

    Args:
        experiment: What was run.
        folder: As for `Experiment.arms`.

    Returns:
        Plain data; "psnr" and "validation" hold mean and (largest - smallest) in dB, "seeds" every value.
    """
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in experiment.recipes}
    for arm in experiment.arms(folder):
        if result := finished(arm):
            found[arm.name].append(result)
    every = [asdict(recipe) for recipe in experiment.recipes.values()]
    shared = {key: value for key, value in every[0].items() if all(other[key] == value for other in every)}
    rows: dict[str, Any] = {}
    for name, results in found.items():
        if not results:
            continue
        recipe = experiment.recipes[name]
        net = arch.build(recipe.model, recipe.scale, recipe.config)
        row: dict[str, Any] = {
            "changes": {key: value for key, value in asdict(recipe).items() if key not in (*shared, "name")},
            "parameters": complexity.count_parameters(net),
            "mult_adds": complexity.mult_adds(net, recipe.scale),
            "failed": [result["failed"] for result in results if "failed" in result],
        }
        good = [result for result in results if "failed" not in result]
        if good:
            row["validation"] = _spread([result["validation"] for result in good])
            row["psnr"] = {
                data: _spread([result["psnr"][data] for result in good]) for data in good[0]["psnr"]
            }
            row["curve"] = good[0]["curve"]
        rows[name] = row
    return {
        "experiment": experiment.name,
        "title": experiment.title,
        "recipe": shared,
        "versions": provenance.versions(),
        "commit": provenance.commit(),
        "arms": rows,
    }


def _spread(values: list[float]) -> dict[str, Any]:
    return {
        "mean": round(statistics.mean(values), 4),
        "spread": round(max(values) - min(values), 4),
        "seeds": [round(value, 4) for value in values],
    }


def _curve(folder: Path) -> list[tuple[int, float]]:
    """(update, PSNR in dB) of every validation of a run."""
    events = EventAccumulator(str(folder))
    events.Reload()
    # A run that was killed repeats the steps since its last checkpoint.
    return sorted({event.step: round(event.value, 4) for event in events.Scalars("validation/psnr")}.items())
