"""What a worker does: one picture from the input store into the output store, as one machine would."""

from __future__ import annotations

import errno
import hashlib
import math
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

import pyvips

from mssn.api import load
from mssn.cluster.faults import TRIES, MissingError, PassingError, RefusedError, StoreError, allowed
from mssn.cluster.held import held_folder
from mssn.cluster.item import Item, Outcome
from mssn.cluster.store import Store
from mssn.errors import MssnError
from mssn.image.source import PictureFile
from mssn.once import Once
from mssn.runtime.plan import names_file
from mssn.upscaling.files import planned_size, upscale_file
from mssn.upscaling.jobs import Done, Job, Options, failure

Method = TypeVar("Method", bound=Callable[..., Any])
BASE = 300 * 2**20  # bytes that a worker has before its first picture
LEAST = 512 * 2**20  # bytes that it needs for pictures at least
_PASSING = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM)
_SCARCE = re.compile("(out of|not enough|insufficient|cannot allocate) memory|bad_alloc", re.IGNORECASE)
_PACE = 1e-5  # seconds more that each pixel of a result may take without a sign of life
BESIDE = "beside"  # Ray's group of the calls that a worker answers while it computes
_IN, _OUT = "in", "out"


@dataclass(frozen=True)
class Work:
    """What workers must know.

    Attributes:
        source: Where pictures come from.
        target: Where results go.
        load: Arguments of `mssn.api.load`, but `threads`. The path of a weights file becomes absolute.
        options: How to read and write; results replace what is there, whatever `force` says.
        patience: Seconds that a picture may stand still, and more the larger it is.
        here: The current folder of the driver, which names of folders refer to.
    """

    source: Store
    target: Store
    load: dict[str, Any]
    options: Options
    patience: float = 120.0
    here: Path = field(default_factory=Path.cwd)

    def __post_init__(self) -> None:
        if weights := self.weights:
            object.__setattr__(self, "load", self.load | {"model": str(weights)})

    @property
    def weights(self) -> Path | None:
        """The file that holds the network; None if it ships with the package."""
        model = self.load.get("model")
        return Path(os.path.abspath(model)) if model is not None and names_file(model) else None

    @property
    def folders(self) -> list[Path]:
        """The stores that are folders, which every node must see."""
        return [folder for store in (self.source, self.target) if (folder := store.folder) is not None]


def beside(method: Method) -> Method:
    """Mark a method of that group, as `ray.method` would: this must be read without Ray, too."""
    method.__ray_concurrency_group__ = BESIDE  # type: ignore[attr-defined]
    return method


