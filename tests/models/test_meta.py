"""What a weights file says of itself, read without its network, and safely of any bytes."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from safetensors.numpy import save_file

from mssn.errors import WeightsError
from mssn.models.meta import FORMAT, Meta, read_meta
from mssn.models.onnx_file import op_types, read_metadata, with_number

META = Meta(
    model="mssn-s",
    scale=3,
    config={"blocks": 2},
    domain="rgb",
    halo=6,
    parameters=9,
    recipe="überall",
    scores={"Set5": {"psnr": 33.0, "ssim": 0.9}},
)


def write_onnx(path: Path, texts: dict[str, str], ops: tuple[str, ...] = ("Relu",)) -> Path:
    """A file of a row of operators and with these metadata."""
    names = ["lr", *(f"t{n}" for n in range(1, len(ops))), "sr"]
    nodes = [helper.make_node(op, [names[n]], [names[n + 1]]) for n, op in enumerate(ops)]
    lr, sr = (helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 3, "h", "w"]) for n in ("lr", "sr"))
    weights = onnx.numpy_helper.from_array(np.arange(999, dtype=np.float32), "w")
    model = helper.make_model(helper.make_graph(nodes, "g", [lr], [sr], [weights]), producer_name="us")
    helper.set_model_props(model, texts)
    path.write_bytes(model.SerializeToString())
    return path


def old_text(**changes: object) -> str:
    """A description as files of format 1 carry it: without a precision."""
    values = json.loads(META.to_json())
    del values["precision"]
    return json.dumps(values | {"format": 1} | changes)


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_what_is_written_is_read(tmp_path, precision) -> None:
    meta = replace(META, precision=precision, commands=("mssn train a", "mssn train 'b c'"))
    # The description counts, not the operators.
    path = write_onnx(tmp_path / "net.onnx", {"other": "x", "mssn": meta.to_json()}, ("Relu", "Abs"))
    assert read_meta(path) == meta
    save_file({"w": np.zeros(3, np.float16)}, tmp_path / "net.safetensors", {"mssn": meta.to_json()})
    assert read_meta(tmp_path / "net.safetensors") == meta


@pytest.mark.parametrize(
    ("ops", "precision"),
    [(("Relu", "Abs"), "fp32"), (("Relu", "DequantizeLinear"), "int8"), (("DequantizeLinear",), "int8")],
)
def test_of_old_files_the_operators_tell(tmp_path, ops, precision) -> None:
    path = write_onnx(tmp_path / "net.onnx", {"mssn": old_text()}, ops)
    assert read_meta(path) == replace(META, precision=precision, format=1)


def test_new_files_are_believed(tmp_path) -> None:
    path = write_onnx(tmp_path / "net.onnx", {"mssn": META.to_json()}, ("DequantizeLinear",))
    assert read_meta(path).precision == "fp32"


def test_a_word_in_a_text_or_a_name_is_no_operator(tmp_path) -> None:
    text = old_text(data="DequantizeLinear")
    assert read_meta(write_onnx(tmp_path / "net.onnx", {"mssn": text})).precision == "fp32"


def test_old_safetensors_are_fp32(tmp_path) -> None:
    save_file({"w": np.zeros(3, np.float32)}, tmp_path / "net.safetensors", {"mssn": old_text()})
    assert read_meta(tmp_path / "net.safetensors") == replace(META, format=1)


def test_what_is_written_is_of_the_newest_format() -> None:
    assert FORMAT == 2
    assert json.loads(replace(META, format=1).to_json())["format"] == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (json.dumps({**json.loads(META.to_json()), "format": 3}), "weights of format 3, this mssn reads 2"),
        (json.dumps({"model": "m"}), "weights of format None, this mssn reads 2"),
        ("[1]", "cannot be read"),
        ("{", "cannot be read"),
        ("[" * 100_000, "cannot be read"),
        (old_text(scale="2"), "cannot be read (scale is '2')"),
        (old_text(scale=0), "cannot be read (scale is 0)"),
        (old_text(scale=True), "cannot be read (scale is True)"),
        (old_text(halo=-1), "cannot be read (halo is -1)"),
        (json.dumps(json.loads(META.to_json()) | {"precision": "fp8"}), "(precision is 'fp8')"),
        (json.dumps({k: v for k, v in json.loads(META.to_json()).items() if k != "halo"}), "('halo')"),
        (
            json.dumps({k: v for k, v in json.loads(META.to_json()).items() if k != "precision"}),
            "('precision')",
        ),
    ],
)
def test_descriptions_that_are_none(tmp_path, text, words) -> None:
    path = write_onnx(tmp_path / "net.onnx", {"mssn": text})
    with pytest.raises(WeightsError) as caught:
        read_meta(path)
    assert words in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.onnx", None, "no such weights file"),
        ("a.safetensors", None, "no such weights file"),
        ("a.pth", b"", "weights files end in .onnx or .safetensors"),
        ("a", b"", "weights files end in .onnx or .safetensors"),
        ("a.onnx", b"", "carries no mssn description"),
        ("a.onnx", b"no network", "not a readable .onnx file"),
        ("a.onnx", b"\x80" * 100, "not a readable .onnx file"),
        ("a.onnx", b"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "not a readable .onnx file"),
        ("a.safetensors", b"", "not a readable .safetensors file"),
        ("a.safetensors", b"\xff" * 100, "not a readable .safetensors file"),
    ],
)
def test_files_that_are_none(tmp_path, name, content, words) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WeightsError) as caught:
        read_meta(path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_text_longer_than_a_mebibyte_is_not_taken_into_memory(tmp_path) -> None:
    with pytest.raises(WeightsError, match=r"not a readable \.onnx file"):
        read_meta(write_onnx(tmp_path / "net.onnx", {"mssn": " " * 2**20 + META.to_json()}))


def test_the_onnx_package_agrees(exported) -> None:
    path = exported / "mssn-s-x2.onnx"
    model = onnx.load(path)
    with path.open("rb") as file:
        assert read_metadata(file) == {entry.key: entry.value for entry in model.metadata_props}
        assert op_types(file) == {node.op_type for node in model.graph.node}


def test_one_number_of_a_graph_is_exchanged_and_nothing_else(tmp_path) -> None:
    path = write_onnx(tmp_path / "net.onnx", {"mssn": META.to_json()})
    model = onnx.load(path)
    for name, values in (("wide", [1.0, 2.0]), ("strength", [0.1])):
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(values, np.float32), name))
    onnx.save(model, path)
    for value in (0.0, 0.37, 1.0):
        with path.open("rb") as file:
            made = onnx.load_model_from_string(with_number(file, "strength", value))
        strength = made.graph.initializer[-1]
        assert onnx.numpy_helper.to_array(strength).tolist() == [np.float32(value)]
        strength.CopyFrom(model.graph.initializer[-1])
        assert made == model
    for name in ("wide", "w", "lr", "gone"):
        with path.open("rb") as file, pytest.raises(ValueError, match=f"no constant {name} of one number"):
            with_number(file, name, 1.0)


def test_a_file_cut_anywhere_is_refused_or_carries_nothing(tmp_path) -> None:
    path = write_onnx(tmp_path / "net.onnx", {"mssn": old_text()}, ("DequantizeLinear",))
    whole = path.read_bytes()
    assert read_meta(path).precision == "int8"
    ends = [*range(40), *range(40, len(whole), 97), *range(len(whole) - 40, len(whole))]
    for end in ends:
        path.write_bytes(whole[:end])
        with pytest.raises(WeightsError):
            read_meta(path)


@settings(max_examples=300, deadline=None)
@given(content=st.binary(max_size=200), place=st.integers(0, 400))
def test_any_bytes_give_a_description_or_one_clear_error(content, place, tmp_path_factory) -> None:
    path = tmp_path_factory.getbasetemp() / "any.onnx"
    whole = bytearray(write_onnx(path, {"mssn": old_text()}).read_bytes())
    for damaged in (content, bytes(whole[:place] + content + whole[place + len(content) :])):
        path.write_bytes(damaged)
        with suppress(WeightsError):
            assert read_meta(path).scale >= 1
