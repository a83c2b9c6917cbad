"""docs/onnx.md is true: its example makes the pixels of `mssn`, and the files are as it says."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image

import mssn
from mssn.cli import main
from mssn.models.info import list_models
from mssn.models.meta import read_meta
from mssn.runtime.plan import BORDER
from mssn.upscaling.neutral import _all_around, _neutral

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "onnx.md").read_text()


def test_the_example_makes_the_pixels_of_mssn(tmp_path, monkeypatch, photo, capsys) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
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
    exact = mssn.load("mssn-s", 2, precision="fp32", runtime="onnxruntime")(photo)
    assert np.array_equal(found[~neutral], exact[~neutral])
    near = mssn.load("mssn-s", 2, precision="fp32")(photo)
    assert np.abs(found[~neutral].astype(int) - near[~neutral]).max() <= 1


def test_its_numbers_are_those_of_the_code() -> None:
    assert f"SCALE, BORDER = 2, {BORDER}\n" in PAGE


@pytest.mark.parametrize("row", [row for row in list_models() if row.weights], ids=lambda row: row.weights)
def test_every_file_has_the_interface(row) -> None:
    assert row.path.parent.as_posix().endswith("mssn/models/shipped")
    operators = {"Conv", "Relu", "Add", "Concat", "DepthToSpace", "Cast"}
    quantised = {"QuantizeLinear", "DequantizeLinear"}
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
