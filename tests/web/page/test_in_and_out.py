"""Pictures come in by all ways, are enlarged in their order, and go out under their names."""

from __future__ import annotations

import base64
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image


def names(page: Any) -> list[str]:
    return page.locator(".row .name").evaluate_all("rows => rows.map((row) => row.title)")


def drop(page: Any, *paths: str) -> None:
    """What the system does when files and folders are let go above the window."""
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": list(paths), "dragOperationsMask": 1}
    page.evaluate("addEventListener('drop', () => { window.fell = true; }, { capture: true, once: true })")
    for _ in range(20):  # until the page's answer to what hangs there has come; else the drop is refused
        for kind in ("dragEnter", "dragOver", "dragOver"):
            session.send("Input.dispatchDragEvent", {"type": kind, "x": 400, "y": 300, "data": data})
            page.wait_for_timeout(50)
        assert "over" in page.evaluate("document.body.className").split()
        session.send("Input.dispatchDragEvent", {"type": "drop", "x": 400, "y": 300, "data": data})
        page.wait_for_timeout(100)
        if page.evaluate("window.fell"):
            return
    raise AssertionError("the drop never came")


def downloaded(page: Any, button: str) -> tuple[str, bytes]:
    with page.expect_download() as waiting:
        page.click(button)
    return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()


def test_a_chosen_picture_is_enlarged_and_downloaded_under_its_name(visit, finished, picture):
    page = visit()
    page.set_input_files("#files", picture("Küche – 東京.png"))
    finished(page)
    name, data = downloaded(page, ".row .save")
    assert name == "Küche – 東京_x2.png"
    made = page.evaluate("made[0].arrayBuffer().then((b) => btoa(String.fromCharCode(...new Uint8Array(b))))")
    assert data == base64.b64decode(made)
    assert Image.open(io.BytesIO(data)).size == (96, 80)
    facts = page.inner_text(".facts")
    assert "48 × 40 to 96 × 80" in facts
    assert "mssn-s-photo, clean-up 65%" in facts


def test_folders_are_dropped_whole_and_what_is_no_picture_is_named(visit, finished, picture, tmp_path):
    for name in ("a10.png", "a2.png", "sea/Möwe.jpg"):
        picture(f"holiday/{name}")
    (tmp_path / "holiday" / "notes.txt").write_text("no picture")
    page = visit()
    drop(page, str(tmp_path / "holiday"), picture("alone.png"))
    finished(page)
    assert names(page) == ["holiday/a2.png", "holiday/a10.png", "holiday/sea/Möwe.jpg", "alone.png"]
    assert page.inner_text("#passed-text") == "Passed over, not a picture: holiday/notes.txt"
    assert page.evaluate("asked.map(({ name }) => name)") == ["a2.png", "a10.png", "Möwe.jpg", "alone.png"]
    _, data = downloaded(page, "#zip-all")
    packed = ["holiday/a2_x2.png", "holiday/a10_x2.png", "holiday/sea/Möwe_x2.jpg", "alone_x2.png"]
    assert zipfile.ZipFile(io.BytesIO(data)).namelist() == packed


def test_a_file_whose_name_does_not_say_what_it_is_is_tried(visit, finished, picture, tmp_path):
    """Alone; in folders such files are passed over, because most of them are something else."""
    named = Path(picture("holiday/a.png"))
    for name in ("IMG_1", "photo.jpg_large"):
        (tmp_path / name).write_bytes(named.read_bytes())
    (tmp_path / "holiday" / "IMG_2").write_bytes(named.read_bytes())
    page = visit()
    drop(page, str(tmp_path / "IMG_1"), str(tmp_path / "photo.jpg_large"), str(tmp_path / "holiday"))
    finished(page, 3)
    assert names(page) == ["IMG_1", "photo.jpg_large", "holiday/a.png"]
    assert page.locator("[data-state=done]").count() == 3
    assert page.inner_text("#passed-text") == "Passed over, not a picture: holiday/IMG_2"


def test_what_failed_and_what_was_cancelled_is_counted(visit, finished, picture, becomes):
    page = visit()
    page.set_input_files("#files", [picture("1 broken.png"), picture("2 odd.png"), picture("3 slow.png")])
    page.set_input_files("#files", picture("4.png"))
    page.wait_for_selector(".row:nth-child(3)[data-state=working]")
    page.click(".row:nth-child(3) .cancel")
    finished(page, 4)
    heading = "1 of 4 pictures done, 2 failed, 1 cancelled"
    becomes(page, lambda: " ".join(page.inner_text("#pictures-title").split()), heading)


