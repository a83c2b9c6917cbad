"""Options reach the engine and are remembered here alone; words and names are right."""

from __future__ import annotations

from typing import Any

import pytest

STANDARD = {
    "model": "mssn-s",
    "scale": 2,
    "variant": "auto",
    "strength": None,
    "format": "same",
    "quality": None,
    "metadata": "keep",
}


def choose(page: Any, name: str, value: str) -> None:
    page.check(f"[name={name}][value='{value}']", force=True)


def test_options_reach_the_engine_and_are_remembered(visit, finished, picture):
    page = visit()
    page.set_input_files("#files", picture("a.png"))
    finished(page)
    assert page.evaluate("asked[0].options") == STANDARD
    assert page.is_hidden("#again-all")
    choose(page, "model", "mssn")
    choose(page, "scale", "own")
    page.fill("#factor", "1,5")
    choose(page, "clean", "own")
    page.fill("#strength", "70")
    page.select_option("#format", "webp")
    choose(page, "compress", "own")
    page.fill("#quality", "33")
    page.uncheck("[name=metadata]")
    page.click("#again-all")
    page.wait_for_selector(".row .save:visible")
    wanted = {
        "model": "mssn",
        "scale": 1.5,
        "variant": "auto",
        "strength": 0.7,
        "format": "webp",
        "quality": 33,
        "metadata": "strip",
    }
    assert page.evaluate("asked[1].options") == wanted
    page.reload()
    page.wait_for_selector("#privacy:not([hidden])")
    page.set_input_files("#files", picture("b.png"))
    finished(page)
    assert page.evaluate("asked[0].options") == wanted
    assert page.evaluate("[Object.keys(localStorage), document.cookie, sessionStorage.length]") == [
        ["mssn.options"],
        "",
        0,
    ]


def test_off_means_clean_weights_and_png_has_no_quality(visit, finished, picture):
    page = visit()
    choose(page, "clean", "off")
    choose(page, "compress", "own")
    page.select_option("#format", "png")
    assert page.is_hidden("#quality")
    page.set_input_files("#files", picture("a.jpg"))
    finished(page)
    wanted = {**STANDARD, "variant": "clean", "format": "png"}
    assert page.evaluate("asked[0].options") == wanted


def test_what_is_no_network_has_no_dial(visit, finished, picture):
    """The app and the site refuse a strength for bicubic, as the command line does."""
    page = visit()
    choose(page, "clean", "own")
    assert page.is_visible("#strength")
    choose(page, "model", "bicubic")
    assert page.is_hidden("[name=clean]") and page.is_hidden("#strength")
    assert "clean-up" not in page.inner_text("#short")
    page.set_input_files("#files", picture("a.jpg"))
    finished(page)
    assert page.evaluate("asked[0].options") == {**STANDARD, "model": "bicubic"}
    choose(page, "model", "mssn-s")
    assert page.is_visible("#strength")


def test_a_wrong_factor_is_said_and_the_last_right_one_holds(visit, finished, picture):
    page = visit()
    choose(page, "scale", "own")
    page.fill("#factor", "3.5")
    page.fill("#factor", "17")
    assert page.inner_text("#factor-wrong") == "A number above 0, up to 16; until then it is 3.5×"
    assert page.get_attribute("#factor", "aria-invalid") == "true"
    page.set_input_files("#files", picture("a.png"))
    finished(page)
    assert page.evaluate("asked[0].options.scale") == 3.5
    page.fill("#factor", "2.5")
    assert page.inner_text("#factor-wrong") == ""


@pytest.mark.parametrize("stored", ["{", "null", "[]", '{"scale": 7, "model": "gone", "format": "exe"}'])
def test_what_was_remembered_wrongly_does_no_harm(visit, finished, picture, stored):
    page = visit()
    page.evaluate("(text) => (localStorage['mssn.options'] = text)", stored)
    page.reload()
    page.wait_for_selector("#privacy:not([hidden])")
    page.set_input_files("#files", picture("a.png"))
    finished(page)
    assert page.evaluate("asked[0].options") == STANDARD


def test_where_pictures_go_and_what_enlarges_them_is_told_truly(visit):
    page = visit()
    assert page_says(page) == (
        "Your pictures never leave this device "
        "This page computes in your browser, and sends nothing anywhere."
    )
    assert page.inner_text("#machine") == "Computed in this browser on 4 cores"
    assert page.inner_text("#drop-title") == "Drop pictures here"
    page = visit({"kind": "server"})
    assert page.inner_text("#machine") == "Computed by the app on 4 cores"
    assert page.inner_text("#drop-title") == "Drop pictures or films here"
    assert page_says(page).startswith("Your pictures and films never leave this device The app on this")
    told = page.evaluate("""import('./texts.js').then(({ privacy }) =>
      privacy({ kind: 'server', films: false }, 'nas.local'))""")
    assert told[0] == "Your pictures go to nas.local"


def page_says(page: Any) -> str:
    return " ".join(page.inner_text("#privacy").split())


def test_all_words_are_in_one_file(visit, folder):
    page = visit({"start": "later"})
    words = page.evaluate("""async () => {
      const html = await (await fetch("index.html")).text();
      const { body } = new DOMParser().parseFromString(html, "text/html");
      body.querySelectorAll("noscript, script").forEach((element) => element.remove());
      return body.textContent.match(/[A-Za-z]{2,}/g);
    }""")
    assert words == ["mssn"]
    fixed = page.evaluate("import('./texts.js').then(({ fixed }) => Object.keys(fixed))")
    code = "".join(path.read_text() for path in folder.glob("*") if path.suffix in (".js", ".html"))
    assert [key for key in fixed if code.count(key) < 2] == []


def test_names_are_told_apart(visit):
    page = visit()
    names = ["a.png", "A.png", "a (2).png", "a.png", "b/a.png", "Mu\u0308.png", "M\u00fc.png", "x", "x"]
    told = page.evaluate("(n) => import('./save.js').then(({ toldApart }) => toldApart(n))", names)
    assert told[:4] == ["a.png", "A (3).png", "a (2).png", "a (4).png"]
    assert told[4:] == ["b/a.png", "Mu\u0308.png", "M\u00fc (2).png", "x", "x (2)"]


def test_factors_are_read(visit):
    page = visit()
    texts = ["2", "2,5", ".5", " 16 ", "0", "16.1", "1e1", "", "x"]
    told = page.evaluate("(texts) => import('./options.js').then((o) => texts.map(o.factorOf))", texts)
    assert told == [2, 2.5, 0.5, 16, None, None, None, None, None]


def test_a_small_factor_is_not_shown_as_nothing(visit):
    page = visit()
    told = page.evaluate('import("./texts.js").then(({ times }) => [0.0001, 1.2345, 2.5, 16].map(times))')
    assert told == ["0.0001×", "1.235×", "2.5×", "16×"]


def test_numbers_are_written_plainly(visit):
    page = visit()
    told = page.evaluate("""import("./texts.js").then(({ bytes, duration }) => [
      bytes(1), bytes(999), bytes(190549), bytes(48e6), duration(0.01), duration(0.44), duration(59.7),
      duration(75), duration(180), duration(7200), duration(7260),
    ])""")
    wanted = [
        "1 byte",
        "999 bytes",
        "191 kB",
        "48 MB",
        "0.1 s",
        "0.4 s",
        "1 min",
        "1 min 15 s",
        "3 min",
        "2 h",
        "2 h 1 min",
    ]
    assert told == wanted
