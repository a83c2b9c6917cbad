"""Memory that a training step frees is what the next one needs: keep it."""

from __future__ import annotations

import ctypes
import sys

# <malloc.h> of glibc
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


def keep_freed_memory() -> bool:
    """Ask the C library not to hand large freed blocks back to the system.

    A step frees hundreds of megabytes of features and asks for them again 0.1 s later. By default glibc
    returns such blocks at once, and the kernel clears every page anew: up to a quarter of an MSSN-S step.
    Huge pages help a little more but can only be asked for before a program starts: see
    docs/training.md.

    Returns:
        Whether the C library agreed; only glibc knows how.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    kept = any(
        mallopt(_M_MMAP_THRESHOLD, size) for size in (1 << 30, 32 << 20)
    )  # older ones know 32 MiB at most
    return bool(mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)) and kept
