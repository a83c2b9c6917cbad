"""Degradations: each does what it says, and copy v of picture n depends on nothing but (seed, v, n)."""

from __future__ import annotations

import sys
from io import BytesIO
from typing import Any

import numpy as np
import pytest
import pyvips
from numpy.random import default_rng

from mssn.image.compression import LEAST, compression_of, strength_of
from mssn.image.resize import shrink
from mssn.lab.data.degraded import degraded
from mssn.lab.data.folder import Pixels
from mssn.lab.data.patches import Patches
from mssn.score.defects import blurred, compressed, noisy
from mssn.score.degrade import Degradation, by_name, degrade

NOTHING: dict[str, Any] = {"clean": 0, "resize": 0, "blur": 0, "noise": 0, "shot": 0, "compress": 0}


def pictures(*sizes: tuple[int, int], scale: int = 2) -> Pixels:
    rng = default_rng(5)
    large = [rng.integers(0, 256, (h * scale, w * scale, 3), np.uint8) for h, w in sizes]
    lr = np.concatenate([shrink(hr, scale).reshape(-1, 3) for hr in large])
    hr = np.concatenate([hr.reshape(-1, 3) for hr in large])
    return Pixels(scale, lr, hr, np.array(sizes), (), "key")


def error(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a.astype(float) - b).mean())


@pytest.mark.parametrize("how", [{"clean": 1}, NOTHING], ids=["all clean", "no strength"])
def test_clean_is_matlabs_bicubic(how, photo) -> None:
    found, strength = degrade(photo, 2, Degradation(**how), default_rng(0))
    assert np.array_equal(found, shrink(photo, 2))
    assert strength == LEAST


def test_every_kind_happens_and_keeps_the_size(photo) -> None:
    found = [degrade(photo, 2, Degradation(), default_rng(n))[0] for n in range(40)]
    assert {lr.shape for lr in found} == {(48, 56, 3)}
    assert {lr.dtype for lr in found} == {np.dtype(np.uint8)}
    clean = sum(np.array_equal(lr, shrink(photo, 2)) for lr in found)
    assert 3 <= clean <= 16  # a fifth of 40
    assert all(error(lr, shrink(photo, 2)) < 40 for lr in found)  # the wildest colours a picture can have


def test_noise_has_the_deviations_it_is_given() -> None:
    for level in (0, 128, 200):
        expected = (4.0**2 + 6.0**2 * level / 255) ** 0.5
        flat = np.full((200, 200, 3), level, np.uint8)
        found = noisy(flat, 4.0, 6.0, default_rng(1)).astype(float) - level
        if level == 0:  # clipped: half of it is left
            assert (found == 0).mean() == pytest.approx(0.5 + 0.5 * 0.0995, abs=0.01)  # P(|n| < 0.5) = 0.0995
        else:
            assert found.std() == pytest.approx((expected**2 + 1 / 12) ** 0.5, rel=0.02)
            assert abs(found.mean()) < 0.05


@pytest.mark.parametrize("level", [0, 64, 192])
def test_noise_grows_with_the_light_and_dark_noise_does_not(level) -> None:
    """Variance dark^2 in the dark and dark^2 + white^2 in full light, in a straight line between."""
    flat = np.full((300, 300, 3), level, np.uint8)
    quiet, bright = (
        noisy(flat, *deviations, default_rng(3)).astype(float) for deviations in ((3, 0), (0, 12))
    )
    if level:
        assert quiet.var() == pytest.approx(3**2 + 1 / 12, rel=0.02)
        assert bright.var() == pytest.approx(12**2 * level / 255 + 1 / 12, rel=0.02)
    else:  # half of it is clipped: of a Gaussian the upper half has E[n^2] = dark^2 / 2
        assert (quiet**2).mean() == pytest.approx((3**2 + 1 / 12) / 2, rel=0.02)
        assert np.array_equal(bright, flat)


@pytest.mark.parametrize(("noise", "shot"), [(18.0, 0.0), (0.0, 18.0), (8.0, 16.0)])
def test_strengths_drawn_for_a_picture_are_those_of_the_dark_and_of_the_light(noise, shot) -> None:
    """Half have none, the others anything up to the largest: E[strength^2] = largest^2 / 6."""
    how = Degradation(**NOTHING | {"noise": noise, "shot": shot})
    for level in (80, 160):
        flat = np.full((40, 40, 3), level, np.uint8)
        variances = [degrade(flat, 2, how, default_rng(n))[0].astype(float).var() for n in range(1500)]
        rounding = np.mean([variance > 0 for variance in variances]) / 12
        expected = (noise**2 + shot**2 * level / 255) / 6 + rounding
        assert np.mean(variances) == pytest.approx(expected, rel=0.08)
    black = np.zeros((40, 40, 3), np.uint8)
    changed = np.mean([degrade(black, 2, how, default_rng(n))[0].any() for n in range(200)])
    assert changed == (pytest.approx(0.5, abs=0.1) if noise else 0)


