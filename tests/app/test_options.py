"""Options of a query: what the command line refuses, the app refuses, before it takes the upload."""

from __future__ import annotations

import re
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mssn.app.asked import OPTIONS, Engines, read_query
from mssn.app.limits import Limits
from mssn.app.openapi import description
from mssn.cli import main
from mssn.errors import MssnError
from mssn.image.picture import Picture
from mssn.image.write import write

ENGINES = Engines()
PICTURE_OPTIONS = [name for name in OPTIONS if name not in ("name", "format", "from", "to", "codec", "rate")]
NUMBERS = [
    "0",
    "-0.0",
    "-1",
    "1",
    "0.5",
    "1.5",
    "2",
    "3",
    "16",
    "17",
    "99",
    "101",
    "1e7",
    "nan",
    "inf",
    "-inf",
]
WORDS = [
    *("", " ", "auto", "keep", "best", "photo", "clean", "true", "2,5", "0x2", "\u0661", "1_000", "+2", "2 "),
    *("mssn", "mssn-s", "mssn-s-photo", "mssn-xl", "bicubic", "fp32", "int3", "native", "strip", "scale"),
    *("5x5", "5x5!", "x7", "7x", "x", "!", "5 x 5", "0x5", "5x0", "-5x5", "99999999x", "5X5", "5x5!!"),
    *("1,2,3,4", "1,2,3", "1,2,0,4", "-1,0,3,3", "0,0,48,40", "a,b,c,d", "1.5,0,2,2", "0, 0, 2, 2"),
]
values = st.one_of(
    st.sampled_from(NUMBERS),
    st.sampled_from(WORDS),
    st.floats().map(str),
    st.integers(-200, 200).map(str),
    st.text(
        st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_categories=["Cs", "Cc"]), max_size=6
    ),
)
options = st.dictionaries(st.sampled_from(PICTURE_OPTIONS), values, min_size=1, max_size=3)


@pytest.fixture(scope="module")
def picture(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("pictures") / "a.png"
    write(path, Picture(np.zeros((40, 48, 3), np.uint8)))
    return path


def typed(options: dict[str, str]) -> list[str]:
    """As they would be typed; a flag has no value there."""
    words = [f"--{name}={value}" for name, value in options.items() if name != "ensemble"]
    return words + ["--ensemble"] * (options.get("ensemble", "").lower() in ("true", "1"))


def on_the_command_line(picture: Path, options: dict[str, str], monkeypatch) -> tuple[int, str]:
    """How `mssn upscale --dry-run` ends, and what it says."""
    monkeypatch.setattr(sys, "argv", ["mssn", "upscale", str(picture), "--dry-run", *typed(options)])
    said = StringIO()
    with redirect_stderr(said), redirect_stdout(StringIO()), pytest.raises(SystemExit) as left:
        main()
    return int(left.value.code or 0), said.getvalue()


def by_the_app(options: dict[str, str]) -> str | None:
    """Why the app refuses them; None if it does not."""
    try:
        asked = read_query({"name": "a.png", **options}.items(), Limits())
        ENGINES(asked)
        if asked.options.crop is not None:  # for which it looks into the file, as the command line does
            asked.options.crop.check("a.png", 40, 48)
    except MssnError as error:
        return str(error)
    return None


@settings(max_examples=50, deadline=None)
@given(options=options)
@example(options={"scale": "2", "size": "5x5"})
@example(options={"variant": "clean", "strength": "0.5"})
@example(options={"variant": "photo", "strength": "0"})
@example(options={"model": "bicubic", "ensemble": "true"})
@example(options={"model": "bicubic", "strength": "0.5"})
@example(options={"model": "mssn-s-photo", "variant": "clean"})
@example(options={"crop": "40,0,20,20"})
def test_what_the_command_line_refuses_the_app_refuses(picture, options) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        code, said = on_the_command_line(picture, options, monkeypatch)
    refused = by_the_app(options)
    assert code in (0, 1, 2), said  # 1: it would fail at this picture
    assert code == 0 or refused is not None, said


@settings(max_examples=50, deadline=None)
@given(scale=st.floats(allow_nan=True))
def test_a_scale_beyond_the_limit_is_refused(scale) -> None:
    refused = by_the_app({"scale": repr(scale)})
    assert (refused is None) == (0 < scale <= 16)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(["scale", "strength", "quality", "size", "crop"]), values)
