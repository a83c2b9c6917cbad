"""Kinds of scenes that are made of strokes: lines, curves, hatches, wiggles."""

from __future__ import annotations

import math

import numpy as np
import skia

from mssn.lab.draw.pen import Box, Pen

_BEYOND = 15.0  # small pixels by which strokes may begin and end outside


def lines(pen: Pen, box: Box) -> None:
    """Straight lines anywhere, level and upright ones among them, and polygons that are not closed."""
    for _ in range(pen.whole(3, 25)):
        start, end = pen.point(box, _BEYOND), pen.point(box, _BEYOND)
        kind = pen.rng.random()
        if kind < 0.2:
            end = skia.Point(start.x(), end.y())
        elif kind < 0.4:
            end = skia.Point(end.x(), start.y())
        points = [start, end, *(pen.point(box, _BEYOND) for _ in range(pen.whole(0, 3) * (kind > 0.8)))]
        pen.canvas.drawPath(pen.path(points), pen.stroke(dash=True))


def curves(pen: Pen, box: Box) -> None:
    """Cubic curves, rings and spirals."""
    for _ in range(pen.whole(2, 9)):
        kind, paint = pen.rng.random(), pen.stroke(dash=True)
        if kind < 0.6:
            a, b, c, d = (pen.point(box, _BEYOND) for _ in range(4))
            path = skia.Path()
            path.moveTo(a)
            path.cubicTo(b, c, d)
            pen.canvas.drawPath(path, paint)
        elif kind < 0.85:
            centre, step = pen.point(box), pen.between(2, 8)
            for ring in range(1, pen.whole(1, 8) + 1):
                pen.canvas.drawCircle(centre, ring * step, paint)
        else:
            centre, growth = pen.point(box), pen.between(0.3, 1.2)
            angles = np.arange(0, pen.between(10, 50), 0.1)
            points = [
                skia.Point(centre.x() + growth * a * math.cos(a), centre.y() + growth * a * math.sin(a))
                for a in angles
            ]
            pen.canvas.drawPath(pen.path(points), paint)


def hatch(pen: Pen, box: Box) -> None:
    """Parallel lines, grids, fans, dots or a chess board."""
    step, color = pen.between(2.5, 20), pen.ink_or_color()
    if pen.chance(0.4):
        step = float(round(step))
    centre = skia.Point(box.x + box.width / 2, box.y + box.height / 2)
    reach = math.hypot(box.width, box.height) / 2 + step
    pen.canvas.save()
    if pen.chance(0.6):
        pen.canvas.rotate(pen.pick((45.0, -45.0, pen.between(0, 90))), centre.x(), centre.y())
    at = np.arange(-reach, reach, step) + pen.pick((0.0, 0.5, pen.between(0, 1)))
    kind = pen.pick(("lines", "lines", "grid", "fan", "dots", "chess"))
    paint = pen.stroke(color, min(pen.width(), step / 2), dash=kind == "lines")
    if kind == "dots":
        for x in at:
            for y in at:
                pen.canvas.drawCircle(centre.x() + x, centre.y() + y, step / 4, pen.fill(color))
    elif kind == "chess":
        for row, y in enumerate(at):
            for x in at[row % 2 :: 2]:
                tile = skia.Rect.MakeXYWH(centre.x() + x, centre.y() + y, step, step)
                pen.canvas.drawRect(tile, pen.fill(color))
    elif kind == "fan":
        for angle in np.arange(0, math.pi, math.pi / pen.whole(6, 40)):
            dx, dy = reach * math.cos(angle), reach * math.sin(angle)
            pen.canvas.drawLine(centre.x() - dx, centre.y() - dy, centre.x() + dx, centre.y() + dy, paint)
    else:
        for x in at:
            pen.canvas.drawLine(centre.x() + x, centre.y() - reach, centre.x() + x, centre.y() + reach, paint)
            if kind == "grid":
                pen.canvas.drawLine(
                    centre.x() - reach, centre.y() + x, centre.x() + reach, centre.y() + x, paint
                )
    pen.canvas.restore()


def wiggles(pen: Pen, box: Box) -> None:
    """Rough lines as of a stock or a coast."""
    for _ in range(pen.whole(1, 6)):
        xs = np.arange(box.x - 5, box.x + box.width + 5, pen.pick((1.5, 3.0, 6.0, 12.0)))
        steps = pen.rng.normal(0, pen.between(0.5, 6), len(xs))
        ys = box.y + pen.between(0, box.height) + np.cumsum(steps)
        points = [skia.Point(float(x), float(y)) for x, y in zip(xs, ys, strict=True)]
        pen.canvas.drawPath(pen.path(points), pen.stroke())
