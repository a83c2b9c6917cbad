"""What goes wrong with storage or the cluster: what heals and is tried again, and what ends the run."""

from __future__ import annotations

import random
import stat

from mssn.errors import MssnError

TRIES = 5
PAUSE = 0.5  # seconds before the second try; each further pause is twice as long
CONNECT = 10.0  # seconds that a server has to take a connection
SILENCE = 30.0  # seconds without a byte after which it is taken for dead
PATIENCE = 60.0  # seconds that a request may take beside its bytes
SLOWEST = 20_000.0  # bytes a second below which a transfer is as good as none


class StoreError(MssnError):
    """Something stored cannot be listed, read or written."""


class RefusedError(StoreError):
    """No try can heal it and it concerns everything: no right, no such bucket, no room."""


class MissingError(StoreError):
    """One file is not there, or not there any more."""


class PassingError(StoreError):
    """What may heal, and did not within all tries."""


class LostError(MssnError):
    """The head of the cluster does not answer any more. Then Ray may only be left by the end of the process.

    Whatever is asked of it stands still, its own end among it, until it ends the process after a minute.
    """


def only_a_file(where: str, mode: int) -> None:
    """Refuse what would be waited for without end; a mode that does not tell the kind passes.

    Raises:
        StoreError: It is no file.
    """
    if stat.S_IFMT(mode) and not stat.S_ISREG(mode):
        raise StoreError(f"{where}: is a pipe or a device, not a file")


def pause(number: int) -> float:
    """Seconds to wait after so many tries that failed; random, so that workers do not return together."""
    return PAUSE * 2 ** (number - 1) * random.uniform(0.5, 1.5)


def allowed(size: int) -> float:
    """Seconds that a request with so many bytes may take, however regularly a byte drips."""
    return PATIENCE + size / SLOWEST
