"""Experiments: every arm once, nothing twice, the same numbers however they are run."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import pytest
import torch

from mssn.errors import DataError, RecipeError, UnknownModelError
from mssn.lab import nets, private_torch
from mssn.lab.experiment.plan import Experiment, load_experiment
from mssn.lab.experiment.results import RESULT, WEIGHTS, summary
from mssn.lab.experiment.run import run, run_arm
from mssn.lab.train.log import Log
from mssn.lab.train.loop import CHECKPOINT, Trainer

PLANS = Path(__file__).parents[3] / "paper" / "plans"


def go(experiment: Experiment, folder: Path, **how) -> list[str]:
    said: list[str] = []
    assert run(experiment, folder, cache=folder / "cache", say=said.append, **how)
    return said


@pytest.mark.parametrize("name", sorted(path.stem for path in PLANS.glob("*.toml")))
def test_experiments_of_the_paper_differ_in_what_they_try_alone(name) -> None:
    experiment = load_experiment(PLANS / f"{name}.toml")
    assert len(experiment.seeds) >= (1 if name == "same-budget" else 2)
    assert len(experiment.recipes) >= 2
    tried = [
        {key: value for key, value in asdict(recipe).items() if key != "name"}
        for recipe in experiment.recipes.values()
    ]
    assert len({json.dumps(values, sort_keys=True) for values in tried}) == len(tried)
    for recipe in experiment.recipes.values():
        nets.build(recipe.model, recipe.scale, recipe.config)


@pytest.mark.parametrize(("has", "computed"), [(True, "bf16"), (False, "fp32")])
def test_all_arms_compute_in_the_precision_of_the_machine_that_asks(monkeypatch, has, computed) -> None:
    """Else arms on several machines would differ in more than what is tried."""
    monkeypatch.setattr(private_torch, "processor_has_bf16", lambda: has)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    arms = load_experiment(PLANS / "table-1.toml").recipes.values()
    assert {arm.precision for arm in arms} == {computed}
    asked = load_experiment(PLANS / "table-1.toml", ["precision=bf16"]).recipes.values()
    assert {arm.precision for arm in asked} == {"bf16"}


def test_every_layer_of_table_1_can_learn() -> None:
    for name, recipe in load_experiment(PLANS / "table-1.toml").recipes.items():
        torch.manual_seed(0)
        net = nets.build(recipe.model, recipe.scale, recipe.config)
        net(torch.rand(2, 3, 24, 24)).sub(0.5).abs().mean().backward()
        gradients = {
            key: p.grad.abs().max().item() for key, p in net.named_parameters() if p.grad is not None
        }
        weak = {key: value for key, value in gradients.items() if value < 1e-9}
        assert not weak, f"{name}: gradients that Adam does not see: {weak}"


def test_arms_take_turns_over_the_seeds(tiny, tmp_path) -> None:
    arms = list(tiny.arms(tmp_path))
    assert [(arm.name, arm.recipe.seed) for arm in arms] == [("l1", 0), ("l2", 0), ("l1", 1), ("l2", 1)]
    assert len({arm.folder for arm in arms}) == 4


def test_nothing_is_trained_twice_and_the_summary_is_arithmetic(tiny, tmp_path) -> None:
    assert len(go(tiny, tmp_path)) == 4
    files = sorted(tmp_path.glob(f"tiny/*/{RESULT}"))
    before = [path.stat().st_mtime_ns for path in files]
    assert go(tiny, tmp_path) == []
    assert [path.stat().st_mtime_ns for path in files] == before

    found = summary(tiny, tmp_path)
    assert found["recipe"]["updates"] == 6
    assert "loss" not in found["recipe"]
    assert found["arms"]["l2"]["changes"]["loss"] == "l2"
    seeds = [json.loads((tmp_path / f"tiny/l1-seed{n}/{RESULT}").read_text())["validation"] for n in (0, 1)]
    row = found["arms"]["l1"]["validation"]
    assert row["mean"] == pytest.approx(sum(seeds) / 2, abs=1e-4)
    assert row["spread"] == pytest.approx(abs(seeds[0] - seeds[1]), abs=1e-4)
    assert [step for step, _ in found["arms"]["l1"]["curve"]] == [3, 6]


def test_a_stopped_arm_goes_on_and_ends_the_same(tiny, tmp_path, monkeypatch) -> None:
    go(tiny, tmp_path / "whole")
    arm = next(tiny.arms(tmp_path / "stopped"))
    real = Trainer.run
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "run", lambda self, **_: real(self, stop_after=4))
        assert not run_arm(arm, cache=tmp_path / "cache")
    assert (arm.folder / CHECKPOINT).exists()
    assert not (arm.folder / RESULT).exists()
    with pytest.raises(RecipeError, match="was trained with another recipe"):
        run_arm(replace(arm, recipe=replace(arm.recipe, learning_rate=0.1)), cache=tmp_path / "cache")
    assert run_arm(arm, cache=tmp_path / "cache", say=lambda text: None)
    whole = json.loads((tmp_path / "whole" / "tiny" / arm.folder.name / RESULT).read_text())
    assert json.loads((arm.folder / RESULT).read_text())["validation"] == whole["validation"]


def test_long_arms_say_how_they_go(tiny, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("mssn.lab.experiment.run.Log", partial(Log, silence=0))
    said = go(tiny, tmp_path)
    assert sum(line.startswith("l1, seed 0: update ") for line in said) >= 2
    assert sum(line.startswith("l1, seed 0: decoding: ") for line in said) >= 1
    assert sum(": validation " in line for line in said) == 4


def test_what_another_experiment_has_trained_is_taken(tiny, tmp_path) -> None:
    go(tiny, tmp_path)
    again = replace(tiny, name="again", recipes={"x": replace(tiny.recipes["l2"], name="again, x")})
    said = go(again, tmp_path)
    assert [line.partition("the same as ")[2] for line in said] == [f"tiny/l2-seed{seed}" for seed in (0, 1)]
    for seed in (0, 1):
        for file in (WEIGHTS, RESULT):
            assert (tmp_path / f"again/x-seed{seed}" / file).exists()
    theirs, ours = summary(tiny, tmp_path)["arms"]["l2"], summary(again, tmp_path)["arms"]["x"]
    assert ours["validation"] == theirs["validation"]
    assert ours["curve"] == theirs["curve"]

    other = replace(again, name="other", recipes={"x": replace(tiny.recipes["l2"], learning_rate=0.002)})
    assert not any("the same as" in line for line in go(other, tmp_path))


def test_another_recipe_does_not_pass_for_the_finished_one(tiny, tmp_path, folders) -> None:
    go(tiny, tmp_path)
    other = load_experiment(str(tmp_path / "tiny.toml"), ["learning_rate=0.1"])
    with pytest.raises(RecipeError, match="was trained with another recipe; choose another -o"):
        go(other, tmp_path)


def test_a_missing_folder_is_reported_before_the_work(tiny, tmp_path) -> None:
    with pytest.raises(DataError, match="no folder nowhere"):
        go(replace(tiny, scored=("nowhere",)), tmp_path)
    lost = {**tiny.recipes, "l2": replace(tiny.recipes["l2"], train=("nowhere",))}
    with pytest.raises(DataError, match="no folder nowhere"):
        go(replace(tiny, recipes=lost), tmp_path)
    assert not (tmp_path / "tiny").exists()


def test_scores_asked_for_later_are_made_later(tiny, tmp_path, folders) -> None:
    go(tiny, tmp_path)
    pictures = folders["validation"][0]
    asked = replace(tiny, scored=(str(pictures),))
    assert len(go(asked, tmp_path)) == 4
    assert go(asked, tmp_path) == []
    scores = summary(asked, tmp_path)["arms"]["l1"]["psnr"]
    assert list(scores) == [str(pictures)]
    assert summary(tiny, tmp_path)["arms"]["l1"]["psnr"] == {}


def test_a_damaged_result_is_reported_and_lent_to_nobody(tiny, tmp_path) -> None:
    foreign = tmp_path / "a" / "b" / RESULT
    foreign.parent.mkdir(parents=True)
    for text in ("", "[1]", '{"psnr": 3}'):
        foreign.write_text(text)
        assert len(go(tiny, tmp_path)) in (0, 4)
    own = tmp_path / "tiny" / "l1-seed0" / RESULT
    own.write_text("")
    with pytest.raises(RecipeError, match=r"damaged; remove .*l1-seed0 to train the arm again"):
        go(tiny, tmp_path)


def test_an_arm_that_diverges_is_a_result(tiny, tmp_path) -> None:
    wild = load_experiment(str(tmp_path / "tiny.toml"), ["learning_rate=1e30", "clip=0", "precision=fp32"])
    go(wild, tmp_path)
    row = summary(wild, tmp_path)["arms"]["l1"]
    assert len(row["failed"]) == 2
    assert "not" in row["failed"][0]
    assert "psnr" not in row


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("title = 'x'", "has no arms"),
        ("[arms.a]\nspeed = 1", "unknown key 'speed'"),
        ("seeds = []\n[arms.a]", "seeds must be a list of whole numbers"),
        ("score = 3\n[arms.a]", "score must be a list of benchmarks"),
        ("[arms.a", "not valid TOML"),
        ("[arms.a]\n[arms.b]", "nothing differs between the arms a and b"),
        ('[arms."../a"]', "an arm's name is of letters"),
        ("seeds = [0, 0]\n[arms.a]", "a seed stands twice"),
        ("seed = 3\n[arms.a]", "write seeds = "),
        ("[arms.a]\nseed = 3", "write seeds = "),
    ],
)
def test_files_that_cannot_be_are_reported(text, words, tmp_path) -> None:
    path = tmp_path / "x.toml"
    path.write_text(text)
    with pytest.raises(RecipeError, match=words):
        load_experiment(str(path))


def test_unknown_experiments_and_networks_are_reported(tmp_path) -> None:
    with pytest.raises(RecipeError, match=r"table-9: an experiment is a \.toml file"):
        load_experiment("table-9")
    with pytest.raises(RecipeError, match="nothing differs between the arms l1 and l2"):
        load_experiment(PLANS / "loss.toml", ["loss=l1"])
    with pytest.raises(RecipeError, match="write seeds = "):
        load_experiment(PLANS / "loss.toml", ["seed=3"])
    with pytest.raises(RecipeError, match="cannot be read as an experiment"):
        load_experiment(str(tmp_path / "none.toml"))
    for config, words in (
        ("blok = 1", "no setting 'blok'; it has: channels"),
        ('share_source = "false"', "true or"),
    ):
        (tmp_path / "x.toml").write_text(f"[arms.a]\nconfig = {{ {config} }}")
        with pytest.raises(UnknownModelError, match=words):
            load_experiment(str(tmp_path / "x.toml"))
    (tmp_path / "x.toml").write_text("[arms.a]\nconfig = { unit = 'x' }")
    with pytest.raises(UnknownModelError, match="unit must be one of"):
        load_experiment(str(tmp_path / "x.toml"))
