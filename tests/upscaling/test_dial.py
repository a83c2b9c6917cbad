"""Where the dial stands for a picture, and what is said of it."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from mssn.errors import MssnError
from mssn.image.compression import LEAST, LOSSLESS, Compression, strength_of
from mssn.models.info import PHOTO, list_models
from mssn.upscaling.dial import Dial, in_words, share_of_photo


def jpeg(quality: int | None) -> Compression:
    return Compression(kind="JPEG", quality=quality)


@pytest.mark.parametrize(
    "strength", ["0.5", "", math.nan, math.inf, True, np.bool_(True), -0.01, 1.01, [0.5], 1j]
)
def test_what_is_no_strength_is_refused_in_one_line(strength) -> None:
    with pytest.raises(MssnError, match=r"^`strength` must be a number from 0 to 1, not [^\n]+$"):
        Dial(strength=strength)


@pytest.mark.parametrize("strength", [0, 1, 0.25, np.float32(0.25), np.int64(1), Fraction(1, 4), -0.0])
def test_every_kind_of_number_is_one(strength) -> None:
    kept = Dial(strength=strength).strength
    assert type(kept) is float
    assert kept == float(strength)
    assert math.copysign(1, kept) == 1


def test_clean_contradicts_a_strength_above_none() -> None:
    assert Dial("clean", 0).at(jpeg(30), told=True) == 0
    with pytest.raises(MssnError, match="contradicts the variant clean"):
        Dial("clean", 0.1)


@pytest.mark.parametrize(
    ("variant", "strength", "compression", "told", "expected"),
    [
        ("auto", None, LOSSLESS, True, LEAST),
        ("auto", None, jpeg(100), True, LEAST),
        ("auto", None, jpeg(30), True, 1),
        ("auto", None, jpeg(5), True, 1),
        ("auto", None, jpeg(75), True, 0.65),
        ("auto", None, jpeg(None), True, 0.5),
        ("auto", None, LOSSLESS, False, 0),
        ("auto", None, jpeg(92), False, 0),
        ("auto", None, jpeg(91), False, 1),
        ("auto", None, Compression(kind="h264", quality=91), False, 1),
        ("auto", None, Compression(kind="h264", quality=92), False, 0),
        ("auto", None, Compression(kind="", quality=95), False, 0),
        ("auto", None, Compression(kind="av1", quality=None), False, 1),
        ("photo", None, LOSSLESS, True, LEAST),
        ("photo", None, LOSSLESS, False, 1),
        ("photo", 0.05, LOSSLESS, True, LEAST),
        ("photo", 0.05, LOSSLESS, False, 0.05),
        ("clean", None, jpeg(30), True, 0),
        ("clean", None, jpeg(30), False, 0),
        *(
            ("auto", value, jpeg(30), told, value)
            for value in (0, 0.05, LEAST, 0.7, 1)
            for told in (True, False)
        ),
        ("auto", 0.123, LOSSLESS, True, 0.12),
        ("auto", 0.123, LOSSLESS, False, 0.123),
    ],
)
def test_where_it_stands(variant, strength, compression, told, expected) -> None:
    assert Dial(variant, strength).at(compression, told=told) == expected


def test_files_are_told_in_twentieths() -> None:
    """No two qualities change places, and a folder of all of them needs few networks."""
    stands = [Dial().at(jpeg(quality), told=True) for quality in range(1, 101)]
    assert stands == sorted(stands, reverse=True)
    assert {number / 20 for number in range(2, 21)} >= set(stands)
    for quality, stand in enumerate(stands, 1):
        strength = strength_of(quality)
        told = strength if strength >= 0.5 else max(LEAST, 0.5 - 2 * (0.5 - strength))
        assert abs(stand - told) <= 0.025 + 1e-9
    assert [Dial().at(jpeg(quality), told=True) for quality in (98, 95, 92, 90)] == [0.1, 0.2, 0.3, 0.4]
    assert Dial(strength=0.123).at(jpeg(90), told=True) == 0.12  # what is asked for is finer


def test_films_are_told_what_was_measured_of_films() -> None:
    for kind in ("h264", "hevc", "av1", ""):
        stored = Compression(kind=kind, quality=95)
        assert Dial().at(stored, told=True) == pytest.approx(stored.strength, abs=0.025)


def test_the_share_grows_to_the_whole() -> None:
    assert [share_of_photo(strength, told=True) for strength in (0, LEAST / 2, LEAST, 1)] == [0, 0.5, 1, 1]
    assert [share_of_photo(strength, told=False) for strength in (0, 0.5, 1)] == [0, 0.5, 1]


def test_words_say_the_strength_where_the_name_does_not() -> None:
    assert in_words("net-photo", 0.64) == "net-photo 0.64"
    assert in_words("net + net-photo", 0.055) == "net + net-photo 0.055"
    assert [in_words("net", strength) for strength in (None, 0.0, 1.0)] == ["net"] * 3


def test_what_ships_can_be_mixed() -> None:
    """Wherever weights for photographs ship, clean ones of that scale do, too."""
    shipped = {(row.model, row.scale) for row in list_models() if row.weights}
    photo = [(model, scale) for model, scale in shipped if model.endswith(PHOTO)]
    assert photo
    assert all((model.removesuffix(PHOTO), scale) in shipped for model, scale in photo)
