"""Options and small helpers that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from mssn.atomic import replacing
from mssn.errors import MssnError, WeightsError
from mssn.runtime.base import Precision, RuntimeName

Model = Annotated[str, Parameter(name=["--model", "-m"])]
Scale = Annotated[int | None, Parameter(name=["--scale", "-s"])]
Runtime = Annotated[RuntimeName, Parameter(name="--runtime")]
PrecisionOption = Annotated[Precision, Parameter(name="--precision")]
Ensemble = Annotated[bool, Parameter(name="--ensemble", negative="")]
Threads = Annotated[int | None, Parameter(name="--threads")]


def check_new_weights(path: Path, force: bool) -> None:
    """Refuse the name of a weights file to be written, before any work.

    Raises:
        WeightsError: It has another ending, or exists and may not be overwritten.
    """
    if path.suffix.lower() != ".safetensors":
        raise WeightsError(f"{path}: must end in .safetensors")
    if path.exists() and not force:
        raise WeightsError(f"{path}: exists already; use --force to overwrite it")


def write_text(path: Path, text: str) -> None:
    """Write a small text file, making its folder; it appears only when whole.

    Raises:
        MssnError: It cannot be written there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            file.write(text.encode())
    except OSError as error:
        raise MssnError(f"{path}: cannot be written ({error.strerror})") from error
