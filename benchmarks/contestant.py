"""One way to enlarge pictures by 2, run by itself; started by benchmarks/speed.py.

    python benchmarks/contestant.py once WAY FROM TO           # one picture: the time of a whole process
    python benchmarks/contestant.py repeat WAY FROM TO COUNT   # a folder, then one picture COUNT times

WAY is KIND or KIND=FILE, see `KINDS`. `repeat` prints a line of JSON: seconds of each repetition, array to
array, peak memory of the process in MB, and the size in MB of what had to be installed.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

Enlarge = Callable[[np.ndarray], np.ndarray]


def ours(name: str) -> Enlarge:
    """A network in a runtime: MODEL,RUNTIME,PRECISION."""
    from mssn.api import load_tiled

    model, runtime, precision = name.split(",")
    scale = None if Path(model).suffix else 2
    return load_tiled(model, scale, runtime=runtime, precision=precision)  # pyright: ignore[reportArgumentType]


def bicubic(_: str) -> Enlarge:
    """MATLAB's bicubic, ours."""
    from mssn.image.resize import imresize

    return lambda pixels: imresize(pixels, scale=2)


def lanczos(_: str) -> Enlarge:
    """OpenCV's Lanczos."""
    import cv2  # pyright: ignore[reportMissingImports]

    return lambda pixels: cv2.resize(pixels, None, fx=2, fy=2, interpolation=cv2.INTER_LANCZOS4)


def fsrcnn(file: str) -> Enlarge:
    """FSRCNN as OpenCV's dnn_superres offers it."""
    import cv2  # pyright: ignore[reportMissingImports]

    network = cv2.dnn_superres.DnnSuperResImpl_create()
    network.readModel(file)
    network.setModel("fsrcnn", 2)
    return network.upsample


# What upscales, and the distributions a person installs for it.
KINDS: dict[str, tuple[Callable[[str], Enlarge], tuple[str, ...]]] = {
    "mssn": (ours, ("mssn",)),
    "onnxruntime": (ours, ("mssn", "onnxruntime")),
    "pytorch": (ours, ("mssn", "torch")),
    "bicubic": (bicubic, ("mssn",)),
    "lanczos": (lanczos, ("opencv-contrib-python-headless",)),
    "fsrcnn": (fsrcnn, ("opencv-contrib-python-headless",)),
}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("mode", choices=["once", "repeat"])
    parser.add_argument("way", help="KIND or KIND=FILE")
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("count", nargs="?", type=int, default=1)
    options = parser.parse_args()
    source, target = options.source, options.target
    kind, _, name = options.way.partition("=")
    make, roots = KINDS[kind]
    enlarge = make(name)
    if options.mode == "once":
        write(target, enlarge(read(source, kind)), kind)
        return
    for path in sorted(source.iterdir()):
        write(target / path.name, enlarge(read(path, kind)), kind)
    photo = np.random.default_rng(0).integers(0, 256, (360, 640, 3)).astype(np.uint8)
    enlarge(photo)
    seconds = []
    for _ in range(options.count):
        started = time.perf_counter()
        enlarge(photo)
        seconds.append(time.perf_counter() - started)
    print(json.dumps({"seconds": seconds, "peak_mb": peak(), "install_mb": round(installed(roots))}))


def read(path: Path, kind: str) -> np.ndarray:
    """H x W x 3 uint8, in the order of colours the kind likes."""
    if kind in ("fsrcnn", "lanczos"):
        import cv2  # pyright: ignore[reportMissingImports]

        return cv2.imread(str(path))
    from mssn.image.read import read_rgb

    return read_rgb(path)


def write(path: Path, pixels: np.ndarray, kind: str) -> None:
    """The same way back."""
    if kind in ("fsrcnn", "lanczos"):
        import cv2  # pyright: ignore[reportMissingImports]

        cv2.imwrite(str(path), pixels)
        return
    from mssn.image.picture import Picture
    from mssn.image.write import write as write_picture

    write_picture(path, Picture(pixels))


def peak() -> int | None:
    """Most memory this process ever held, MB; Linux only, and getrusage would count the parent's."""
    status = Path("/proc/self/status")
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.exists() else None
    return round(int(found[1]) / 1024) if found else None


def installed(roots: tuple[str, ...]) -> float:
    """Megabytes of distributions and of all they require, as far as they are installed."""
    waiting, sizes = list(roots), dict[str, float]()
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name in sizes:
            continue
        try:
            found: Any = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        files = [Path(str(found.locate_file(file))) for file in found.files or ()]
        if name == "mssn":  # installed in place: the package itself, not the repository
            files = [
                path for path in Path(__file__).parent.parent.joinpath("src").rglob("*") if path.is_file()
            ]
        sizes[name] = sum(path.stat().st_size for path in files if path.exists()) / 1e6
        for requirement in found.requires or ():
            wanted, _, marker = requirement.partition(";")
            if "extra" not in marker or "binary" in marker:
                waiting.append(re.split(r"[ <>=!~\[(]", wanted.strip())[0])
    return sum(sizes.values())


if __name__ == "__main__":
    main()