def test_a_picture_is_pasted(visit, finished):
    page = visit()
    page.evaluate("""async () => {
      const canvas = Object.assign(document.createElement("canvas"), { width: 30, height: 20 });
      const blob = await new Promise((resolve) => canvas.toBlob(resolve));
      const transfer = new DataTransfer();
      transfer.items.add(new File([blob], "image.png", { type: "image/png" }));
      document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true }));
    }""")
    finished(page)
    assert names(page) == ["pasted.png"]


def test_a_zip_holds_every_result_and_tells_equal_names_apart(visit, finished, picture):
    page = visit()
    for name in ("one/Bär.png", "two/Bär.png", "three/bär.png"):
        page.set_input_files("#files", picture(name))
    finished(page, 3)
    name, data = downloaded(page, "#zip-all")
    packed = zipfile.ZipFile(io.BytesIO(data))
    assert name == "enlarged.zip"
    assert packed.namelist() == ["Bär_x2.png", "Bär_x2 (2).png", "bär_x2 (3).png"]
    assert packed.testzip() is None
    assert [Image.open(packed.open(one)).size for one in packed.namelist()] == [(96, 80)] * 3


def test_what_works_is_cancelled_at_once_and_the_next_begins(visit, finished, picture):
    page = visit()
    page.set_input_files("#files", [picture("1 slow.png"), picture("2.png")])
    page.wait_for_selector("[data-state=working]")
    state = page.evaluate("""() => {
      document.querySelector(".row[data-state=working] .cancel").click();
      return document.querySelector(".row").dataset.state;
    }""")
    assert state == "cancelled"
    page.wait_for_selector(".row:last-child[data-state=done]")
    assert page.evaluate("asked[0].steps") < 30  # the engine stopped in the middle
    page.click(".row:first-child .retry")
    finished(page, 2)
    assert page.evaluate("asked.map(({ name }) => name)") == ["1 slow.png", "2.png", "1 slow.png"]


def test_all_are_cancelled_and_removed(visit, picture):
    page = visit()
    page.set_input_files("#files", [picture("slow.png"), picture("t.png"), picture("u.png")])
    page.wait_for_selector("[data-state=working]")
    page.click("#cancel-all")
    assert page.locator("[data-state=cancelled]").count() == 3
    page.click("#remove-all")
    assert page.locator(".row").count() == 0
    assert page.evaluate("document.activeElement.id") == "choose"
    page.wait_for_timeout(300)
    assert page.evaluate("asked.length") == 1


@pytest.mark.parametrize(
    ("name", "words", "again"),
    [
        ("broken.png", "This file is not a picture that can be read.", False),
        ("odd.png", "Pictures of this kind cannot be read here.", False),
        ("huge.png", "This picture is too large to be enlarged here.", True),
        ("busy.png", "Too many pictures are waiting. Try again in a moment.", True),
        ("bug.png", "Something went wrong.", True),
    ],
)
def test_errors_are_told_in_words_and_tried_again_if_that_helps(visit, finished, picture, name, words, again):
    page = visit({"failures": "1"})
    page.set_input_files("#files", [picture(name), picture("z.png")])
    finished(page)
    assert page.inner_text(".row:first-child .facts") == words
    assert ("A bug" if name == "bug.png" else "on demand") in page.inner_text(".row:first-child .notes")
    assert page.is_visible(".row:first-child .retry") == again
    if again:
        page.click(".row:first-child .retry")
        page.wait_for_selector(".row:first-child[data-state=done]")


def test_a_file_that_is_gone_is_no_engine_that_is_gone(visit, finished, picture):
    page = visit({"kind": "server"})
    gone = picture("b.png")
    page.set_input_files("#files", [picture("a slow.png"), gone])
    page.wait_for_selector(".row:last-child .thumb img")  # afterwards nobody looks but the engine
    Path(gone).unlink()
    finished(page, 2)
    words = "This file was changed, moved or deleted, or may not be read. Choose it again."
    assert page.inner_text(".row:last-child .facts") == words
    assert page.inner_text(".row:last-child .notes") == ""
    assert page.is_hidden(".row:last-child .retry")
    assert page.is_hidden("#banner")


