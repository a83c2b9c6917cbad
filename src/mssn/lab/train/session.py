"""From a recipe to a trainer that is ready to run, and from a trainer to a weights file."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import nn

from mssn import provenance
from mssn.errors import CheckpointError, DataError, ImageError, RecipeError, WeightsError
from mssn.image.compression import LEAST
from mssn.lab import complexity, nets
from mssn.lab.data.degraded import degraded
from mssn.lab.data.patches import Patches
from mssn.lab.data.pixels import Pair, Pictures, Pixels
from mssn.lab.export.fuse import fuse
from mssn.lab.nets.growth import can_grow, grow
from mssn.lab.nets.mssn import MSSN
from mssn.lab.train import loop
from mssn.lab.train.checkpoint import History, load_checkpoint
from mssn.lab.train.loop import CHECKPOINT, Trainer
from mssn.lab.train.parallel import World
from mssn.lab.train.recipe import Recipe, with_settings
from mssn.lab.train.tails import fit_tail
from mssn.lab.weights import load_network, save, tensors_of
from mssn.models.meta import Meta
from mssn.score.degrade import Degradation, degrade
from mssn.score.metrics import psnr_y

_SAID = 10  # lines of one kind; of ten thousand pictures that are too small nobody reads more


def prepare(
    recipe: Recipe,
    folder: Path,
    *,
    init: Path | None = None,
    cache: Path | None = None,
    device: Literal["cpu", "cuda"] | None = None,
    say: Callable[[str], None] = lambda text: None,
    progress: Callable[[int, int], None] = lambda done, total: None,
    world: World | None = None,
    pictures: Pictures | None = None,
    captures: bool = True,
) -> tuple[Trainer, Meta]:
    """Build the network, find the data, and put a trainer together.

    Args:
        recipe: How to train.
        folder: The run's folder; made if missing.
        init: Weights to start from; a network of another scale lends its body and head, and tail and
            skip are fitted to them (`mssn.lab.train.tails`); a smaller network of the same kind
            grows (`mssn.lab.nets.growth`).
        cache: Where decoded pictures are kept; see `mssn.lab.data.folder`.
        device: "cpu" or "cuda"; default: CUDA where there is one.
        say: Called with what happens, a sentence at a time.
        progress: Called with (pictures decoded, pictures in all).
        world: The processes that train together; default alone.
        pictures: Decoded already, for a machine without libvips; default: those of the recipe's folders.
        captures: See `mssn.lab.train.step.Step`.

    Returns:
        The trainer and the description of its network as it starts.

    Raises:
        MssnError: Data, recipe, weights or folder are not usable; the message says which and why.
    """
    world = world or World()
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    if device == "cuda" and not torch.cuda.is_available():
        raise RecipeError("no CUDA device here that PyTorch can use; train on the cpu")
    if device == "cuda":
        torch.backends.cudnn.benchmark = True  # every batch of a stage has one shape
        torch.backends.cudnn.allow_tf32 = recipe.precision != "fp32"
    else:
        _keep_freed_memory()
    torch.manual_seed(recipe.seed)
    net = nets.build(recipe.model, recipe.scale, recipe.config)
    history, rescaled = _start_from(net, init, recipe, say) if init else (History(), False)
    teacher = _teacher(recipe, say).to(device) if recipe.teacher else None
    # First, because decoding the other pictures may take a while.
    with world.together():
        validation = pictures.validation if pictures else validation_pairs(recipe, say, progress)
    with world.in_turns():
        pixels = pictures.pixels if pictures else clean_pixels(recipe, cache, progress)
        if recipe.degrade:
            how = Degradation.of(recipe.degrade)
            pixels = degraded(pixels, how, recipe.seed, cache=cache, progress=progress)
    if not getattr(net, "told", False):
        pixels = replace(pixels, strengths=None)
    _say_some(pixels.skipped, say)
    data = _data(recipe, pixels, say)
    say(data)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CheckpointError(f"{folder}: cannot be made ({error.strerror})") from error
    meta = _describe(recipe, net, data)
    patches = Patches(pixels, recipe.patch, recipe.seed, device, grey=recipe.grey)
    for stage in recipe.stages:
        patches.sized(recipe.at(stage["after"]).patch)  # too large a patch fails now, not in an hour
    net = net.to(device)
    if isinstance(net, MSSN) and rescaled:
        say(f"tail and skip fitted to {fit_tail(net, patches)} patches")
    if loop.SummaryWriter is None:
        say("tensorboard is not installed: no curves are written")
    trainer = Trainer(recipe, net, patches, validation, meta.halo, folder, history, teacher, world, captures)
    return trainer, meta


def clean_pixels(
    recipe: Recipe, cache: Path | None, progress: Callable[[int, int], None] = lambda done, total: None
) -> Pixels:
    """The recipe's training pictures, not degraded.

    Raises:
        DataError: As `mssn.lab.data.folder.load_pixels`.
    """
    from mssn.lab.data.folder import load_pixels  # needs libvips, as the next does
    from mssn.lab.data.sources import located

    return load_pixels([located(f) for f in recipe.train], recipe.scale, cache=cache, progress=progress)


def _data(recipe: Recipe, pixels: Pixels, say: Callable[[str], None]) -> str:
    """How much is trained on, in words; pictures that hold no patch are named, not counted."""
    patch = min([recipe.patch, *(recipe.at(stage["after"]).patch for stage in recipe.stages)])
    holds = pixels.sizes.min(axis=1) >= patch
    small = [name for name, fits in zip(pixels.names, holds, strict=True) if not fits]
    _say_some([f"skipped {name}: holds no patch of {patch * recipe.scale} pixels" for name in small], say)
    used = pixels.sizes[holds].prod(axis=1).sum() * recipe.scale**2
    return f"{int(holds.sum())} pictures, {used / 1e6:.3g} megapixels"


def _say_some(lines: Sequence[str], say: Callable[[str], None]) -> None:
    """Say the first lines, and how many more of them there are."""
    for line in lines[:_SAID]:
        say(line)
    if len(lines) > _SAID:
        say(f"and {len(lines) - _SAID:,} more such lines")


def _describe(recipe: Recipe, net: nn.Module, data: str) -> Meta:
    """What the weights of this run will say of themselves."""
    config = getattr(net, "config", None)
    return Meta(
        model=recipe.model,
        scale=recipe.scale,
        config=asdict(config) if config else {},  # pyright: ignore[reportArgumentType]
        domain=nets.spec(recipe.model).domain.value,
        halo=complexity.halo(net, recipe.scale),
        parameters=complexity.count_parameters(net),
        recipe=recipe.name,
        data=data + f" ({recipe.data})" * bool(recipe.data) + ", degraded" * bool(recipe.degrade),
        commit=provenance.commit(),
    )


def resumed_recipe(folder: Path, settings: list[str]) -> Recipe:
    """The recipe a run was started with, as its checkpoint remembers it, with changes.

    Raises:
        CheckpointError: The folder holds no readable checkpoint.
        RecipeError: A change is not possible.
    """
    path = folder / CHECKPOINT
    try:
        recipe = Recipe(**load_checkpoint(path)["recipe"])
    except (KeyError, TypeError) as error:
        raise CheckpointError(f"{path}: written by another version of mssn; start anew ({error})") from error
    return with_settings(recipe, settings)


def write_weights(trainer: Trainer, meta: Meta, path: Path) -> None:
    """Write the trainer's present network as a weights file.

    Raises:
        WeightsError: It cannot be written.
    """
    history = trainer.history
    recipe = f"{meta.recipe}, from {history.origin}" if history.origin else meta.recipe
    updates = history.updates + trainer.status.update
    meta = replace(meta, recipe=recipe, updates=updates, commands=history.commands)
    save(path, tensors_of(trainer.result), meta)


def validation_pairs(
    recipe: Recipe, say: Callable[[str], None], progress: Callable[[int, int], None]
) -> list[Pair]:
    """The validation pictures; those that cannot be used are reported and left out.

    Raises:
        DataError: None can be used.
    """
    from mssn.lab.data.sources import find_sources, located, read_source  # needs libvips

    pairs, told = list[Pair](), list[str]()
    how = Degradation.of(recipe.degrade) if recipe.degrade else None
    sources = [source for name in recipe.validation for source in find_sources(located(name))]
    for done, source in enumerate(sources, 1):
        path = source.large
        try:
            lr, hr, part = read_source(source, recipe.scale)
            psnr_y(hr, hr, recipe.scale)  # large enough to be scored?
            strength = LEAST
            # Validated is what is trained: number n is degraded the same way in every run.
            if how:
                rng = np.random.default_rng(len(pairs))
                lr, strength = degrade(hr, recipe.scale, how, rng, lr if source.small else None)
            pairs.append(Pair(lr, hr, strength))
            if part:
                told.append(f"{path}: only its opaque part of {hr.shape[1]}x{hr.shape[0]} pixels is used")
        except (ImageError, ValueError) as error:
            told.append(f"skipped {path}: {error}")
        progress(done, len(sources))
    _say_some(told, say)
    if not pairs:
        raise DataError(f"no usable picture for validation in {', '.join(recipe.validation)}")
    return pairs


def _start_from(
    net: nn.Module, init: Path, recipe: Recipe, say: Callable[[str], None]
) -> tuple[History, bool]:
    """Give a network the function of a trained one, as far as it fits.

    Returns:
        What it then has behind it, and whether that was of another scale: its tail and skip do not fit then.
    """
    source, meta = load_network(init)
    if not (isinstance(source, MSSN) and isinstance(net, MSSN) and can_grow(source, net)):
        raise WeightsError(
            f"{init}: weights of {meta.model} x{meta.scale} cannot start this {recipe.model}; "
            "start from an MSSN of the same size or a smaller one, with the same switches"
        )
    grow(source, net)
    say(f"started from {init} ({meta.model} x{meta.scale}, {meta.updates} updates)")
    other = (meta.model, meta.scale) != (recipe.model, recipe.scale)
    origin = f"{meta.model} x{meta.scale}" if other else ""
    return History(meta.updates, origin, meta.commands), meta.scale != recipe.scale


def _teacher(recipe: Recipe, say: Callable[[str], None]) -> nn.Module:
    """The network to learn from, ready to run."""
    net, meta = load_network(Path(recipe.teacher))
    if meta.scale != recipe.scale:
        raise RecipeError(f"teacher {recipe.teacher}: enlarges by {meta.scale}, not by {recipe.scale}")
    say(f"learns from {recipe.teacher} ({meta.model} x{meta.scale})")
    net = fuse(net).requires_grad_(False)  # no weight norm to compute at every update
    return net.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


def _keep_freed_memory() -> None:
    """Ask the C library (glibc alone knows how) not to hand large freed blocks back to the system.

    A step frees hundreds of megabytes of features and asks for them again 0.1 s later. By default glibc
    returns such blocks at once, and the kernel clears every page anew: up to a quarter of an MSSN-S step.
    Huge pages help a little more but can only be asked for before a program starts: see docs/training.md.
    """
    if not sys.platform.startswith("linux"):
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    trim_threshold, mmap_threshold = -1, -3  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD of <malloc.h>
    if not mallopt(mmap_threshold, 1 << 30):
        mallopt(mmap_threshold, 32 << 20)  # the most that older ones accept
    mallopt(trim_threshold, 2**31 - 1)
