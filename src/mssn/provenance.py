"""Where a number comes from: versions of the parts and the revision of the project."""

from __future__ import annotations

import platform
import subprocess
from importlib import metadata
from pathlib import Path

from mssn.version import __version__

_PARTS = ("numpy", "openvino", "onnxruntime", "torch", "pyvips-binary")


def versions() -> dict[str, str]:
    """Python's and the installed parts' versions, by name; parts that are not installed are left out."""
    found = {"mssn": __version__, "python": platform.python_version()}
    for part in _PARTS:
        try:
            found[part] = metadata.version(part)
        except metadata.PackageNotFoundError:
            continue
    return found


def commit() -> str:
    """The revision of the checkout this runs from; empty when it runs from an installed package."""
    here = Path(__file__).resolve()

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(here.parent), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        git("ls-files", "--error-unmatch", here.name)  # else: installed inside somebody else's checkout
        return git("describe", "--always", "--abbrev=12", "--dirty", "--exclude=*")
    except (OSError, subprocess.CalledProcessError):
        return ""
