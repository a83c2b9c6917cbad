"""How large all shipped files may be together, what each group of them takes, and what goes first.

python release/budget.py            # print it; exits 1 if a group is over its share
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

from mssn.models import info

TOTAL = 25_000_000  # bytes, in all: what a person downloads with the package


@dataclass(frozen=True)
class Group:
    """Files of one kind.

    Args:
        title: What they are, for people.
        models: Names of models; none for what is no weights file.
        int8: Whether their int8 files or their others.
        share: What they may take together, bytes.
        goes: Its place among those that go when room is needed, from 1; 0 stays.
        why: Why it goes, and what users then get.
        scales: Those of its files.
    """

    title: str
    models: tuple[str, ...]
    int8: bool
    share: int
    goes: int = 0
    why: str = ""
    scales: tuple[int, ...] = (2, 3, 4)

    def files(self) -> list[Path]:
        """The files of the group that ship."""
        if not self.models:
            return sorted(path for path in info.FOLDER.iterdir() if path.suffix != ".onnx")
        ending = "-int8.onnx" if self.int8 else ".onnx"
        paths = (info.FOLDER / f"{model}-x{scale}{ending}" for model in self.models for scale in self.scales)
        return sorted(path for path in paths if path.exists())

    def used(self) -> int:
        """Bytes that they take."""
        return sum(path.stat().st_size for path in self.files())


# The shares add up to TOTAL.
GROUPS = (
    Group("MSSN-S", ("mssn-s",), False, 700_000),
    Group("MSSN-S for photographs", ("mssn-s-photo",), False, 700_000),
    Group("MSSN-M", ("mssn-m",), False, 2_000_000),
    Group("MSSN-M for photographs", ("mssn-m-photo",), False, 2_000_000),
    Group("MSSN", ("mssn",), False, 5_550_000),
    Group(
        "MSSN for photographs",
        ("mssn-photo",),
        False,
        5_500_000,
        goes=3,
        why="not better than MSSN-M for photographs, which then takes its place",
    ),
    Group("MSSN-S int8", ("mssn-s", "mssn-s-photo"), True, 1_200_000),
    Group(
        "MSSN-M int8",
        ("mssn-m", "mssn-m-photo"),
        True,
        2_800_000,
        goes=4,
        why="processors without bf16 then compute MSSN-M in fp32, which takes twice as long",
    ),
    Group(
        "MSSN int8",
        ("mssn",),
        True,
        3_350_000,
        goes=2,
        why="processors without bf16 then compute MSSN in fp32, which takes two to three times as long",
    ),
    Group(
        "MSSN for photographs x2, int8",
        ("mssn-photo",),
        True,
        1_150_000,
        goes=1,
        why="the slowest on the processors that need int8, and MSSN-M's is as good (x3 and x4 have gone)",
        scales=(2,),
    ),
    Group("the table of models", (), False, 50_000),
)


def has_int8(name: str) -> bool:
    """Whether the int8 file of a network, MODEL-xSCALE, has a place in the package."""
    model, scale = name.rsplit("-x", 1)
    return any(group.int8 and model in group.models and int(scale) in group.scales for group in GROUPS)


def main() -> int:
    """Command line."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    print(table())
    found = problems()
    for problem in found:
        print(f"budget: {problem}", file=sys.stderr)
    return 1 if found else 0


def table() -> str:
    """The budget as a Markdown table: kilobytes (of 1000 bytes) that ship, and that may."""
    rows = [(group.title, str(len(group.files())), group.used(), group.share) for group in GROUPS]
    rows.append(("**all**", "", sum(row[2] for row in rows), TOTAL))
    lines = ["| files | number | KB | KB at most | free |", "|---|--:|--:|--:|--:|"]
    for title, number, size, share in rows:
        kilobytes = " | ".join(f"{value / 1000:,.0f}" for value in (size, share, share - size))
        lines.append(f"| {title} | {number} | {kilobytes} |")
    return "\n".join(lines)


def order_of_leaving() -> str:
    """What goes when the next variants need room, as a numbered list in Markdown."""
    leaving = sorted((group for group in GROUPS if group.goes), key=lambda group: group.goes)
    return "\n".join(
        f"{group.goes}. {group.title}, {group.used() / 1000:,.0f} KB:\n   {group.why}." for group in leaving
    )


def makes_room(size: int) -> list[Group]:
    """What has to go so that files of so many bytes more can ship, in that order.

    Raises:
        ValueError: All that may go is not enough.
    """
    free = TOTAL - sum(group.used() for group in GROUPS)
    gone: list[Group] = []
    for group in sorted((group for group in GROUPS if group.goes), key=lambda group: group.goes):
        if free >= size:
            break
        gone.append(group)
        free += group.used()
    if free < size:
        raise ValueError(f"{size:,} bytes do not fit: all that may go leaves {free:,}")
    return gone


def problems() -> list[str]:
    """Groups over their share, files in no group, and all files together over the total; one line each."""
    found = [
        f"{group.title}: {group.used():,} bytes, at most {group.share:,}"
        for group in GROUPS
        if group.used() > group.share
    ]
    grouped = {path for group in GROUPS for path in group.files()}
    others = sorted(path for path in info.FOLDER.iterdir() if path not in grouped)
    found += [f"{path.name} is in no group" for path in others]
    total = sum(path.stat().st_size for path in info.FOLDER.iterdir())
    if total > TOTAL:
        found.append(f"all files together: {total:,} bytes, at most {TOTAL:,}")
    return found


if __name__ == "__main__":
    sys.exit(main())
