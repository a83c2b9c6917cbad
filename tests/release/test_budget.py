"""What ships fits, and it is known what goes when more is to."""

from __future__ import annotations

from pathlib import Path

import budget
import pytest

from mssn.models import info


def test_the_shares_are_the_whole() -> None:
    assert sum(group.share for group in budget.GROUPS) == budget.TOTAL == 25_000_000


def test_what_ships_is_within_its_shares() -> None:
    assert budget.problems() == []


@pytest.mark.parametrize(
    ("name", "has"),
    [("mssn-s-photo-x3", True), ("mssn-x4", True), ("mssn-photo-x2", True), ("mssn-photo-x4", False)],
)
def test_int8_files_without_a_place_are_known(name, has) -> None:
    assert budget.has_int8(name) == has


def test_the_groups_are_all_files_each_once() -> None:
    files = [path for group in budget.GROUPS for path in group.files()]
    assert sorted(files) == sorted(info.FOLDER.iterdir())


def test_what_goes_has_places_without_gaps_and_a_reason() -> None:
    going = [group for group in budget.GROUPS if group.goes]
    assert sorted(group.goes for group in going) == list(range(1, len(going) + 1))
    assert all(bool(group.why) == bool(group.goes) for group in budget.GROUPS)


def test_a_group_over_its_share_is_reported(package: Path) -> None:
    (package / "mssn-s-x2.onnx").write_bytes(bytes(699_000))
    assert budget.problems() == []
    (package / "mssn-s-x3.onnx").write_bytes(bytes(1_001))
    assert budget.problems() == ["MSSN-S: 700,001 bytes, at most 700,000"]


def test_a_file_of_no_group_is_reported(package: Path) -> None:
    (package / "mssn-xl-x2.onnx").write_bytes(bytes(10))
    assert budget.problems() == ["mssn-xl-x2.onnx is in no group"]


def test_the_total_is_reported(package: Path) -> None:
    (package / "mssn-xl-x2.onnx").write_bytes(bytes(25_000_001))
    # The table of models is 3 bytes here.
    assert budget.problems()[-1] == "all files together: 25,000,004 bytes, at most 25,000,000"


def test_room_is_made_in_order_and_no_more_than_needed(package: Path) -> None:
    (package / "mssn-photo-x2-int8.onnx").write_bytes(bytes(2_000_000))
    (package / "mssn-x2-int8.onnx").write_bytes(bytes(3_000_000))
    (package / "mssn-x2.onnx").write_bytes(bytes(5_000_000))
    free = 25_000_000 - 10_000_003
    titles = {
        0: [],
        free: [],
        free + 1: ["MSSN for photographs x2, int8"],
        free + 2_000_000: ["MSSN for photographs x2, int8"],
        free + 2_000_001: ["MSSN for photographs x2, int8", "MSSN int8"],
        free + 5_000_000: ["MSSN for photographs x2, int8", "MSSN int8"],
    }
    for size, expected in titles.items():
        assert [group.title for group in budget.makes_room(size)] == expected
    with pytest.raises(ValueError, match="do not fit"):
        budget.makes_room(free + 5_000_001)


def test_the_table_adds_up(package: Path) -> None:
    (package / "mssn-s-x2.onnx").write_bytes(bytes(200_000))
    lines = budget.table().splitlines()
    assert "| MSSN-S | 1 | 200 | 700 | 500 |" in lines
    assert lines[-1] == "| **all** |  | 200 | 25,000 | 24,800 |"
