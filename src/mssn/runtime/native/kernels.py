"""The compiled kernels, and what of them this processor can run."""

from __future__ import annotations

import ctypes
import platform
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mssn.errors import WeightsError
from mssn.once import Once
from mssn.runtime.base import Computed

FILE = Path(__file__).parent / "kernels-linux-x86_64.so"  # of kernels.c, by release/kernels.py
SETS = ("", "avx2", "avxvnni", "avx512", "avx512vnni", "avx512bf16")  # what `mssn_instructions` counts

# Of each of them, the kernels that are taken for the first and last layers, and those inside of int8 blocks.
_OUTER = {name: "avx512" if name.startswith("avx512") else "avx2" for name in SETS[1:]}
_INT8 = {name: name for name in SETS[1:]} | {"avx512": "avx2", "avx512bf16": "avx512vnni"}


class BLOCK(ctypes.Structure):
    """`Block` of kernels.c."""

    _fields_ = (
        ("channels", ctypes.c_int32),
        ("expanded", ctypes.c_int32),
        ("units", ctypes.c_int32),
        ("levels", ctypes.c_int32),
        ("weights", ctypes.c_void_p),
        ("first", ctypes.c_void_p),
        ("last", ctypes.c_void_p),
        ("first_bias", ctypes.c_void_p),
        ("last_bias", ctypes.c_void_p),
        ("next", ctypes.c_void_p),
    )


class TAIL(ctypes.Structure):
    """`Tail` of kernels.c."""

    _fields_ = (
        ("channels", ctypes.c_int32),
        ("scale", ctypes.c_int32),
        ("outputs", ctypes.c_int32),
        ("features", ctypes.c_void_p),
        ("picture", ctypes.c_void_p),
    )


@dataclass(frozen=True)
class Kernels:
    """The functions of kernels.h for one set of instructions.

    Args:
        half: Features are bfloat16, else float32, or levels of int8.
        lanes: Numbers of 32 bits that a register of `block` holds.
        frame: Puts a picture into its frame.
        room: Bytes that `block` works in.
        block: One cascading block.
        tail: The last layers.
    """

    half: bool
    lanes: int
    frame: Any
    room: Any
    block: Any
    tail: Any


def _load() -> ctypes.CDLL | None:
    if not sys.platform.startswith("linux") or platform.machine() != "x86_64" or sys.maxsize < 2**32:
        return None
    try:
        return ctypes.CDLL(str(FILE))
    except OSError:  # a system without the C library that everything else here needs, too
        return None


_LIBRARY = Once(_load)


def instructions() -> str:
    """The best set of instructions there are kernels for here, one of `SETS`."""
    library = _LIBRARY()
    return "" if library is None else SETS[int(library.mssn_instructions())]


def computes() -> tuple[Computed, ...]:
    """What the kernels can compute in on this machine: nothing, or fp32 and int8, or bf16 as well."""
    best = instructions()
    if not best:
        return ()
    return ("fp32", "bf16", "int8") if best == "avx512bf16" else ("fp32", "int8")


def kernels(precision: Computed, best: str | None = None) -> Kernels:
    """The functions that compute in a precision.

    Args:
        precision: "fp32", "bf16" or "int8".
        best: The best set of instructions to use; None for this processor's.

    Raises:
        WeightsError: There are none for this machine.
    """
    library, best = _LIBRARY(), instructions() if best is None else best
    if library is None or precision not in computes():
        raise WeightsError(f"native cannot compute in {precision} on this machine; take openvino")
    outer = best if precision == "bf16" else _OUTER[best]
    inner = f"int8_{_INT8[best]}" if precision == "int8" else outer
    names = f"frame_{outer}", f"room_{inner}", f"block_{inner}", f"tail_{outer}"
    found = [getattr(library, name) for name in names]
    found[1].restype = ctypes.c_ssize_t
    for function in (found[0], *found[2:]):
        function.restype = None
    return Kernels(precision == "bf16", 16 if "avx512" in inner else 8, *found)
