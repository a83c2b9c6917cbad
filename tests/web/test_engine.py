"""The page's engine in a browser, against the package: the same pixels, and nothing left behind."""

from __future__ import annotations

import base64
import io
import itertools
import json
import os
import re
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import mssn
from mssn.models.info import list_models, photo_variant
from mssn.upscaling.files import upscale_bytes
from mssn.upscaling.jobs import Job

pytest.importorskip("onnxruntime")

TRIAL = Path(__file__).with_name("trial.mjs")
SCALES = {
    name: [row.scale for row in list_models() if row.model == name and row.weights]
    for name in ("mssn-s", "mssn-m", "mssn")
}
USUAL = {"model": "mssn-s", "scale": 2, "variant": "auto", "strength": None}
USUAL |= {"format": "png", "quality": None, "metadata": "keep"}


class Trial:
    """A page with an engine.

    Args:
        page: Playwright's, at the page of trial.mjs.
    """

    def __init__(self, page: Any) -> None:
        self.page = page

    def begin(self, spoiled: dict[str, str] | None = None, **options: Any) -> dict[str, Any]:
        """Start an engine; what it says of itself, or the code of its error."""
        return self.page.evaluate("([options, spoiled]) => begin(options, spoiled)", [options, spoiled or {}])

    def upscale(
        self, content: bytes, name: str = "a.png", cancel_after: int | None = None, **options: Any
    ) -> dict[str, Any]:
        """What becomes of a file: the engine's result and the shares that were told, or the error's code."""
        given = [name, base64.b64encode(content).decode(), {**USUAL, **options}, cancel_after]
        result = self.page.evaluate("(given) => upscale(...given)", given)
        if "blob" in result:
            result["blob"] = base64.b64decode(result["blob"])
        return result

    def enlarged(self, picture: np.ndarray, **options: Any) -> np.ndarray:
        """The pixels that those of a PNG become."""
        result = self.upscale(png(picture), **options)
        assert "blob" in result, result
        return pixels(result["blob"])

    def has_workers(self, pictures: int = 0, networks: int = 0) -> bool:
        """Whether there are so many workers for pictures and for networks, before long."""
        for _ in range(600):
            urls = " ".join(worker.url for worker in self.page.workers)
            if (urls.count("/worker."), urls.count("/network.")) == (pictures, networks):
                return True
            self.page.wait_for_timeout(50)
        return False


