"""The kinds of held-out scenes, each a function that draws on a sheet."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from heldout_sheet import FIGURES, SIDE, Sheet


def page(s: Sheet) -> None:
    """A page of text with a heading, paragraphs and margins."""
    family, script = s.voice()
    size, y = s.between(9, 16), s.between(18, 28)
    s.write(s.words(script, 2), 8, y, round(1.5 * size, 2), family, font_weight=700)
    while y < SIDE:
        y += size * s.pick((1.4, 1.4, 1.4, 2.4))
        s.write(s.words(script, s.whole(2, 5)), 8, y, size, family)


def poster(s: Sheet) -> None:
    """Large words in several colours and at any angle."""
    for _ in range(5):
        turn, x, y = s.pick(("0", "0", "-20", "90", "12")), s.between(-10, 60), s.between(20, SIDE)
        s.label(x, y, s.between(16, 44), fill=s.color(), transform=f"rotate({turn} {x} {y})")


def code(s: Sheet) -> None:
    """A program in a typewriter's letters, each line in its own colour."""
    for row in range(10):
        start = 4 + 8 * s.whole(0, 3)
        said = s.pick(
            ("for k in range(12):", "return a[i] + 0x1F", "if (x != y) {", "# " + s.words("Latin", 3))
        )
        color = s.pick(("#c678dd", "#98c379", "#61afef", s.ink, s.ink))
        s.write(said, start, 14 + 14 * row, 10, "IBM Plex Mono", fill=color)


def window(s: Sheet) -> None:
    """A form: title, fields, buttons, ticks, a bar of progress."""
    accent, size = s.color(), s.whole(9, 12)
    s.add("rect", x=0, y=0, width=SIDE, height=20, fill=accent)
    s.label(6, 14, size, fill=s.paper)
    for row in range(5):
        y = 28 + row * 23
        s.label(6, y + 11, size)
        kind, x = s.pick(("field", "button", "tick", "bar", "button")), 70
        frame = {"x": x + 0.5, "y": y + 0.5, "width": 60, "height": 15, "rx": s.pick((0, 2, 4, 7))}
        if kind == "field":
            s.add("rect", fill="none", stroke=s.ink, **frame)
            s.write(s.pick(FIGURES), x + 5, y + 11.5, size, "IBM Plex Sans")
        elif kind == "button":
            s.add("rect", fill=accent, **frame)
            s.label(x + 8, y + 11.5, size, fill=s.paper)
        elif kind == "tick":
            s.add("rect", x=x + 0.5, y=y + 1.5, width=12, height=12, fill="none", stroke=s.ink)
            s.line([(x + 3, y + 8), (x + 6, y + 11), (x + 11, y + 4)], stroke=accent, stroke_width=2)
        else:
            s.add("rect", x=x, y=y + 5, width=60, height=5, rx=2.5, fill=s.ink, opacity=0.3)
            s.add("rect", x=x, y=y + 5, width=s.whole(8, 60), height=5, rx=2.5, fill=accent)


def chart(s: Sheet) -> None:
    """Axes with figures, and bars or lines."""
    for tick in range(6):
        at = 14 + 20 * tick
        s.line([(24, at), (140, at)], stroke_width=0.75 if s.smooth else 1, opacity=0.5)
        s.write(s.pick(FIGURES), 2, at + 3, 7.5, "Source Sans 3")
        s.write(s.pick(FIGURES), 22 + 22 * tick, 132, 7.5, "Source Sans 3")
    s.line([(24.5, 8), (24.5, 120.5), (140, 120.5)], stroke_width=1)
    for _ in range(3):
        count, color = s.whole(6, 24), s.color()
        heights = np.clip(30 + np.cumsum(s.rng.normal(8, 14, count)), 4, 108)
        points = [(26 + 112 * (n + 0.5) / count, 120 - float(h)) for n, h in enumerate(heights)]
        if s.chance(0.35):
            for x, y in points:
                s.add("rect", x=round(x, 2), y=round(y, 2), width=4, height=round(120 - y, 2), fill=color)
        else:
            s.line(points, stroke=color)
            for x, y in points if s.chance(0.5) else []:
                s.add("circle", cx=round(x, 2), cy=round(y, 2), r=2, fill=color)