def test_the_description_says_which_values_are_taken(name, value) -> None:
    schema = next(
        found["schema"]
        for found in description()["paths"]["/api/upscale"]["post"]["parameters"]
        if found["name"] == name
    )
    if (pattern := schema.get("pattern")) is not None:
        fits = re.search(pattern, value) is not None and "\n" not in value
        usual = value == value.strip().lower() and " " not in value  # what else is taken need not be told
    else:
        written = r"-?\d+" if schema["type"] == "integer" else r"-?\d+(\.\d+)?([eE][+-]?\d+)?"
        if re.fullmatch(written, value, re.ASCII) is None:
            return  # no number as JSON has them
        number = float(value)
        fits = schema.get("minimum", -1) <= number <= schema["maximum"]
        fits, usual = fits and number > schema.get("exclusiveMinimum", -1), True
    refused = by_the_app({name: value})
    if name == "crop" and refused is not None and "beyond" in refused:
        return
    if name == "size" and fits and refused is not None:
        assert "too large" in refused
        return
    if fits:
        assert refused is None
    elif usual and value.isascii():
        assert refused is not None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"scale": 99}, "scale must be above 0 and at most 16, not 99; mssn upscale takes more"),
        ({"scale": 16.01}, "scale must be above 0 and at most 16, not 16.01"),
        ({"scale": 0}, "scale must be above 0 and at most 16, not 0"),
        ({"scale": "nan"}, "scale takes a number, not 'nan'"),
        ({"strength": 1.01}, "strength must be a number from 0 to 1, not 1.01"),
        ({"quality": 101}, "quality must be 1 to 100, not 101"),
        ({"size": "99999999x"}, "is too large; a side has at most 10,000,000 pixels"),
        ({"model": "mssn-xl"}, "unknown model 'mssn-xl'"),
        ({"variant": "clean", "strength": 0.5}, "contradicts the variant clean"),
    ],
)
def test_a_value_out_of_range_is_refused_before_the_upload(client, options, words) -> None:
    """The body is announced, but never sent."""
    from urllib.parse import urlencode

    connection = client.connect(timeout=20)
    try:
        connection.putrequest("POST", f"/api/upscale?{urlencode({'name': 'a.png', **options})}")
        for name, value in client.headers({"Content-Length": "1000000"}).items():
            connection.putheader(name, value)
        connection.endheaders()
        response = connection.getresponse()
        assert response.status == 400
        assert words in response.read().decode()
    finally:
        connection.close()


@pytest.mark.parametrize("size", ["1000x1000", "1000x", "48x700!", "769x40!"])
def test_a_size_is_no_way_round_the_largest_scale(client, png, size) -> None:
    reply = client.upscale(png, name="a.png", model="bicubic", size=size)
    assert (reply.status, reply.json["code"]) == (413, "too-large")
    assert "is more than 16 times; ask for less" in reply.json["error"]


def test_the_largest_scale_is_told_and_taken(client, png) -> None:
    assert client.get("/api/models").json["limits"]["scale"] == 16
    for options in ({"scale": 16}, {"size": "768x640"}):
        assert client.upscale(png, name="a.png", model="bicubic", **options).status == 200


def test_limits_are_of_the_app(serve, png) -> None:
    small = replace(Limits(), scale=3.0)
    assert read_query([("scale", "3")], small).scale == 3
    with pytest.raises(MssnError, match="at most 3, not 4"):
        read_query([("scale", "4")], small)


@pytest.mark.parametrize("suffix", ["heic", "jxl"])
def test_a_format_without_its_encoder_is_refused_before_the_upload(suffix, monkeypatch) -> None:
    monkeypatch.setattr("mssn.image.write.can_write", lambda suffix: False)
    with pytest.raises(MssnError, match=r"cannot be written here; pip install 'mssn\[formats\]'"):
        read_query([("name", "a.png"), ("format", suffix)], Limits())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"upload": 0}, "`max_upload` must be a whole number above 0"),
        ({"queue": 0}, "`queue` must be"),
        ({"memory": -1}, "`memory` must not be below 0"),
        ({"megapixels": float("nan")}, "`max_megapixels` must be above 0"),
        ({"seconds": 0.0}, "`time_limit` must be minutes above 0"),
    ],
)
def test_limits_that_make_no_sense_are_named_as_on_the_command_line(options, words) -> None:
    with pytest.raises(MssnError, match=words):
        Limits(**options)
