"""Recipes: what ships is right, and a wrong key or value is named."""

from __future__ import annotations

import pytest

from mssn.errors import RecipeError
from mssn.lab.train.recipe import Recipe, load_recipe, shipped_recipes, with_settings


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
        ('precision = "fp16"', "precision must be auto, bf16 or fp32"),
        ("betas = [0.9]", "betas must be two numbers"),
        ("train = []", "must each name a folder"),
        ("learning_rate = nan", "learning_rate must be above 0"),
        ("detail = 0", "detail must be above 0"),
        ("luma = 1.5", "luma must be from 0 to 1, not 1.5"),
        ("distill = 0.5", "teacher and distill need each other"),
        ('teacher = "large.safetensors"', "teacher and distill need each other"),
        ('optimizer = "sgd"', "optimizer must be adam or muon, not 'sgd'"),
        ("stages = [3]", "a stage is a table, not 3"),
        ("[[stages]]\nbatch = 4", "a stage needs after"),
        ("[[stages]]\nafter = 2", "a share of the schedule, 0..1, not 2"),
        ("[[stages]]\nafter = 0.5\npatsh = 64", r"unknown key 'patsh' \(did you mean 'patch'\?\)"),
        ("[[stages]]\nafter = 0.5\nseed = 64", "stages: unknown key 'seed'"),
        ("[[stages]]\nafter = 0.5\npatch = 0", "patch must be above 0"),
        ("[[stages]]\nafter = 0.5\npatch = 0\n[[stages]]\nafter = 0.9\npatch = 8", "patch must be above 0"),
        ("extends = 3", "extends takes the name of one recipe"),
        ('betas = ["a", "b"]', "betas must be two numbers"),
        ("train = [1]", "must be names of folders"),
        ('train = ["photos", ""]', "names of folders, none of them empty"),
        ('validation = ""', "names of folders, none of them empty"),
        (f"seed = {10**23}", "seed must fit into 64 bits"),
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


def test_a_key_of_a_table_leaves_the_others() -> None:
    photo = load_recipe("photo-mssn-s")
    changed = load_recipe("photo-mssn-s", ["degrade.twice=0.35", "degrade.blur=1", "config.blocks=2"])
    assert changed.degrade == photo.degrade | {"twice": 0.35, "blur": 1}
    assert changed.config == {"blocks": 2}
    assert with_settings(changed, ["degrade.blur=0.5"]).degrade == changed.degrade | {"blur": 0.5}
    assert load_recipe("photo-mssn-s", ["degrade={blur=0.5}"]).degrade == {"blur": 0.5}


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        ("quik", [], r"no recipe 'quik' \(did you mean 'quick'\?\); shipped are ablation, base"),
        ("gone.toml", [], "gone.toml: cannot be read"),
        ("quick", ["batch"], "--set takes key=value, got 'batch'"),
        ("quick", ["bach=4"], "did you mean 'batch'"),
        ("quick", ["updates=-1"], "updates must be above 0"),
        ("quick", ["batch.size=4"], "--set: batch is no table"),
        ("quick", ["degrade.jpeg=4"], "degrade: unknown key 'jpeg'"),
        ("quick", ["bach.size=4"], "did you mean 'batch'"),
        ("quick", ['train=["train", '], r"""--set: \["train", is no TOML"""),
        ("quick", ["train='train"], "--set: 'train is no TOML"),
    ],
)
def test_mistakes_on_the_command_line_are_named(name, settings, words) -> None:
    with pytest.raises(RecipeError, match=words):
        load_recipe(name, settings)


def test_defaults_are_the_paper() -> None:
    paper, plain = load_recipe("paper"), Recipe()
    same = ("model", "scale", "batch", "patch", "loss", "learning_rate", "schedule", "halve_every")
    assert all(getattr(paper, name) == getattr(plain, name) for name in same)


def test_stages_change_values_on_the_way(tmp_path) -> None:
    path = tmp_path / "staged.toml"
    path.write_text(
        """
        teacher = "large.safetensors"
        distill = 0.5
        [[stages]]
        after = 0.5
        patch = 64
        batch = 8
        [[stages]]
        after = 0.9
        loss = "l2"
        batch = 32
        distill = 0
        """
    )
    recipe = load_recipe(str(path))
    assert recipe.at(0.0) == recipe
    seen = [(s.patch, s.batch, s.loss, s.distill) for s in map(recipe.at, (0.49, 0.5, 0.89, 0.9, 1.0))]
    begin, middle, end = (48, 16, "l1", 0.5), (64, 8, "l1", 0.5), (64, 32, "l2", 0.0)
    assert seen == [begin, middle, middle, end, end]
    assert load_recipe(str(path), ["stages=[]"]).stages == ()


def test_a_teacher_may_come_from_the_command_line(tmp_path) -> None:
    (tmp_path / "pupil.toml").write_text("distill = 0.5")
    assert load_recipe(str(tmp_path / "pupil.toml"), ["teacher=large.safetensors"]).distill == 0.5