def test_noise_for_scoring_does_not_depend_on_the_light() -> None:
    for level in (60, 200):
        flat = np.full((300, 300, 3), level, np.uint8)
        found = by_name("noise:5")(flat, 2, 1)[0].astype(float)
        assert found.var() == pytest.approx(5**2 + 1 / 12, rel=0.02)


def test_blur_is_gaussian() -> None:
    point = np.zeros((41, 41, 3), np.uint8)
    point[20, 20] = 255
    spread = blurred(point, 1.5)[:, :, 0].astype(float)
    y, x = np.mgrid[-20:21, -20:21]
    expected = 255 * np.exp(-(x**2 + y**2) / (2 * 1.5**2)) / (2 * np.pi * 1.5**2)
    np.testing.assert_allclose(spread, expected, atol=1.5)
    assert blurred(point, 0.0) is point


@pytest.mark.parametrize("kind", ["jpeg", "webp", "avif"])
def test_lower_quality_loses_more(kind, photo) -> None:
    grey = photo[:, :, :1].repeat(3, axis=2)  # halved colours would lose more than any quality does
    errors = [error(compressed(grey, quality, kind=kind), grey) for quality in (95, 75, 50, 30)]
    assert errors == sorted(errors)
    assert errors[0] < errors[-1] / 2


def test_halved_colours_lose_colour(photo) -> None:
    full, halved = (compressed(photo, 95, halved=halved) for halved in (False, True))
    assert error(halved, photo) > 1.5 * error(full, photo)


def test_blocks_begin_where_the_phase_says() -> None:
    y, x = np.mgrid[0:128, 0:128]
    ramp = np.repeat((y + x)[:, :, None], 3, axis=2).astype(np.uint8)
    for phase in (0, 3):
        found = compressed(ramp, 10, halved=False, phase=(0, phase))[:, :, 1].astype(float)
        steps = np.abs(np.diff(found, axis=1)).mean(axis=0)  # step c lies between the columns c and c + 1
        edges = (np.arange(127) + 1 + phase) % 8 == 0
        assert steps[edges].mean() > 1.5 * steps[~edges].mean()


def test_a_copy_depends_on_seed_version_and_number_alone(tmp_path) -> None:
    pixels, how = pictures((20, 24), (17, 33)), Degradation(versions=3)
    reported: list[tuple[int, int]] = []
    found = degraded(pixels, how, 7, cache=tmp_path, progress=lambda *done: reported.append(done))
    assert reported[-1] == (6, 6)
    assert (found.versions, len(found.lr)) == (3, 3 * len(pixels.lr))
    hr = pixels.hr[: 20 * 24 * 4].reshape(40, 48, 3)
    alone, strength = degrade(hr, 2, how, default_rng([7, 2, 0]))
    assert found.strengths is not None
    assert found.strengths[2, 0] == np.float32(strength)
    start = 2 * len(pixels.lr)
    assert np.array_equal(found.lr[start : start + 20 * 24].reshape(20, 24, 3), alone)

    again = degraded(pixels, how, 7, cache=tmp_path, progress=lambda *done: reported.append(done))
    assert len(reported) == 6  # nothing was done again
    assert np.array_equal(again.lr, found.lr)
    other = degraded(pixels, how, 8, cache=tmp_path)
    assert other.key != found.key
    assert not np.array_equal(other.lr, found.lr)


def test_patches_come_from_all_versions_and_fit_their_originals(tmp_path) -> None:
    pixels = pictures((20, 24), (17, 33))
    lr = np.concatenate([pixels.lr, 255 - pixels.lr, pixels.lr // 2])  # versions that can be told apart
    many = Patches(Pixels(2, lr, pixels.hr, pixels.sizes, (), "other", versions=3), 6, seed=2)
    plain = Patches(pixels, 6, seed=2)
    k = np.arange(600)
    version = many.positions(k)[:, 4]
    assert np.bincount(version).min() > 150
    assert np.array_equal(many.positions(k)[:, :4], plain.positions(k)[:, :4])
    (clean, originals), (found, same) = plain.batch(k), many.batch(k)
    assert (originals == same).all()
    for number, expected in enumerate((clean, 1 - clean)):
        chosen = version == number
        np.testing.assert_allclose(found[chosen].numpy(), expected[chosen].numpy(), atol=1e-6)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"jpeg": 3}, "unknown key 'jpeg'; known are versions, clean"),
        ({"clean": 2}, "clean must be from 0 to 1"),
        ({"blur": -1}, "blur must not be below 0"),
        ({"quality": [90, 30]}, "quality must be two numbers from 1 to 100"),
        ({"versions": 0}, "versions must be a whole number"),
        ({"noise": "much"}, "a strength is not a number"),
    ],
)
def test_strengths_that_cannot_be_are_reported(values, words) -> None:
    with pytest.raises(ValueError, match=words):
        Degradation.of(values)


