"""The fonts that drawn pictures are written in: where they come from, and their letters as outlines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import skia
import uharfbuzz as hb

from mssn.errors import DataError
from mssn.lab.draw.words import SCRIPTS

# Of the extra "draw", in which pyproject.toml names them, too. Others than those of the held-out set.
PACKAGES = (
    *("fontpkg-arimo", "fontpkg-bitter", "fontpkg-cabin", "fontpkg-cairo", "fontpkg-crimson-text"),
    *("fontpkg-dancing-script", "fontpkg-dm-serif-display", "fontpkg-eb-garamond", "fontpkg-exo-2"),
    *("fontpkg-fira-code", "fontpkg-fira-sans", "fontpkg-heebo", "fontpkg-hind", "fontpkg-inconsolata"),
    *("fontpkg-lora", "fontpkg-montserrat", "fontpkg-noto-sans", "fontpkg-noto-sans-arabic"),
    *("fontpkg-noto-sans-devanagari", "fontpkg-noto-sans-thai", "fontpkg-nunito", "fontpkg-open-sans"),
    *("fontpkg-oswald", "fontpkg-prompt", "fontpkg-pt-serif", "fontpkg-raleway", "fontpkg-roboto"),
    *("fontpkg-roboto-mono", "fontpkg-roboto-slab", "fontpkg-rubik", "fontpkg-work-sans", "pylopdf-fonts-jp"),
)
_hb: Any = hb  # a C extension, whose types nobody has written down
_ENDINGS = (".ttf", ".otf")
_WEIGHTS = (300, 400, 500, 700, 900)  # of fonts that have any weight


class Face:
    """A font file.

    Args:
        path: A TrueType or OpenType file.

    Attributes:
        letters: Numbers of all characters that it has.
        family: The beginning of its name, which faces of one family share.
        weights: What `outline` takes; empty if it has only one.

    Raises:
        DataError: It cannot be read.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._face = _hb.Face(path.read_bytes())
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({error.strerror})") from error
        self.letters = frozenset(self._face.unicodes) if self._face.glyph_count else frozenset()
        if not self.letters:
            raise DataError(f"{path}: is no font that can be read; take it out of the folder")
        weights = [axis for axis in self._face.axis_infos if axis.tag == "wght"]
        self.family = re.split(r"[-[]", path.stem)[0]
        self.weights = tuple(w for w in _WEIGHTS if any(a.min_value <= w <= a.max_value for a in weights))
        self._fonts: dict[int, Any] = {}
        self._glyphs: dict[tuple[int, int], skia.Path] = {}

    def holds(self, text: str) -> bool:
        """Whether it has every letter of a text."""
        return self.letters.issuperset(map(ord, text.replace(" ", "")))

    def outline(self, text: str, size: float, weight: int = 0) -> tuple[skia.Path, float]:
        """A line of text as one outline, shaped as its script wants it.

        Outlines, because glyphs that a library paints itself lie where its cache has them, up to a quarter of
        a pixel off, and elsewhere at another size.

        Args:
            text: In one script.
            size: Of the letters, small pixels an em.
            weight: One of `weights`; 0 for a font that has only one.

        Returns:
            The outline, which begins at (0, 0) on the base line; and its width, small pixels.
        """
        font = self._font(weight)
        buffer = _hb.Buffer()
        buffer.add_str(text)
        buffer.guess_segment_properties()
        _hb.shape(font, buffer)
        line, x = skia.Path(), 0.0
        for info, place in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True):
            line.addPath(self._glyph(info.codepoint, weight), x + place.x_offset, -place.y_offset)
            x += place.x_advance
        scale = size / self._face.upem
        line.transform(skia.Matrix.Scale(scale, scale))
        return line, x * scale

    def _font(self, weight: int) -> Any:
        if weight not in self._fonts:
            self._fonts[weight] = _hb.Font(self._face)
            if weight:
                self._fonts[weight].set_variations({"wght": float(weight)})
        return self._fonts[weight]

    def _glyph(self, number: int, weight: int) -> skia.Path:
        if (number, weight) not in self._glyphs:
            pen = _Outline()
            self._font(weight).draw_glyph_with_pen(number, pen)
            self._glyphs[number, weight] = pen.path
        return self._glyphs[number, weight]


