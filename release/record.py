"""What a result is about: every number measured of a file is kept beside a hash of that file.

A result file such as paper/results/precision.json has numbers by network under "models" and, by the same
names, hashes of the .onnx files that were measured under "files". A number whose hash is not the shipped
file's is about other weights: it is measured again, and `release/check.py` reports it until then.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from mssn import provenance
from mssn.atomic import replacing
from mssn.errors import MssnError
from mssn.models import info

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "paper" / "results"
BENCHMARKS = ROOT / "benchmarks" / "results"
# What a release itself changes. It says nothing of the code that measures, so it may differ from the commit.
OUTPUTS = ("src/mssn/models/shipped/", "paper/results/", "benchmarks/results/", "docs/", "README.md")


@dataclass(frozen=True)
class Job:
    """What all steps of a release share.

    Args:
        revision: Commit of the code that measures.
        threads: Processor cores for the runtimes; None for all.
        force: Do it even where the result is about the present file.
    """

    revision: str
    threads: int | None = None
    force: bool = False


class Table:
    """A result file with numbers by network.

    Args:
        path: The JSON file; it need not exist yet.
    """

    def __init__(self, path: Path) -> None:
        stored = json.loads(path.read_text("utf-8")) if path.exists() else {}
        self.path = path
        self.models: dict[str, Any] = stored.get("models", {})
        self.files: dict[str, dict[str, str]] = stored.get("files", {})

    def numbers(self, name: str, weights: Iterable[Path]) -> dict[str, Any]:
        """The numbers of a network, to be added to; empty if they are about other files than `weights`."""
        return deepcopy(self.models.get(name, {})) if self.files.get(name) == hashes(weights) else {}

    def keep(self, name: str, numbers: dict[str, Any], weights: Iterable[Path], revision: str) -> None:
        """Set the numbers of a network, measured of `weights`, and write the file.

        Numbers of networks that do not ship any more are dropped.
        """
        stored = Table(self.path)  # another process may have measured another network meanwhile
        self.models, self.files = stored.models, stored.files
        self.models[name], self.files[name] = numbers, hashes(weights)
        names = [name for name in shipped() if name in self.models]
        result = {
            "versions": provenance.versions(),
            "commit": revision,
            "files": {name: self.files[name] for name in names if name in self.files},
            "models": {name: self.models[name] for name in names},
        }
        write_json(self.path, result)


def content_hash(path: Path) -> str:
    """BLAKE2b of a file's content, 32 hexadecimal digits."""
    return blake2b(path.read_bytes(), digest_size=16).hexdigest()


def hashes(paths: Iterable[Path]) -> dict[str, str]:
    """File name -> `content_hash`."""
    return {path.name: content_hash(path) for path in paths}


def write_json(path: Path, value: object) -> None:
    """Write a result; it appears only when whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        file.write((json.dumps(value, indent=1) + "\n").encode())


def shipped() -> dict[str, info.ModelInfo]:
    """What ships, by MODEL-xSCALE."""
    return {f"{row.model}-x{row.scale}": row for row in info.list_models() if row.weights}


def weights_of(name: str) -> Path:
    """Where the .onnx file of a network is, or will be, shipped."""
    return info.FOLDER / f"{name}.onnx"


def with_int8(name: str) -> list[Path]:
    """The .onnx file of a network and, if it ships, its int8 file."""
    int8 = info.FOLDER / f"{name}-int8.onnx"
    return [weights_of(name), int8] if int8.exists() else [weights_of(name)]


def revision(dirty: bool = False, root: Path = ROOT) -> str:
    """The commit that what is measured now belongs to.

    Args:
        dirty: Accept changes that are not committed; the revision then ends in "-dirty".
        root: The checkout.

    Raises:
        MssnError: There are such changes outside OUTPUTS, or `root` is no checkout.
    """

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(root), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    try:
        commit = git("rev-parse", "--short=12", "HEAD").strip()
        lines = git("status", "--porcelain", "--no-renames").splitlines()
    except (OSError, subprocess.CalledProcessError) as error:
        if dirty:
            return ""
        raise MssnError(f"{root} is no git checkout; --dirty goes on without noting a commit") from error
    changed = [line[3:] for line in lines if not line[3:].startswith(OUTPUTS)]
    if not changed:
        return commit
    if dirty:
        return f"{commit}-dirty"
    more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
    raise MssnError(
        f"not committed: {changed[0]}{more}; commit or stash it, so that the noted commit is the code that "
        "measures (--dirty: for rehearsals)"
    )


def parser(description: str | None) -> argparse.ArgumentParser:
    """A parser with the options that every script which measures has."""
    made = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--threads", type=positive, metavar="N", help="processor cores to use; default all")
    made.add_argument("--force", action="store_true", help="even where nothing has to be done")
    made.add_argument(
        "--dirty", action="store_true", help="accept changes that are not committed (rehearsals)"
    )
    return made


def command(script: str, description: str | None, measure: Callable[[str, Job], str | None]) -> int:
    """The command line of a script that measures the networks it is given, or all.

    Args:
        script: Its name, for errors.
        description: Its docstring.
        measure: Measures a network, MODEL-xSCALE, and says what was done; None if all was known.

    Returns:
        The exit code.
    """
    made = parser(description)
    made.add_argument("networks", nargs="*", metavar="MODEL-xSCALE")
    given = made.parse_args()
    try:
        job = Job(revision(given.dirty), given.threads, given.force)
        for name in named(given.networks):
            print(name, measure(name, job) or "all is known", flush=True)
    except MssnError as error:
        print(f"{script}: {error}", file=sys.stderr)
        return 2
    return 0


def named(names: Iterable[str]) -> list[str]:
    """Check names of shipped networks; all of them if none is given.

    Raises:
        MssnError: One does not ship.
    """
    known = shipped()
    chosen = list(names) or list(known)
    for name in chosen:
        if name not in known:
            raise MssnError(f"no weights ship for '{name}'; shipped are: {', '.join(known)}")
    return chosen


def positive(text: str) -> int:
    """A whole number from 1 on, for a parser."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, not {value}")
    return value
