"""The table of models that `mssn info` prints without PyTorch equals what PyTorch counts."""

from __future__ import annotations

import pytest

from mssn.errors import UnknownModelError
from mssn.lab import complexity, nets
from mssn.lab.weights import load_network
from mssn.models import info
from mssn.models.meta import read_meta


def test_manifest_equals_the_networks() -> None:
    rows = info.list_models()
    assert [(row.model, row.scale) for row in rows] == [
        (model, scale) for model, spec in nets.MODELS.items() for scale in spec.scales
    ]
    for row in rows:
        net = nets.build(row.model, row.scale) if row.path is None else load_network(row.path)[0]
        assert row.told == (row.path is not None and getattr(net, "told", False))
        assert row.parameters == complexity.count_parameters(net)
        assert row.parameters_with_gains == complexity.count_parameters(net, gains=True)
        assert row.mult_adds == complexity.mult_adds(net, row.scale)


@pytest.mark.parametrize(("model", "field"), [("mssn-s", 37), ("mssn-m", 37), ("mssn", 53)])
def test_receptive_field(model, field) -> None:
    narrow = {"channels": 3, "expanded": 3}  # as deep, hence as far-sighted, as the real one
    assert 2 * complexity.halo(nets.build(model, 2, narrow), 2) + 1 == field
    assert {row.receptive_field for row in info.list_models() if row.model == model} == {field}


def test_shipped_files_and_table_agree() -> None:
    shipped = {row.weights for row in info.list_models() if row.weights}
    assert shipped | {row.int8 for row in info.list_models() if row.int8} == {
        path.name for path in info.FOLDER.glob("*.onnx")
    }
    for row in info.list_models():
        if row.path is not None:
            _, meta = load_network(row.path)
            assert (meta.model, meta.scale, meta.told) == (row.model, row.scale, row.told)
            assert meta.scores == row.scores
            assert 2 * meta.halo + 1 == row.receptive_field
        if row.int8_path is not None:
            assert read_meta(row.int8_path).told == row.told, "the dial must turn whatever the precision"


def test_unknown_names_say_what_there_is() -> None:
    with pytest.raises(UnknownModelError, match="unknown model 'mssn-xl'; known are: mssn-s, mssn-m, mssn"):
        info.find("mssn-xl", 2)
    with pytest.raises(UnknownModelError, match="mssn-s has no scale 7; it has: 2, 3, 4"):
        info.find("mssn-s", 7)
