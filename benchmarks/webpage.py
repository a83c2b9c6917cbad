"""What does the page cost a visitor: bytes, seconds until it works, seconds for a picture, and smoothness?

    python benchmarks/webpage.py
    python benchmarks/webpage.py --only speed --cores 1 --models mssn-s    # what is known of the others stays

The built site is served from loopback, compressed as static hosts do, and opened in a headless Chromium.
Times are those of the page's own clock; the first visits are of a browser that was just started. Beside the
page runs the package's own engine, in turns and on as many cores. Needs Chromium, Node.js and its packages in
web/node_modules (`make page`).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from common import RESULTS, report
from page_host import Host, compressed
from page_visit import PHONE, PHONE_MEMORY, Visit, chromium, peak
from PIL import Image
from turns import DISTURBED, PAUSE, TICKS, busy

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("start", "speed", "painting", "kernels", "phone")
SLOW = {"bits": 1.6e6, "delay": 0.15}  # a second, and seconds before each answer: a phone's slow 4G
ROUNDS = 5
TURNS = {"mssn-s": 7, "mssn-m": 3, "mssn": 3}  # that nobody disturbs


def main() -> None:
    """Measure everything or one part, and write benchmarks/results/page.json."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=PARTS, nargs="+", default=PARTS)
    parser.add_argument("--cores", type=int, nargs="+", default=(1, 2))
    parser.add_argument("--models", choices=TURNS, nargs="+", default=TURNS)
    chosen = parser.parse_args()
    kept = RESULTS / "page.json"
    numbers: dict[str, Any] = json.loads(kept.read_text()) if kept.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        site = build(Path(folder) / "site")
        if "start" in chosen.only:
            numbers |= {"loaded": loaded(site), "start": pinned(2, start, site)}
        for cores in chosen.cores:
            for model in chosen.models if "speed" in chosen.only else ():
                found = numbers.setdefault("seconds_640x360_x2", {}).setdefault(str(cores), {})
                found[model] = pinned(cores, speed, site, model)
                report("page", numbers)  # so that what a later part meets takes nothing away
            if "painting" in chosen.only:
                numbers.setdefault("painting", {})[str(cores)] = pinned(cores, painting, site)
        if "phone" in chosen.only:
            numbers["phone"] = pinned(max(chosen.cores), phone, site)
        if "kernels" in chosen.only:
            numbers["kernels"] = kernels()
    report("page", numbers)


def build(out: Path) -> Path:
    """The built site."""
    environment = {**os.environ, "PYTHON": sys.executable}
    command = ["node", ROOT / "web" / "build.mjs", out]
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    return out


def pinned(cores: int, job: Callable[..., Any], *given: Any) -> Any:
    """What a job gives in a process of its own that may use so many cores, as all that it starts."""
    every = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(every)[:cores])
    try:
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            return pool.submit(job, *given).result()
    finally:
        os.sched_setaffinity(0, every)


def loaded(site: Path) -> dict[str, Any]:
    """Bytes that a first visit transfers: until the first result of a PNG, part by part, and all in all."""
    with tempfile.TemporaryDirectory() as folder, chromium() as browser, Host(site) as host:
        picture = photo(Path(folder), 256, 256)
        visit = Visit(browser.new_context(service_workers="block"), host.url)
        visit.enlarge(picture)
        first = dict(host.sent)
        host.sent.clear()
        Visit(browser.new_context(), host.url).kept()
        single = {"all": (site / "mssn.html").stat().st_size, "compressed": compressed(site, "mssn.html")}
        return {
            "first_result": {"all": sum(first.values()), **first},
            "kept_offline": sum(host.sent.values()),
            "mssn.html": single,
            "whole_site": sum(path.stat().st_size for path in site.rglob("*") if path.is_file()),
        }


