"""`mssn profile`: what each layer of a network costs on this processor."""

from __future__ import annotations

import importlib
import re
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from mssn.api import DEFAULT_MODEL
from mssn.cli.options import Force, PrecisionOption, Threads, WholeScale, check_text
from mssn.cli.tables import show
from mssn.errors import MssnError, RecipeError
from mssn.models.meta import Meta
from mssn.runtime.base import Precision

if TYPE_CHECKING:
    from mssn.lab.profile import Layer

_BAR = 24  # characters of the longest bar


def profile(
    model: str = DEFAULT_MODEL,
    /,
    *,
    scale: WholeScale = 2,
    settings: Annotated[list[str] | None, Parameter(name="--set")] = None,
    size: str = "640x360",
    precision: PrecisionOption = "auto",
    threads: Threads = None,
    plot: Path | None = None,
    force: Force = False,
) -> int:
    """Show what each layer costs here: parameters, multiplications, measured time.

    Args:
        model: Any network of `mssn info --all`, with weights or without, or the path of an .onnx file.
        scale: 2, 3 or 4.
        settings: key=value over the network's shape, such as blocks=6 or expanded=128; may be repeated.
        size: Width x height of the small picture.
        precision: fp32, bf16 or auto; int8 for an int8 file.
        threads: Processor cores to use; default all.
        plot: Draw it as a flame graph into this .svg or .png file.
        force: Overwrite it.
    """
    columns, rows = _size(size)
    if plot is not None:
        if plot.suffix.lower() not in (".svg", ".png"):
            raise MssnError(f"{plot}: a plot's name must end in .svg or .png")
        check_text("--plot", plot, force=force)
        importlib.import_module("matplotlib")  # what is missing is told before the work
    # Here, so that --help needs no PyTorch.
    from mssn.lab.profile import profile as measure

    if model.endswith(".onnx"):
        if settings:
            raise RecipeError(f"--set shapes a network by its name; {model} has its shape already")
        layers = measure(Path(model), size=(rows, columns), precision=precision, threads=threads)
        title = model
    else:
        layers = _by_name(model, scale, settings or [], (rows, columns), precision, threads)
        title = f"{model} x{scale}" + "".join(f", {text}" for text in settings or [])
    title += f", {columns}x{rows}"
    _show(layers, title)
    if plot is not None:
        _draw(layers, title, plot)
    return 0


def _by_name(
    model: str,
    scale: int,
    settings: list[str],
    size: tuple[int, int],
    precision: Precision,
    threads: int | None,
) -> list[Layer]:
    """Measure a network with random weights: how long it takes does not depend on them."""
    from mssn.lab import complexity, nets
    from mssn.lab.export.onnx import write_onnx
    from mssn.lab.profile import profile as measure
    from mssn.lab.train.recipe import setting

    if precision == "int8":
        raise MssnError("int8 needs an int8 file: mssn profile MODEL-xSCALE-int8.onnx")
    net = nets.build(model, scale, dict(map(setting, settings)))
    config = getattr(net, "config", None)
    meta = Meta(
        model=model,
        scale=scale,
        config=asdict(config) if config else {},
        domain=nets.spec(model).domain.value,
        halo=0,  # nothing is tiled here
        parameters=complexity.count_parameters(net),
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.onnx"
        write_onnx(net, meta, path)
        return measure(path, size=size, precision=precision, threads=threads)


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})", text)
    if not match:
        raise MssnError(f"--size takes WIDTHxHEIGHT in pixels, such as 640x360, not '{text}'")
    return int(match[1]), int(match[2])


def _show(layers: list[Layer], title: str) -> None:
    seconds = sum(layer.seconds for layer in layers)
    longest = max(layer.seconds for layer in layers)
    rows = [[*_cells(layer, seconds), "█" * round(_BAR * layer.seconds / longest)] for layer in layers]
    parameters, mult_adds = (sum(getattr(layer, n) for layer in layers) for n in ("parameters", "mult_adds"))
    total = ["all", "", f"{parameters:,}", f"{mult_adds / 1e6:,.1f} M", f"{seconds * 1e3:.2f}", "100.0%", ""]
    names = ("layer", "kind", "parameters", "Mult-Adds", "ms", "share", "")
    show(names, rows, title=title, total=total, texts=2)


def _cells(layer: Layer, seconds: float) -> list[str]:
    return [
        layer.name,
        layer.kind,
        f"{layer.parameters:,}",
        f"{layer.mult_adds / 1e6:,.1f} M",
        f"{layer.seconds * 1e3:.2f}",
        f"{layer.seconds / seconds:.1%}",
    ]


def _draw(layers: list[Layer], title: str, path: Path) -> None:
    """A flame graph: a row for each dot in the layers' names, widths are shares of the time."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    seconds = sum(layer.seconds for layer in layers)
    depth = max(layer.name.count(".") for layer in layers) + 1
    figure, axes = pyplot.subplots(figsize=(14, 1 + 0.55 * depth), layout="constrained")
    for level in range(depth):
        spans: list[tuple[str, float, float]] = []  # name, start, width
        start = 0.0
        for layer in layers:
            parts = layer.name.split(".")
            name = ".".join(parts[: level + 1]) if level < len(parts) else ""
            if spans and name and spans[-1][0] == name:
                spans[-1] = (name, spans[-1][1], spans[-1][2] + layer.seconds)
            elif name:
                spans.append((name, start, layer.seconds))
            start += layer.seconds
        for number, (name, left, width) in enumerate(spans):
            shade = "#f2b134" if number % 2 else "#ed8a3f"
            axes.barh(
                -level,
                width * 1e3,
                left=left * 1e3,
                height=0.95,
                color=shade,
                edgecolor="white",
                linewidth=0.4,
            )
            if width > 0.045 * seconds:
                text = f"{name.rpartition('.')[2] if level else name} {width / seconds:.0%}"
                axes.text((left + width / 2) * 1e3, -level, text, ha="center", va="center", fontsize=8)
    axes.set(title=title, xlabel="ms", yticks=[], xlim=(0, seconds * 1e3))
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=150)
    except OSError as error:
        raise MssnError(f"{path}: cannot be written ({error.strerror})") from error
    finally:
        pyplot.close(figure)