class _Outline:
    """What HarfBuzz draws a glyph with; its y points up, Skia's down."""

    def __init__(self) -> None:
        self.path = skia.Path()

    def moveTo(self, point: tuple[float, float]) -> None:  # noqa: N802
        """Begin a contour."""
        self.path.moveTo(point[0], -point[1])

    def lineTo(self, point: tuple[float, float]) -> None:  # noqa: N802
        """Draw a straight line."""
        self.path.lineTo(point[0], -point[1])

    def qCurveTo(self, *points: tuple[float, float]) -> None:  # noqa: N802
        """Draw a parabola."""
        self.path.quadTo(*(value for x, y in points for value in (x, -y)))

    def curveTo(self, *points: tuple[float, float]) -> None:  # noqa: N802
        """Draw a cubic curve."""
        self.path.cubicTo(*(value for x, y in points for value in (x, -y)))

    def closePath(self) -> None:  # noqa: N802
        """End a contour."""
        self.path.close()


class Fonts:
    """Font files by what can be written in them.

    Args:
        paths: In an order that does not depend on where they lie.

    Attributes:
        faces: All of them.
        scripts: The scripts that can be written, and in which faces, by family.

    Raises:
        DataError: One cannot be read.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths, self.faces = tuple(paths), [Face(path) for path in paths]
        self.scripts = {script: families for script in SCRIPTS if (families := self._families(script))}

    @classmethod
    def of(cls, folder: Path | None = None) -> Fonts:
        """Those of a folder and its sub-folders, or those that the extra "draw" installs.

        Raises:
            DataError: They are missing or unusable.
        """
        fonts = cls(tuple(_in_folder(folder) if folder else installed(PACKAGES, "draw")))
        if not fonts.scripts:
            known = ", ".join(SCRIPTS)
            raise DataError(f"{folder}: no font in it has all letters of one of these scripts: {known}")
        return fonts

    def _families(self, script: str) -> list[list[Face]]:
        """The faces that have the letters of a script, by family."""
        families: dict[str, list[Face]] = {}
        for face in self.faces:
            if face.holds(SCRIPTS[script] + SCRIPTS[script].upper()):
                families.setdefault(face.family, []).append(face)
        return list(families.values())

    def choose(self, rng: np.random.Generator) -> tuple[str, Face, int]:
        """A script, a face for it and a weight of it; every second text is Latin.

        Families with many faces are taken no more often than others.
        """
        scripts = list(self.scripts)
        latin = "Latin" in scripts and rng.random() < 0.5
        script = "Latin" if latin else scripts[int(rng.integers(len(scripts)))]
        families = self.scripts[script]
        faces = families[int(rng.integers(len(families)))]
        face = faces[int(rng.integers(len(faces)))]
        weights = face.weights or (0,)
        return script, face, weights[int(rng.integers(len(weights)))]


def installed(packages: tuple[str, ...], extra: str) -> list[Path]:
    """The font files of installed packages, by package and name.

    Args:
        packages: Names on PyPI.
        extra: The extra of mssn that brings them.

    Raises:
        DataError: One is not installed: the others alone would make other pictures.
    """
    found: list[Path] = []
    for package in packages:
        try:
            files = metadata.files(package) or []
        except metadata.PackageNotFoundError as error:
            raise DataError(f"{package} is not installed; run: pip install 'mssn[{extra}]'") from error
        found += sorted(Path(str(file.locate())) for file in files if file.suffix in _ENDINGS)
    return found


def _in_folder(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise DataError(
            f"{folder}: {'is a file, not a folder' if folder.exists() else 'no such folder of fonts'}"
        )
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _ENDINGS)
    if not found:
        raise DataError(f"{folder}: holds no fonts (looked for {', '.join(_ENDINGS)})")
    return found
