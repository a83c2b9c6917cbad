"""Frames that repeat, or change in places, become what they would become if each were enlarged whole."""

from __future__ import annotations

import numpy as np
import pytest

from mssn import load
from mssn.film.repeats import Box, FrameEnlarger, boxes, changed
from mssn.image.compression import Compression
from mssn.image.picture import Picture
from mssn.runtime.native.kernels import computes
from mssn.upscaling.upscaler import Upscaler

SIZE = (150, 231)  # neither whole blocks nor whole vectors


def natural(seed: int, dtype: type = np.uint8, channels: int = 3) -> np.ndarray:
    """A picture with a flat white place, a grey one, and texture in colour."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0 : SIZE[0], 0 : SIZE[1]]
    waves = np.stack([np.sin(x / 5 + c) * np.cos(y / 7 - c) for c in range(channels)], axis=2)
    picture = (128 + 90 * waves + rng.normal(0, 9, waves.shape)).clip(0, 255)
    picture[:60, :80] = 255
    picture[90:, 120:] = picture[90:, 120:, :1]
    top = np.iinfo(dtype).max
    return (picture / 255 * top).astype(dtype)


def whole(upscaler: Upscaler, pixels: np.ndarray, alpha: np.ndarray | None = None) -> Picture:
    return upscaler.enlarge(Picture(pixels, alpha=alpha)).picture


def native(precision: str, scale: int = 2, model: str = "mssn-s") -> Upscaler:
    if precision not in computes():
        pytest.skip(f"no kernels for {precision} on this processor")
    return load(model, scale, runtime="native", precision=precision, threads=1)  # type: ignore[arg-type]


class Counting:
    """An upscaler's place, which notes what is enlarged whole."""

    def __init__(self, upscaler: Upscaler) -> None:
        self.upscaler, self.calls = upscaler, 0

    def enlarge(self, picture: Picture):
        self.calls += 1
        return self.upscaler.enlarge(picture)

    def network(self, *asked):
        return self.upscaler.network(*asked)