@pytest.mark.parametrize(
    ("quality", "kind", "halved"), [(60, "jpeg", True), (90, "jpeg", False), (70, "webp", True)]
)
def test_without_libvips_a_file_is_the_same(photo, monkeypatch, quality, kind, halved) -> None:
    """Where training pictures come packed there may be no libvips: Pillow has the same encoders."""
    how = {"kind": kind, "halved": halved, "phase": (3, 5)}
    expected = compressed(photo, quality, **how)
    monkeypatch.setitem(sys.modules, "pyvips", None)
    assert np.array_equal(compressed(photo, quality, **how), expected)


@pytest.mark.parametrize("sigma", [0.5, 1.0, 2.1])
def test_without_libvips_blur_is_gaussian(monkeypatch, photo, sigma) -> None:
    expected: Any = (
        pyvips.Image.new_from_array(photo).cast("float").gaussblur(sigma, min_ampl=0.01, precision="float")
    )
    monkeypatch.setitem(sys.modules, "pyvips", None)
    assert np.abs(blurred(photo, sigma) - expected.numpy()).max() <= 0.51
    flat = np.full((9, 8, 3), 255, np.uint8)
    assert np.array_equal(blurred(flat, sigma), flat)


@pytest.mark.parametrize("how", ["jpeg:30", "jpeg:75", "jpeg:92", "webp:80", "webp:95", "avif:60"])
def test_the_strength_is_what_the_file_would_tell(photo, how) -> None:
    kind, quality = how.split(":")
    image: Any = pyvips.Image.new_from_array(shrink(photo, 2))
    save = {"jpeg": image.jpegsave_buffer, "webp": image.webpsave_buffer, "avif": image.heifsave_buffer}[kind]
    file = save(Q=int(quality), **({"compression": "av1"} if kind == "avif" else {}))
    found, strength = by_name(how)(photo, 2, 1)
    near = 0.06 if kind == "webp" else 1e-9  # its quantiser varies with the picture
    assert strength == pytest.approx(compression_of(BytesIO(file), file).strength, abs=near)
    assert np.array_equal(found, compressed(shrink(photo, 2), int(quality), kind=kind))  # pyright: ignore


def test_what_no_file_tells_has_the_least_strength_and_a_scan_that_of_its_jpeg(photo) -> None:
    for how in ("none", "noise:5", "blur:0.8"):
        assert by_name(how)(photo, 2, 1)[1] == LEAST
    found, strength = by_name("scan")(photo, 2, 3)
    assert strength == strength_of(85)
    page = noisy(shrink(blurred(photo, 1.4), 2), 4, 0, default_rng(3))
    assert np.array_equal(found, compressed(page, 85))


def test_of_two_files_the_second_has_its_blocks_elsewhere_and_tells_the_strength(photo) -> None:
    found, strength = by_name("double:75")(photo, 2, 1)
    once = compressed(shrink(photo, 2), 75)
    assert np.array_equal(found, compressed(once, 75, phase=(4, 5)))
    assert error(found, once) > 1.2 * error(compressed(once, 75), once)  # on the same blocks little is lost
    assert strength == strength_of(75)


def test_what_was_a_jpeg_and_is_stored_without_loss_tells_nothing(photo) -> None:
    found, strength = by_name("hidden:75")(photo, 2, 1)
    assert np.array_equal(found, compressed(shrink(photo, 2), 75))
    assert strength == LEAST


@pytest.mark.parametrize("how", ["none", "jpeg:75", "noise:5", "blur:0.8", "scan", "mix"])
def test_a_small_partner_that_is_given_is_not_shrunk_anew(photo, how) -> None:
    small = 255 - shrink(photo, 2)
    found, _ = by_name(how)(photo, 2, 4, small)
    assert error(found, small) < error(found, shrink(photo, 2)) / 2


def test_each_of_a_mix_is_told_its_own_strength(photo) -> None:
    found = [by_name("mix")(photo, 2, number) for number in range(20)]
    expected = [degrade(photo, 2, Degradation(clean=0), default_rng(number)) for number in range(20)]
    for (lr, strength), (same, told) in zip(found, expected, strict=True):
        assert np.array_equal(lr, same)
        assert strength == told
    assert len({strength for _, strength in found}) > 5