def start(site: Path) -> dict[str, Any]:
    """Seconds from opening the page to a result of a 256x256 PNG; buttons and engine on the way."""
    found: dict[str, list[dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        picture = photo(Path(folder), 256, 256)

        def visit(kind: str, context: Any, url: str) -> None:
            opened = Visit(context, url)
            result = opened.enlarge(picture)["end"]
            found.setdefault(kind, []).append({**opened.ready(), "result": result})
            if kind == "first":
                opened.kept()
            opened.page.close()

        for _ in range(ROUNDS):
            with chromium() as browser, Host(site) as host:
                context = browser.new_context()
                visit("first", context, host.url)
                host.sent.clear()
                visit("from the service worker", context, host.url)
                assert set(host.sent) <= {"sw.js"}, host.sent
        with chromium() as browser, Host(site, **SLOW) as host:
            visit("first, slow 4G", browser.new_context(service_workers="block"), host.url)
    return {kind: medians(rounds, 3) for kind, rounds in found.items()} | {"slow_4g": SLOW}


def speed(site: Path, model: str) -> dict[str, Any]:
    """Seconds for a PNG of 640x360, in the page and by the package, in turns."""
    import mssn

    with tempfile.TemporaryDirectory() as folder, chromium() as browser, Host(site) as host:
        picture = photo(Path(folder), 360, 640)
        visit = Visit(browser.new_context(), host.url)
        visit.ready()
        visit.kept()
        visit.choose(model)

        def page() -> dict[str, float]:
            taken = visit.enlarge(picture)
            return {part: taken[part] for part in ("all", "decode", "network", "encode")}

        ways: dict[str, Callable[[], dict[str, float]]] = {"page": page}
        for precision in ("fp32", "auto"):
            upscaler = mssn.load(model, 2, runtime="native", precision=precision)
            ways[f"native {precision}"] = lambda upscaler=upscaler: native(upscaler, picture)
        return in_turns(ways, TURNS[model])


def in_turns(ways: dict[str, Callable[[], dict[str, float]]], turns: int) -> dict[str, dict[str, Any]]:
    """Medians of each way's parts; how many times as long the first one takes, in the same turns."""
    quiet, every = list[dict[str, dict[str, float]]](), list[dict[str, dict[str, float]]]()
    for turn in range(2 * turns + 1):
        one = {}
        for name, way in ways.items():
            time.sleep(PAUSE)  # what has just run may keep its threads awake for a while
            one[name] = way()
        disturbed = [parts.pop("disturbed", 0) for parts in one.values()]
        if turn:  # the first is warming up
            every.append(one)
            quiet += [] if any(disturbed) else [one]
        if len(quiet) == turns:
            break
    counted = quiet or every
    found: dict[str, dict[str, Any]] = {name: medians([one[name] for one in counted], 3) for name in ways}
    if not quiet:
        found["disturbed"] = {"turns": len(every)}
    first, *others = ways
    for name in others:
        found[name]["page_times_as_long"] = {
            part: round(statistics.median(one[first][part] / one[name][part] for one in counted), 2)
            for part in ("all", "network")
        }
    return found


def native(upscaler: Any, picture: Path) -> dict[str, float]:
    """Seconds of the package's engine: from a PNG's bytes to those of the result; the network alone."""
    from mssn.upscaling.files import upscale_bytes
    from mssn.upscaling.jobs import Job

    content, pixels = picture.read_bytes(), np.asarray(Image.open(picture))
    before, began, worked = busy(), time.perf_counter(), time.process_time()
    upscale_bytes(upscaler, content, Job(picture, picture.with_stem("large")))
    whole = time.perf_counter()
    upscaler(pixels)
    end = time.perf_counter()
    others = busy() - before - (time.process_time() - worked)
    disturbed = others > TICKS + DISTURBED * (end - began)
    return {"all": whole - began, "network": end - whole, "disturbed": disturbed}


def painting(site: Path) -> dict[str, Any]:
    """Milliseconds between two frames of the page while a picture of 1000x800 is enlarged."""
    with tempfile.TemporaryDirectory() as folder, chromium() as browser, Host(site) as host:
        visit = Visit(browser.new_context(), host.url)
        visit.ready()
        visit.enlarge(photo(Path(folder), 48, 64))
        visit.page.evaluate("watchFrames()")
        visit.enlarge(photo(Path(folder), 800, 1000))
        frames, tasks = visit.page.evaluate("[(watching = false, seen.frames), seen.tasks]")
    shares = {"median": 0.5, "99%": 0.99, "most": 1}
    gaps = {name: round(float(np.quantile(np.diff(frames), share)), 1) for name, share in shares.items()}
    return {
        "frames": len(frames),
        **gaps,
        "longest_task": max(tasks, default=0),
    }


def phone(site: Path) -> dict[str, Any]:
    """A photograph of 12 megapixels at the width of a phone: seconds, and the most memory that it took."""
    with tempfile.TemporaryDirectory() as folder, chromium() as browser, Host(site) as host:
        picture = photo(Path(folder), 3000, 4000, ".jpg")
        visit = Visit(browser.new_context(**PHONE), host.url, PHONE_MEMORY)
        visit.ready()
        visit.kept()
        before, taken = peak(browser), visit.enlarge(picture, Path(folder))
        with Image.open(Path(folder) / "photo-4000x3000_x2.jpg") as result:
            assert (result.format, result.size) == ("JPEG", (8000, 6000)), result
        taken.pop("end")
        seconds = {part: round(value, 1) for part, value in taken.items()}
        return {"seconds": seconds, "peak_bytes": peak(browser), "bytes_before": before}


def kernels() -> dict[str, Any]:
    """Our kernels beside onnxruntime-web in Node.js: one thread, tiles of 160x160."""
    from mssn.models.info import shipped_file

    script, models = Path(__file__).with_name("page_kernels.mjs"), shipped_file("mssn-s-x2").parent
    done = subprocess.run(["node", script, models, "5"], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def photo(folder: Path, height: int, width: int, suffix: str = ".png") -> Path:
    """A file of a photograph."""
    from skimage.data import astronaut

    path = folder / f"photo-{width}x{height}{suffix}"
    Image.fromarray(astronaut()).resize((width, height), Image.Resampling.LANCZOS).save(path)
    return path


def medians(rounds: list[dict[str, float]], digits: int) -> dict[str, float]:
    """The median of each part."""
    return {part: round(statistics.median(one[part] for one in rounds), digits) for part in rounds[0]}


if __name__ == "__main__":
    main()