@pytest.mark.parametrize(("precision", "scale"), [("bf16", 2), ("fp32", 3), ("bf16", 4)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_changed_places_are_what_the_whole_frame_has(precision, scale, dtype) -> None:
    upscaler = native(precision, scale)
    rng = np.random.default_rng(scale)
    enlarger = FrameEnlarger(Counting(upscaler))  # type: ignore[arg-type]
    frame = natural(scale, dtype)
    enlarger(frame)
    for _ in range(4):
        frame = frame.copy()
        for _ in range(rng.integers(1, 4)):  # often at borders and corners, some of a single pixel
            y, x = (int(rng.choice(np.array([0, side - 1, rng.integers(side)]))) for side in SIZE)
            high, wide = rng.integers(1, 12, 2)
            part = frame[max(y - high, 0) : y + 1, max(x - wide, 0) : x + 1]
            part[...] = rng.choice([0, np.iinfo(dtype).max]) if rng.random() < 0.5 else part[::-1, ::-1] // 2
        large, _ = enlarger(frame)
        assert np.array_equal(large, whole(upscaler, frame).pixels)
    assert enlarger._upscaler.calls < 5  # type: ignore[attr-defined]
    assert enlarger.computed < 1


def test_a_cursor_costs_little_and_a_frame_again_nothing() -> None:
    upscaler = native("bf16")
    counted = Counting(upscaler)
    enlarger = FrameEnlarger(counted)  # type: ignore[arg-type]
    still = np.tile(natural(0), (3, 3, 1))
    moved = still.copy()
    moved[200:210, 300:306] = 0
    first, _ = enlarger(still)
    again, _ = enlarger(still.copy())
    assert again is first
    assert enlarger.computed == 1 / 2
    large, _ = enlarger(moved)
    assert counted.calls == 1
    assert enlarger.computed < 1 / 3 + 0.03
    assert np.array_equal(large, whole(upscaler, moved).pixels)
    assert not np.array_equal(large, first)


@pytest.mark.parametrize("channels", [1, 3])
def test_transparency_shines_as_in_the_whole_frame(channels) -> None:
    upscaler = native("fp32")
    enlarger = FrameEnlarger(upscaler)
    frame, clear = natural(5, channels=channels), np.full((*SIZE, 1), 255, np.uint8)
    clear[30:90, 100:180] = 0
    clear[:, :3] = 77
    states = [(frame, clear)]
    hidden = frame.copy()
    hidden[50, 140] = 0  # nobody sees it
    moved = clear.copy()
    moved[100:104, 200:] = 0
    states += [(hidden, clear), (hidden, moved), (frame[::-1].copy(), moved), (frame, clear)]
    for pixels, alpha in states:
        right = whole(upscaler, pixels, alpha)
        large, large_alpha = enlarger(pixels, alpha)
        assert np.array_equal(large, right.pixels)
        assert large_alpha is not None
        assert right.alpha is not None
        assert np.array_equal(large_alpha, right.alpha)
    assert enlarger.computed < 1


@pytest.mark.parametrize(
    ("scale", "options"),
    [
        (2, {"runtime": "openvino", "precision": "fp32"}),  # whose sums depend on the shape
        (1.5, {"precision": "fp32"}),  # resized behind the network
        (2, {"precision": "fp32", "ensemble": True}),
        (2, {"precision": "fp32", "strength": 0.05}),  # a mix of two
    ],
)
def test_what_depends_on_the_whole_is_computed_whole(scale, options) -> None:
    upscaler = load("mssn-s", scale, **options)
    counted = Counting(upscaler)
    enlarger = FrameEnlarger(counted)  # type: ignore[arg-type]
    frame = natural(1)[40:100, 50:120]
    other = frame.copy()
    other[30, 30] = 0
    for number, picture in enumerate((frame, other), 1):
        large, _ = enlarger(picture)
        enlarger(picture.copy())
        assert counted.calls == number
        assert np.array_equal(large, whole(upscaler, picture).pixels)


def test_bicubic_of_a_frame_again_is_the_same() -> None:
    upscaler = load("bicubic", 2)
    counted = Counting(upscaler)
    enlarger = FrameEnlarger(counted)  # type: ignore[arg-type]
    for picture in (natural(2), natural(2), natural(3)):
        assert np.array_equal(enlarger(picture)[0], whole(upscaler, picture).pixels)
    assert counted.calls == 2


def test_another_size_depth_or_transparency_begins_anew() -> None:
    upscaler = native("fp32")
    enlarger = FrameEnlarger(upscaler)
    frame = natural(4)[40:80, 60:110]
    for picture in (frame, frame[:30], frame[:30].astype(np.uint16) * 257, frame[:, :, :1]):
        assert np.array_equal(enlarger(picture)[0], whole(upscaler, picture).pixels)
    large, alpha = enlarger(frame[:, :, :1], np.full((40, 50, 1), 9, np.uint8))
    assert alpha is not None
    assert (large.shape, set(alpha.flat)) == ((80, 100, 1), {9})


def test_the_compression_chooses_the_weights() -> None:
    upscaler, lossy = load("mssn-s", 2, precision="fp32"), Compression(kind="JPEG", quality=40)
    frame = natural(6)[60:100, :50]
    right = upscaler.enlarge(Picture(frame, compression=lossy)).picture.pixels
    large, _ = FrameEnlarger(upscaler)(frame, None, lossy)
    assert np.array_equal(large, right)
    assert not np.array_equal(large, whole(upscaler, frame).pixels)


def test_results_are_not_to_be_written_in() -> None:
    large, alpha = FrameEnlarger(load("bicubic", 2))(natural(7), natural(7)[:, :, :1])
    assert alpha is not None
    for plane in (large, alpha):
        with pytest.raises(ValueError, match="read-only"):
            plane[0, 0] = 0


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_pixel_is_compared(dtype, channels) -> None:
    before = natural(8, dtype, channels)
    assert not changed(before, before.copy()).any()
    rng = np.random.default_rng(9)
    for _ in range(50):
        y, x, c = rng.integers(SIZE[0]), rng.integers(SIZE[1]), rng.integers(channels)
        after = before.copy()
        after[y, x, c] ^= dtype(1 << rng.integers(8 * np.dtype(dtype).itemsize))
        found = changed(before, after)
        assert found.shape == (-(-SIZE[0] // 16), -(-SIZE[1] // 16))
        assert np.argwhere(found).tolist() == [[y // 16, x // 16]]


def test_boxes_hold_all_and_cost_least_of_one_and_two() -> None:
    rng = np.random.default_rng(10)

    def cost(box: Box) -> int:
        return box.grown(2, 30, 40).area

    for share in (0.0, 0.003, 0.01, 0.05, 0.5, 1.0):
        places = rng.random((30, 40)) < share
        found = boxes(places, cost)
        held = np.zeros_like(places)
        for box in found:
            held[slice(*box.rows), slice(*box.columns)] = True
        assert not (places & ~held).any()
        assert sum(map(cost, found)) <= 30 * 40
        assert bool(found) == places.any()
    corners = np.zeros((30, 40), bool)
    corners[0, 0] = corners[29, 39] = True
    assert sorted(map(str, boxes(corners, cost))) == [str(Box((0, 1), (0, 1))), str(Box((29, 30), (39, 40)))]
    near = np.zeros((30, 40), bool)
    near[10, 10] = near[10, 12] = True
    assert boxes(near, cost) == [Box((10, 11), (10, 13))]