def table(s: Sheet) -> None:
    """Words and figures between rules."""
    family, script = s.voice()
    size, band = s.whole(9, 12), s.color()
    for row in range(8):
        y = 18 * row
        if row % 2:
            s.add("rect", x=0, y=y, width=SIDE, height=18, fill=band, opacity=0.25)
        s.line([(0, y + 0.5), (SIDE, y + 0.5)], stroke_width=1)
        s.write(s.words(script, 1), 4, y + 13, size, family)
        for column in (70, 108):
            s.write(s.pick(FIGURES), column, y + 13, size, "Alegreya Sans")
    for x in (66.5, 104.5):
        s.line([(x, 0), (x, SIDE)], stroke_width=1)


def drawing(s: Sheet) -> None:
    """A drawing in ink: polygons, curves and single lines."""
    for _ in range(7):
        points = [(s.between(-8, 152), s.between(-8, 152)) for _ in range(s.whole(2, 4))]
        dash = s.pick(("none", "none", "none", "4 3", "1 2"))
        s.line(points, stroke=s.pick((s.ink, s.ink, s.color())), stroke_dasharray=dash)
    for _ in range(4):
        at = [s.between(-8, 152) for _ in range(8)]
        curve = "M{} {} C{} {} {} {} {} {}".format(*at)
        s.add("path", d=curve, fill="none", stroke=s.ink, stroke_width=s.width())


