"""What the dial does to pixels: the mix of two networks, and networks that are told a strength."""

from __future__ import annotations

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import pytest

from mssn.image.compression import LEAST, LOSSLESS, Compression, strength_of
from mssn.image.picture import Picture
from mssn.image.write import write
from mssn.runtime.base import Computed
from mssn.upscaling.batch import upscale_files
from mssn.upscaling.blend import Blend, mixed
from mssn.upscaling.dial import in_steps
from mssn.upscaling.jobs import Job
from mssn.upscaling.size import Factor, parse
from mssn.upscaling.tiled import TiledModel
from mssn.upscaling.upscaler import KEPT, Upscaler
from mssn.upscaling.way import ModelFamily


@dataclass
class Liner:
    """A network that repeats pixels and bends their values."""

    scale: int
    gain: float
    shift: float
    name: str = "liner"
    precision: Computed = "fp32"
    halo: int = 1
    runs: list[np.ndarray] = field(default_factory=list)

    def run(self, lr: np.ndarray) -> np.ndarray:
        self.runs.append(lr)
        sr = lr.repeat(self.scale, axis=2).repeat(self.scale, axis=3)
        return (sr * np.float32(self.gain) + np.float32(self.shift)).astype(np.float32)


CLEAN = (1.05, -0.013)
PHOTO = (0.6, 0.05)
SLOPE = 0.3


@dataclass
class Nets:
    """Families of networks that write down what is opened and run."""

    told: tuple[int, ...] = (2,)
    opened: list[tuple[str, int, float]] = field(default_factory=list)
    runtimes: list[Liner] = field(default_factory=list)
    alive: weakref.WeakSet[TiledModel] = field(default_factory=weakref.WeakSet)

    def family(self, name: str, line: tuple[float, float], told: tuple[int, ...] = ()) -> ModelFamily:
        def open_scale(scale: int, strength: float) -> TiledModel:
            self.opened.append((name, scale, strength))
            gain, shift = line
            self.runtimes.append(Liner(scale, gain, shift + SLOPE * strength if told else shift))
            model = TiledModel(self.runtimes[-1], tile=64)
            self.alive.add(model)
            return model

        return ModelFamily(name, (2, 3, 4), open_scale, told)

    def upscaler(self, target=None, **options) -> Upscaler:
        clean, photo = self.family("net", CLEAN), self.family("net-photo", PHOTO, self.told)
        return Upscaler(clean, target or Factor(2), photo=photo, **options)

    @property
    def passes(self) -> int:
        return sum(len(runtime.runs) for runtime in self.runtimes)


def jpeg(quality: int) -> Compression:
    return Compression(kind="JPEG", quality=quality)


def repeated(pixels: np.ndarray) -> np.ndarray:
    return pixels.repeat(2, axis=0).repeat(2, axis=1)


@pytest.mark.parametrize("told", [(2,), ()])
def test_without_strength_it_is_the_clean_network_alone(photo, told) -> None:
    """Also for a bad JPEG, bit for bit, and nothing else is opened or run."""
    picture = Picture(photo[:40, :40], compression=jpeg(30))
    zero, clean = Nets(told), Nets(told)
    large, expected = (
        nets.upscaler(**options).enlarge(picture)
        for nets, options in ((zero, {"strength": 0}), (clean, {"variant": "clean"}))
    )
    assert np.array_equal(large.picture.pixels, expected.picture.pixels)
    assert (large.model, large.steps, large.strength) == ("net", (("net", 2),), 0)
    assert zero.opened == clean.opened == [("net", 2, LEAST)]
    assert zero.passes == 1


@pytest.mark.parametrize("strength", [LEAST, 0.35, 1])
def test_from_the_least_on_it_is_the_told_network_alone(photo, strength) -> None:
    nets = Nets()
    large = nets.upscaler(strength=strength).enlarge(Picture(photo[:40, :40]))
    assert nets.opened == [("net-photo", 2, strength)]
    assert nets.passes == 1
    assert (large.model, large.strength) == ("net-photo", strength)
    gain, shift = PHOTO
    expected = repeated(photo[:40, :40]) / 255 * gain + shift + SLOPE * strength
    np.testing.assert_allclose(large.picture.pixels / 255, expected, atol=0.51 / 255)


