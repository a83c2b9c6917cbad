"""Figures of docs/cluster.md, from benchmarks/results/cluster.json."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

RESULT = Path(__file__).resolve().parent.parent / "benchmarks" / "results" / "cluster.json"
PICTURES = 10**9
# Dollars; list prices of the largest provider in its oldest region, without discounts. Put in your own.
CORE_HOUR, GET, PUT, TERABYTE_MONTH = 0.04, 0.4e-6, 5e-6, 23.0
PART = 5_000  # pictures in a part of the books


def costs() -> str:
    """What was measured."""
    found = _result()
    plain, nodes = found["plain"], found["nodes"]
    best = {way: min(times) for way, times in plain["seconds"].items()}
    lines = [
        "| measured | |",
        "|---|--:|",
        f"| {plain['pictures']} JPEGs of a megapixel, one machine | {best['plain']:.0f} s |",
        f"| the same with `--ray local` | {best['ray']:.0f} s |",
        f"| of it start-up and end | {plain['start_up_seconds']:.1f} s |",
        f"| as long without start-up | {plain['times_as_long']:.2f} |",
        f"| memory of a worker, at most | {plain['worker_mebibytes']} MiB |",
        f"| pictures of two nodes for one of a node | {nodes['gain']:.2f} |",
    ]
    lines += [
        f"| {row['workers']} workers that only wait a second a picture, nodes: {row['nodes']}; share of the "
        f"ideal rate | {100 * row['share_of_ideal']:.0f} % |"
        for row in found["simulated"]
    ]
    lines.append(f"| driver's processor time a picture | {_driver(found):.1f} ms |")
    listed = found["listing"]
    lines += [
        f"| {listed['objects']:,} names on S3 are listed and planned | {listed['wall_s']:.0f} s |",
        f"| of it until the first picture can be made | {listed['first_s']:.1f} s |",
        f"| driver's memory then, and at most | {listed['first_mib']:.0f}, {listed['peak_mib']:.0f} MiB |",
    ]
    words = (
        f"Measured with {plain['cores']} cores of {found['machine']['processor']}; "
        "the nodes are processes of one machine."
    )
    return "\n".join(lines) + "\n\n" + _wrap(words)


def estimate() -> str:
    """What a billion pictures cost."""
    found = _result()
    plain = found["plain"]
    seconds = min(plain["seconds"]["ray"]) - plain["start_up_seconds"]
    core = seconds * plain["cores"] / plain["pictures"]
    hours = PICTURES * core / 3600
    written = PICTURES * (1 + 2 / PART)
    lists = 2 * PICTURES / 1000
    terabytes = PICTURES * plain["bytes"]["result"] / 1e12
    driver = 1000 / _driver(found)
    rows = [
        (f"core hours, {core:.2f} s a picture", f"{hours:,.0f}", hours * CORE_HOUR),
        ("requests that read, one a picture", f"{PICTURES:,}", PICTURES * GET),
        ("requests that write, one a picture and two a part of the books", f"{written:,.0f}", written * PUT),
        ("requests that list, both stores", f"{lists:,.0f}", lists * PUT),
        ("terabytes of results, a month", f"{terabytes:,.0f}", terabytes * TERABYTE_MONTH),
    ]
    lines = ["| a billion JPEGs of a megapixel, MSSN-S x2 | | $ |", "|---|--:|--:|"]
    lines += [f"| {what} | {number} | {dollars:,.0f} |" for what, number, dollars in rows]
    cores = driver * core
    days = PICTURES / driver / 86400
    prices = (
        f"At {CORE_HOUR} $ a core hour, {GET * 1e6:.1f} $ a million reads, "
        f"{PUT * 1e6:.0f} $ a million writes "
        f"and {TERABYTE_MONTH:.0f} $ a terabyte and month; change them in `paper/cluster_part.py`."
    )
    bottleneck = (
        f"The bottleneck is the driver: at {_driver(found):.1f} ms of its processor a picture it feeds "
        f"{driver:,.0f} pictures a second, which is {cores:,.0f} cores, and a billion would take it "
        f"{days:.0f} days. So that many pictures want a run for each of their folders, each with a driver of "
        "its own: they share nothing but the storage, which takes thousands of requests a second a prefix."
    )
    return "\n".join(lines) + "\n\n" + _wrap(f"{prices} {bottleneck}")


def _driver(found: dict[str, Any]) -> float:
    """Milliseconds a picture, with the most workers."""
    return found["simulated"][-1]["driver_ms_a_picture"]


def _result() -> dict[str, Any]:
    return json.loads(RESULT.read_text())


def _wrap(text: str) -> str:
    return textwrap.fill(text, 110, break_long_words=False, break_on_hyphens=False)
