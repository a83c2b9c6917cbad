"""Servers on loopback for tests of storage: OpenSSH's sftp, S3, and proxies that inject faults."""

from __future__ import annotations

import json
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
from urllib.request import Request, urlopen

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


def why_no_swift() -> str | None:
    """The reason why there can be no OpenStack Swift here; None: there can."""
    programs = ("swift-ring-builder", *(f"swift-{kind}-server" for kind in SWIFT))
    if not all(shutil.which(program) for program in programs):
        return "needs OpenStack Swift (Debian: swift-proxy swift-account swift-container swift-object)"
    if not os.access("/etc/swift/swift.conf", os.R_OK):
        return "needs a readable /etc/swift/swift.conf"
    return None


SWIFT = ("account", "container", "object", "proxy")
_SWIFT_SERVER = """[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
workers = 0
user = {user}
swift_dir = {folder}
devices = {folder}/devices
mount_check = false
fallocate_reserve = 0
disable_fallocate = true
log_level = ERROR
log_address = {folder}/nowhere
[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
allow_account_management = true
recon_cache_path = {folder}
"""
_SWIFT_PROXY = """[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
workers = 0
user = {user}
swift_dir = {folder}
log_level = ERROR
log_address = {folder}/nowhere
[pipeline:main]
pipeline = catch_errors gatekeeper cache listing_formats bulk s3api tempauth copy slo dlo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = true
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
s3_acl = false
min_segment_size = 1
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = {secret} .admin
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:1
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:bulk]
use = egg:swift#bulk
[filter:copy]
use = egg:swift#copy
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
"""


@contextmanager
def swift_server(folder: Path) -> Iterator[int]:
    """OpenStack Swift with its S3 interface on one disk; yields the proxy's port.

    Args:
        folder: Where its files go; its file system must keep extended attributes.
    """
    (folder / "devices" / "disk").mkdir(parents=True)
    user = pwd.getpwuid(os.geteuid()).pw_name
    processes = []
    try:
        for kind in SWIFT:
            port = free_port()
            text = _SWIFT_PROXY if kind == "proxy" else _SWIFT_SERVER
            config = folder / f"{kind}.conf"
            config.write_text(text.format(port=port, user=user, folder=folder, kind=kind, secret=SECRET))
            if kind != "proxy":
                ring = ["swift-ring-builder", str(folder / f"{kind}.builder")]
                device = f"r1z1-127.0.0.1:{port}/disk"
                for step in (["create", "1", "1", "0"], ["add", device, "1"], ["rebalance"]):
                    subprocess.run([*ring, *step], check=True, stdout=subprocess.DEVNULL)
            with open(folder / f"{kind}.log", "wb") as log:
                command = [f"swift-{kind}-server", str(config)]
                processes.append((port, subprocess.Popen(command, stdout=log, stderr=log)))
        for port, process in processes:
            wait_for(port, process)
        yield processes[-1][0]
    finally:
        for _, process in processes:
            process.kill()
        for _, process in processes:
            process.wait()


@contextmanager
def fake_gcs(bucket: str) -> Iterator[int]:
    """fake-gcs-server with an empty bucket; yields its port."""
    port = free_port()
    where = ["-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-public-host", f"127.0.0.1:{port}"]
    command = ["fake-gcs-server", "-backend", "memory", *where]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(port, process)
        body = json.dumps({"name": bucket}).encode()
        headers = {"Content-Type": "application/json"}
        with urlopen(Request(f"http://127.0.0.1:{port}/storage/v1/b", body, headers)):
            yield port
    finally:
        process.kill()
        process.wait()