@pytest.fixture(scope="module")
def host(site: Path, node: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site and, beside it, the page that tries its engine."""
    out = tmp_path_factory.mktemp("trial")
    files = [path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()]
    names = {re.sub(r"\.[0-9a-f]{12}(?=\.)", "", file): file for file in files}
    bundle = f"""
        import {{ build }} from "esbuild";
        await build({{
          entryPoints: [{json.dumps(str(TRIAL))}], bundle: true, format: "esm", outfile: process.argv[2],
          define: {{ NAMES: {json.dumps(json.dumps(names))} }},
        }});
    """
    node(bundle, out / "trial.js")
    (out / "trial.html").write_text('<!doctype html><script type="module" src="trial.js"></script>')
    for file in site.iterdir():
        (out / file.name).symlink_to(file)
    return out


@pytest.fixture
def trial(page: Any, host: Path, serve: Callable[..., Any]) -> Trial:
    page.goto(serve(host).url + "trial.html")
    page.wait_for_function("window.upscale")
    return Trial(page)


def pixels(file: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(file)))


def png(picture: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "png")
    return file.getvalue()


def drawn(height: int, width: int, channels: int = 3) -> np.ndarray:
    """Slopes, lines and flat areas in colour, grey, black and white; a 4th channel is transparency."""
    y, x = np.mgrid[:height, :width]
    rgb = np.stack([128 + 100 * np.sin(x / 5 + y / 9), 6 * y % 256, 255 - 2 * x - 3 * y], axis=2)
    rgb = rgb.clip(0, 255).astype(np.uint8)
    rgb[(x // 3 + y // 4) % 5 == 0] = (200, 30, 90)
    rgb[height // 2 :, : width // 3] = 255
    if channels == 1:
        return rgb[:, :, 1]
    alpha = (abs(x - width // 2) * 12 % 256 * (y > height // 4)).astype(np.uint8)
    return rgb if channels == 3 else np.dstack([rgb, alpha])


def expected(picture: np.ndarray, **options: Any) -> np.ndarray:
    """What the package makes of it."""
    options = {"model": "mssn-s", "scale": 2, **options}
    return mssn.load(**options, runtime="onnxruntime", precision="fp32")(picture)


def assert_equal(found: np.ndarray, right: np.ndarray, most: int = 1) -> None:
    """No level differs by more, and hardly any at all: additions in another order."""
    assert found.shape == right.shape
    difference = np.abs(found.astype(int) - right)
    assert difference.max() <= most
    assert np.count_nonzero(difference) <= max(1, difference.size // 500)


def test_the_first_answer_is_known_and_the_models_are_those_that_ship(trial: Trial) -> None:
    about = trial.begin(cores=1)
    assert {model["name"]: model["scales"] for model in about["models"]} == {**SCALES, "bicubic": []}
    assert about["kind"] == "browser"
    for model in about["models"][:-1]:
        photo = [row for row in list_models() if row.model == photo_variant(model["name"]) and row.weights]
        assert model["photo"] == [row.scale for row in photo]
        assert model["told"] == [row.scale for row in photo if row.told]
    picture = drawn(40, 48)
    assert_equal(trial.enlarged(picture, variant="clean"), expected(picture, variant="clean"))


def test_a_backend_whose_numbers_are_wrong_is_not_used(trial: Trial) -> None:
    assert trial.begin({"models/answer.bin": "wrong"}, cores=1) == {"code": "unsupported"}
    assert trial.has_workers()


@pytest.mark.parametrize("model", SCALES)
def test_every_network_makes_the_package_s_pixels(trial: Trial, model: str) -> None:
    trial.begin(cores=2)
    picture = drawn(40, 48)
    for scale, variant in itertools.product(SCALES[model], ["clean", "photo"]):
        options = {"model": model, "scale": scale, "variant": variant}
        assert_equal(trial.enlarged(picture, **options), expected(picture, **options))


def test_every_strength_and_every_scale(trial: Trial) -> None:
    trial.begin(cores=2)
    picture = drawn(40, 48, 4)
    for strength in (0, 0.05, 0.37, 1):
        assert_equal(trial.enlarged(picture, strength=strength), expected(picture, strength=strength))
    for scale in (1.5, 2.5, 0.5, 1, 0.01):
        assert_equal(trial.enlarged(picture, scale=scale), expected(picture, scale=scale))
    for scale in (5, 6.3):  # by two networks: a level of the first makes two of the second, here and there
        assert_equal(trial.enlarged(picture, scale=scale), expected(picture, scale=scale), most=3)
    for scale in (2, 2.5, 0.3):
        options = {"model": "bicubic", "scale": scale}
        assert_equal(trial.enlarged(picture, **options), expected(picture, **options))


def test_every_size_with_and_without_colour_and_transparency(trial: Trial) -> None:
    trial.begin(cores=1)
    for size in [(1, 1), (1, 7), (7, 1), (3, 200), (319, 320), (320, 321), (327, 329), (131, 333)]:
        for channels in (3, 1, 4):
            picture = drawn(*size, channels)
            assert_equal(trial.enlarged(picture, variant="clean"), expected(picture, variant="clean"))


def test_tiles_of_any_size_make_the_same_picture(trial: Trial) -> None:
    picture = drawn(140, 230, 4)
    right, counts = expected(picture), list[int]()
    for cores in (1, 2, 8):  # the more workers, the smaller the tiles
        trial.begin(cores=cores)
        result = trial.upscale(png(picture))
        assert_equal(pixels(result["blob"]), right)
        assert trial.has_workers(networks=cores)
        counts.append(len(result["shares"]))
    assert counts[0] < counts[1] < counts[2]


def test_a_jpeg_takes_the_strength_of_its_quality(trial: Trial) -> None:
    trial.begin(cores=1)
    file = io.BytesIO()
    Image.fromarray(drawn(40, 48)).save(file, "jpeg", quality=60)
    result = trial.upscale(file.getvalue(), "Grüße 1.jpg")
    upscaler = mssn.load("mssn-s", runtime="onnxruntime", precision="fp32")
    right, _ = upscale_bytes(upscaler, file.getvalue(), Job(Path("a.jpg"), Path("a.png")))
    assert (result["name"], result["type"]) == ("Grüße 1_x2.png", "image/png")
    assert result["strength"] == pytest.approx(0.8)
    assert result["model"] == "mssn-s-photo"
    assert (result["before"], result["after"]) == ({"width": 48, "height": 40}, {"width": 96, "height": 80})
    assert_equal(pixels(result["blob"]), pixels(right))


def test_black_and_white_stays_so(trial: Trial) -> None:
    trial.begin(cores=1)
    file = io.BytesIO()
    Image.fromarray(drawn(40, 48)).convert("1").save(file, "png")
    result = Image.open(io.BytesIO(trial.upscale(file.getvalue())["blob"]))
    assert result.mode == "1"
    assert set(np.unique(np.asarray(result))) == {False, True}


def test_cancelled_work_ends_and_the_next_picture_is_right(trial: Trial) -> None:
    trial.begin(cores=2)
    large, small = drawn(300, 300), drawn(40, 48)
    assert trial.upscale(png(large), cancel_after=1)["code"] == "cancelled"
    assert trial.has_workers()  # whatever they did
    assert trial.upscale(png(large), cancel_after=0)["code"] == "cancelled"
    assert_equal(trial.enlarged(small), expected(small))


def test_pictures_wait_for_each_other_and_may_be_cancelled_while_they_do(trial: Trial) -> None:
    trial.begin(cores=1)
    pictures = [drawn(40, 48), drawn(200, 200), drawn(33, 21)]
    given = [["a.png", base64.b64encode(png(picture)).decode(), USUAL, None] for picture in pictures]
    given[1][3] = 0
    results = trial.page.evaluate("(all) => Promise.all(all.map((given) => upscale(...given)))", given)
    assert results[1]["code"] == "cancelled"
    for number in (0, 2):
        assert_equal(pixels(base64.b64decode(results[number]["blob"])), expected(pictures[number]))


def test_nothing_is_kept_but_what_runs_networks(trial: Trial) -> None:
    trial.begin(cores=2)
    for _ in range(2):
        assert trial.upscale(png(drawn(20, 20)))["shares"][-1] == 1
        assert trial.has_workers(networks=2)
    trial.page.evaluate("engine.close()")
    assert trial.has_workers()
    assert trial.upscale(png(drawn(20, 20)))["code"] == "gone"


def test_what_cannot_be_done_is_said_by_its_code(trial: Trial) -> None:
    trial.begin({"models/mssn-m-x2.onnx": "missing", "models/mssn-m-x3.onnx": "wrong"}, cores=1)
    small = png(drawn(20, 20))
    head = b"IHDR" + (20_000).to_bytes(4, "big") * 2 + small[24:29]
    huge = small[:12] + head + zlib.crc32(head).to_bytes(4, "big") + small[33:]
    assert trial.upscale(b"no picture at all")["code"] == "not-a-picture"
    refused = trial.upscale(huge, scale=16)
    assert refused["code"] == "too-large"
    assert "20000 x 20000 pixels are more than the 2.1 million that fit here at this factor" in str(refused)
    assert trial.upscale(small, model="mssn-m", variant="clean")["code"] == "offline"
    assert trial.upscale(small, model="mssn-m", variant="clean", scale=3)["code"] == "failed"
    contradiction = {"variant": "photo", "strength": 0}
    wrong: list[dict[str, Any]] = [
        {"model": "x"},
        {"scale": 0},
        {"scale": 17},
        {"strength": 2},
        contradiction,
    ]
    for options in wrong:
        assert trial.upscale(small, **options)["code"] == "failed"
    assert "blob" in trial.upscale(small)


def test_a_server_that_is_gone_is_said_so(trial: Trial) -> None:
    trial.begin({"worker.js": "missing"}, cores=1)
    assert trial.upscale(png(drawn(20, 20)))["code"] == "offline"


@pytest.fixture
def memory(chromium: Any) -> Iterator[Callable[[], int]]:
    """Bytes that the browser's pages hold, as Linux tells."""
    session = chromium.new_browser_cdp_session()

    def held() -> int:
        found = session.send("SystemInfo.getProcessInfo")["processInfo"]
        pages = [Path(f"/proc/{one['id']}/statm").read_text() for one in found if one["type"] == "renderer"]
        return sum(int(page.split()[1]) for page in pages) * os.sysconf("SC_PAGE_SIZE")

    yield held
    session.detach()


def test_forty_pictures_take_no_more_memory_than_three(trial: Trial, memory: Callable[[], int]) -> None:
    trial.begin(cores=1)
    picture, held = png(drawn(300, 400)), list[int]()
    for _ in range(40):
        assert "blob" in trial.upscale(picture, model="bicubic", scale=4, format="jpeg")
        held.append(memory())
    # What was let go is collected when the browser likes, so peaks vary; a picture kept each time would show
    # as 240 MB in the least of the last ten, too.
    assert min(held[-10:]) <= 1.2 * max(held[:3]), held
