"""Training recipes: a TOML file of a few lines over another one."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from importlib import resources
from pathlib import Path
from typing import Any

from mssn.errors import RecipeError
from mssn.score.degrade import Degradation

_STAGED = ["batch", "patch", "detail", "loss", "luma", "distill"]
_KINDS = {str: "text", int: "a whole number", float: "a number", tuple: "a list", dict: "a table"}


@dataclass(frozen=True)
class Recipe:
    """Everything that decides how a network is trained.

    Args:
        name: For people and for the run's folder.
        model: A name of the table of models.
        scale: Enlargement factor.
        config: Changes to the model's config (ablations), field -> value.
        train: Folders of large pictures, or of pairs ("pairs:FOLDER"); relative ones are looked for under
            MSSN_DATA, too.
        validation: The same for validation; never a benchmark.
        data: What the training pictures are, in words; goes into the weights' description.
        degrade: Strengths of `mssn.score.degrade.Degradation` by name, for pictures as cameras and the web
            make them; `degrade = {}` is none at all, `{versions = 4}` the usual ones.
        seed: Start of all random numbers.
        updates: Optimiser updates in all.
        batch: Patches an update, for each process that the run is begun with.
        patch: Side of the small patch, LR pixels.
        detail: Places looked at for each patch; the one with the most detail is taken. 1: any place.
        grey: Share of the patches whose colour is taken away, small and large.
        loss: "l1" or "l2".
        luma: Share of the loss that is the error of Y instead of RGB, 0..1.
        teacher: Weights file of a larger network of this scale, to learn from; empty for none.
        distill: Share of the loss that is the error against the teacher's picture, 0..1.
        learning_rate: Peak (cosine) or start (step).
        schedule: "step" (halved every `halve_every` updates) or "cosine" (to 0 at the end).
        halve_every: Updates between halvings; step schedule only.
        warmup: Updates over which the rate rises linearly from 0.
        optimizer: "adam", or "muon" (Muon for convolutions, Adam for the rest).
        weight_rms: Root mean square that every weight-normalised direction is set back to after each update;
            0 lets it grow, and turn ever more slowly (T. Karras et al. 2024, "forced weight normalization").
        betas: Adam's decay rates.
        epsilon: Adam's epsilon.
        clip: Largest norm of the gradient; 0 for no limit.
        ema: Decay of the averaged weights that are validated and shipped; 0 for none.
        precision: "bf16" (autocast), "fp32", or "auto": bf16 where the device has instructions for it.
        validate_every: Updates between validations; 0 for only one at the end.
        checkpoint_minutes: Minutes between checkpoints.
        stages: Values that change on the way: tables with `after` (share of the schedule, 0..1) and any of
            batch, patch, detail, loss, luma, distill.
    """

    name: str = "unnamed"
    model: str = "mssn-s"
    scale: int = 2
    config: dict[str, Any] = field(default_factory=dict)
    train: tuple[str, ...] = ("train",)
    validation: tuple[str, ...] = ("validation",)
    data: str = ""
    degrade: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    updates: int = 1_000_000
    batch: int = 16
    patch: int = 48
    detail: int = 1
    grey: float = 0.0
    loss: str = "l1"
    luma: float = 0.0
    teacher: str = ""
    distill: float = 0.0
    learning_rate: float = 1e-3
    schedule: str = "step"
    halve_every: int = 200_000
    warmup: int = 0
    optimizer: str = "adam"
    weight_rms: float = 0.0
    betas: tuple[float, ...] = (0.9, 0.999)
    epsilon: float = 1e-8
    clip: float = 0.0
    ema: float = 0.0
    precision: str = "fp32"
    validate_every: int = 5_000
    checkpoint_minutes: float = 5.0
    stages: tuple[dict[str, Any], ...] = ()

    def __post_init__(self) -> None:
        _require(self.loss in ("l1", "l2"), f"loss must be l1 or l2, not '{self.loss}'")
        _require(
            self.schedule in ("step", "cosine"), f"schedule must be step or cosine, not '{self.schedule}'"
        )
        _require(
            self.optimizer in ("adam", "muon"), f"optimizer must be adam or muon, not '{self.optimizer}'"
        )
        _require(
            self.precision in ("auto", "bf16", "fp32"),
            f"precision must be auto, bf16 or fp32, not '{self.precision}'",
        )
        for name in ("updates", "batch", "patch", "detail", "halve_every", "learning_rate", "epsilon"):
            _require(getattr(self, name) > 0, f"{name} must be above 0, not {getattr(self, name)}")
        for name in ("warmup", "weight_rms", "clip", "validate_every", "checkpoint_minutes"):
            _require(getattr(self, name) >= 0, f"{name} must not be below 0, it is {getattr(self, name)}")
        for name in ("luma", "distill", "grey"):
            _require(0 <= getattr(self, name) <= 1, f"{name} must be from 0 to 1, not {getattr(self, name)}")
        _require(0 <= self.ema < 1, f"ema must be at least 0 and below 1, not {self.ema}")
        _require(
            len(self.betas) == 2 and all(type(b) in (int, float) and 0 <= b < 1 for b in self.betas),
            f"betas must be two numbers in [0, 1), not {list(self.betas)}",
        )
        if self.degrade:
            try:
                Degradation.of(self.degrade)
            except ValueError as error:
                raise RecipeError(f"degrade: {error}") from error
        _require(bool(self.train) and bool(self.validation), "train and validation must each name a folder")
        named = all(type(name) is str and name for name in (*self.train, *self.validation))
        _require(named, "train and validation must be names of folders, none of them empty")
        _require(-(2**63) <= self.seed < 2**63, f"seed must fit into 64 bits, not {self.seed}")
        for stage in self.stages:
            _check_stage(stage)
        for stage in self.stages:
            self.at(stage["after"])  # shows whether every stage is possible
        teaching = any(stage.get("distill") for stage in ({"distill": self.distill}, *self.stages))
        _require(teaching == bool(self.teacher), "teacher and distill need each other")

    def at(self, fraction: float) -> Recipe:
        """What is in force when this share of the schedule is done: later stages over earlier ones."""
        values: dict[str, Any] = {}
        for stage in self.stages:
            if fraction >= stage["after"]:
                values |= _checked({key: stage[key] for key in stage if key != "after"}, "stages")
        if not values:
            return self
        taught = values.get("distill", self.distill)
        return replace(self, **values, stages=(), teacher=self.teacher if taught else "")


def shipped_recipes() -> list[str]:
    """Names of the recipes that come with the package, sorted."""
    files = resources.files("mssn.lab.train") / "recipes"
    return sorted(f.name.removesuffix(".toml") for f in files.iterdir() if f.name.endswith(".toml"))


def load_recipe(name: str, settings: list[str] | None = None) -> Recipe:
    """Read a recipe by the name of a shipped one or the path of a TOML file.

    Args:
        name: "quick", "paper-mssn-s-x2", "my/recipe.toml".
        settings: "key=value" texts that overrule the file; values are TOML, bare words are text.

    Raises:
        RecipeError: No such recipe, an unknown key (with the nearest known one), a value that cannot be.
    """
    return _made(_set({"name": Path(name).stem, **_read(name, [])}, settings), name)


def recipe_from(values: dict[str, Any], source: str, settings: list[str] | None = None) -> Recipe:
    """A recipe from a table that was read already, `extends` and all.

    Args:
        values: As in a recipe's file.
        source: What an error calls the table; recipes it extends are looked for beside this path.
        settings: As `load_recipe`.

    Raises:
        RecipeError: As `load_recipe`.
    """
    return _made(_set(_extended(dict(values), source, []), settings), source)


def _made(values: dict[str, Any], source: str) -> Recipe:
    try:
        return replace(Recipe(), **values)
    except RecipeError as error:
        raise RecipeError(f"{source}: {error}") from error


def with_settings(recipe: Recipe, settings: list[str]) -> Recipe:
    """The recipe with some values changed, each by a text "key=value"; in a table by "table.key=value".

    Raises:
        RecipeError: As `load_recipe`.
    """
    return replace(recipe, **_set(vars(recipe), settings))


def _set(values: Mapping[str, Any], settings: list[str] | None) -> dict[str, Any]:
    changed = dict(values)
    for key, value in map(setting, settings or []):
        table, _, name = key.partition(".")
        if name:
            _require(isinstance(changed.get(table, {}), dict), f"--set: {table} is no table")
            key, value = table, {**changed.get(table, {}), name: value}
        changed |= _checked({key: value}, "--set")
    return changed


def setting(text: str) -> tuple[str, Any]:
    """Take "key=value" apart; the value is TOML, bare words are text.

    Raises:
        RecipeError: It has no "=".
    """
    key, equals, value = text.partition("=")
    _require(bool(equals), f"--set takes key=value, got '{text}'")
    return key.strip(), _value(value.strip())


def _check_stage(stage: object) -> None:
    if not isinstance(stage, dict):
        raise RecipeError(f"a stage is a table, not {stage!r}")
    after: Any = stage.get("after")
    _require(
        type(after) in (int, float) and 0 <= after <= 1,
        f"a stage needs after = a share of the schedule, 0..1, not {after!r}",
    )
    for key in stage.keys() - {"after"}:
        _require(key in _STAGED, f"stages: unknown key '{key}'{_nearest(key, _STAGED)}")


def _read(name: str, seen: list[str]) -> dict[str, Any]:
    """A recipe's own keys over those of the one it extends."""
    _require(name not in seen, f"recipes extend each other in a circle: {' -> '.join([*seen, name])}")
    path = Path(name)
    if path.suffix != ".toml":
        _require(
            name in shipped_recipes(),
            f"no recipe '{name}'{_nearest(name, shipped_recipes())}; "
            f"shipped are {', '.join(shipped_recipes())}; your own must end in .toml",
        )
        with resources.as_file(resources.files("mssn.lab.train") / "recipes" / f"{name}.toml") as shipped:
            return _extended(read_toml(shipped, "a recipe"), name, seen)
    return _extended(read_toml(path, "a recipe"), name, seen)


