"""`mssn upscale --ray`: the pictures of a store are enlarged by the machines of a Ray cluster."""

from __future__ import annotations

import atexit
import hashlib
import json as json_
import os
import tempfile
from contextlib import closing
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Any

from mssn.cli.clustered import Told
from mssn.cli.streams import is_url, tell
from mssn.cluster.crew import make
from mssn.cluster.faults import LostError
from mssn.cluster.ledger import FOLDER, Ledger
from mssn.cluster.nodes import connect
from mssn.cluster.runs import marked
from mssn.cluster.sidecars import copy
from mssn.cluster.store import Store
from mssn.cluster.todo import Todo
from mssn.cluster.worker import Work
from mssn.errors import MssnError
from mssn.image.formats import WRITABLE
from mssn.upscaling.jobs import Options


def upscale_on_ray(
    inputs: list[str],
    output: str | None,
    address: str,
    load: dict[str, Any],
    options: Options,
    *,
    report: Path | None,
    json: bool,
    skip_existing: bool,
    retry_failed: bool,
    dry_run: bool,
) -> int:
    """Enlarge all pictures of a store into another.

    Args:
        inputs: One store.
        output: The other.
        address: Of the cluster; see `mssn.cluster.nodes.connect`.
        load: Arguments of `mssn.api.load`.
        options: How to read and write.
        report: A file that takes a line for each picture of the input.
        json: As for `mssn upscale`.
        skip_existing: Results that nobody planned here are fine, too.
        retry_failed: Try again what earlier runs could not make.
        dry_run: Only count, and look at a few.

    Returns:
        Exit code: 0, or 1 if some failed, now or before, or something else is in their place.

    Raises:
        MssnError: The stores, the cluster or the options make no sense, or fail for all pictures alike.
    """
    source, target, within = _stores(inputs, output)
    settings = _settings(load, options)
    with tempfile.TemporaryDirectory(prefix="mssn-") as scratch:
        ledger = Ledger(_books(target), _real(source), settings, Path(scratch))
        todo = Todo(
            source.list(leave_out=(within,) if within else ()),
            target.list(leave_out=(FOLDER,), needed=False),
            ledger,
            settings,
            force=options.force,
            retry_failed=retry_failed,
            scratch=Path(scratch),
        )
        told = Told(source, target, todo.seen, json=json, report=report, skip_existing=skip_existing)
        if dry_run:
            return told.planned(todo, lambda sample: sample.told(source, load, options, Path(scratch)))
        with told.standing(), closing(ledger), closing(todo):
            try:
                items = told.left(todo)
                if (first := next(items, None)) is not None:  # else no cluster is needed
                    target.sweep()
                    work = Work(source, target, load, options)
                    with (
                        marked(_books(target, "/runs"), _real(source), tell),
                        connect(address) as cluster,
                        closing(
                            make(chain((first,), items), work, cluster, say=tell, began=told.began)
                        ) as ends,
                    ):
                        for outcome in ends:
                            if outcome.fatal:  # which says nothing about this picture
                                raise MssnError(f"{outcome.error}; {told.stopped()}")
                            ledger.note(outcome, told.outcome(outcome))
                if options.metadata == "keep":
                    for line in copy(todo.sidecars(), source, target, force=options.force):
                        tell(f"mssn: {line}")
            except (KeyboardInterrupt, SystemExit) as stop:
                stop.add_note(told.stopped())
                raise
            except LostError as lost:
                atexit.register(os._exit, 2)  # before Ray's own end, which would wait for the head
                raise MssnError(f"{lost}; {told.stopped()}") from lost
            finally:
                ledger.flush()
        return told.ended()


def _stores(inputs: list[str], output: str | None) -> tuple[Store, Store, str]:
    """The two stores, and which folder of the first is the second, if one is."""
    stream = Path("-")  # which comes as ./-, too
    given = Path(inputs[0])
    pattern = any(sign in inputs[0] for sign in "*?[") and not is_url(inputs[0]) and not given.exists()
    what = "several" if len(inputs) > 1 else "standard input" if given == stream else "a pattern"
    if len(inputs) > 1 or given == stream or pattern:
        raise MssnError(f"`ray` takes one folder of pictures, or one s3://bucket/folder, not {what}; name it")
    if output is None or Path(output) == stream:
        raise MssnError("with `ray`, -o names the folder or s3://bucket/folder that takes the results")
    if Path(output).suffix.lower() in WRITABLE and not output.endswith("/"):
        raise MssnError(f"{output}: ends like a picture, but `ray` needs a folder; end it in / if it is one")
    if is_url(output) and output.lower().startswith("http"):
        raise MssnError(f"{output}: a page of links can only be read; name another output")
    source, target = (Store(text if is_url(text) else Path(text)) for text in (inputs[0], output))
    old, new = _real(source), _real(target)
    if new == old:
        raise MssnError(f"{output}: would replace the originals; choose another output")
    if old.startswith(f"{new}/"):
        raise MssnError(f"{output}: holds the input itself; choose another output")
    return source, target, new.removeprefix(f"{old}/") if new.startswith(f"{old}/") else ""


def _books(target: Store, part: str = "") -> Store:
    place = f"{target.url}/{FOLDER}{part}"
    return Store(place if is_url(place) else Path(place))


def _real(store: Store) -> str:
    """What a store is called from everywhere."""
    return store.url if is_url(store.url) else os.path.realpath(store.url)


def _settings(load: dict[str, Any], options: Options) -> str:
    """What decides how results look, as a short checksum; another one makes them anew."""
    looks = asdict(options)
    for name in ("force", "memory", "max_megapixels"):
        del looks[name]
    model = Path(load["model"])
    weights = hashlib.sha256(model.read_bytes()).hexdigest() if model.is_file() else None
    everything = {"load": load, "options": looks, "weights": weights}
    text = json_.dumps(everything, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
