"""A tiny experiment, whose arms train in a moment."""

from __future__ import annotations

import pytest

from mssn.lab.experiment.plan import Experiment, load_experiment

TINY = """
title = "loss"
extends = "ablation"
seeds = [0, 1]
score = []
train = ["{train}"]
validation = ["{validation}"]
scale = 2
updates = 6
patch = 12
batch = 2
validate_every = 3
config = {{ channels = 4, expanded = 6, blocks = 1, units = 1 }}
[arms.l1]
[arms.l2]
loss = "l2"
"""


@pytest.fixture
def tiny(tmp_path, folders) -> Experiment:
    path = tmp_path / "tiny.toml"
    path.write_text(TINY.format(train=folders["train"][0], validation=folders["validation"][0]))
    return load_experiment(str(path))
