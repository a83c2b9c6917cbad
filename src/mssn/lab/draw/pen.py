"""What scenes are drawn with: a canvas in small pixels, colours, strokes, text, and chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

import numpy as np
import skia

from mssn.image.resize import shrink
from mssn.lab.draw.fonts import Face, Fonts
from mssn.lab.draw.photos import Photos
from mssn.lab.draw.words import words

T = TypeVar("T")
_GREYS = (0, 17, 34, 51, 85, 128, 170, 204, 221, 238, 255)


class Box(NamedTuple):
    """A rectangle, small pixels."""

    x: float
    y: float
    width: float
    height: float

    @property
    def rect(self) -> skia.Rect:
        """As Skia has it."""
        return skia.Rect.MakeXYWH(self.x, self.y, self.width, self.height)

    def inset(self, by: float) -> Box:
        """Without a margin."""
        return Box(self.x + by, self.y + by, max(self.width - 2 * by, 1), max(self.height - 2 * by, 1))


@dataclass
class Pen:
    """Draws one scene at one size. All lengths are small pixels, whatever the size.

    Chance must fall out alike at all sizes: nothing that is drawn at random may depend on `scale`.

    Args:
        canvas: Scaled so that one unit is a small pixel.
        rng: All chance.
        scale: Pixels of the canvas in a small pixel.
        fonts: What is written in.
        photos: What is inlaid; None for nothing.
        smooth: Lines and shapes are antialiased.
        smooth_text: Text is.
        dark: Light on dark.
        paper: Colour of the ground.
        ink: Colour of most of what is drawn.
    """

    canvas: skia.Canvas
    rng: np.random.Generator
    scale: int
    fonts: Fonts
    photos: Photos | None
    smooth: bool = field(init=False)
    smooth_text: bool = field(init=False)
    dark: bool = field(init=False)
    paper: int = field(init=False)
    ink: int = field(init=False)

    def __post_init__(self) -> None:
        self.smooth = not self.chance(0.3)
        self.smooth_text = self.smooth or self.chance(0.5)
        self.dark = self.chance(0.35)
        self.paper = self._grey((0, 18, 30, 43) if self.dark else (255, 255, 250, 240))
        self.ink = self._grey((255, 238, 220) if self.dark else (0, 17, 51))
        if self.chance(0.3):
            self.paper = self.color()
        if self.chance(0.3):
            self.ink = self.color()

    def chance(self, share: float) -> bool:
        """True in this share of all cases."""
        return bool(self.rng.random() < share)

    def between(self, low: float, high: float) -> float:
        """Any number of a range."""
        return float(self.rng.uniform(low, high))

    def whole(self, low: int, high: int) -> int:
        """A whole number of low..high."""
        return int(self.rng.integers(low, high + 1))

    def pick(self, choices: Sequence[T]) -> T:
        """One of several."""
        return choices[int(self.rng.integers(len(choices)))]

    def color(self) -> int:
        """Any colour, often a pure grey."""
        if self.chance(0.25):
            return self._grey(_GREYS)
        return skia.Color(*(int(value) for value in self.rng.integers(0, 256, 3)))

    def _grey(self, levels: Sequence[int]) -> int:
        return skia.Color(*[self.pick(levels)] * 3)

    def ink_or_color(self) -> int:
        """The ink, or now and then another colour."""
        return self.ink if self.chance(0.6) else self.color()

    def width(self) -> float:
        """Of a stroke; without antialiasing, thinner ones than a pixel would have gaps."""
        wide = self.pick((self.between(0.3, 1.2), self.between(0.5, 3), 1.0, 1.0, 1.5, 2.0))
        return wide if self.smooth else max(wide, 1.0)

    def stroke(
        self, color: int | None = None, width: float | None = None, *, dash: bool = False
    ) -> skia.Paint:
        """A paint for lines.

        Args:
            color: Default the ink, or any.
            width: Default any.
            dash: It may be dashed or dotted.
        """
        color = self.ink_or_color() if color is None else color
        width = self.width() if width is None else width
        paint = skia.Paint(
            AntiAlias=self.smooth, Color=color, Style=skia.Paint.kStroke_Style, StrokeWidth=width
        )
        round_ends = self.chance(0.3)
        paint.setStrokeCap(skia.Paint.kRound_Cap if round_ends else skia.Paint.kButt_Cap)
        paint.setStrokeJoin(skia.Paint.kRound_Join if round_ends else skia.Paint.kMiter_Join)
        if dash and self.chance(0.25):
            on, off = self.between(1, 6), self.between(1, 5)
            paint.setPathEffect(skia.DashPathEffect.Make([on, off], 0.0))
        return paint

    def fill(self, color: int | None = None) -> skia.Paint:
        """A paint for areas; a colour of its own, if none is given, or a gradient now and then."""
        if color is None and self.chance(0.2):
            return self.gradient(Box(0, 0, self.between(20, 160), self.between(20, 160)))
        return skia.Paint(AntiAlias=self.smooth, Color=self.color() if color is None else color)

    def gradient(self, box: Box) -> skia.Paint:
        """A linear or radial gradient of two or three colours over a box."""
        colors = [self.color() for _ in range(self.whole(2, 3))]
        ends = [self.point(box), self.point(box)]
        if self.chance(0.7):
            shader = skia.GradientShader.MakeLinear(points=ends, colors=colors)
        else:
            radius = self.between(0.2, 1) * max(box.width, box.height, 1)
            shader = skia.GradientShader.MakeRadial(center=ends[0], radius=radius, colors=colors)
        return skia.Paint(AntiAlias=self.smooth, Shader=shader)

    def point(self, box: Box, beyond: float = 0.0) -> skia.Point:
        """Any place in a box, or a little outside of it."""
        x = self.between(box.x - beyond, box.x + box.width + beyond)
        return skia.Point(x, self.between(box.y - beyond, box.y + box.height + beyond))

    def path(self, points: Sequence[skia.Point], *, closed: bool = False) -> skia.Path:
        """Straight lines from point to point."""
        path = skia.Path()
        path.addPoly(list(points), closed)
        return path

    def face(self) -> tuple[str, Face, int]:
        """A script, a face and a weight."""
        return self.fonts.choose(self.rng)

    def text_size(self) -> float:
        """Of letters; small ones more often, and never so small that letters without antialiasing break."""
        size = self.pick((self.between(6, 12), self.between(8, 16), self.between(14, 48)))
        return size if self.smooth_text else max(size, 11.0)

    def write(self, text: str, x: float, y: float, size: float, face: Face, weight: int, color: int) -> float:
        """Write a line; its base line begins at (x, y). Its width is the answer."""
        outline, width = face.outline(text, size, weight)
        outline.offset(x, y)
        self.canvas.drawPath(outline, skia.Paint(AntiAlias=self.smooth_text, Color=color))
        return width

    def label(self, x: float, y: float, size: float, color: int | None = None) -> float:
        """Write a word or two; its width is the answer."""
        script, face, weight = self.face()
        said = words(script, self.whole(1, 2), self.rng)
        return self.write(said, x, y, size, face, weight, self.ink if color is None else color)

    def inlay(self, box: Box) -> bool:
        """Lay in a part of a photograph, which at the small size is the shrunk one.

        Args:
            box: Where; it is rounded to whole small pixels.

        Returns:
            Whether there was one.
        """
        if self.photos is None:
            return False
        x, y, width, height = (round(value) for value in box)
        large = self.photos.crop(self.rng, max(height, 1), max(width, 1))
        if not large.size:
            return False
        pixels = large if self.scale > 1 else shrink(large, self.photos.scale)
        opaque = np.dstack([pixels, np.full(pixels.shape[:2], 255, np.uint8)])
        image = skia.Image.fromarray(opaque, skia.kRGBA_8888_ColorType)
        rows, columns = (length // self.photos.scale for length in large.shape[:2])
        self.canvas.drawImageRect(image, skia.Rect.MakeXYWH(x, y, columns, rows), skia.SamplingOptions())
        return True
