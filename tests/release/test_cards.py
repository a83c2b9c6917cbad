"""Cards say what the table of models and the files beside it say."""

from __future__ import annotations

import cards
import pytest
import record

from mssn.models import info


def test_pages_are_up_to_date() -> None:
    for page, text in cards.pages().items():
        assert page.read_text("utf-8") == text, "run: python release/cards.py"


def test_a_card_says_what_the_table_says(ship_files) -> None:
    ship_files("mssn-s-x2", int8=True)
    ship_files("mssn-s-photo-x2")
    page = cards.models_page(info.list_models())
    clean, photo = page.split("## ")[1:]
    for text in (
        "MSSN-S\n",
        "`mssn-s`; scales 2",
        "`clean`",
        "MIT",
        "| x2 | 80,068 | 18.4 G | 37x37 | +0.0010 dB | -0.0187 dB |",
        "| x2 | 37.67 / 0.9595 | - | - | - |",
        "recipe `fast`, 88,331 updates, code 9950d26e4856",
        "trained on three pictures",
    ):
        assert text in clean
    assert photo.startswith("MSSN-S for photographs\n")
    assert "`photo`" in photo
    int8 = record.with_int8("mssn-s-x2")[1]
    assert f"| {int8.name} | {int8.stat().st_size} | `{record.content_hash(int8)}` |" in clean
    assert "int8.onnx" not in photo


def test_only_what_ships_has_a_card() -> None:
    rows = info.list_models()
    page = cards.models_page(rows)
    assert {row.model for row in rows} - {row.model for row in rows if row.weights}
    names = {row.model for row in rows if row.weights}
    assert page.count("\n## ") == len(names)


def test_lines_of_the_pages_are_short() -> None:
    for text in cards.pages().values():
        prose = "".join(text.split("```")[::2])  # commands stand as they were typed
        assert [line for line in prose.splitlines() if len(line) > 110] == []


def test_a_card_has_the_commands_and_the_losses(ship_files) -> None:
    ship_files("mssn-s-x2")
    commands = [
        "mssn train best-mssn-s --set scale=2 -o runs/a",
        "mssn train best-mssn-s " + "--init a " * 20,
    ]
    result = {"meta": {"commands": commands}, "lost": {"Set14": -0.03}}
    record.write_json(record.RESULTS / "mssn-s-x2.json", result)
    page = cards.models_page(info.list_models())
    assert "\n".join(["x2 was made by", "", "```", *commands, "```"]) in page
    assert "Set14 0.030 dB lower than with those before" in page.replace("\n  ", " ")


@pytest.mark.parametrize("page", ["no part", "<!-- a -->\n<!-- /a -->\n<!-- a -->\n<!-- /a -->\n"])
def test_a_page_has_each_part_once(page: str) -> None:
    with pytest.raises(ValueError, match="parts <!-- a -->"):
        cards.filled(page, {"a": "text"})


def test_parts_are_replaced() -> None:
    page = "1\n<!-- a -->\nold\n<!-- /a -->\n2\n"
    assert cards.filled(page, {"a": r"new \1"}) == "1\n<!-- a -->\nnew \\1\n<!-- /a -->\n2\n"
