"""Recipes: what ships is right, and a wrong key or value is named."""

from __future__ import annotations

import pytest

from mssn.errors import RecipeError
from mssn.train.recipe import Recipe, load_recipe, shipped_recipes


def test_paper_recipes_are_as_printed() -> None:
    for model in ("mssn-s", "mssn-m", "mssn"):
        recipe = load_recipe(f"paper-{model}")
        assert recipe.model == model
        assert (recipe.patch, recipe.batch, recipe.loss) == (48, 16, "l1")
        assert (recipe.learning_rate, recipe.schedule, recipe.halve_every) == (1e-3, "step", 200_000)
        assert (recipe.betas, recipe.epsilon) == ((0.9, 0.999), 1e-8)
        assert (recipe.ema, recipe.clip, recipe.warmup, recipe.precision) == (0, 0, 0, "fp32")


def test_every_shipped_recipe_loads() -> None:
    assert {"base", "quick", "paper"} <= set(shipped_recipes())
    for name in shipped_recipes():
        assert load_recipe(name).name == name


def test_extends_and_settings(tmp_path) -> None:
    (tmp_path / "first.toml").write_text('extends = "quick"\nbatch = 4\nseed = 9\n')
    (tmp_path / "second.toml").write_text('extends = "first.toml"\nseed = 10\n[config]\nblocks = 2\n')
    recipe = load_recipe(
        str(tmp_path / "second.toml"),
        ["model=mssn-m", "learning_rate=1", "betas=[0.5, 0.9]", "train=some/folder"],
    )
    assert (recipe.name, recipe.batch, recipe.seed) == ("second", 4, 10)
    assert recipe.updates == load_recipe("quick").updates
    assert recipe.config == {"blocks": 2}
    assert (recipe.model, recipe.learning_rate, recipe.betas) == ("mssn-m", 1.0, (0.5, 0.9))
    assert recipe.train == ("some/folder",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("bach = 4", r"unknown key 'bach' \(did you mean 'batch'\?\)"),
        ("zzzz = 4", "unknown key 'zzzz'$"),
        ('batch = "four"', "batch must be a whole number, not 'four'"),
        ("batch = 0", "batch must be above 0, not 0"),
        ("batch = true", "batch must be a whole number"),
        ("ema = 1.0", "ema must be at least 0 and below 1"),
        ('loss = "l3"', "loss must be l1 or l2, not 'l3'"),
        ('schedule = "linear"', "schedule must be step or cosine"),
        ('precision = "fp16"', "precision must be bf16 or fp32"),
        ("betas = [0.9]", "betas must be two numbers"),
        ("train = []", "must each name a folder"),
        ("learning_rate = nan", "learning_rate must be above 0"),
        ("batch = ", "not valid TOML"),
        ('extends = "self.toml"', "circle"),
        ('extends = "gone.toml"', "cannot be read"),
    ],
)
def test_mistakes_are_named(tmp_path, text, words) -> None:
    path = tmp_path / "self.toml"
    path.write_text(text)
    with pytest.raises(RecipeError, match=words) as caught:
        load_recipe(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        ("quik", [], r"no recipe 'quik' \(did you mean 'quick'\?\); shipped are base"),
        ("gone.toml", [], "gone.toml: cannot be read"),
        ("quick", ["batch"], "--set takes key=value, got 'batch'"),
        ("quick", ["bach=4"], "did you mean 'batch'"),
        ("quick", ["updates=-1"], "updates must be above 0"),
    ],
)
def test_mistakes_on_the_command_line_are_named(name, settings, words) -> None:
    with pytest.raises(RecipeError, match=words):
        load_recipe(name, settings)


def test_defaults_are_the_paper() -> None:
    paper, plain = load_recipe("paper"), Recipe()
    same = ("model", "scale", "batch", "patch", "loss", "learning_rate", "schedule", "halve_every")
    assert all(getattr(paper, name) == getattr(plain, name) for name in same)