def test_the_whole_of_a_network_that_is_not_told_is_one_pass(photo) -> None:
    nets = Nets(told=())
    nets.upscaler(strength=1)(photo[:40, :40])
    assert nets.opened == [("net-photo", 2, LEAST)]
    assert nets.passes == 1


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize(("told", "strength", "share"), [((2,), 0.03, 0.3), ((), 0.3, 0.3)])
def test_between_it_is_the_mix_rounded_once(dtype, told, strength, share) -> None:
    rng, nets = np.random.default_rng(0), Nets(told)
    pixels = rng.random((40, 50, 3))
    top = 1 if dtype == np.float32 else np.iinfo(dtype).max
    pixels = (pixels * top).astype(dtype)
    large = nets.upscaler(strength=strength).enlarge(Picture(pixels))
    assert (large.model, large.strength) == ("net + net-photo", strength)
    assert large.steps == (("net + net-photo", 2),)
    x = repeated(pixels).astype(np.float64) / top
    clean = (x * CLEAN[0] + CLEAN[1]).clip(0, 1)
    photo = (x * PHOTO[0] + PHOTO[1] + (SLOPE * LEAST if told else 0)).clip(0, 1)
    mix = ((1 - share) * clean + share * photo) * top
    # Rounded once: within half a level. Of two rounded pictures the mix would be up to a whole level off.
    np.testing.assert_allclose(large.picture.pixels, mix, rtol=0, atol=1e-6 if top == 1 else 0.5 + top * 1e-6)
    twice = (1 - share) * np.round(clean * top) + share * np.round(photo * top)
    assert top == 1 or np.abs(np.round(twice) - mix).max() > 0.55


def test_what_one_swings_beyond_white_does_not_brighten_the_mix() -> None:
    """It is a mix of what can be seen of both."""
    lr = np.random.default_rng(0).random((2, 3, 5, 7), np.float32)
    first, second = Liner(2, 1.5, 0.1), Liner(2, 0.8, -0.3)
    sr = Blend(first, second, 0.25).run(lr)
    expected = 0.75 * first.run(lr).clip(0, 1) + 0.25 * second.run(lr).clip(0, 1)
    np.testing.assert_allclose(sr, expected, atol=1e-6)
    assert sr.dtype == np.float32
    assert first.run(lr).max() > 1 and second.run(lr).min() < 0


def test_a_mix_sees_as_far_as_both() -> None:
    near, far = TiledModel(Liner(2, 1, 0, halo=3), border=1), TiledModel(Liner(2, 1, 0, halo=9), border=4)
    for one, other in ((near, far), (far, near)):
        mix = mixed(one, other, 0.5)
        assert (mix.runtime.halo, mix.border, mix.scale) == (9, 4, 2)


@pytest.mark.parametrize("told", [(2,), ()])
def test_the_picture_follows_the_dial_without_a_jump(told) -> None:
    """Every pixel moves one way only, and by a small step of the dial only a little."""
    nets = Nets(told)
    # A share of 0 is smooth, too: it is where the mix begins. These pixels become brighter with the strength.
    pixels = np.random.default_rng(1).integers(0, 20, (12, 12, 3), np.uint8)
    step, last = 0.0025, None
    for strength in np.arange(0, 1 + step / 2, step):
        large = nets.upscaler(strength=min(float(strength), 1.0))(pixels).astype(int)
        if last is not None:
            change = large - last
            assert change.min() >= 0
            # 0.1 lies between the networks, SLOPE between 0 and 1 of the told one, which takes hundredths.
            share = step / LEAST if told else step
            assert change.max() <= 255 * max(0.1 * share, SLOPE * 0.01) + 1
        last = large
    assert len({strength for _, _, strength in nets.opened}) <= 91


def test_grey_stays_grey_in_a_mix() -> None:
    class Tinted(Liner):
        def run(self, lr: np.ndarray) -> np.ndarray:
            sr = super().run(lr)
            sr[:, 0] += np.float32(0.1)
            return sr

    grey = np.random.default_rng(0).integers(0, 256, (20, 20, 1), np.uint8).repeat(3, axis=2)
    large = mixed(TiledModel(Tinted(2, 0.9, 0)), TiledModel(Liner(2, 0.5, 0)), 0.5)(grey)
    assert np.array_equal(large[:, :, 0], large[:, :, 1])
    assert np.array_equal(large[:, :, 0], large[:, :, 2])


