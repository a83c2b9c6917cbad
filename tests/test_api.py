"""What `import mssn` offers."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import mssn
from mssn import api
from mssn.errors import CancelledError, ImageError, MssnError, UnknownModelError
from mssn.image.picture import Picture
from mssn.image.read import read
from mssn.image.write import write


def model(exported: Path) -> Path:
    return exported / "mssn-s-x2.onnx"


def test_public_names() -> None:
    assert set(mssn.__all__) == {
        "ModelInfo",
        "MssnError",
        "Upscaler",
        "__version__",
        "list_models",
        "load",
        "upscale",
    }
    for name in mssn.__all__:
        assert getattr(mssn, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        mssn.nothing  # noqa: B018
    assert issubclass(UnknownModelError, MssnError)


def test_load_gives_what_is_called_with_an_array(photo) -> None:
    upscaler = mssn.load("mssn-s", scale=2)
    large = upscaler(photo)
    assert (large.shape, large.dtype) == ((192, 224, 3), np.uint8)
    assert upscaler.scale == 2


def test_16_bit_pictures_are_computed_in_full_precision(exported, photo) -> None:
    deep = photo.astype(np.uint16) * 257
    auto, exact = (mssn.load(model(exported), precision=precision) for precision in ("auto", "fp32"))
    assert np.array_equal(auto(deep), exact(deep))


def test_array_in_array_out(exported, photo) -> None:
    large = mssn.upscale(photo, scale=2, model=model(exported))
    assert isinstance(large, np.ndarray)
    assert np.array_equal(large, mssn.load(model(exported))(photo))


def test_cancelled_leaves_nothing(exported, photo, tmp_path) -> None:
    source = tmp_path / "a.png"
    write(source, Picture(photo.repeat(8, axis=0).repeat(8, axis=1)))
    with pytest.raises(CancelledError):
        mssn.upscale(source, 2, model=model(exported), progress=lambda share: share > 0.9)
    assert list(tmp_path.iterdir()) == [source]


def test_threads_share_one(exported, photo) -> None:
    upscaler = mssn.load(model(exported))
    pictures = [np.roll(photo, shift, axis=1)[: 40 + shift] for shift in range(12)]
    with ThreadPoolExecutor(4) as pool:
        for picture, large in zip(pictures, pool.map(upscaler, pictures), strict=True):
            assert np.array_equal(large, upscaler(picture))


@pytest.mark.parametrize("kind", [str, Path])
def test_path_in_path_out(exported, photo, tmp_path, kind) -> None:
    write(tmp_path / "a photo.png", Picture(photo))
    target = mssn.upscale(kind(tmp_path / "a photo.png"), 2, model=model(exported))
    assert isinstance(target, kind)
    assert Path(target) == tmp_path / "a photo_x2.png"
    assert np.array_equal(read(target).pixels, mssn.load(model(exported))(photo))
    with pytest.raises(ImageError, match="exists already"):
        mssn.upscale(kind(tmp_path / "a photo.png"), 2, model=model(exported))
    mssn.upscale(kind(tmp_path / "a photo.png"), 2, model=model(exported), force=True)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_pil_in_pil_out(exported, photo, mode) -> None:
    image = Image.fromarray(photo).convert(mode)
    image.info["icc_profile"] = b"profile"
    large = mssn.upscale(image, 2, model=model(exported))
    assert (large.mode, large.size) == (mode, (224, 192))
    assert np.array_equal(np.asarray(large), mssn.load(model(exported))(np.asarray(image)))
    assert large.info["icc_profile"] == b"profile"


@pytest.mark.parametrize(("mode", "expected"), [("P", "RGB"), ("1", "1"), ("CMYK", "CMYK"), ("I;16", "I;16")])
def test_other_pil_modes(exported, photo, mode, expected) -> None:
    image = (
        Image.fromarray(photo[:, :, 0].astype(np.uint16) * 257)
        if mode == "I;16"
        else Image.fromarray(photo).convert(mode)
    )
    assert mssn.upscale(image, 2, model=model(exported)).mode == expected


def test_what_cannot_be_enlarged_is_said(photo) -> None:
    with pytest.raises(ImageError, match="cannot enlarge a int; give a path, a NumPy array or a PIL image"):
        mssn.upscale(3)  # type: ignore[call-overload]
    with pytest.raises(ImageError, match="PIL image of mode F"):
        mssn.upscale(Image.fromarray(photo).convert("F"))
    with pytest.raises(ImageError, match=r"gone\.png"):
        mssn.upscale("gone.png")
    with pytest.raises(UnknownModelError, match="known are: mssn-s, mssn-m, mssn"):
        mssn.upscale(photo, model="mssn-xxl")


def test_models_lists_what_ships() -> None:
    shipped = [(row.model, row.scale) for row in mssn.list_models() if row.weights]
    assert [row for row in shipped if not row[0].endswith("-photo")] == [
        (model, scale) for model in ("mssn-s", "mssn-m", "mssn") for scale in (2, 3, 4)
    ]


CLI = "import mssn.cli, sys; sys.argv = {argv!r}\ntry: mssn.cli.main()\nexcept SystemExit: pass"


@pytest.mark.parametrize(
    "code",
    [
        "import mssn",
        "import mssn; mssn.load; mssn.upscale; mssn.list_models(); mssn.Upscaler",
        "import numpy, mssn; mssn.upscale(numpy.zeros((8, 8, 3), numpy.uint8))",
        CLI.format(argv=["mssn", "--help"]),
        CLI.format(argv=["mssn", "info"]),
        CLI.format(argv=["mssn", "upscale", "--help"]),
        CLI.format(argv=["mssn", "upscale", "photo.png"]),
    ],
)
def test_enlarging_never_imports_torch(code, tmp_path, photo) -> None:
    """In a fresh interpreter: PyTorch takes seconds and a gigabyte that a photographer need not have."""
    write(tmp_path / "photo.png", Picture(photo))
    check = "import sys; print({'torch', 'onnx', 'skimage', 'PIL', 'pandas'} & set(sys.modules), end='')"
    command = [sys.executable, "-c", f"{code}\n{check}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("set()")
    assert (tmp_path / "photo_x2.png").exists() == ("photo.png" in code)


def test_inks_and_bits_of_pil_are_those_of_files(exported, photo, tmp_path) -> None:
    """Same pixels as through a file; the profile of the inks stays."""
    inks = Image.fromarray(photo).convert("CMYK")
    inks.info["icc_profile"] = b"profile"
    for image, name in ((inks, "inks.tif"), (inks.convert("L").convert("1"), "bits.png")):
        path = tmp_path / name
        image.save(path)
        large = mssn.upscale(image, 2, model=model(exported))
        with Image.open(mssn.upscale(path, 2, model=model(exported))) as file:
            assert (file.mode, file.size) == (large.mode, large.size)
            assert np.array_equal(np.asarray(file), np.asarray(large))
    assert mssn.upscale(inks, 2, model=model(exported)).info["icc_profile"] == b"profile"


def test_arguments_of_a_wrong_kind_are_said(exported, photo) -> None:
    upscaler = mssn.load(model(exported))
    with pytest.raises(ImageError, match="expected a NumPy array, not a list"):
        upscaler([[1, 2]])  # type: ignore[arg-type]
    with pytest.raises(ImageError, match="`scale` must be a number, not '2'"):
        mssn.load("mssn-s", "2")  # type: ignore[arg-type]
    broken = photo.astype(np.float32) / 255
    broken[3, 4] = np.nan
    with pytest.raises(ImageError, match="some of the pixels are not numbers"):
        upscaler(broken)


def test_variants(tmp_path, photo) -> None:
    path = tmp_path / "a.jpg"
    write(path, Picture(photo), quality=50)
    results = {}
    for variant in ("auto", "clean", "photo"):
        results[variant] = read(mssn.upscale(path, variant=variant, force=True)).pixels
    assert np.array_equal(results["auto"], results["photo"])
    assert not np.array_equal(results["auto"], results["clean"])
    pixels = read(path).pixels
    assert np.array_equal(mssn.upscale(pixels), mssn.upscale(pixels, variant="clean"))
    assert np.array_equal(mssn.upscale(pixels, variant="photo"), mssn.load("mssn-s-photo")(pixels))
    with pytest.raises(ImageError, match="'scan' is none of: auto, photo, clean"):
        mssn.load(variant="scan")  # pyright: ignore[reportArgumentType]
    with pytest.raises(UnknownModelError, match="leave 'photo' out"):
        mssn.load("my.onnx", variant="photo")


def test_threads_that_come_together_load_a_model_once(exported, photo, monkeypatch) -> None:
    loaded = []

    def slowly(*arguments: Any, **options: Any) -> Any:
        loaded.append(arguments)
        time.sleep(0.05)
        return load(*arguments, **options)

    load = api.load
    monkeypatch.setattr(api, "load", slowly)
    api._ready.cache_clear()
    path = model(exported)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: mssn.upscale(photo, model=path), range(4)))
    assert len(loaded) == 1
