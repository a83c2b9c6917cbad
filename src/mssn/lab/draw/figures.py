"""Kinds of scenes that are made of areas: shapes, icons, gradients, diagrams."""

from __future__ import annotations

import math
from itertools import pairwise

import skia

from mssn.lab.draw.pen import Box, Pen


def shapes(pen: Pen, box: Box) -> None:
    """Ovals, rectangles, rounded ones, polygons and stars, filled and outlined."""
    for _ in range(pen.whole(2, 14)):
        corner = pen.point(box, 8)
        frame = Box(corner.x(), corner.y(), pen.between(3, 70), pen.between(3, 50))
        if pen.chance(0.3):
            frame = Box(*(float(round(value)) for value in frame))
        path = _shape(pen, frame)
        filled = pen.chance(0.8)
        if filled:
            pen.canvas.drawPath(path, pen.fill())
        if not filled or pen.chance(0.4):
            pen.canvas.drawPath(path, pen.stroke(dash=True))


def _shape(pen: Pen, frame: Box) -> skia.Path:
    path = skia.Path()
    kind = pen.pick(("oval", "rectangle", "rectangle", "round", "polygon", "star"))
    if kind == "oval":
        path.addOval(frame.rect)
    elif kind == "rectangle":
        path.addRect(frame.rect)
    elif kind == "round":
        radius = pen.between(1, 10)
        path.addRoundRect(frame.rect, radius, radius)
    elif kind == "polygon":
        path = pen.path([pen.point(frame) for _ in range(pen.whole(3, 7))], closed=True)
    else:
        tips, depth, turn = pen.whole(3, 12), pen.between(0.3, 0.9), pen.between(0, 2)
        path = pen.path(_star(frame, tips, depth, turn), closed=True)
    return path


def _star(frame: Box, tips: int, depth: float, turn: float) -> list[skia.Point]:
    """Corners of a star; with a depth of 1 those of a regular polygon."""
    x, y = frame.x + frame.width / 2, frame.y + frame.height / 2
    return [
        skia.Point(
            x + frame.width / 2 * (depth if n % 2 else 1) * math.cos(turn + math.pi * n / tips),
            y + frame.height / 2 * (depth if n % 2 else 1) * math.sin(turn + math.pi * n / tips),
        )
        for n in range(2 * tips)
    ]


# On a square of 16 x 16: letters of SVG paths. M moves, L draws lines, C curves, Z closes.
_ICONS = (
    "M8 2 L14 8 L12 8 L12 14 L9 14 L9 10 L7 10 L7 14 L4 14 L4 8 L2 8 Z",  # a house
    "M3 8 L7 12 L14 4",  # a tick
    "M3 3 L13 13 M13 3 L3 13",  # a cross
    "M8 2 L8 14 M2 8 L14 8",  # plus
    "M2 4 L14 4 M2 8 L14 8 M2 12 L14 12",  # a menu
    "M8 14 C-4 6 4 -1 8 4 C12 -1 20 6 8 14 Z",  # a heart
    "M2 8 L13 8 M9 4 L13 8 L9 12",  # an arrow
    "M6.5 2 C0.5 2 0.5 11 6.5 11 C12.5 11 12.5 2 6.5 2 M10 10 L14 14",  # a lens
    "M8 1 L10 6 L15 6 L11 9.5 L12.5 15 L8 11.5 L3.5 15 L5 9.5 L1 6 L6 6 Z",  # a star
    "M2 4 L14 4 L14 12 L2 12 Z M2 4 L8 9 L14 4",  # a letter
    "M4 7 L4 14 L12 14 L12 7 Z M5.5 7 L5.5 5 C5.5 1 10.5 1 10.5 5 L10.5 7",  # a lock
    "M5 3 L13 8 L5 13 Z",  # play
    "M8 2 C3 2 3 7 3 11 L2 12 L14 12 L13 11 C13 7 13 2 8 2 Z M6.5 13 C7 15 9 15 9.5 13",  # a bell
    "M3 2 L9 2 L13 6 L13 14 L3 14 Z M9 2 L9 6 L13 6",  # a sheet
    "M2 13 L2 4 L6 4 L8 6 L14 6 L14 13 Z",  # a folder
    "M8 2 L8 10 M4 7 L8 11 L12 7 M2 14 L14 14",  # download
)
_SQUARE = 16.0