def test_the_file_decides_what_the_network_is_told(photo) -> None:
    nets = Nets()
    upscaler = nets.upscaler()
    assert nets.opened == [("net-photo", 2, LEAST)]  # what arrays and PNG files get
    for quality, strength in ((75, 0.65), (95, 0.2), (20, 1.0)):
        large = upscaler.enlarge(Picture(photo[:8, :8], compression=jpeg(quality)))
        assert (large.model, large.strength) == ("net-photo", strength)
        assert nets.opened[-1] == ("net-photo", 2, strength)
    assert len(nets.opened) == 4
    assert upscaler.enlarge(Picture(photo[:8, :8])).strength == LEAST


def test_each_factor_follows_its_own_network(photo) -> None:
    """Told at x2, and not at x4."""
    upscaler = Nets().upscaler(parse("32x32"))
    for side, compression, model, strength in (
        (16, jpeg(50), "net-photo", 0.85),
        (16, LOSSLESS, "net-photo", LEAST),
        (8, jpeg(50), "net-photo", 1),
        (8, LOSSLESS, "net", 0),
        (32, jpeg(50), "bicubic", None),
        (64, jpeg(50), "bicubic", None),
    ):
        picture = Picture(photo[:side, :side], compression=compression)
        large = upscaler.enlarge(picture)
        assert (large.model, large.strength) == (model, strength)
        assert upscaler.chosen(compression, side, side) == (model, strength)


@pytest.mark.parametrize(("strength", "first"), [(0.5, ["net-photo"]), (0.05, ["net-photo", "net"])])
def test_only_the_first_of_a_row_is_at_a_strength(photo, strength, first) -> None:
    nets = Nets()
    large = nets.upscaler(Factor(6), strength=strength).enlarge(Picture(photo[:8, :8]))
    assert [name for name, _, _ in nets.opened] == [*first, "net"]
    assert nets.opened[-1] == ("net", 3, LEAST)
    assert large.steps[1] == ("net", 3)


def test_progress_counts_both_networks_of_a_mix() -> None:
    pixels = np.zeros((8, 8, 3), np.uint8)
    for strength, first in ((0.05, 128 / (128 + 256)), (0.5, 64 / (64 + 256))):
        shares: list[float] = []
        Nets().upscaler(Factor(6), strength=strength)(pixels, shares.append)
        assert shares == pytest.approx([first, 1])


def test_a_file_that_is_told_is_told_at_least_the_least(photo) -> None:
    nets = Nets()
    family = nets.family("net.onnx", PHOTO, (2, 3, 4))
    for strength, compression, expected in (
        (None, LOSSLESS, LEAST),
        (None, jpeg(75), 0.65),
        (0, jpeg(75), LEAST),
        (0.3, jpeg(75), 0.3),
    ):
        upscaler = Upscaler(family, Factor(2), photo=family, variant="photo", strength=strength)
        large = upscaler.enlarge(Picture(photo[:8, :8], compression=compression))
        assert (large.model, large.strength) == ("net.onnx", expected)
        assert nets.opened[-1] == ("net.onnx", 2, expected)


QUALITIES = range(35, 100, 5)


def test_a_folder_of_many_qualities_keeps_few_networks(photo, tmp_path) -> None:
    nets, jobs = Nets(), []
    for quality in QUALITIES:
        write(tmp_path / f"{quality}.jpg", Picture(photo[:16, :16]), quality=quality)
        jobs.append(Job(tmp_path / f"{quality}.jpg", tmp_path / f"{quality}.png"))
    upscaler, most = nets.upscaler(), 0
    for done in upscale_files(upscaler, jobs):
        assert done.error is None
        gc.collect()
        most = max(most, len(nets.alive))
        assert done.strength == in_steps(strength_of(int(done.job.source.stem)))
    assert len(nets.opened) <= 1 + len(QUALITIES)
    assert most <= KEPT + 1  # one more while a picture is enlarged
    gc.collect()
    assert len(nets.alive) == KEPT


@pytest.mark.parametrize("strength", [None, 0.05])
def test_threads_share_an_upscaler(photo, strength) -> None:
    nets = Nets()
    upscaler = nets.upscaler(strength=strength)
    pictures = [Picture(photo[:24, :24], compression=jpeg(quality)) for quality in QUALITIES] * 3
    alone = [Nets().upscaler(strength=strength).enlarge(picture) for picture in pictures]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(upscaler.enlarge, pictures))
    for one, other in zip(alone, together, strict=True):
        assert np.array_equal(one.picture.pixels, other.picture.pixels)
        assert one.strength == other.strength
    if strength is not None:
        assert len(nets.opened) == 2
