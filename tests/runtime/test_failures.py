"""Runtimes that fail half way say so in one line, and what threads share is made once."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import pytest

from mssn.errors import MssnError, WeightsError
from mssn.runtime.open import open_runtime
from mssn.runtime.plan import plan_for


def opened(model: str | Path, scale: int | None = None, **options: Any) -> Any:
    """A runtime as users get it; of any kind, so that tests can reach inside."""
    return open_runtime(plan_for(model, scale, **options))


FAILURES = [
    (RuntimeError("Exception from somewhere:\nCheck failed\nout of order\n"), r"1x.*: out of order$"),
    (RuntimeError(), "1x.*: RuntimeError$"),
    (MemoryError("std::bad_alloc"), "not enough memory for an input of 1x.*; try a smaller one$"),
]


class Broken:
    """Stands for an engine's own objects and fails whatever is asked of it."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __getattr__(self, name: str) -> Any:
        def fail(*_: object, **__: object) -> None:
            raise self.error

        return fail


@pytest.mark.parametrize(("error", "words"), FAILURES, ids=["engine", "silent", "memory"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_openvino_that_fails_half_way(exported, monkeypatch, error, words, precision) -> None:
    runtime = opened(exported / "mssn-s-x2.onnx", precision=precision)
    monkeypatch.setattr(ov.CompiledModel, "create_infer_request", lambda _: Broken(error))
    jobs = (
        lambda: runtime.run(np.zeros((1, 3, 8, 8), np.float32)),
        lambda: runtime.run_pixels(np.zeros((8, 8, 3), np.uint8)),
        lambda: runtime.layer_times(np.zeros((1, 3, 8, 8), np.float32), 1),
    )
    for job in jobs:
        with pytest.raises(MssnError, match=words) as caught:
            job()
        assert caught.value.__cause__ is error
        assert str(caught.value).startswith(f"openvino {runtime.precision}")
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("error", [RuntimeError("a\nno such primitive"), MemoryError("no such primitive")])
def test_openvino_that_cannot_compile(exported, monkeypatch, error) -> None:
    runtime = opened(exported / "mssn-s-x2.onnx")
    runtime._core = Broken(error)
    for _ in range(2):  # what failed is tried again
        with pytest.raises(WeightsError, match=r"OpenVINO cannot run this network \(no such primitive\)$"):
            runtime.run(np.zeros((1, 3, 8, 8), np.float32))
    with pytest.raises(WeightsError, match=r"mssn-s-x2\.onnx: OpenVINO cannot run"):
        runtime.run_pixels(np.zeros((8, 8, 3), np.uint8))


@pytest.mark.parametrize(("error", "words"), FAILURES, ids=["engine", "silent", "memory"])
def test_onnxruntime_that_fails_half_way(exported, error, words) -> None:
    runtime = opened(exported / "mssn-s-x2.onnx", runtime="onnxruntime")
    runtime._session = Broken(error)
    with pytest.raises(MssnError, match=words) as caught:
        runtime.run(np.zeros((1, 3, 8, 8), np.float32))
    assert str(caught.value).startswith("onnxruntime fp32")


def test_onnxruntimes_own_errors_are_ours(exported) -> None:
    runtime = opened(exported / "mssn-s-x2.onnx", runtime="onnxruntime")
    with pytest.raises(MssnError, match=r"^onnxruntime fp32 failed on an input of 1x5x8x8: "):
        runtime.run(np.zeros((1, 5, 8, 8), np.float32))


@pytest.mark.parametrize(("error", "words"), FAILURES, ids=["engine", "silent", "memory"])
def test_pytorch_that_fails_half_way(exported, error, words) -> None:
    runtime = opened(exported / "mssn-s-x2.safetensors", runtime="pytorch")
    runtime.net.train()
    runtime.net.register_forward_pre_hook(lambda *_: Broken(error).fail())
    with pytest.raises(MssnError, match=words):
        runtime.run(np.zeros((1, 3, 8, 8), np.float32))
    assert runtime.net.training


def test_threads_that_come_together_compile_once(exported, monkeypatch) -> None:
    runtime = opened(exported / "mssn-s-x2.onnx", precision="fp32")
    compiled = []

    def slowly(*arguments: Any, usual: Any = runtime._compile, **more: Any) -> Any:
        compiled.append(arguments)
        time.sleep(0.05)
        return usual(*arguments, **more)

    monkeypatch.setattr(runtime, "_compile", slowly)
    x = np.random.default_rng(0).random((1, 3, 8, 8), np.float32)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(runtime.run, [x] * 8))
    assert len(compiled) == 1
    assert all(np.array_equal(result, results[0]) for result in results)