def test_films_are_for_the_app(visit, finished, picture, becomes, tmp_path):
    """The page in the browser says who enlarges them; in the app, words are of films, too."""
    (tmp_path / "film.mp4").write_bytes(b"no picture")
    (tmp_path / "notes.txt").write_text("no picture")
    for kind in ("browser", "server"):
        page = visit({"kind": kind})
        page.set_input_files("#files", [tmp_path / "film.mp4", tmp_path / "notes.txt", picture("a.png")])
        finished(page, 1 if kind == "browser" else 2)
        told = page.locator("#choose, #passed-text, #count").all_inner_texts
        if kind == "browser":
            others = 'Films are enlarged by the app: install mssn on a computer, and run "mssn app".'
            passed = f"Passed over, not pictures: film.mp4, notes.txt. {others}"
            becomes(page, told, ["Choose pictures", passed, "1 picture"])
            continue
        passed = "Passed over, not a picture or film: notes.txt"
        becomes(page, told, ["Choose pictures or films", passed, "1 of 2 pictures and films"])
        assert page.inner_text(".row:last-child .facts") == "This film cannot be read."
        page.click(".row:first-child .remove")
        becomes(page, page.locator("#count").inner_text, "0 of 1 film")


def test_a_film_that_came_before_the_engine_is_for_the_app_too(visit, finished, picture, tmp_path):
    (tmp_path / "film.mp4").write_bytes(b"no picture")
    (tmp_path / "notes.txt").write_text("no picture")
    for kind in ("browser", "server"):
        page = visit({"kind": kind, "late": "1"})
        page.set_input_files("#files", [tmp_path / "film.mp4", tmp_path / "notes.txt", picture("a.png")])
        page.wait_for_selector(".row:nth-child(2)")
        assert page.inner_text("#passed-text") == "Passed over, not a picture: notes.txt"
        page.evaluate("dispatchEvent(new Event('engine'))")
        finished(page, 1 if kind == "browser" else 2)
        if kind == "browser":
            assert names(page) == ["a.png"]
            told = page.inner_text("#passed-text")
            assert told.startswith(
                "Passed over, not pictures: notes.txt, film.mp4. Films are enlarged by the app"
            )
        else:
            assert names(page) == ["a.png", "film.mp4"]


def test_what_holds_no_file_is_said(visit):
    """A link from another page, text from the clipboard, an empty folder."""
    words = "There is no file in that. Save the picture as a file, then choose or drop it."
    page = visit()
    told = page.evaluate("""(words) => {
      const link = new DataTransfer(), text = new DataTransfer(), told = [];
      link.setData("text/uri-list", "https://example.org/photo.jpg");
      text.setData("text/plain", "https://example.org/photo.jpg");
      const drop = new DragEvent("drop", { dataTransfer: link, bubbles: true, cancelable: true });
      document.body.dispatchEvent(drop);
      told.push(drop.defaultPrevented); // the browser would go there
      const paste = (at) => {
        const event = new ClipboardEvent("paste", { clipboardData: text, bubbles: true, cancelable: true });
        at.dispatchEvent(event);
        told.push(event.defaultPrevented);
      };
      paste(document.body);
      paste(document.getElementById("factor")); // text belongs there
      return told;
    }""")
    assert told == [True, True, False]
    assert page.inner_text("#passed-text") == words
    page.click("#passed-close")
    page.evaluate("""() => {
      const text = new DataTransfer();
      text.setData("text/plain", "2,5");
      document.getElementById("factor").dispatchEvent(
        new ClipboardEvent("paste", { clipboardData: text, bubbles: true, cancelable: true }));
    }""")
    assert page.is_hidden("#passed")


def test_a_line_of_what_is_passed_over_is_no_taller_than_its_words(visit, picture, tmp_path):
    """And goes with the list that it was about."""
    (tmp_path / "notes.txt").write_text("no picture")
    page = visit()
    page.set_input_files("#files", tmp_path / "notes.txt")
    page.wait_for_selector("#passed:not([hidden])")
    height = page.evaluate("document.getElementById('passed').offsetHeight")
    assert height <= 60
    page.set_input_files("#files", [tmp_path / "notes.txt", picture("a.png")])
    page.wait_for_selector(".row")
    page.click("#remove-all")
    assert page.is_hidden("#passed")


