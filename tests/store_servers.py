"""Servers on loopback for tests of storage: OpenSSH's sftp, S3, and proxies that inject faults."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SECRET = "wJalrXUtnFEMI-K7MDENG-a-secret-for-tests"
TOKEN = "FwoGZXIvYXdzEBYaD-a-token-for-tests"


def free_port() -> int:
    """A port of loopback that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port: int, process: subprocess.Popen[bytes] | None = None, seconds: float = 30.0) -> None:
    """Until something listens."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process is not None and process.poll() is not None:
            break
        time.sleep(0.05)
    raise RuntimeError(f"nothing listens on port {port}")


def s3_environment(port: int) -> dict[str, str]:
    """What a process needs in its environment to use an S3 server on loopback."""
    return {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "test:tester",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


@contextmanager
def moto_server() -> Iterator[int]:
    """moto's server in a process of its own; yields its port."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(port, process)
        yield port
    finally:
        process.kill()
        process.wait()


def why_no_sshd() -> str | None:
    """The reason why there can be no SFTP server here; None: there can."""
    if not _sshd():
        return "needs OpenSSH's sshd (Debian: openssh-server)"
    if not shutil.which("ssh-keygen"):
        return "needs ssh-keygen (Debian: openssh-client)"
    return None


def _sshd() -> str | None:
    return shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin:/sbin:/usr/local/sbin")


def _sftp_server() -> str:
    """A program of its own, which a test can see and stop; else sshd's."""
    paths = (Path("/usr", folder, "sftp-server") for folder in ("lib/openssh", "libexec/openssh", "lib/ssh"))
    return next((str(path) for path in paths if path.exists()), "internal-sftp")


@contextmanager
def sshd(folder: Path, listens: int | None = None) -> Iterator[int]:
    """OpenSSH's sshd with keys of its own; yields its port. `folder/home` is the client's HOME.

    Args:
        folder: Where its files go.
        listens: Another port that the client is to know it by, as of a proxy between.
    """
    port = free_port()
    home = folder / "home" / ".ssh"
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o700)
    for key in (folder / "host_key", home / "id_ed25519"):
        if not key.exists():
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    shutil.copy(home / "id_ed25519.pub", folder / "authorized_keys")
    host_key = " ".join((folder / "host_key.pub").read_text().split()[:2])
    (home / "known_hosts").write_text(
        "".join(f"[127.0.0.1]:{number} {host_key}\n" for number in (port, listens) if number)
    )
    config = folder / "sshd_config"
    config.write_text(
        f"""ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/authorized_keys
PidFile none
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
StrictModes no
MaxStartups 200
Subsystem sftp {_sftp_server()}
"""
    )
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(parents=True, exist_ok=True)
    with open(folder / "sshd.log", "wb") as log:
        process = subprocess.Popen([str(_sshd()), "-D", "-e", "-f", str(config)], stdout=log, stderr=log)
    try:
        wait_for(port, process)
        yield port
    finally:
        process.terminate()
        process.wait()


def sftp_environment(folder: Path) -> dict[str, str]:
    """What a process needs in its environment to log in to `sshd(folder)`."""
    return {"HOME": str(folder / "home"), "USER": pwd.getpwuid(os.geteuid()).pw_name, "SSH_AUTH_SOCK": ""}