def read_toml(path: Path, kind: str) -> dict[str, Any]:
    """The table in a TOML file; `kind` is what an error calls it, "a recipe".

    Raises:
        RecipeError: It cannot be read, or is no TOML.
    """
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: cannot be read as {kind} ({error})") from error
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{path}: not valid TOML: {error}") from error


def _extended(values: dict[str, Any], name: str, seen: list[str]) -> dict[str, Any]:
    base = values.pop("extends", "")
    _require(type(base) is str, f"{name}: extends takes the name of one recipe, not {base!r}")
    if base.endswith(".toml"):
        base = str(Path(name).parent / base)
    return {**(_read(base, [*seen, name]) if base else {}), **_checked(values, name)}


def _checked(values: dict[str, Any], source: str) -> dict[str, Any]:
    """The values with the types of the fields, or an error that names the key."""
    defaults = Recipe()
    known = [f.name for f in fields(Recipe)]
    checked = {}
    for key, value in values.items():
        _require(key in known, f"{source}: unknown key '{key}'{_nearest(key, known)}")
        default = getattr(defaults, key)
        if isinstance(default, tuple) and isinstance(value, list | str):
            value = (value,) if isinstance(value, str) else tuple(value)
        if isinstance(default, float) and type(value) is int:
            value = float(value)
        kind = _KINDS[type(default)]
        _require(type(value) is type(default), f"{source}: {key} must be {kind}, not {value!r}")
        checked[key] = value
    return checked


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError as error:
        _require(text[:1] not in tuple("[{\"'"), f"--set: {text} is no TOML ({error})")
        return text


def _nearest(word: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f" (did you mean '{close[0]}'?)" if close else ""


def _require(fine: bool, message: str) -> None:
    if not fine:
        raise RecipeError(message)