def test_all_that_were_cancelled_are_begun_again_together(visit, finished, picture):
    page = visit()
    page.set_input_files("#files", [picture("1 broken.png"), picture("2.png")])
    finished(page, 2)
    page.set_input_files("#files", [picture("3 slow.png"), picture("4.png"), picture("5.png")])
    page.wait_for_selector("[data-state=working]")
    assert page.is_hidden("#retry-all")
    page.click("#cancel-all")
    page.click("#retry-all")
    assert page.evaluate("document.activeElement.id") == "pictures-title"
    finished(page, 5)
    assert page.evaluate("asked.map(({ name }) => name[0]).join('')") == "123345"
    assert page.is_hidden("#retry-all")  # what is broken stays so


def test_without_an_engine_the_rest_waits_until_it_is_back(visit, picture):
    page = visit({"failures": "1", "kind": "server"})
    page.set_input_files("#files", [picture("1 gone.png"), picture("2.png")])
    page.wait_for_selector("#banner:not([hidden])")
    assert "Start mssn again" in page.inner_text("#banner")
    assert page.locator("[data-state=waiting]").count() == 1
    page.click("#go-on")
    page.wait_for_selector(".row:last-child[data-state=done]")
    assert page.locator("[data-state=done]").count() == 2
    assert page.is_hidden("#banner")


def test_an_engine_that_does_not_start_is_told_and_started_again(visit):
    page = visit({"start": "kernels.wasm"})
    page.wait_for_selector("#banner:not([hidden])")
    words = "The page could not get ready. What this needs is not stored here yet."
    assert page.inner_text("#banner-text").startswith(words)
    page.evaluate("history.replaceState(null, '', '?')")  # the engine's excuse is gone
    page.click("#go-on")
    page.wait_for_selector("#privacy:not([hidden])")
    assert page.is_hidden("#banner")


def test_leaving_asks_only_while_something_would_be_lost(visit, finished, picture, becomes):
    page = visit()

    def asks() -> bool:
        return not page.evaluate("window.dispatchEvent(new Event('beforeunload', { cancelable: true }))")

    assert not asks()
    page.set_input_files("#files", picture("slow.png"))
    page.wait_for_selector("[data-state=working]")
    becomes(page, asks, True)
    page.click("#cancel-all")
    becomes(page, asks, False)
    page.click("#remove-all")
    page.set_input_files("#files", picture("a.png"))
    finished(page)
    becomes(page, asks, True)
    downloaded(page, ".row .save")
    becomes(page, asks, False)


def test_nothing_is_held_that_is_not_needed(visit, finished, picture, becomes):
    page = visit(clock=True)
    page.set_input_files("#files", [picture(f"{i}.png") for i in range(12)])
    finished(page, 12)
    downloaded(page, ".row .save")
    page.click(".row .compare")
    page.wait_for_selector("#compare[open]")
    assert page.evaluate("alive.size") >= 2
    page.keyboard.press("Escape")
    page.evaluate("document.querySelector('.row:last-child').scrollIntoView()")
    page.wait_for_selector(".row:last-child .thumb img")
    page.clock.fast_forward(61_000)
    becomes(page, lambda: page.evaluate("alive.size"), 0)
    assert page.locator("canvas").count() == 0
    assert page.evaluate("document.querySelector('.thumb img').naturalWidth") <= 192


def test_small_pictures_stand_upright_and_say_their_size_beforehand(visit, tmp_path):
    turned = Image.new("RGB", (300, 100), "red")
    turned.paste("blue", (0, 0, 150, 100))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by a quarter: blue comes up
    turned.save(tmp_path / "turned.jpg", exif=exif)
    turned.save(tmp_path / "slow.jpg")
    page = visit()
    page.set_input_files("#files", [tmp_path / "slow.jpg", tmp_path / "turned.jpg"])
    page.wait_for_selector(".row:last-child .thumb img")
    assert page.inner_text(".row:last-child .facts").split("\n")[-1] == "100 × 300 to 200 × 600"
    pixels = page.evaluate("""async () => {
      const image = document.querySelector(".row:last-child .thumb img");
      await image.decode();
      const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
      const context = canvas.getContext("2d", { willReadFrequently: true });
      context.drawImage(image, 0, 0);
      const at = (y) => [...context.getImageData(canvas.width / 2, y * canvas.height, 1, 1).data];
      return { width: canvas.width, height: canvas.height, top: at(0.2), bottom: at(0.8) };
    }""")
    assert (pixels["width"], pixels["height"]) == (100, 300)
    assert pixels["top"][2] > 200 > 50 > pixels["top"][0]
    assert pixels["bottom"][0] > 200 > 50 > pixels["bottom"][2]
