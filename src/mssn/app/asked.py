"""The options of a request, taken from its query and checked by what checks those of the command line."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unicodedata import category

from mssn.api import DEFAULT_MODEL, load
from mssn.app.limits import Limits
from mssn.app.refused import RefusedError
from mssn.checks import number_of, whole_of
from mssn.film.asked import film_options
from mssn.image.formats import ENDINGS, FILMS, READABLE, WRITABLE
from mssn.image.write import check_format
from mssn.once import OnceEach
from mssn.runtime.base import check_threads
from mssn.runtime.plan import BICUBIC, names_file
from mssn.upscaling.crop import Crop
from mssn.upscaling.jobs import Options
from mssn.upscaling.size import Size, target_of
from mssn.upscaling.upscaler import Upscaler

if TYPE_CHECKING:
    from mssn.film.plan import FilmOptions

MOVING = (".apng", ".gif", ".webp")  # endings of what a film can become besides a film
_FORMATS = sorted({*ENDINGS, *(suffix[1:] for suffix in (*WRITABLE, *FILMS, *MOVING))})
_LONGEST = 180  # bytes of a name; "_x2.png" comes behind it, and most file systems take 255
_KEPT = 2  # sets of networks; each holds the memory of a tile
_BREAKING = re.compile("[\u202a-\u202e\u2066-\u2069]")  # turn the direction of writing: gpj.exe for exe.jpg


@dataclass(frozen=True)
class Option:
    """One option of a query.

    Args:
        kind: "text", "number", "whole" or "flag".
        text: What it is, for the description of the interface.
        choices: Its values, where they are words.
        bounds: What else JSON Schema can say of its values.
    """

    kind: str
    text: str
    choices: tuple[str, ...] = ()
    bounds: tuple[tuple[str, Any], ...] = ()


OPTIONS = {
    "name": Option("text", "The file's name, which the result's is made from; its ending tells films."),
    "format": Option("text", "Of the result; default same.", ("same", *_FORMATS)),
    "scale": Option(
        "number",
        f"Above 0, at most {Limits.scale:g}; default 2.",
        bounds=(("exclusiveMinimum", 0), ("maximum", Limits.scale)),
    ),
    "size": Option(
        "text",
        "Instead of a scale: 1920x1080 (fits in), 1920x, x1080, 1920x1080! (exactly); no side more than "
        f"{Limits.scale:g} times as long as it was.",
        bounds=(("pattern", "^([1-9][0-9]{0,6}x|x[1-9][0-9]{0,6}|[1-9][0-9]{0,6}x[1-9][0-9]{0,6}!?)$"),),
    ),
    "model": Option("text", f"A model that ships, or bicubic; default {DEFAULT_MODEL}."),
    "variant": Option("text", "Weights for photographs, or for clean pictures.", ("auto", "photo", "clean")),
    "strength": Option(
        "number",
        "0 to 1: how strongly noise and traces of compression are removed.",
        bounds=(("minimum", 0), ("maximum", 1)),
    ),
    "quality": Option(
        "whole", "1 to 100, of lossy formats and films.", bounds=(("minimum", 1), ("maximum", 100))
    ),
    "metadata": Option("text", "What becomes of EXIF, XMP and IPTC.", ("keep", "strip")),
    "crop": Option(
        "text",
        "X,Y,W,H in pixels: this place only.",
        bounds=(("pattern", "^[0-9]{1,9},[0-9]{1,9},[1-9][0-9]{0,8},[1-9][0-9]{0,8}$"),),
    ),
    "dpi": Option("text", "Whether the resolution stays, or the size on paper.", ("keep", "scale")),
    "runtime": Option("text", "What runs the network.", ("auto", "native", "openvino", "onnxruntime")),
    "precision": Option("text", "What is computed in.", ("auto", "fp32", "bf16", "int8")),
    "ensemble": Option("flag", "The mean over eight flips and turns."),
    "codec": Option("text", "Of a film.", ("av1", "h264", "hevc", "vp9", "ffv1", "prores")),
    "interlaced": Option("text", "What becomes of interlaced films.", ("auto", "refuse")),
    "from": Option("text", "Of a film, the time where to begin: 83.5 or 1:23.5."),
    "to": Option("text", "Of a film, the time where to end."),
    "rate": Option("text", "Frames a second of films without times."),
}
_OF_FILMS = ("codec", "interlaced", "from", "to", "rate")
_OF_NETWORKS = ("model", "variant", "strength", "runtime", "precision", "ensemble")


@dataclass(frozen=True)
class Asked:
    """What is asked of one file.

    Args:
        name: The file's, for people.
        given: The options as they were given.
        suffix: Its ending, if it is that of a picture or a film; else "".
        ending: Of the result; None: the same, where it can be written.
        scale: Factor; None where none was given.
        size: Instead of a factor.
        networks: Arguments of `mssn.api.load`.
        options: How a picture is read and written.
        film: What is wanted of a film; None of pictures.
    """

    name: str
    given: dict[str, str]
    suffix: str
    ending: str | None
    scale: float | None
    size: str | None
    networks: tuple[tuple[str, Any], ...]
    options: Options
    film: FilmOptions | None


def read_query(pairs: Iterable[tuple[str, str]], limits: Limits) -> Asked:
    """What a query asks for.

    Args:
        pairs: Its names and values.
        limits: What a request may cost.

    Raises:
        MssnError: It has an option that is unknown, given twice, or makes no sense.
    """
    pairs, given = list(pairs), dict[str, Any]()
    for name, text in pairs:
        if name not in OPTIONS:
            raise RefusedError(400, "bad-request", f"'{name}' is no option; there are: {', '.join(OPTIONS)}")
        if name in given:
            raise RefusedError(400, "bad-request", f"`{name}` is given twice")
        given[name] = _value(name, text)
    name = clean_name(given.pop("name", "") or "picture")
    suffix = Path(name).suffix.lower()
    suffix = suffix if suffix in (*READABLE, *FILMS) else ""
    ending = _ending(given.pop("format", "same"), film=suffix in FILMS)
    scale, size = given.pop("scale", None), given.pop("size", None)
    if scale is not None and not 0 < scale <= limits.scale:
        more = "; mssn upscale takes more" if scale > limits.scale else ""
        about = f"`scale` must be above 0 and at most {limits.scale:g}, not {scale:g}"
        raise RefusedError(400, "bad-request", about + more)
    target_of(scale, size)
    networks = {key: given.pop(key) for key in _OF_NETWORKS if key in given}
    if names_file(networks.get("model", DEFAULT_MODEL)):
        raise RefusedError(400, "bad-request", "`model` must be the name of a model that ships, not a file")
    film = {key: given.pop(key) for key in _OF_FILMS if key in given}
    crop = given.pop("crop", None)
    options = Options(
        **given,
        crop=None if crop is None else Crop.parse(crop),
        max_megapixels=limits.megapixels,
        memory=limits.memory,
    )
    wanted = None
    if suffix in FILMS:
        codec, start, end, rate = (film.get(key) for key in ("codec", "from", "to", "rate"))
        wanted = film_options(options, codec, film.get("interlaced", "auto"), start, end, rate)
    elif film:
        raise RefusedError(400, "bad-request", f"`{next(iter(film))}` is for films, and {name} is none")
    made_by = tuple(sorted(networks.items()))
    return Asked(name, dict(pairs), suffix, ending, scale, size, made_by, options, wanted)


def _value(name: str, text: str) -> Any:
    """A text of a query as what its option takes; what values make sense is decided elsewhere."""
    kind = OPTIONS[name].kind
    try:
        if kind == "number":
            return number_of(text)
        if kind == "whole":
            return whole_of(text)
        if kind == "flag":
            return {"true": True, "1": True, "false": False, "0": False}[text.lower()]
    except (ValueError, KeyError):
        words = {"number": "a number", "whole": "a whole number", "flag": "true or false"}[kind]
        raise RefusedError(400, "bad-request", f"`{name}` takes {words}, not '{text}'") from None
    return text


def _ending(name: str, *, film: bool) -> str | None:
    if name == "same":
        return None
    ending = ENDINGS.get(name.lower(), f".{name.lower()}")
    known = (*FILMS, *MOVING) if film else WRITABLE
    if ending not in known:
        words = ", ".join(suffix.removeprefix(".") for suffix in known)
        raise RefusedError(
            400, "bad-request", f"'{name}' is no `format` to write; for this file there are: {words}"
        )
    if ending in WRITABLE and not film:
        check_format(ending, "the result")
    return ending


def clean_name(name: str) -> str:
    """The last part of a name, in one line, that can be the beginning of a file's name everywhere."""
    name = re.split(r"[/\\]", name)[-1]
    name = _BREAKING.sub("", "".join(c for c in name if category(c) not in ("Cc", "Cs", "Zl", "Zp")))
    path = Path(name.strip(" ."))
    suffix = path.suffix if len(path.suffix) <= 10 else ""
    stem = path.name.removesuffix(suffix).encode()[:_LONGEST].decode(errors="ignore")
    return f"{stem}{suffix}" or "picture"


class Engines:
    """Networks for what is asked, kept ready for the next one who asks for the same.

    Args:
        threads: Processor cores to use; None for all.

    Raises:
        MssnError: They are no number of cores.
    """

    def __init__(self, threads: int | None = None) -> None:
        check_threads(threads)
        self._threads, self._kept = threads, OnceEach[Upscaler](_KEPT)

    def __call__(self, asked: Asked) -> Upscaler:
        """What enlarges as it is asked.

        Raises:
            MssnError: As `mssn.api.load`.
        """
        networks: dict[str, Any] = {**dict(asked.networks), "threads": self._threads}
        if networks.get("model") == BICUBIC:  # what it does depends on the scale, and nothing is loaded
            return load(scale=asked.scale, size=asked.size, **networks)
        upscaler = self._kept(repr(sorted(networks.items())), partial(load, **networks))
        target: Size | None = target_of(asked.scale, asked.size)
        return upscaler if target is None else upscaler.towards(target)