class Worker:
    """One core's: it computes one picture at a time, while it gets the next and puts the last.

    Args:
        work: What is asked.
        memory: Bytes that it may take, with all that is loaded.
        node: What people call the node.
    """

    def __init__(self, work: Work, memory: int, node: str) -> None:
        self._work, self._node = work, node
        self._room = max(LEAST, memory - BASE)
        self._options = replace(work.options, memory=min(work.options.memory, self._room // 2))
        self._upscaler = Once(lambda: load(**work.load, threads=1))
        self._computing = Lock()
        self._until: dict[int, float] = {}  # when the pictures at work may be given up
        self._folder, self._open = Path(), ExitStack()

    def load(self) -> None:
        """Make ready: the network, a folder, a limit on memory.

        Raises:
            MssnError: The network cannot be loaded.
        """
        if any(not folder.is_absolute() for folder in self._work.folders):
            os.chdir(self._work.here)
        with suppress(AttributeError):  # an older pyvips, whose pictures take more threads, and are the same
            pyvips.concurrency_set(1)  # pyright: ignore[reportAttributeAccessIssue]
        self._upscaler()
        self._folder = self._open.enter_context(held_folder("mssn-worker-"))
        _limit_memory(self._room)

    @beside
    def beat(self) -> int | None:
        """Say that this process lives; the number of a picture that has stood still for too long."""
        now = time.monotonic()
        return next((ticket for ticket, until in list(self._until.items()) if now > until), None)

    @beside
    def tidy(self) -> None:
        """Leave nothing behind; this is the end."""
        self._open.close()

    def make(self, ticket: int, item: Item) -> tuple[Outcome, bool]:
        """Make one picture; whatever it raises is told.

        Args:
            ticket: Its number.
            item: The picture.

        Returns:
            What became of it, and whether it failed with what may heal elsewhere.
        """
        started = time.perf_counter()
        folder = self._folder / str(ticket)
        outcome, heals = Outcome(item), False
        try:
            for name in (_IN, _OUT):
                (folder / name).mkdir(parents=True)
            source = folder / _IN / f"picture{_ending(item.name)}"
            self._alive(ticket, TRIES * allowed(item.size))
            self._work.source.get(item.name, source, item.size if item.size >= 0 else None)
            outcome = replace(outcome, source_sha256=_sha256(source))
            outcome = self._made(ticket, outcome, source, folder / _OUT)
        except Exception as error:
            heals, fatal = may_heal(error), isinstance(error, RefusedError)
            outcome = replace(
                outcome,
                error=self._told(error, item, folder),
                passing=isinstance(error, PassingError),
                fatal=fatal,
            )
        finally:
            self._until.pop(ticket, None)
            shutil.rmtree(folder, ignore_errors=True)
        return replace(outcome, seconds=time.perf_counter() - started, node=self._node), heals

    def _made(self, ticket: int, outcome: Outcome, source: Path, folder: Path) -> Outcome:
        """Enlarge what has come, and put what became of it."""
        item = outcome.item
        self._until.pop(ticket, None)  # while it waits for another one
        with self._computing:
            self._alive(ticket)
            done, name = self._enlarge(ticket, item, source, folder)
        result = folder / f"picture{_ending(name)}"
        self._alive(ticket, TRIES * allowed(result.stat().st_size))
        self._work.target.put(result, name)
        return replace(
            outcome,
            target=name,
            done=replace(done, job=Job(Path(item.name), Path(name))),
            target_sha256=_sha256(result),
            size=result.stat().st_size,
        )

    def _enlarge(self, ticket: int, item: Item, source: Path, folder: Path) -> tuple[Done, str]:
        """Enlarge a picture into a folder; what became of it, and the name of the result in its store."""
        file, upscaler = PictureFile(source), self._upscaler()
        name = item.moving if item.moving is not None and file.animated else item.target
        result = folder / f"picture{_ending(name)}"
        _, size = planned_size(upscaler, file, result, self._options)
        pixels = math.prod(size) * file.pages_into(result.suffix.lower())
        alive = partial(self._alive, ticket, pixels * _PACE)
        alive()
        return upscale_file(upscaler, source, result, self._options, lambda _: alive(), file=file), name

    def _alive(self, ticket: int, seconds: float = 0.0) -> None:
        """Note that a picture moves on; the next sign of it may take so many seconds more than others do."""
        self._until[ticket] = time.monotonic() + self._work.patience + seconds

    def _told(self, error: Exception, item: Item, folder: Path) -> str:
        """Why it failed, in a line in which its files have their names in the stores."""
        source, target = self._work.source.url_of(item.name), self._work.target.url_of(item.target)
        job = Job(
            *(folder / part / f"picture{_ending(n)}" for part, n in ((_IN, item.name), (_OUT, item.target)))
        )
        if _scarce(error):
            most = self._room // 2**20
            return f"{source}: needs more memory than a worker has ({most} MiB); enlarge it without `ray`"
        told = str(error) if isinstance(error, StoreError) else str(failure(job, error))
        for part, url in ((_IN, source), (_OUT, target)):
            told = told.replace(str(folder / part / "picture"), url.removesuffix(_ending(url)))
        return told if source in told or target in told else f"{source}: {told}"


def may_heal(error: Exception) -> bool:
    """Whether a picture that failed so may succeed elsewhere, or another time."""
    if isinstance(error, StoreError):
        return not isinstance(error, RefusedError | MissingError)
    if not isinstance(error, MssnError):  # the disk, or what nobody thought of
        return True
    return _scarce(error) or any(isinstance(e, OSError) and e.errno in _PASSING for e in _chain(error))


def _scarce(error: Exception) -> bool:
    """Whether memory was lacking, in the words of whoever asked for it."""
    return any(isinstance(e, MemoryError) or _SCARCE.search(str(e)) for e in _chain(error))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _ending(name: str) -> str:
    return os.path.splitext(name)[1]


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _limit_memory(room: int) -> None:
    """Let a picture that takes too much fail, instead of the node: no more than so many bytes from now on."""
    with suppress(ImportError, OSError, ValueError):  # a system that cannot
        import resource

        status = Path("/proc/self/status").read_text()
        taken = 1024 * int(re.search(r"VmData:\s*(\d+) kB", status)[1])  # type: ignore[index]
        resource.setrlimit(resource.RLIMIT_DATA, (taken + room, resource.RLIM_INFINITY))
