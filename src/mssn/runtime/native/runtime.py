"""Run an MSSN with kernels of our own: the fastest where the processor has AVX2 or more."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from mssn.errors import WeightsError
from mssn.image.compression import LEAST
from mssn.models.meta import read_meta
from mssn.runtime.base import Computed, failure
from mssn.runtime.native.kernels import BLOCK, TAIL, kernels
from mssn.runtime.native.network import read_network, suits

_Rows = tuple[ctypes.c_ssize_t, ctypes.c_ssize_t]
_Work = Callable[[int, _Rows], object]


class NativeRuntime:
    """One network; in float32, in bfloat16 where the processor computes in it, or with units in int8.

    Rows are divided among threads, block by block. A row of a block's input passes all its units before the
    next is read, so features go to memory only between blocks.

    Args:
        path: An .onnx file written by `mssn export`, of an MSSN.
        precision: What to compute in: "fp32" or "bf16", or "int8" for a file whose units do.
        threads: Processor cores to use; None for all.
        strength: How strongly pictures are degraded, 0..1; only for a network that is told.

    Raises:
        WeightsError: Not a readable .onnx file, one without our description, of another kind or precision, or
            not told a strength; or this processor lacks the instructions.
    """

    def __init__(
        self, path: Path, *, precision: Computed, threads: int | None = None, strength: float = LEAST
    ) -> None:
        self.meta = read_meta(path)
        self.meta.require(precision, str(path), strength)
        if not suits(self.meta):
            raise WeightsError(f"{path}: native runs .onnx files of the MSSN family only; take openvino")
        self._kernels = kernels(precision)
        half, lanes = self._kernels.half, self._kernels.lanes
        self._net = net = read_network(path, self.meta, strength, half=half, lanes=lanes)
        self._threads = threads or len(os.sched_getaffinity(0))
        self._pool = ThreadPoolExecutor(max(1, self._threads - 1), thread_name_prefix="mssn")
        self._blocks = [self._block(index) for index in range(len(net.blocks))]
        outputs = net.picture.shape[1]
        self._tail = TAIL(net.channels, net.scale, outputs, net.features.ctypes.data, net.picture.ctypes.data)
        self._room = self._kernels.room(ctypes.byref(self._blocks[0]))
        # Features of the last picture, to be used again by one of the same size: new memory is slow to touch.
        self._kept: list[tuple[tuple[int, int], _Memory]] = []
        self.scale, self.halo = self.meta.scale, self.meta.halo
        self.precision: Computed = precision
        self.name = f"native {precision}"

    def _block(self, index: int) -> BLOCK:
        net, block = self._net, self._net.blocks[index]
        then = net.blocks[index + 1] if index + 1 < len(net.blocks) else None
        arrays = [
            block.units,
            None if index else net.source,
            block.head,
            net.source_bias,
            block.bias,
            then.levels if then is not None and then.in_levels else None,
        ]
        pointers = [None if array is None else array.ctypes.data for array in arrays]
        return BLOCK(net.channels, net.expanded, net.units, block.in_levels, *pointers)

    def run(self, lr: np.ndarray) -> np.ndarray:
        """See `Runtime.run`."""
        pictures = [np.ascontiguousarray(picture.transpose(1, 2, 0), np.float32) for picture in lr]
        return np.stack([self._enlarge(picture) for picture in pictures]).transpose(0, 3, 1, 2)

    def run_pixels(self, pixels: np.ndarray) -> np.ndarray:
        """See `PixelRuntime.run_pixels`."""
        return self._enlarge(np.ascontiguousarray(pixels))

    def _enlarge(self, rgb: np.ndarray) -> np.ndarray:
        """H x W x 3 uint8 or float32 -> scale*H x scale*W x 3 of the same dtype; floats are not clipped."""
        try:
            memory = self._memory(rgb.shape[:2])
            return self._through(rgb, memory)
        except MemoryError as error:
            raise failure(self.name, rgb, error) from error

    def _memory(self, size: tuple[int, ...]) -> _Memory:
        height, width = size
        try:
            kept, memory = self._kept.pop()  # whole or not at all, whatever other threads do
            if kept == (height, width):
                return memory
        except IndexError:
            pass
        element = np.dtype(np.uint16 if self._kernels.half else np.float32)
        return _Memory(height, width, self._net.channels, element, [self._room] * self._threads)

    def _through(self, rgb: np.ndarray, memory: _Memory) -> np.ndarray:
        net, run, at = self._net, self._kernels, ctypes.c_void_p
        height, width, _ = rgb.shape
        large = np.empty((height * net.scale, width * net.scale, 3), rgb.dtype)
        whole, held = rgb.dtype == np.uint8, (rgb, memory, large)

        def data(array: np.ndarray, wanted: bool = True) -> ctypes.c_void_p:
            return at(array.ctypes.data if wanted else None)

        picture = data(memory.picture)
        heads = picture if memory.halves is None else data(memory.halves)
        maps = [data(features) for features in memory.maps]
        sizes = ctypes.c_ssize_t(height), ctypes.c_ssize_t(width)

        self._divide(
            height,
            lambda k, rows: run.frame(
                data(rgb, whole), data(rgb, not whole), data(net.mean), *sizes, *rows, picture, heads
            ),
            *held,
        )
        for index, block in enumerate(self._blocks):
            before, after = maps[index % 2], maps[1 - index % 2]
            self._divide(
                height,
                lambda k, rows, b=block, x=before, y=after: run.block(
                    ctypes.byref(b), x, y, heads, *sizes, *rows, data(memory.rooms[k])
                ),
                *held,
            )
        final = maps[len(self._blocks) % 2]
        results = data(large, whole), data(large, not whole)
        self._divide(
            height,
            lambda k, rows: run.tail(ctypes.byref(self._tail), final, picture, sizes[1], *rows, *results),
            *held,
        )
        self._kept[:] = [((height, width), memory)]
        return large

    def _divide(self, height: int, work: _Work, *held: object) -> None:
        """Call `work` with the number of a thread and its rows, in all threads at once, this one among them.

        Args:
            height: Rows to divide.
            work: What to do; it is not stopped half way.
            held: What it works on, which must stay though this thread is stopped meanwhile.
        """
        count = min(self._threads, height)
        bounds = [height * k // count for k in range(count + 1)]
        rows = [(ctypes.c_ssize_t(a), ctypes.c_ssize_t(b)) for a, b in pairwise(bounds)]
        others = [self._pool.submit(_call, work, k, rows[k], held) for k in range(1, count)]
        work(0, rows[0])
        for other in others:
            other.result()


def _call(work: _Work, k: int, rows: _Rows, held: object) -> None:
    work(k, rows)


class _Memory:
    """What a picture of one size takes on its way.

    Args:
        height: Of the picture.
        width: Of the picture.
        channels: Features between blocks.
        element: What features are stored in; uint16 stands for bfloat16.
        rooms: Bytes that each thread works in.
    """

    def __init__(
        self, height: int, width: int, channels: int, element: np.dtype[Any], rooms: list[int]
    ) -> None:
        values = (height + 4) * (width + 4) * 3
        self.picture = np.empty(values, np.float32)
        self.halves = np.zeros(values, element) if element == np.uint16 else None
        self.maps = [np.empty((height + 2, width + 2, channels), element) for _ in range(2)]
        self.rooms = [np.empty(room, np.uint8) for room in rooms]
