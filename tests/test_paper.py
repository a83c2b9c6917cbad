"""The page of `make paper` says what the paper prints and what the result files hold."""

from __future__ import annotations

import re
from pathlib import Path

import document
import pytest
from comparison import NAMES, measured, printed


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MSSN_DATA", raising=False)  # the figures made of benchmark pictures take a minute
        return document.build(tmp_path_factory.mktemp("paper"))


def rows(page: Path, title: str) -> list[list[str]]:
    text = page.read_text()
    table = text[text.index(title) :].partition("</table>")[0]
    return [re.findall(r"<td>(.*?)</td>", line) for line in re.findall(r"<tr class.*?</tr>", table)]


def test_every_figure_it_shows_is_there(page: Path) -> None:
    shown = re.findall(r'src="(.*?)"', page.read_text())
    assert {"figure-1.png", "figure-2.png", "scales.png"} <= set(shown)
    for name in shown:
        assert (page.parent / name).stat().st_size > 10_000
        assert (page.parent / name).with_suffix(".svg").read_text().startswith("<?xml")


def test_table_4_is_reproduced_by_counting(page: Path) -> None:
    found = rows(page, "Table 4")
    assert [row[0] for row in found] == ["x2", "x3", "x4"]
    for scale, parameters, counted_parameters, operations, counted_operations in found:
        # A slip: Table 5 has 875K and 1476K.
        assert counted_parameters == {"x3": "-40.7 %"}.get(scale, parameters)
        # Printed from Table 5's rounded numbers.
        assert abs(float(operations[:-2]) - float(counted_operations[:-2])) < 0.11


def test_table_5_has_every_printed_and_every_measured_row(page: Path) -> None:
    found = {row[0]: row for row in rows(page, "Table 5")}
    expected = {key.rpartition("-x")[::2] for key in (*printed(), *measured())}
    assert set(found) == {f"{NAMES[model]} x{scale}" for model, scale in expected}
    assert found["MSSN-S x2"][3].startswith("37.87/0.9590<br>")
    psnr, ssim = measured()["mssn-s-x2"]["Set5"]
    assert found["MSSN-S x2"][3].endswith(f"{psnr:.2f}/{ssim:.4f}")
