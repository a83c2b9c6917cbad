"""`mssn upscale --report FILE`: what became of each picture, for whoever has to account for it later."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from mssn.cli.progress import facts
from mssn.cli.streams import to_json
from mssn.errors import MssnError
from mssn.image.formats import READABLE
from mssn.upscaling.jobs import Done, Job
from mssn.version import __version__


class Report:
    """A file of JSON lines that grows: a picture's line is there when its result is.

    A line has what `--json` prints, the SHA-256 of both files, and the version. The same input with the same
    version, model, precision, runtime and options makes the same bytes.

    Args:
        path: The file. Earlier lines in it stay, so that a run that was stopped may go on.

    Raises:
        MssnError: It cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        if path.suffix.lower() in READABLE or path == Path("-"):
            raise MssnError(f"{path}: is no name for a `report`, which is a file of text; try report.jsonl")
        try:
            if path.is_file() and _start(path) not in (b"", b"{"):
                raise MssnError(f"{path}: is no report, and nothing is added to it; name another file")
        except OSError as error:
            raise MssnError(f"{path}: the report cannot be read ({error.strerror})") from error
        self._add("")  # what cannot be written is known before the work

    def add(self, done: Done) -> None:
        """Note one result.

        Raises:
            MssnError: The file cannot be written any more.
        """
        self.add_facts(done.job, facts(done), failed=done.error is not None)

    def add_facts(self, job: Job, about: dict[str, Any], *, failed: bool = False) -> None:
        """Note what became of a job, in what `--json` prints.

        Raises:
            MssnError: The file cannot be written any more.
        """
        line = about | {"source_sha256": _sha256(job.source)}
        if not failed:
            line["target_sha256"] = _sha256(job.target)
        self.add_line(line)

    def add_line(self, about: dict[str, Any]) -> None:
        """Note whatever there is to tell of a picture.

        Raises:
            MssnError: The file cannot be written any more.
        """
        self._add(to_json(about | {"version": __version__}) + "\n")

    def _add(self, text: str) -> None:
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise MssnError(f"{self._path}: the report cannot be written ({error.strerror})") from error


def _sha256(path: Path) -> str | None:
    """None of what cannot be read, standard input for instance."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(1)