def pattern(s: Sheet) -> None:
    """Two patterns beside each other: hatches, grids, dots, rays, rings or a chess board."""
    for left in (0, SIDE // 2):
        s.parts.append(f'<svg x="{left}" y="0" width="{SIDE // 2}" height="{SIDE}" overflow="hidden">')
        kind, step, color = (
            s.pick(("hatch", "grid", "dots", "rays", "rings", "chess")),
            s.between(5, 16),
            s.ink,
        )
        turn = s.pick(("0", "0", "45", "30", "73"))
        s.parts.append(f'<g transform="rotate({turn} 40 80)">')
        at = np.arange(-90, 220, step)
        if kind in ("hatch", "grid"):
            width = min(s.width(), step / 2.5)
            for x in at:
                s.line([(x, -80), (x, 230)], stroke=color, stroke_width=width)
                if kind == "grid":
                    s.line([(-80, x), (230, x)], stroke=color, stroke_width=width)
        elif kind == "rays":
            for angle in np.linspace(0, 2 * np.pi, s.whole(20, 60)):
                s.line([(40, 80), (40 + 140 * np.cos(angle), 80 + 140 * np.sin(angle))], stroke_width=1)
        elif kind == "rings":
            for radius in np.arange(step, 120, step):
                s.add("circle", cx=40, cy=80, r=round(radius, 2), fill="none", stroke=color, stroke_width=1.2)
        else:
            for row, y in enumerate(at):
                for x in at[row % 2 :: 2]:
                    if kind == "dots":
                        s.add("circle", cx=round(x, 2), cy=round(y, 2), r=round(step / 3, 2), fill=color)
                    else:
                        square = {"width": step, "height": step, "fill": color}
                        s.add("rect", x=round(x, 2), y=round(y, 2), **square)
        s.parts.append("</g></svg>")


_SIGNS = (  # on a square of 24 x 24
    "M4 12 L10 18 L20 6",
    "M5 5 L19 19 M19 5 L5 19",
    "M3 6 H21 M3 12 H21 M3 18 H21",
    "M12 3 L21 20 H3 Z M12 9 V14 M12 16.5 V18",
    "M4 11 L12 4 L20 11 M6 10 V20 H18 V10",
    "M10 4 A6 6 0 1 0 10.01 4 M14.5 14.5 L21 21",
    "M12 21 C2 13 5 4 12 8 C19 4 22 13 12 21 Z",
    "M6 4 V20 L12 15 L18 20 V4 Z",
    "M3 17 L9 11 L13 14 L21 6 M15 6 H21 V12",
    "M12 2 A10 10 0 1 0 12.01 2 M12 6 V12 L16 14",
)


def icons(s: Sheet) -> None:
    """Signs in rows, outlined or filled."""
    step = s.pick((20, 24, 29, 36))
    for y in range(2, SIDE - step // 2, step):
        for x in range(2, SIDE - step // 2, step):
            color = s.pick((s.ink, s.ink, s.color()))
            style = {"fill": color if s.chance(0.25) else "none", "stroke": color, "stroke_width": 1.8}
            place = f"translate({x} {y}) scale({(step - 5) / 24:.3f})"
            s.add("path", d=s.pick(_SIGNS), transform=place, stroke_linejoin="round", **style)


def plan(s: Sheet) -> None:
    """A street map: areas, wide streets with names, and points."""
    for _ in range(7):
        x, y = s.between(0, SIDE), s.between(0, SIDE)
        corners = np.array([x, y]) + s.rng.uniform(-34, 34, (5, 2))
        s.add("polygon", points=" ".join(f"{a:.2f},{b:.2f}" for a, b in corners), fill=s.color(), opacity=0.5)
    for _ in range(4):
        ends = [(s.between(-10, 154), s.between(-10, 154)) for _ in range(2)]
        wide = s.pick((2, 4, 6))
        s.line(ends, stroke=s.ink, stroke_width=wide + 2, stroke_linejoin="round")
        s.line(ends, stroke=s.pick(("#fff", "#ffe08a", s.paper)), stroke_width=wide, stroke_linejoin="round")
    for _ in range(6):
        x, y = s.whole(4, 120), s.whole(12, 140)
        s.add("circle", cx=x, cy=y, r=2.5, fill="#c00")
        s.label(x + 5, y + 3, s.between(7, 10), font_weight=600)


def shapes(s: Sheet) -> None:
    """Areas of plain colours and of gradients, with edges."""
    for n in range(11):
        first, second = s.color(), s.color()
        fade = f'<stop offset="0" stop-color="{first}"/><stop offset="1" stop-color="{second}"/>'
        s.add("linearGradient", fade, id=f"g{n}", x2=s.between(0, 1), y2=s.between(0, 1))
        style: dict[str, Any] = {"fill": s.pick((first, first, f"url(#g{n})"))}
        if s.chance(0.4):
            style |= {"stroke": s.ink, "stroke-width": s.width()}
        x, y = s.between(-10, 120), s.between(-10, 120)
        kind = s.pick(("rect", "ellipse", "polygon"))
        if kind == "rect":
            s.add(kind, x=x, y=y, width=s.between(6, 70), height=s.between(6, 60), rx=s.whole(0, 9), **style)
        elif kind == "ellipse":
            s.add(kind, cx=x, cy=y, rx=s.between(4, 36), ry=s.between(4, 36), **style)
        else:
            corners = np.array([x, y]) + s.rng.uniform(-30, 40, (s.whole(3, 7), 2))
            s.add(kind, points=" ".join(f"{a:.2f},{b:.2f}" for a, b in corners), **style)


def card(s: Sheet) -> None:
    """A photograph with a frame, words on it and below."""
    s.photo(8, 8, 144, 100)
    s.add("rect", x=8.5, y=8.5, width=143, height=99, fill="none", stroke=s.ink)
    s.label(14, 40, s.between(14, 30), fill=s.pick(("#fff", "#ff0", "#000")), font_weight=700)
    for row in range(3):
        family, script = s.voice()
        s.write(s.words(script, 4), 8, 122 + 15 * row, s.between(8, 11), family)


def flow(s: Sheet) -> None:
    """Boxes with words, and arrows between them."""
    places = [(s.whole(20, 124), 14 + 29 * row) for row in range(5)]
    for (x, y), (to, below) in pairwise(places):
        s.line([(x, y), (x, y + 14.5), (to, y + 14.5), (to, below - 8)], stroke_width=1)
        s.add("path", d=f"M{to - 3} {below - 13} L{to + 3} {below - 13} L{to} {below - 8} Z", fill=s.ink)
    for x, y in places:
        half = s.whole(14, 26)
        frame = {"x": x - half + 0.5, "y": y - 7.5, "width": 2 * half, "height": 16, "rx": s.pick((0, 3, 8))}
        s.add("rect", fill=s.pick((s.paper, s.color())), stroke=s.ink, **frame)
        s.label(x, y + 3.5, s.between(7, 9.5), text_anchor="middle")


KINDS = (page, poster, code, window, chart, table, drawing, pattern, icons, plan, shapes, card, flow)
