"""What the held-out scenes are drawn with: an SVG sheet in small pixels, words, fonts, and chance."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar
from xml.sax.saxutils import escape

import numpy as np
import pyvips

from mssn.image.read import read_rgb
from mssn.image.resize import shrink

T = TypeVar("T")
SIDE = 160  # small pixels
WORDS = {
    "Latin": "Sphinx of black quartz, judge my vow. Zwölf Boxkämpfer jagen Viktor quer über den Deich. "
    "Voix ambiguë d’un cœur. Pchnąć w tę łódź jeża. Invoice 2024-03-17 Settings Cancel Save as Total: 84.60",
    "Greek": "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία Ταχίστη αλώπηξ βαφής ψημένη γη",
    "Cyrillic": "Съешь ещё этих мягких французских булок да выпей же чаю Широкая электрификация",
    "Arabic": "نص حكيم له سر قاطع وذو شأن عظيم مكتوب على ثوب أخضر",
    "Hebrew": "דג סקרן שט בים מאוכזב ולפתע מצא לו חברה",
    "Devanagari": "ऋषियों को सताने वाले दुष्ट राक्षसों के राजा रावण का सर्वनाश करने वाले",
    "Thai": "เป็นมนุษย์ สุดประเสริฐ เลิศคุณค่า กว่าบรรดา ฝูงสัตว์ เดรัจฉาน",
}
_EUROPE, _BOTH = ("Latin", "Greek", "Cyrillic"), ("Latin", "Cyrillic")
FAMILIES = {  # and what is written in them
    "Alegreya Sans": _EUROPE,
    "Amiri": ("Arabic",),
    "Barlow Condensed": ("Latin",),
    "Caveat": _BOTH,
    "Frank Ruhl Libre": ("Hebrew",),
    "Geologica": _EUROPE,
    "IBM Plex Mono": _BOTH,
    "IBM Plex Sans": _EUROPE,
    "IBM Plex Serif": _BOTH,
    "Mukta": ("Devanagari",),
    "Playfair Display": _BOTH,
    "Sarabun": ("Thai",),
    "Source Sans 3": _EUROPE,
    "Space Grotesk": ("Latin",),
    "Spectral": _BOTH,
    "Vollkorn": _EUROPE,
    "Zilla Slab": ("Latin",),
}
_PAPERS, _INKS = ("#fff", "#fff", "#f6f3ea", "#e4ebf2"), ("#000", "#1a1a1a", "#2b3a67", "#444", "#5b4636")
_DARK_PAPERS, _LIGHT_INKS = (
    ("#000", "#101418", "#23272e"),
    ("#fff", "#e8eaed", "#b8c0c8", "#9fd0ff", "#8a93a0"),
)
_PHOTOS = ("astronaut", "chelsea", "coffee", "rocket")
FIGURES = ("12", "0.5", "37%", "1,204", "-8", "2031", "64.90", "+7.25", "108")


@dataclass
class Sheet:
    """A scene as SVG, in small pixels.

    Args:
        rng: All chance.
    """

    rng: np.random.Generator
    dark: bool = field(init=False)
    smooth: bool = field(init=False)
    paper: str = field(init=False)
    ink: str = field(init=False)
    parts: list[str] = field(default_factory=list)
    families: set[str] = field(default_factory=set)
    photos: list[tuple[str, tuple[int, ...]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.smooth = not self.chance(1 / 5)
        self.dark = self.chance(1 / 3)
        self.paper = self.pick(_DARK_PAPERS if self.dark else _PAPERS)
        self.ink = self.pick(_LIGHT_INKS if self.dark else _INKS)
        self.add("rect", width=SIDE, height=SIDE, fill=self.paper)

    def chance(self, share: float) -> bool:
        """True in this share of all cases."""
        return bool(self.rng.random() < share)

    def pick(self, choices: Sequence[T]) -> T:
        """One of several."""
        return choices[int(self.rng.integers(len(choices)))]

    def between(self, low: float, high: float) -> float:
        """Any number of a range, to hundredths."""
        return round(float(self.rng.uniform(low, high)), 2)

    def whole(self, low: int, high: int) -> int:
        """A whole number of low..high."""
        return int(self.rng.integers(low, high + 1))

    def color(self) -> str:
        """Any colour."""
        return "#{:02x}{:02x}{:02x}".format(*(int(level) for level in self.rng.integers(0, 256, 3)))

    def width(self) -> float:
        """Of a stroke."""
        return float(self.pick((1.0, 1.0, 1.5, 2.0, *((self.between(0.5, 1.2),) if self.smooth else ()))))

    def add(self, element: str, text: str = "", /, **attributes: Any) -> None:
        """An element; underscores in names of attributes stand for dashes."""
        said = " ".join(f'{name.replace("_", "-")}="{value}"' for name, value in attributes.items())
        self.parts.append(f"<{element} {said}>{text}</{element}>")

    def line(self, points: list[tuple[float, float]], **attributes: Any) -> None:
        """Straight lines from point to point."""
        style = {"fill": "none", "stroke": self.ink, "stroke_width": self.width()}
        self.add("polyline", points=" ".join(f"{x:.2f},{y:.2f}" for x, y in points), **style | attributes)

    def voice(self) -> tuple[str, str]:
        """A family, and a script of it."""
        family = self.pick(tuple(FAMILIES))
        return family, self.pick(FAMILIES[family])

    def words(self, script: str, count: int) -> str:
        """Some words of a script in their order."""
        known = WORDS[script].split()
        first = self.whole(0, len(known) - 1)
        return " ".join((known * 3)[first : first + count])

    def write(self, said: str, x: float, y: float, size: float, family: str, **attributes: Any) -> None:
        """A line of text."""
        self.families.add(family)
        style = {"fill": self.ink} | attributes
        self.add("text", escape(said), x=x, y=y, font_size=size, font_family=f"'{family}'", **style)

    def label(self, x: float, y: float, size: float, **attributes: Any) -> None:
        """A word or two of any script."""
        family, script = self.voice()
        self.write(self.words(script, self.whole(1, 2)), x, y, size, family, **attributes)

    def photo(self, x: int, y: int, width: int, height: int) -> None:
        """A part of a photograph, pixel by pixel."""
        place = tuple(int(value) for value in self.rng.integers(0, 60, 2))
        self.parts.append(_mark(len(self.photos)))
        self.photos.append((self.pick(_PHOTOS), (*place, x, y, width, height)))

    def draw(self, scale: int, zoom: int) -> np.ndarray:
        """The scene's pixels.

        Args:
            scale: Large pixels in a small one.
            zoom: `scale` for the large picture, 1 for the small one.

        Returns:
            H x W x 3 uint8.
        """
        import resvg_py  # here, so that --help needs none

        photos = {_mark(n): _inlaid(*photo, scale, zoom) for n, photo in enumerate(self.photos)}
        body = "".join(photos.get(part, part) for part in self.parts)
        file = resvg_py.svg_to_bytes(
            svg_string=f'<svg xmlns="http://www.w3.org/2000/svg" width="{SIDE}" height="{SIDE}">{body}</svg>',
            zoom=zoom,
            skip_system_fonts=True,
            font_files=[str(path) for family in sorted(self.families) for path in font_files(family)],
            shape_rendering="geometric_precision" if self.smooth else "crisp_edges",
            text_rendering="geometric_precision" if self.smooth else "optimize_speed",
            image_rendering="optimize_speed",
        )
        picture: pyvips.Image = pyvips.Image.new_from_buffer(bytes(file), "")  # pyright: ignore
        return np.ascontiguousarray(picture.numpy()[:, :, :3])


def _mark(number: int) -> str:
    """What stands for a photograph until its size is known."""
    return f"photo {number}"


@cache
def font_files(family: str) -> list[Path]:
    """The files of a family, from its package."""
    files = metadata.files(f"fontpkg-{family.lower().replace(' ', '-')}") or []
    return sorted(Path(str(file.locate())) for file in files if file.suffix in (".ttf", ".otf"))


def _inlaid(name: str, place: tuple[int, ...], scale: int, zoom: int) -> str:
    """A part of a photograph as an SVG image; at the small size the shrunk one."""
    import skimage

    row, column, x, y, width, height = place
    whole = read_rgb(next((Path(skimage.__file__).parent / "data").glob(f"{name}.*")))
    part = whole[row : row + height * scale, column : column + width * scale]
    pixels = np.ascontiguousarray(part if zoom > 1 else shrink(part, scale))
    png = pyvips.Image.new_from_array(pixels).pngsave_buffer()  # pyright: ignore
    data = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    return f'<image x="{x}" y="{y}" width="{width}" height="{height}" href="{data}"/>'
