"""The examples in docstrings are true."""

from __future__ import annotations

import doctest
from importlib import import_module

import pytest


@pytest.mark.parametrize(
    "name",
    [
        "api",
        "film.frames",
        "image.resize",
        "score.metrics",
        "upscaling.size",
        "upscaling.dial",
        "upscaling.way",
    ],
)
def test_examples(name) -> None:
    result = doctest.testmod(import_module(f"mssn.{name}"))
    assert result.attempted
    assert not result.failed
