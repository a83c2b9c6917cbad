"""Images that Buildah makes of `deploy/Dockerfile`, and containers of them that Podman runs.

All of it is real but the base image, which is made of Debian's packages: the same Debian and Python, from the
registry of packages that this machine uses anyway.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = ("mmdebstrap", "buildah", "podman", "runc")  # and Debian's packages of them
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_BASE = "localhost/python-stand-in"


def why_none() -> str | None:
    """The reason why there can be no containers here; None: there can."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return "needs root"
    missing = [name for name in PROGRAMS if not shutil.which(name)]
    return f"needs {', '.join(missing)} (Debian packages)" if missing else None


class Engine:
    """Builds images and runs containers, with all that they keep in one folder.

    Args:
        place: The folder.
    """

    def __init__(self, place: Path) -> None:
        self._place = place
        self._storage = [
            *("--root", str(place / "storage"), "--runroot", str(place / "run")),
            *("--storage-driver", "overlay"),
        ]
        # Without systemd it cannot ask for health by itself, and says so at every turn.
        self._command = ["podman", "--log-level=fatal", *self._storage]

    def base(self) -> None:
        """Make what stands in for the base image: Debian 12 and its Python 3.11, in /usr/local like there."""
        debian = subprocess.Popen(
            [
                *("mmdebstrap", "--quiet", "--variant=apt", "--include=python3,python3-venv"),
                *("--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-exclude=/usr/share/locale/*"),
                *("--customize-hook=chroot $1 python3 -m venv /usr/local", "bookworm", "-"),
            ],
            stdout=subprocess.PIPE,
        )
        with debian:
            self._podman("import", "-", _BASE, stdin=debian.stdout)
        assert debian.returncode == 0

    def build(self, target: str) -> str:
        """Build one of the images; its name."""
        shared = {self._pip(): "/etc/pip.conf"}  # how packages are reached from here stays out of the image
        if _CERTIFICATES.exists():
            shared[_CERTIFICATES] = str(_CERTIFICATES)
        name = f"localhost/mssn-{target}"
        subprocess.run(
            [
                *("buildah", *self._storage, "build", "--quiet", "--layers", "--format", "docker"),
                *("--isolation", "chroot", "--network", "host", "--pull-never"),
                *(f"--volume={here}:{there}:ro" for here, there in shared.items()),
                *("--build-arg", f"PYTHON={_BASE}", "--target", target, "--tag", name),
                *("--file", str(ROOT / "deploy" / "Dockerfile"), str(ROOT)),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        return name

    def _pip(self) -> Path:
        """How pip reaches packages from here, without what names files of this machine."""
        listed = subprocess.run(
            [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
        )
        pairs = [line.split("=", 1) for line in listed.stdout.splitlines()]
        told = {key.split(".")[-1]: value.strip("'\"") for key, value in pairs}
        lines = [f"{key} = {told[key]}" for key in ("index-url", "proxy", "trusted-host") if key in told]
        if _CERTIFICATES.exists():
            lines.append(f"cert = {_CERTIFICATES}")
        conf = self._place / "pip.conf"
        conf.write_text("\n".join(["[global]", "timeout = 120", *lines, ""]))
        return conf

    def _run(self, image: str, command: tuple[str, ...], network: str, options: tuple[str, ...]) -> list[str]:
        """The command that runs a container as narrowly as the Kubernetes files do."""
        limits = [
            f"--ulimit={name}={most}:{most}"  # Podman itself may ask for more than this process has
            for name, number in (("nofile", resource.RLIMIT_NOFILE), ("nproc", resource.RLIMIT_NPROC))
            for most in [min(8192, *(n for n in resource.getrlimit(number) if n >= 0), 8192)]
        ]
        return [
            *(*self._command, "--cgroup-manager", "cgroupfs", "--runtime", "runc", "run"),
            *("--read-only", "--read-only-tmpfs=false", "--tmpfs=/tmp:mode=1777", "--cap-drop=all"),
            *("--security-opt=no-new-privileges", f"--network={network}"),
            *("--health-interval=disable", *limits),
            *(*options, image, *command),
        ]

    def run(
        self, image: str, *command: str, options: tuple[str, ...] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Run a container without a network to its end."""
        return subprocess.run(
            self._run(image, command, "none", ("--rm", *options)), capture_output=True, text=True
        )

    @contextmanager
    def running(
        self, name: str, image: str, *command: str, network: str = "none", options: tuple[str, ...] = ()
    ) -> Iterator[None]:
        """A container that runs for a while."""
        subprocess.run(
            self._run(image, command, network, ("--detach", "--name", name, *options)),
            check=True,
            stdout=subprocess.DEVNULL,
        )
        try:
            yield
        finally:
            self._podman("rm", "--force", "--time", "0", name)

    def podman(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Any command of Podman about images and containers."""
        return subprocess.run([*self._command, *arguments], capture_output=True, text=True)

    def _podman(self, *arguments: str, stdin: IO[bytes] | None = None) -> None:
        command = [*self._command, *arguments]
        subprocess.run(command, check=True, stdin=stdin, stdout=subprocess.DEVNULL)


@contextmanager
def engine() -> Iterator[Engine]:
    """An engine in a folder that is removed after it."""
    place = Path(tempfile.mkdtemp(prefix="mssn-"))
    place.chmod(0o755)
    try:
        yield Engine(place)
    finally:
        for tries_left in reversed(range(20)):  # what ends the last container may mount once more
            for line in reversed(Path("/proc/self/mounts").read_text().splitlines()):
                if (where := line.split()[1]).startswith(f"{place}/"):
                    subprocess.run(["umount", "--lazy", where], check=False)
            try:
                shutil.rmtree(place)
                break
            except OSError:
                if not tries_left:
                    raise
                time.sleep(0.5)
