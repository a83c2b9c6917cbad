"""docs/onnx.md is true: its example makes the pixels of `mssn`, and the files are as it says."""

from __future__ import annotations

import re
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from networks import TINY, scrambled
from PIL import Image

import mssn
from mssn.cli import main
from mssn.image.compression import LEAST
from mssn.lab.export.onnx import write_onnx
from mssn.models.info import list_models
from mssn.models.meta import Meta, read_meta
from mssn.runtime.open import open_runtime
from mssn.runtime.plan import BORDER, plan_for
from mssn.upscaling.neutral import _all_around, _neutral

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "onnx.md").read_text()


def test_the_example_makes_the_pixels_of_mssn(tmp_path, monkeypatch, photo, capsys) -> None:
    example, _ = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    assert len(example.splitlines()) <= 15
    assert set(re.findall(r"^(?:import|from) (\w+)", example, flags=re.MULTILINE)) == {
        "numpy",
        "onnxruntime",
        "PIL",
    }
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["mssn", "export", "mssn-s-x2", "-o", "."])
    with pytest.raises(SystemExit) as left:
        main()
    assert not left.value.code, capsys.readouterr().err
    Image.fromarray(photo).save("photo.png")
    exec(example, {})
    found = np.asarray(Image.open("photo_x2.png"))
    neutral = _all_around(_neutral(photo)).repeat(2, axis=0).repeat(2, axis=1)
    assert neutral.mean() < 0.1
    exact = mssn.load("mssn-s", 2, variant="clean", precision="fp32", runtime="onnxruntime")(photo)
    assert np.array_equal(found[~neutral], exact[~neutral])
    near = mssn.load("mssn-s", 2, variant="clean", precision="fp32")(photo)
    assert np.abs(found[~neutral].astype(int) - near[~neutral]).max() <= 1


def test_the_lines_for_a_strength_tell_the_network(tmp_path, monkeypatch) -> None:
    _, lines = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    net = scrambled(replace(TINY, told=True))
    meta = Meta("mssn-s-photo", 2, asdict(net.config), "rgb", halo=6, parameters=1)
    write_onnx(net, meta, tmp_path / "mssn-s-photo-x2.onnx", half=True)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"np": np, "onnxruntime": onnxruntime}
    exec(lines, names)
    x = np.random.default_rng(0).random((1, 3, 12, 15), np.float32)
    (made,) = names["network"].run(["sr"], {"lr": x})
    asked = plan_for(tmp_path / "mssn-s-photo-x2.onnx", runtime="onnxruntime", strength=0.5)
    assert asked.strength == 0.5
    assert np.array_equal(made, open_runtime(asked).run(x))
    assert f"`LEAST`, {LEAST}" in PAGE


def test_its_numbers_are_those_of_the_code() -> None:
    assert f"SCALE, BORDER = 2, {BORDER}\n" in PAGE


@pytest.mark.parametrize("row", [row for row in list_models() if row.weights], ids=lambda row: row.weights)
def test_every_file_has_the_interface(row) -> None:
    assert row.path.parent.as_posix().endswith("mssn/models/shipped")
    operators = {"Conv", "Relu", "Add", "Concat", "DepthToSpace", "Cast"}
    quantised = {"QuantizeLinear", "DequantizeLinear"}
    operators |= {"Mul"} if row.told else set()
    for path, allowed in (row.path, operators), (row.int8_path, operators | quantised):
        if path is None:
            continue
        model = onnx.load(path)
        (given,), (made,) = model.graph.input, model.graph.output
        assert (given.name, made.name) == ("lr", "sr")
        for value in (given, made):
            kind = value.type.tensor_type
            assert kind.elem_type == onnx.TensorProto.FLOAT
            sizes = [dim.dim_value for dim in kind.shape.dim]
            assert sizes == [0, 3, 0, 0], "all but the channels are free"
        assert {node.op_type for node in model.graph.node} <= allowed
        assert (model.opset_import[0].version, model.ir_version) == (18, 8)
        assert read_meta(path).scale == row.scale
