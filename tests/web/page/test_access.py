"""The page for all: by keyboard alone, read aloud, in light and dark, on a phone, enlarged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

AXE = Path(__file__).parents[3] / "web" / "node_modules" / "axe-core" / "axe.min.js"


def focused(page: Any) -> str:
    """What has the focus: its id, or its label."""
    return page.evaluate("(({ id, ariaLabel, value }) => id || ariaLabel || value)(document.activeElement)")


def tab_to(page: Any, wanted: str) -> None:
    for _ in range(40):
        page.keyboard.press("Tab")
        if focused(page) == wanted:
            style = page.evaluate("""() => {
              const { activeElement } = document;
              const shown = activeElement.matches(".segments input, .cards input")
                ? activeElement.nextElementSibling
                : activeElement.querySelector(".knob") ?? activeElement;
              return getComputedStyle(shown).outlineStyle;
            }""")
            assert style != "none", f"{wanted}: focus cannot be seen"
            return
    raise AssertionError(f"no Tab leads to {wanted}")


def test_everything_is_done_by_keyboard(visit, finished, picture):
    page = visit()
    page.on("filechooser", lambda chooser: chooser.set_files([picture("a.png"), picture("b.png")]))
    tab_to(page, "choose")
    page.keyboard.press("Enter")
    finished(page, 2)
    tab_to(page, "Compare a.png")
    page.keyboard.press("Enter")
    assert focused(page) == "divider"
    page.keyboard.press("ArrowLeft")
    assert page.get_attribute("#divider", "aria-valuenow") == "48"
    page.keyboard.press("Escape")
    assert page.is_hidden("#compare")
    assert focused(page) == "Compare a.png"
    with page.expect_download():
        tab_to(page, "Download a.png")
        page.keyboard.press("Enter")
    assert focused(page) == "Saved a.png, download again"
    tab_to(page, "Remove a.png")
    page.keyboard.press("Enter")
    assert focused(page) == "Remove b.png"
    tab_to(page, "2")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("JSON.parse(localStorage['mssn.options']).scale") == "3"
    for _ in ("Remove", "Download", "Redo"):
        page.keyboard.press("Shift+Tab")
    assert focused(page) == "Redo b.png"
    page.keyboard.press("Enter")
    page.wait_for_selector(".row[data-state=done]")
    assert page.evaluate("asked.at(-1).options.scale") == 3
    assert page.evaluate("document.activeElement.closest('.row') !== null")  # Redo is gone, the focus is not
    page.keyboard.press("Shift+Tab")
    tab_to(page, "Remove b.png")
    page.keyboard.press("Enter")
    assert focused(page) == "choose"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(visit, finished, picture, scheme):
    if not AXE.exists():
        pytest.skip("web/node_modules/axe-core is not installed")
    page = visit(
        {"failures": "1", "note": "A note"}, color_scheme=scheme, reduced_motion="reduce", bypass_csp=True
    )
    # Axe writes styles of its own, which the policy forbids.
    axe = f"{AXE.read_text()}; axe.run({{ resultTypes: ['violations'] }})"

    def check(where: str) -> None:
        found = page.evaluate(axe)["violations"]
        told = [(v["id"], v["impact"], [node["target"] for node in v["nodes"]]) for v in found]
        assert not told, f"{where}: {told}"

    check("empty")
    page.set_input_files("#files", [picture("broken.png"), picture("noted.png"), picture("c.txt.png")])
    finished(page, 3)
    for choice in ("[name=scale][value=own]", "[name=clean][value=own]", "[name=compress][value=own]"):
        page.check(choice, force=True)
    page.fill("#factor", "-1")
    check("filled")
    page.set_input_files("#files", picture("slow.png"))
    page.wait_for_selector("[data-state=working] progress")
    check("working")
    page.locator(".row .compare").nth(1).click()
    page.wait_for_selector("#divider[aria-valuenow]")
    check("compare")


@pytest.mark.parametrize("size", [(360, 740), (320, 480), (640, 400), (768, 1024)])
def test_nothing_scrolls_sideways(visit, finished, picture, size):
    width, height = size
    page = visit({"failures": "1"}, viewport={"width": width, "height": height})
    long = "a" * 90
    page.set_input_files("#files", [picture(f"broken {long}.png"), picture(f"{long}.png"), picture("b.png")])
    finished(page, 3)
    if page.is_visible("#fold"):
        page.click("#fold")
    page.check("[name=clean][value=own]", force=True)
    wide = "[document.documentElement, document.querySelector('#compare')].map((e) => e.scrollWidth)"
    assert page.evaluate(wide)[0] <= width
    assert page.evaluate("document.querySelector('#drop-title').offsetHeight") < 30  # one line
    page.locator(".row .compare:visible").first.click()
    page.wait_for_selector("#divider[aria-valuenow]")
    assert max(page.evaluate(wide)) <= width
    for button in page.locator(".row button:visible, .head button:visible").all():
        box = button.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width


def test_what_happens_is_read_aloud_and_not_every_percent(visit, finished, picture):
    page = visit({"failures": "1"})
    page.evaluate("""() => {
      globalThis.heard = [];
      new MutationObserver((changes) => {
        for (const { addedNodes } of changes) for (const node of addedNodes) heard.push(node.textContent);
      }).observe(document.querySelector("#live"), { childList: true });
    }""")
    page.set_input_files("#files", [picture("1 slow.png"), picture("2 broken.png")])
    finished(page, 2)
    said = page.evaluate("heard")
    spoken = [line for line in said if not line.startswith("1 slow.png: ")]
    assert spoken == [
        "2 pictures added",
        "1 slow.png is done, 96 × 80 pixels. 1 of 2.",
        "2 broken.png: This file is not a picture that can be read.",
    ]
    assert len(said) - len(spoken) <= page.evaluate("performance.now()") / 8000


def test_nothing_moves_for_those_who_ask_for_that(visit):
    page = visit(reduced_motion="reduce")
    moving = "[...document.querySelectorAll('*')].filter((e) => getComputedStyle(e).animationName !== 'none')"
    assert page.evaluate(f"{moving}.length") == 0
    assert visit().evaluate(f"{moving}.length") == 2
