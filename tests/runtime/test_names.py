"""Nothing is decided by the name of a runtime, which is for people."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mssn
from mssn.api import load
from mssn.runtime.base import Runtime
from mssn.runtime.open import open_runtime
from mssn.runtime.plan import Processor


@pytest.mark.parametrize("able", [Processor(bf16=True, int8=True), Processor(bf16=False, int8=True)])
def test_names_of_runtimes_decide_nothing(photo, monkeypatch, able) -> None:
    monkeypatch.setattr("mssn.runtime.plan.processor", lambda: able)
    photo = photo[:24, :32]
    expected, deep = [], photo.astype(np.uint16) * 257
    for name in (None, "fp32", "openvino int8"):

        def renamed(*arguments: Any, name: str | None = name) -> Runtime:
            runtime = open_runtime(*arguments)
            if name is not None:
                runtime.name = name  # pyright: ignore[reportAttributeAccessIssue]
            return runtime

        monkeypatch.setattr("mssn.upscaling.load.open_runtime", renamed)
        upscaler = load("mssn-s", 2)
        expected.append((upscaler(photo), upscaler(deep)))
    assert np.array_equal(expected[0][1], load("mssn-s", 2, precision="fp32")(deep))
    for flat, exact in expected[1:]:
        assert np.array_equal(flat, expected[0][0])
        assert np.array_equal(exact, expected[0][1])


def names_that_decide(source: str) -> list[str]:
    """Conditions of Python code in which a runtime's `.name` is read."""
    found = []
    for node in ast.walk(ast.parse(source)):
        conditions = [getattr(node, "test", None)]  # if, while, assert, a if b else c
        conditions += [node] if isinstance(node, ast.Compare | ast.BoolOp) else []
        conditions += [node.subject] if isinstance(node, ast.Match) else []
        for condition in filter(None, conditions):
            read = [part for part in ast.walk(condition) if isinstance(part, ast.Attribute)]
            holders = [ast.unparse(part.value).split(".")[-1] for part in read if part.attr == "name"]
            found += [name for name in holders if name.strip("_") in RUNTIME_WORDS]
    return found


RUNTIME_WORDS = {"runtime", "opened", "engine", "inner", "deep", "network", "deep_runtime", "one"}


def test_no_module_reads_a_name_to_decide() -> None:
    assert names_that_decide("if 'int8' in opened.name: pass") == ["opened", "opened"]
    assert names_that_decide("x = 1 if self._runtime.name else 2") == ["_runtime"]
    assert not names_that_decide("print(runtime.name) if path.name else 2")
    for path in Path(mssn.__file__).parent.rglob("*.py"):
        source = path.read_text("utf-8")
        assert not names_that_decide(source), path
        assert "lab" in path.parts or "DequantizeLinear" not in source or path.name == "meta.py", path
