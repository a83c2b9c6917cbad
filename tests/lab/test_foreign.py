"""Other authors' weights, as ours."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from mssn.cli import main
from mssn.errors import UnknownModelError, WeightsError
from mssn.lab.foreign import read_foreign
from mssn.lab.weights import load_network


@pytest.fixture(scope="module")
def carn_m() -> Path:
    path = Path(os.environ.get("MSSN_CHECKPOINTS", "")) / "carn_m.pth"
    if not path.is_file():
        pytest.skip("needs MSSN_CHECKPOINTS with carn_m.pth, the weights published by CARN's authors")
    return path


def test_all_scales_can_be_read(carn_m) -> None:
    for scale in (2, 3, 4):
        net, meta = read_foreign(carn_m, "carn-m", scale)
        assert (meta.model, meta.scale, meta.licence) == ("carn-m", scale, "MIT")
        assert net(torch.rand(1, 3, 8, 8)).shape == (1, 3, 8 * scale, 8 * scale)
    with pytest.raises(UnknownModelError, match="no scale 5"):
        read_foreign(carn_m, "carn-m", 5)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"nothing", "no file of PyTorch weights"),
        (b"this is text", "no file of PyTorch weights"),
        (b"", "no file of PyTorch weights"),
        (b"\x80\x02", "no file of PyTorch weights"),
        ({0: torch.zeros(1)}, "holds no table of weights"),
        ([1, 2], "holds no table of weights"),
        ({"entry.weight": torch.zeros(1)}, "not the weights of carn-m"),
        (None, "cannot be read"),
    ],
)
def test_bad_files_are_one_clear_line(tmp_path, content, words) -> None:
    path = tmp_path / "weights.pth"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    with pytest.raises(WeightsError, match=words) as caught:
        read_foreign(path, "carn-m", 2)
    assert "\n" not in str(caught.value)


def test_other_models_cannot_be_imported(tmp_path) -> None:
    with pytest.raises(WeightsError, match="only those of carn-m, smfanet-plus"):
        read_foreign(tmp_path / "x.pth", "mssn-s", 2)


@pytest.fixture(scope="module")
def smfanet() -> Path:
    folder = Path(os.environ.get("MSSN_CHECKPOINTS", ""))
    if not (folder / "smfanet_plus_df2k_x2.pth").is_file():
        pytest.skip("needs MSSN_CHECKPOINTS with smfanet_plus_df2k_x2.pth to _x4.pth")
    return folder


def test_the_teacher_can_be_read(smfanet) -> None:
    for scale in (2, 3, 4):
        net, meta = read_foreign(smfanet / f"smfanet_plus_df2k_x{scale}.pth", "smfanet-plus", scale)
        assert (meta.licence, meta.data) == ("Apache-2.0", "DF2K, by its authors")
        assert net(torch.rand(1, 3, 8, 8)).shape == (1, 3, 8 * scale, 8 * scale)
    with pytest.raises(WeightsError, match="not the weights of smfanet-plus"):
        read_foreign(smfanet / "smfanet_plus_df2k_x2.pth", "smfanet-plus", 3)
    with pytest.raises(WeightsError, match="not the weights of carn-m"):
        read_foreign(smfanet / "smfanet_plus_df2k_x2.pth", "carn-m", 2)


def test_import_from_the_command_line(carn_m, tmp_path, monkeypatch, capsys) -> None:
    target = tmp_path / "carn-m.safetensors"
    command = ["mssn", "import", str(carn_m), "--scale", "3", "-o", str(target)]
    for expected in (0, 2):  # the second time it exists
        monkeypatch.setattr("sys.argv", command)
        with pytest.raises(SystemExit) as left:
            main()
        assert (left.value.code or 0) == expected
    assert "carn-m x3, 303,427 parameters" in capsys.readouterr().out
    assert load_network(target)[1].data == "DIV2K, by its authors"
