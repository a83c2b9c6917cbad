"""Before and after: the line, the picture and the map follow mouse, touch and keys."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def open_compare(visit, finished, picture):
    """A page with before and after of a picture of some size open, doubled."""

    def start(width: int, height: int, **context: Any) -> Any:
        page = visit(**context)
        page.set_input_files("#files", picture("a.png", width, height))
        finished(page)
        page.click(".row .compare")
        page.wait_for_selector("#compare[open]")
        page.wait_for_selector("#divider[aria-valuenow]")
        return page

    return start


def line(page: Any) -> int:
    return int(page.get_attribute("#divider", "aria-valuenow"))


def corner(page: Any) -> tuple[float, float]:
    box = page.evaluate(
        "(({ x, y }) => [x, y])(document.querySelector('#img-after').getBoundingClientRect())"
    )
    return tuple(box)


def test_one_pixel_of_the_result_is_one_of_the_screen(open_compare):
    page = open_compare(200, 100, device_scale_factor=2)
    size = "['#img-before', '#img-after'].map((i) => document.querySelector(i).getBoundingClientRect().width)"
    assert page.evaluate(size) == [200, 200]
    page.locator("[name=zoom][value='2']").check(force=True)
    assert page.evaluate(size) == [400, 400]
    assert page.inner_text("#chip-before") == "Before, 200 × 100"
    assert page.inner_text("#chip-after") == "After, 400 × 200"


def test_the_line_follows_keys(open_compare):
    page = open_compare(200, 100)
    assert page.evaluate("document.activeElement.id") == "divider"
    assert line(page) == 50
    page.keyboard.press("ArrowRight")
    assert line(page) == 52
    page.keyboard.press("Shift+ArrowLeft")
    assert line(page) == 42
    page.keyboard.press("Home")
    assert line(page) == 0
    page.keyboard.press("End")
    assert page.get_attribute("#divider", "aria-valuetext") == "100% before, 0% after"


def test_the_line_follows_the_mouse_and_cuts_both_pictures(open_compare):
    page = open_compare(200, 100)
    x, y = corner(page)
    page.mouse.move(x + 200, y + 100)
    page.mouse.down()
    page.mouse.move(x + 100, y + 150, steps=3)
    page.mouse.up()
    assert line(page) == 25
    box = page.evaluate("document.querySelector('#stage').getBoundingClientRect().x")
    cuts = page.evaluate(
        "['before', 'after'].map((i) => document.querySelector(`#layer-${i}`).style.clipPath)"
    )
    width = page.evaluate("document.querySelector('#stage').clientWidth")
    cut = round(x + 100 - box)
    assert cuts == [f"inset(0px {width - cut}px 0px 0px)", f"inset(0px 0px 0px {cut}px)"]
    page.mouse.move(x + 300, y)  # let go: nothing follows any more
    assert line(page) == 25


def test_a_large_picture_is_moved_by_mouse_wheel_keys_and_map(open_compare, becomes):
    page = open_compare(1000, 800)
    x, y = corner(page)
    page.mouse.move(200, 300)
    page.mouse.down()
    page.mouse.move(150, 280, steps=3)
    page.mouse.up()
    assert corner(page) == (x - 50, y - 20)
    assert line(page) == 50
    page.mouse.wheel(10, 30)
    becomes(page, lambda: corner(page), (x - 60, y - 50))
    page.focus("#stage")
    page.keyboard.press("ArrowRight")
    assert corner(page) == (x - 120, y - 50)
    shown = page.inner_text("#part")
    box = page.locator("#map").bounding_box()
    page.mouse.click(box["x"] + 1, box["y"] + 1)
    stage = page.locator("#stage").bounding_box()
    assert corner(page) == (stage["x"], stage["y"])
    assert shown == page.inner_text("#part") == "64% of its width, 44% of its height are shown"
    frame = page.evaluate("document.querySelector('#frame').style.cssText")
    assert "left: 0%; top: 0%; width: 64%" in frame


def test_the_line_follows_a_finger(open_compare):
    page = open_compare(160, 80, viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    box = page.locator(".knob").bounding_box()
    session = page.context.new_cdp_session(page)
    start = {"x": box["x"] + 22, "y": box["y"] + 22}
    touch = "Input.dispatchTouchEvent"
    session.send(touch, {"type": "touchStart", "touchPoints": [start]})
    session.send(touch, {"type": "touchMove", "touchPoints": [{**start, "x": start["x"] + 80}]})
    session.send(touch, {"type": "touchEnd", "touchPoints": []})
    assert line(page) == 75


def test_back_closes_the_comparison_and_not_the_page(open_compare):
    """It fills the window, so people with phones and mice go back from it."""
    page = open_compare(200, 100)
    here = page.url
    page.go_back()
    page.wait_for_selector("#compare", state="hidden")
    assert page.url == here and page.locator("[data-state=done]").count() == 1
    page.click(".row .compare")
    left = page.evaluate("""() => new Promise((done) => {
      addEventListener("popstate", () => done(history.state));
      setTimeout(done, 20000, "nothing");
      document.getElementById("compare-close").click();
    })""")
    assert left is None  # closed otherwise, it leaves no step behind
    assert page.is_hidden("#compare")


def test_the_page_stays_where_it_is_scrolled_to_right_after_the_comparison(visit, finished, picture):
    page = visit(viewport={"width": 800, "height": 400})
    page.set_input_files("#files", [picture(f"{i}.png") for i in range(12)])
    finished(page, 12)
    page.click(".row .compare")
    page.wait_for_selector("#compare[open]")
    seen = page.evaluate("""() => new Promise((done) => {
      const last = document.querySelector(".row:last-child");
      const seen = () => last.getBoundingClientRect().top < innerHeight;
      addEventListener("popstate", () => setTimeout(() => done([...before, seen()]), 300));
      const before = [seen()];
      document.getElementById("compare-close").click();
      last.scrollIntoView();
      before.push(seen());
    })""")
    assert seen == [False, True, True]


def test_a_picture_that_the_browser_cannot_show_is_said(visit, finished, picture):
    page = visit()
    page.set_input_files("#files", picture("a.png"))
    finished(page)
    page.evaluate("""() => {
      const src = Object.getOwnPropertyDescriptor(HTMLImageElement.prototype, "src");
      Object.defineProperty(HTMLImageElement.prototype, "src", { set() { src.set.call(this, "data:,x"); } });
    }""")
    page.click(".row .compare")
    page.wait_for_selector("#trouble:has-text('This browser cannot show pictures of this kind')")
    assert page.is_hidden("#divider")
    assert page.is_visible("#compare-save")
