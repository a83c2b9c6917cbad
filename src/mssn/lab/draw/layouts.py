"""Kinds of scenes that somebody has laid out: pages of text, windows, charts, tables, photographs."""

from __future__ import annotations

import math

import numpy as np
import skia

from mssn.lab.draw.figures import icon
from mssn.lab.draw.pen import Box, Pen
from mssn.lab.draw.words import figure, words


def text(pen: Pen, box: Box) -> None:
    """Lines of text, as a page has them: of one face, level or turned, one line in another colour."""
    script, face, weight = pen.face()
    size, color = pen.text_size(), pen.ink_or_color()
    lead, y = size * pen.between(1.1, 1.6), box.y + size * pen.between(0.3, 1.2)
    left, right = box.x + pen.between(-size, size), box.x + box.width
    turned = pen.pick((90.0, -90.0, pen.between(-30, 30))) if pen.chance(0.12) else 0.0
    pen.canvas.save()
    pen.canvas.rotate(turned, box.x + box.width / 2, box.y + box.height / 2)
    while y < box.y + box.height + size:
        here = color if pen.chance(0.85) else pen.color()
        line = left
        if pen.chance(0.1):  # a marked line
            pen.canvas.drawRect(Box(box.x, y - size, box.width, lead).rect, pen.fill())
        while line < right:
            said = words(script, pen.whole(1, 4), pen.rng) + " "
            line += pen.write(said, line, y, size, face, weight, here) + size / 4
        if pen.chance(0.08):
            pen.canvas.drawLine(left, y + size / 6, right, y + size / 6, pen.stroke(here))
        y += lead
    pen.canvas.restore()


def interface(pen: Pen, box: Box) -> None:
    """A window: a bar with a title, then rows of buttons, fields, switches and labels, on whole pixels."""
    size, accent = float(pen.whole(9, 13)), pen.color()
    radius, row = pen.pick((0.0, 2.0, 4.0, 6.0)), 0.0
    ground = pen.color() if pen.chance(0.3) else pen.paper
    frame = Box(*(float(round(value)) for value in box.inset(pen.pick((0.0, 4.0, 8.0)))))
    pen.canvas.drawRoundRect(frame.rect, radius, radius, pen.fill(ground))
    edge = Box(frame.x + 0.5, frame.y + 0.5, frame.width - 1, frame.height - 1)
    pen.canvas.drawRoundRect(edge.rect, radius, radius, pen.stroke(pen.ink_or_color(), 1.0))
    if pen.chance(0.7):
        bar = Box(frame.x, frame.y, frame.width, size + 9)
        pen.canvas.drawRect(bar.rect, pen.fill(accent))
        icon(pen, Box(bar.x + 4, bar.y + 3, size + 2, size + 2), pen.ink)
        pen.label(bar.x + size + 12, bar.y + size + 3, size)
        row = bar.height
    pen.canvas.save()
    pen.canvas.clipRect(frame.rect)
    while row < frame.height - 8:
        item = Box(frame.x + 6, frame.y + row + 4, float(pen.whole(30, 90)), size + 6)
        _widget(pen, item, size, accent, radius)
        if pen.chance(0.4):
            _widget(pen, Box(item.x + item.width + 8, *item[1:]), size, accent, radius)
        row += size + 11
        if pen.chance(0.25):
            y = frame.y + math.floor(row) + 0.5
            pen.canvas.drawLine(frame.x, y, frame.x + frame.width, y, pen.stroke(pen.ink, 1.0))
    pen.canvas.restore()


def _widget(pen: Pen, box: Box, size: float, accent: int, radius: float) -> None:
    """A button, a field, a switch, a box with a tick, a slider or a label."""
    kind = pen.pick(("button", "field", "switch", "check", "slider", "label", "label"))
    base, side = box.y + size + 1, box.height
    edge = Box(box.x + 0.5, box.y + 0.5, box.width - 1, side - 1)
    if kind == "button":
        pen.canvas.drawRoundRect(box.rect, radius, radius, pen.fill(accent))
        pen.label(box.x + 6, base, size)
    elif kind == "field":
        pen.canvas.drawRoundRect(edge.rect, radius, radius, pen.stroke(pen.ink_or_color(), 1.0))
        pen.label(box.x + 4, base, size)
    elif kind == "switch":
        on, width = pen.chance(0.5), 2 * side
        pen.canvas.drawRoundRect(
            skia.Rect.MakeXYWH(box.x, box.y, width, side), side / 2, side / 2, pen.fill(accent)
        )
        middle = box.x + (width - side / 2 if on else side / 2)
        pen.canvas.drawCircle(middle, box.y + side / 2, side / 2 - 2, pen.fill(pen.paper))
        pen.label(box.x + width + 5, base, size)
    elif kind == "check":
        pen.canvas.drawRect(Box(edge.x, edge.y, side - 3, side - 3).rect, pen.stroke(pen.ink, 1.0))
        if pen.chance(0.5):
            icon(pen, Box(box.x + 1, box.y + 1, side - 4, side - 4), accent)
        pen.label(box.x + side + 4, base, size)
    elif kind == "slider":
        at, middle = box.x + pen.whole(4, int(box.width)), box.y + side / 2
        pen.canvas.drawLine(box.x, middle, box.x + box.width, middle, pen.stroke(pen.ink, 2.0))
        pen.canvas.drawCircle(at, middle, side / 3, pen.fill(accent))
    else:
        pen.label(box.x, base, size)