def icon(pen: Pen, box: Box, color: int | None = None) -> None:
    """One icon: outlined, filled, or cut out of a disc."""
    path = skia.Path()
    words = pen.pick(_ICONS).split()
    numbers: list[float] = []
    letter = ""
    for word in [*words, "M"]:  # the last one only ends what came before
        if word[0].isalpha():
            _add(path, letter, numbers)
            letter, numbers = word[0], []
        if word[1:] or not word[0].isalpha():
            numbers.append(float(word.lstrip("MLCZ")))
    color = pen.ink_or_color() if color is None else color
    scale = min(box.width, box.height) / _SQUARE
    width = pen.pick((1.0, 1.5, 2.0)) / max(scale, 0.7)
    filled, disc, back = pen.chance(0.3), pen.chance(0.2), pen.color()
    pen.canvas.save()
    pen.canvas.translate(box.x, box.y)
    pen.canvas.scale(scale, scale)
    if disc:
        pen.canvas.drawCircle(8, 8, 11, pen.fill(back))
    if filled:
        pen.canvas.drawPath(path, pen.fill(color))
    pen.canvas.drawPath(path, pen.stroke(color, width))
    pen.canvas.restore()


def _add(path: skia.Path, letter: str, numbers: list[float]) -> None:
    if letter == "M":
        path.moveTo(*numbers)
    elif letter == "L":
        path.lineTo(*numbers)
    elif letter == "C":
        path.cubicTo(*numbers)
    elif letter == "Z":
        path.close()


def icons(pen: Pen, box: Box) -> None:
    """Rows of icons, often in one colour."""
    size, gap = pen.pick((12.0, 16.0, 20.0, 24.0, pen.between(10, 48))), pen.between(2, 14)
    color = pen.ink if pen.chance(0.6) else None
    whole = pen.chance(0.7)
    for row in range(int(box.height / (size + gap))):
        for column in range(int(box.width / (size + gap))):
            x, y = box.x + gap / 2 + column * (size + gap), box.y + gap / 2 + row * (size + gap)
            icon(pen, Box(round(x), round(y), size, size) if whole else Box(x, y, size, size), color)


def gradients(pen: Pen, box: Box) -> None:
    """A gradient, with bands or balls on it."""
    pen.canvas.drawRect(box.rect, pen.gradient(box))
    for _ in range(pen.whole(0, 5)):
        radius, centre = pen.between(4, 40), pen.point(box)
        ball = Box(centre.x() - radius, centre.y() - radius, 2 * radius, 2 * radius)
        pen.canvas.drawCircle(centre, radius, pen.gradient(ball))


def diagram(pen: Pen, box: Box) -> None:
    """Boxes with labels, and arrows between them."""
    places = [pen.point(box.inset(12)) for _ in range(pen.whole(2, 7))]
    color, width, size = pen.ink_or_color(), pen.pick((1.0, 1.0, 1.5, 2.0)), pen.between(6.5, 12)
    for start, end in pairwise(places):
        corner = [skia.Point(end.x(), start.y())] if pen.chance(0.5) else []
        pen.canvas.drawPath(pen.path([start, *corner, end]), pen.stroke(color, width, dash=True))
        before = corner[0] if corner else start
        angle = math.atan2(end.y() - before.y(), end.x() - before.x())
        tips = [
            skia.Point(end.x() - 7 * math.cos(angle + turn), end.y() - 7 * math.sin(angle + turn))
            for turn in (-0.4, 0.4)
        ]
        pen.canvas.drawPath(pen.path([end, *tips], closed=True), pen.fill(color))
    for place in places:
        half = Box(place.x() - pen.between(8, 24), place.y() - pen.between(6, 12), 0, 0)
        frame = Box(half.x, half.y, 2 * (place.x() - half.x), 2 * (place.y() - half.y))
        radius = pen.pick((0.0, 3.0, frame.height / 2))
        if pen.chance(0.7):
            pen.canvas.drawRoundRect(frame.rect, radius, radius, pen.fill())
        pen.canvas.drawRoundRect(frame.rect, radius, radius, pen.stroke(color, width))
        pen.label(frame.x + 3, place.y() + size / 3, size)
