"""Numbers in what is typed: every option of every verb reads them alike, as people write them."""

from __future__ import annotations

import itertools
import re
from fractions import Fraction
from typing import get_args

import pytest

from mssn.app.asked import OPTIONS, read_query
from mssn.app.limits import Limits
from mssn.checks import number_of, whole_of
from mssn.cli import _VERBS, app
from mssn.errors import MssnError
from mssn.film.asked import seconds
from mssn.film.inputs import rate_of
from mssn.score.degrade import by_name
from mssn.upscaling.crop import Crop
from mssn.upscaling.size import parse

# Python takes these for numbers; nobody who types them means what it makes of them.
PYTHON = ["0_5", "1_000", "\uff11", "\u0663", " 1 ", "1\n", "nan", "inf", "-Infinity", "1e400"]
NO_NUMBERS = [*PYTHON, "2,5", "0x2", "1e", "1.2.3", "--1", ".", "\u00bd", "\u00b2"]
ARGUMENTS = {verb: list(app[verb].assemble_argument_collection()) for verb in _VERBS}
NUMERIC = [
    (verb, argument.name)
    for verb, arguments in ARGUMENTS.items()
    for argument in arguments
    if {int, float} & {argument.hint, *get_args(argument.hint)}
]


def test_the_parser_has_numeric_options_of_both_kinds() -> None:
    assert {("upscale", "--strength"), ("app", "--port"), ("draw", "--seed"), ("train", "--time-limit")} <= {
        *NUMERIC
    }


@pytest.mark.parametrize(("verb", "option"), NUMERIC)
def test_what_is_no_number_is_refused_by_every_option(mssn, verb, option) -> None:
    needed = [a.name for a in ARGUMENTS[verb] if a.required and a.name.startswith("--") and a.name != option]
    for text in PYTHON:
        result = mssn(verb, "x", f"{option}={text}", *[f"{name}=1" for name in needed])
        assert (result.code, result.out) == (2, "")
        assert re.search(rf"Invalid value for {option}: takes a (whole )?number, not '", result.line)


@pytest.mark.parametrize("text", ["-0", "0", "+0.0", "-0e5", "-1e-400"])
def test_nothing_is_nothing_whatever_its_sign(text) -> None:
    assert repr(number_of(text)) == "0.0"


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_what_is_no_number_is_refused_wherever_one_is_read(text) -> None:
    for read in (
        number_of,
        whole_of,
        parse,
        rate_of,
        by_name,
        Crop.parse,
        lambda text: parse(f"{text}x"),
        lambda text: parse(f"3x2{text}"),
        lambda text: Crop.parse(f"1,2,3,{text}"),
        lambda text: Crop.parse(f"1,2{text},3,4"),
        lambda text: seconds("from", text),
        lambda text: seconds("from", f"1:{text}"),
        lambda text: rate_of(f"{text}/2"),
        lambda text: rate_of(f"24/{text}"),
        lambda text: by_name(f"jpeg:{text}"),
        lambda text: by_name(f"noise:{text}"),
    ):
        with pytest.raises((ValueError, MssnError)):
            read(text)
    for name, option in OPTIONS.items():
        if option.kind in ("number", "whole"):
            with pytest.raises(MssnError, match=rf"^{name} takes a (whole )?number, not '"):
                read_query([(name, text)], Limits())


def test_numbers_are_read_as_they_are_written() -> None:
    for sign, text in itertools.product(("", "-", "+"), ("0", "5", "05", "0.5", ".5", "5.", "1e3", "2.5E-1")):
        assert number_of(sign + text) == float(sign + text)
    for text in ("0", "7", "-3", "+12", "007"):
        assert whole_of(text) == int(text)
    for text in ("1.0", "1e3", "2.5", "9" * 5000):
        with pytest.raises(ValueError, match="number"):
            whole_of(text)
    assert parse("1920X1080!").of(1, 1) == (1080, 1920)
    assert str(Crop.parse("1, 2, 3, 4")) == "1,2,3,4"
    assert [seconds("to", text) for text in ("83.5", "1:23.5", "0:01:23.5")] == [83.5] * 3
    assert [rate_of(text) for text in ("25", "0.5", "24000/1001")] == [25, 0.5, Fraction(24000, 1001)]
