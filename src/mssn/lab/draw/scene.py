"""A scene: a ground, one to four parts of several kinds beside each other, and something across them."""

from __future__ import annotations

from mssn.lab.draw import figures, layouts, strokes
from mssn.lab.draw.pen import Box, Pen

# What draws into a box, and how often.
KINDS = {
    layouts.text: 5,
    layouts.interface: 3,
    layouts.chart: 3,
    layouts.table: 2,
    layouts.photo: 2,
    figures.icons: 2,
    figures.shapes: 3,
    figures.gradients: 1,
    figures.diagram: 2,
    strokes.lines: 3,
    strokes.curves: 2,
    strokes.hatch: 3,
    strokes.wiggles: 1,
}
_DRAW = [kind for kind, often in KINDS.items() for _ in range(often)]
_ACROSS = (strokes.lines, strokes.curves, layouts.text, figures.shapes)
_PARTS = 3  # splits at most; a part smaller than this many small pixels is not split
_SMALLEST = 50


def draw(pen: Pen, side: int) -> None:
    """Draw a whole scene.

    Args:
        pen: What with.
        side: Of the scene, small pixels.
    """
    whole = Box(0, 0, side, side)
    pen.canvas.clear(pen.paper)
    if pen.chance(0.12):
        pen.canvas.drawPaint(pen.gradient(whole))
    parts = [whole]
    for _ in range(pen.whole(0, _PARTS)):
        parts = _split(pen, parts)
    for box in parts:
        pen.canvas.save()
        pen.canvas.clipRect(box.rect)
        pen.pick(_DRAW)(pen, box)
        pen.canvas.restore()
    if pen.chance(0.3):
        pen.pick(_ACROSS)(pen, whole)


def _split(pen: Pen, parts: list[Box]) -> list[Box]:
    """The largest part in two, at a whole small pixel."""
    largest = max(parts, key=lambda box: box.width * box.height)
    x, y, width, height = largest
    share = pen.between(0.3, 0.7)
    if max(width, height) < _SMALLEST:
        return parts
    if width >= height:
        cut = round(width * share)
        pair = [Box(x, y, cut, height), Box(x + cut, y, width - cut, height)]
    else:
        cut = round(height * share)
        pair = [Box(x, y, width, cut), Box(x, y + cut, width, height - cut)]
    return [box for box in parts if box is not largest] + pair