def chart(pen: Pen, box: Box) -> None:
    """Bars, lines, points or a pie, with axes, ticks, figures and a grid."""
    if pen.chance(0.2):
        _pie(pen, box)
        return
    size = pen.between(6.5, 10)
    area = Box(box.x + 3 * size, box.y + size, box.width - 4 * size, box.height - 3 * size)
    if min(area[2:]) < 10:
        pen.canvas.drawRect(box.inset(2).rect, pen.fill())
        return
    width, bottom = pen.pick((0.5, 1.0, 1.0, 1.5)) if pen.smooth else 1.0, area.y + area.height
    ticks, grid = pen.whole(2, 6), pen.chance(0.5)
    _script, face, weight = pen.face()
    for tick in range(ticks + 1):
        y, x = bottom - tick * area.height / ticks, area.x + tick * area.width / ticks
        reach = area.width if grid else 3.0
        pen.canvas.drawLine(area.x - 2, y, area.x + reach, y, pen.stroke(pen.ink, width))
        pen.canvas.drawLine(x, bottom, x, bottom + 3, pen.stroke(pen.ink, width))
        for at in ((box.x + 1, y + size / 3), (x - size / 2, bottom + 1.3 * size)):
            number = figure(pen.rng)[:4]
            if face.holds(number):
                pen.write(number, *at, size, face, weight, pen.ink)
    pen.canvas.drawLine(area.x, area.y, area.x, bottom, pen.stroke(pen.ink, width))
    pen.canvas.drawLine(area.x, bottom, area.x + area.width, bottom, pen.stroke(pen.ink, width))
    for _ in range(pen.whole(1, 3)):
        _series(pen, area)


def _series(pen: Pen, area: Box) -> None:
    """One series of numbers: bars, points, or a line with or without marks."""
    kind, count, color = pen.pick(("bars", "points", "line", "line", "marks")), pen.whole(4, 40), pen.color()
    heights = np.clip(pen.between(0, 1) + np.cumsum(pen.rng.normal(0, 0.15, count)), 0.02, 1) * area.height
    xs, bottom = area.x + (np.arange(count) + 0.5) * area.width / count, area.y + area.height
    points = [skia.Point(float(x), float(bottom - height)) for x, height in zip(xs, heights, strict=True)]
    if kind == "bars":
        wide = area.width / count * pen.between(0.3, 1)
        for point in points:
            bar = skia.Rect.MakeLTRB(point.x() - wide / 2, point.y(), point.x() + wide / 2, bottom)
            pen.canvas.drawRect(bar, pen.fill(color))
    if kind in ("line", "marks"):
        pen.canvas.drawPath(pen.path(points), pen.stroke(color, dash=True))
    if kind in ("points", "marks"):
        radius, square = pen.between(0.8, 3), pen.chance(0.4)
        for point in points:
            mark = Box(point.x() - radius, point.y() - radius, 2 * radius, 2 * radius)
            if square:
                pen.canvas.drawRect(mark.rect, pen.fill(color))
            else:
                pen.canvas.drawOval(mark.rect, pen.fill(color))


def _pie(pen: Pen, box: Box) -> None:
    diameter = min(box.width, box.height) * pen.between(0.5, 0.9)
    frame = Box(box.x + (box.width - diameter) / 2, box.y + (box.height - diameter) / 2, diameter, diameter)
    shares = np.cumsum(pen.rng.dirichlet(np.ones(pen.whole(2, 8)))) * 360
    edge = pen.stroke(pen.paper) if pen.chance(0.5) else None
    for start, end in zip([0.0, *shares[:-1]], shares, strict=True):
        wedge = skia.Path()
        wedge.moveTo(frame.x + diameter / 2, frame.y + diameter / 2)
        wedge.arcTo(frame.rect, float(start), float(end - start), False)
        wedge.close()
        pen.canvas.drawPath(wedge, pen.fill(pen.color()))
        if edge is not None:
            pen.canvas.drawPath(wedge, edge)
    if pen.chance(0.3):
        pen.canvas.drawCircle(
            frame.x + diameter / 2, frame.y + diameter / 2, diameter / 4, pen.fill(pen.paper)
        )


def table(pen: Pen, box: Box) -> None:
    """Rows of words and figures, with rules and a ground that alternates."""
    script, face, weight = pen.face()
    size = pen.between(6.5, 13)
    row, column, rules = math.ceil(size * 1.6), pen.whole(25, 60), pen.chance(0.6)
    band = pen.color() if pen.chance(0.4) else None
    rule = pen.stroke(pen.ink_or_color(), 1.0)
    numbers = face.holds("0123456789.,-/:%+")
    for line in range(math.ceil(box.height / row)):
        y = box.y + line * row
        if band is not None and line % 2:
            pen.canvas.drawRect(Box(box.x, y, box.width, row).rect, pen.fill(band))
        if rules:
            pen.canvas.drawLine(box.x, y + 0.5, box.x + box.width, y + 0.5, rule)
        for cell in range(math.ceil(box.width / column)):
            x = box.x + cell * column
            said = figure(pen.rng) if numbers and cell else words(script, 1, pen.rng)
            pen.write(said, x + 3, y + row * 0.72, size, face, weight, pen.ink)
            if rules:
                pen.canvas.drawLine(x + 0.5, y, x + 0.5, y + row, rule)


def photo(pen: Pen, box: Box) -> None:
    """A photograph with a frame, and words below or on it; without photographs, a page of text."""
    inner = Box(*(float(round(value)) for value in box.inset(pen.pick((0.0, 3.0, 6.0)))))
    if not pen.inlay(inner):
        text(pen, box)
        return
    if pen.chance(0.4):
        pen.canvas.drawRect(inner.rect, pen.stroke(pen.ink_or_color()))
    for _ in range(pen.whole(0, 3)):
        at = pen.point(inner)
        pen.label(at.x(), at.y(), pen.text_size(), pen.color())
    if pen.chance(0.3):
        icon(pen, Box(inner.x + 4, inner.y + 4, 16, 16))
