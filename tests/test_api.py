"""What `import mssn` offers."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

import mssn
from mssn import api
from mssn.errors import CancelledError, ImageError, MssnError, UnknownModelError
from mssn.image.picture import Picture
from mssn.image.read import read
from mssn.image.source import PictureFile
from mssn.image.write import write


def model(exported: Path) -> Path:
    return exported / "mssn-s-x2.onnx"


def test_public_names() -> None:
    errors = {name for name, kind in vars(mssn.errors).items() if isinstance(kind, type)}
    others = {"Frame", "ModelInfo", "Upscaler", "__version__"}
    others |= {"clear_cache", "list_models", "load", "upscale", "upscale_frames"}
    assert set(mssn.__all__) == errors | others
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
    with pytest.raises(
        ImageError, match="cannot enlarge a int; give a path, bytes, a NumPy array or a PIL image"
    ):
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


def test_variants(tmp_path, photo, shipped_told) -> None:
    path = tmp_path / "a.jpg"
    write(path, Picture(photo), quality=50)
    results = {}
    for variant in ("auto", "clean", "photo"):
        results[variant] = read(mssn.upscale(path, variant=variant, force=True)).pixels
    assert np.array_equal(results["auto"], results["photo"])
    assert not np.array_equal(results["auto"], results["clean"])
    pixels = read(path).pixels
    of_an_array = "photo" if shipped_told else "clean"
    assert np.array_equal(mssn.upscale(pixels), mssn.upscale(pixels, variant=of_an_array))
    assert np.array_equal(mssn.upscale(pixels, variant="photo"), mssn.load("mssn-s-photo")(pixels))
    with pytest.raises(ImageError, match="`variant` must be one of auto, photo, clean, not 'scan'"):
        mssn.load(variant="scan")  # pyright: ignore[reportArgumentType]
    with pytest.raises(UnknownModelError, match="has no variants; leave `variant` out"):
        mssn.load("my.onnx", variant="photo")


@pytest.mark.parametrize("strength", [None, 0, 0.04, 0.7, 1])
def test_a_picture_is_enlarged_alike_however_it_is_given(tmp_path, photo, shipped_told, strength) -> None:
    path = tmp_path / "a.png"
    write(path, Picture(photo))
    results = [
        read(mssn.upscale(path, strength=strength)).pixels,
        read(mssn.upscale(path.read_bytes(), strength=strength)).pixels,
        mssn.upscale(photo, strength=strength),
        np.asarray(mssn.upscale(Image.fromarray(photo), strength=strength)),
        mssn.load(strength=strength)(photo),
    ]
    assert all(np.array_equal(results[0], other) for other in results[1:])
    if strength is not None and 0 < strength < 1:
        assert not np.array_equal(results[0], mssn.upscale(photo, strength=0))
        assert not np.array_equal(results[0], mssn.upscale(photo, strength=1))


def test_threads_that_come_together_load_a_model_once(exported, photo, monkeypatch) -> None:
    loaded = []

    def slowly(*arguments: Any, **options: Any) -> Any:
        loaded.append(arguments)
        time.sleep(0.05)
        return load(*arguments, **options)

    load = api.load
    monkeypatch.setattr(api, "load", slowly)
    mssn.clear_cache()
    path = model(exported)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: mssn.upscale(photo, model=path), range(4)))
    assert len(loaded) == 1


def test_bytes_in_bytes_out(exported, photo, tmp_path) -> None:
    path = tmp_path / "a.png"
    write(path, Picture(photo))
    large = mssn.upscale(path.read_bytes(), model=model(exported))
    assert isinstance(large, bytes)
    assert np.array_equal(read(large).pixels, mssn.load(model(exported))(photo))
    assert read(large).format == "png"


@pytest.mark.parametrize("kind", [str, Path])
@pytest.mark.parametrize("given", ["path", "bytes", "array", "pil"])
def test_output_is_written_and_its_path_returned(exported, photo, tmp_path, given, kind) -> None:
    path, target = tmp_path / "a.png", tmp_path / "b.tif"
    write(path, Picture(photo))
    images = {"path": path, "bytes": path.read_bytes(), "array": photo, "pil": Image.fromarray(photo)}
    assert mssn.upscale(images[given], model=model(exported), output=kind(target)) == kind(target)
    assert np.array_equal(read(target).pixels, mssn.load(model(exported))(photo))
    assert PictureFile(target).signed
    with pytest.raises(ImageError, match=r"b\.tif: exists already; use `force=True` to overwrite it"):
        mssn.upscale(images[given], model=model(exported), output=kind(target))
    mssn.upscale(images[given], model=model(exported), output=kind(target), force=True, metadata="strip")
    assert not PictureFile(target).signed
    with pytest.raises(ImageError, match="ends in no format that can be written"):
        mssn.upscale(images[given], model=model(exported), output=tmp_path / "b.doc")
    with pytest.raises(ImageError, match="gone: no such folder"):
        mssn.upscale(images[given], model=model(exported), output=tmp_path / "gone" / "b.png")


def test_output_may_be_a_folder_for_what_has_a_name(exported, photo, tmp_path) -> None:
    write(tmp_path / "a.png", Picture(photo))
    assert mssn.upscale(tmp_path / "a.png", output=f"{tmp_path}/out/") == f"{tmp_path}/out/a.png"
    with pytest.raises(ImageError, match="is a folder, and this picture has no name"):
        mssn.upscale(photo, output=tmp_path / "out")


def test_sizes_are_texts_or_numbers(photo) -> None:
    sizes: list[Any] = ["150x", (150, None), (np.int64(150), 2000), [150, None], "150x2000"]
    for size in sizes:
        assert mssn.upscale(photo, size=size).shape == (129, 150, 3)
    with pytest.raises(ImageError, match="give a scale or a size, not both"):
        mssn.upscale(photo, 2, size=(10, 10))


@pytest.mark.parametrize("scale", [np.float32(1.5), np.float64(1.5), 1.5])
def test_numbers_of_numpy_are_numbers(photo, scale) -> None:
    assert mssn.upscale(photo, scale).shape == (144, 168, 3)
    whole: Any = np.int64(2)  # which type checkers take for no float
    assert mssn.load(scale=whole).scale == 2


@pytest.mark.parametrize("dtype", [np.float64, np.float16, ">u2", ">f4"])
def test_other_numbers_in_arrays(exported, photo, dtype) -> None:
    exact = photo.astype(np.uint16) * 257 if dtype == ">u2" else photo.astype(np.float32) / 255
    given = exact.astype(dtype)
    large = mssn.upscale(given, model=model(exported))
    expected = mssn.upscale(given.astype(exact.dtype), model=model(exported))
    assert large.dtype == given.dtype
    assert np.array_equal(large, expected.astype(dtype))


@pytest.mark.parametrize("scale", [1, 1.0])
@pytest.mark.parametrize("shape", [(5, 6), (5, 6, 1), (5, 6, 3), (5, 6, 4), (2, 5, 6, 3)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
def test_the_result_is_never_the_picture_itself(scale, shape, dtype) -> None:
    given = np.ones(shape, dtype)
    large = mssn.upscale(given, scale)
    assert np.array_equal(large, given)
    assert not np.shares_memory(large, given)


def test_a_pil_image_of_scale_1_is_another_one() -> None:
    given = Image.new("RGB", (4, 4))
    large = mssn.upscale(given, 1)
    large.putpixel((0, 0), (9, 9, 9))
    assert given.getpixel((0, 0)) == (0, 0, 0)


NONSENSE = {
    "model": [3, None, b"mssn-s", True],
    "scale": ["2", True, 0, -1, float("nan"), float("inf"), 1 + 2j],
    "size": [
        5,
        "big",
        (1,),
        (1, 2, 3),
        (0, 5),
        (None, None),
        (1.5, 2),
        (True, 5),
        "99999999x",
        (10**8, None),
    ],
    "variant": ["scan", 3, None],
    "strength": ["0.5", True, float("nan"), -0.1, 1.1, 1 + 2j],
    "runtime": ["tensorrt", 3, None],
    "precision": ["fp64", 3, None],
    "threads": [0, -1, 1.5, True, "2"],
    "ensemble": [8, "yes", None],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in NONSENSE for value in NONSENSE[name]])
def test_nonsense_is_refused_before_the_first_picture(name, value) -> None:
    for ask in (mssn.load, partial(mssn.upscale, np.zeros((4, 4, 3), np.uint8))):
        with pytest.raises(MssnError) as refused:
            ask(**{name: value})
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("quality", 0),
        ("quality", 101),
        ("quality", True),
        ("quality", "90"),
        ("metadata", "drop"),
        ("memory", -1),
        ("memory", "x"),
        ("memory", 1.5),
        ("max_megapixels", 0),
        ("max_megapixels", "many"),
        ("max_megapixels", float("nan")),
    ],
)
def test_nonsense_about_files_is_refused(name, value) -> None:
    with pytest.raises(ImageError, match=f"`{name}` must"):
        mssn.upscale("gone.png", **{name: value})


def test_python_speaks_of_arguments(photo, tmp_path) -> None:
    write(tmp_path / "a.png", Picture(photo))
    mssn.upscale(tmp_path / "a.png")
    with pytest.raises(ImageError, match="use `force=True` to overwrite it"):
        mssn.upscale(tmp_path / "a.png")


def test_the_cache_knows_files_wherever_they_are_called_from(exported, photo, tmp_path, monkeypatch) -> None:
    """And keeps a few only, sees a file that was replaced, and can be emptied."""
    loaded: list[Any] = []
    load = api.load
    monkeypatch.setattr(api, "load", lambda *given, **more: (loaded.append(given), load(*given, **more))[1])
    mssn.clear_cache()
    path = tmp_path / "a.onnx"
    path.write_bytes(model(exported).read_bytes())
    (tmp_path / "sub").mkdir()
    for folder, name in ((tmp_path, "./a.onnx"), (tmp_path / "sub", "../a.onnx"), (tmp_path, path)):
        monkeypatch.chdir(folder)
        mssn.upscale(photo, model=name)
    assert len(loaded) == 1
    os.utime(path, ns=(1, 1))
    mssn.upscale(photo, model=path)
    assert len(loaded) == 2
    for scale in (1.1, 1.2, 1.3, 1.4):
        mssn.upscale(photo, scale)
    assert len(api._UPSCALERS) == 4
    mssn.upscale(photo, model=path)
    assert len(loaded) == 7
    mssn.clear_cache()
    assert len(api._UPSCALERS) == 0


def test_equal_numbers_are_not_equal_arguments(photo) -> None:
    mssn.upscale(photo, 1)
    with pytest.raises(ImageError, match="`scale` must be a number, not True"):
        mssn.upscale(photo, True)


def test_a_file_made_from_a_pil_image_has_its_profile_and_resolution(exported, photo, tmp_path) -> None:
    image = Image.fromarray(photo)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image.info |= {"icc_profile": profile, "dpi": (300, 300)}
    mssn.upscale(image, output=tmp_path / "a.jpg", model=model(exported))
    with Image.open(tmp_path / "a.jpg") as made:
        assert made.info["icc_profile"] == profile
        assert made.info["dpi"] == (300, 300)


def test_whatever_is_no_picture_is_an_error_of_ours(exported, photo, tmp_path) -> None:
    Image.fromarray(photo).save(tmp_path / "cut.png")
    content = (tmp_path / "cut.png").read_bytes()
    closed = Image.fromarray(photo)
    closed.close()
    nonsense: list[Any] = ["a\0b.jpg", "", b"", content[:900], Image.open(io.BytesIO(content[:900])), closed]
    for image in nonsense:
        with pytest.raises(MssnError) as refused:
            mssn.upscale(image, model=model(exported))
        assert "standard input" not in str(refused.value)
    outputs: list[Any] = [5, "", io.BytesIO()]
    for output in outputs:
        with pytest.raises(MssnError):
            mssn.upscale(photo, output=output)
    yes: Any = "yes"
    with pytest.raises(MssnError, match="`force` must be True or False"):
        mssn.upscale(photo, force=yes)


def test_a_progress_that_cannot_be_called_is_refused(exported, photo, tmp_path) -> None:
    nonsense: Any = 3
    for call in (
        lambda: mssn.upscale(tmp_path / "gone.png", progress=nonsense),  # before the picture is read
        lambda: mssn.load(model=model(exported))(photo, progress=nonsense),
    ):
        with pytest.raises(mssn.MssnError, match=r"`progress` must be a function that takes .*, not 3"):
            call()


def test_progress_cancels_a_picture_of_one_tile(exported, photo, tmp_path) -> None:
    write(tmp_path / "a.png", Picture(photo))
    with pytest.raises(CancelledError):
        mssn.upscale(tmp_path / "a.png", model=model(exported), progress=lambda share: False)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_an_ensemble_of_no_network_is_refused() -> None:
    with pytest.raises(MssnError, match="`ensemble` is for networks"):
        mssn.load("bicubic", ensemble=True)


def test_a_name_with_its_scale_is_explained() -> None:
    with pytest.raises(UnknownModelError, match="take mssn-s with a `scale` of 3"):
        mssn.load("mssn-s-x3")


@pytest.mark.parametrize("name", ["film.mkv", "FILM.MP4"])
def test_films_say_what_enlarges_them(tmp_path, name) -> None:
    (tmp_path / name).write_bytes(b"any")
    with pytest.raises(
        mssn.ImageError, match=rf"{name}: is a film, of which `upscale_frames` makes pictures"
    ):
        mssn.upscale(tmp_path / name)
