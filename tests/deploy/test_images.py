"""The images that `deploy/Dockerfile` describes, built and run."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from containers import ROOT, Engine, engine, why_none
from store_servers import s3_environment

from mssn.image.picture import Picture
from mssn.image.write import write
from mssn.version import __version__

pytestmark = [pytest.mark.slow, pytest.mark.skipif(why_none() is not None, reason=str(why_none()))]

PORT = 5000  # of the S3 server, in a network of its own
# Ray's own patience, which ends early where a machine has other things to do; and a disk of memory for it.
BUSY = (
    *("--env=RAY_raylet_start_wait_time_s=180", "--env=RAY_agent_register_timeout_ms=180000"),
    "--shm-size=256m",
)
ASK = """
import sys
from http.client import HTTPConnection
connection = HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=30)
headers = {"Authorization": f"Bearer {sys.argv[3]}"} if sys.argv[3:] else {}
connection.request("GET", sys.argv[2], headers=headers)
answer = connection.getresponse()
print(answer.status, answer.read().decode())
"""


@pytest.fixture(scope="module")
def made() -> Iterator[Engine]:
    """Both images."""
    with engine() as one:
        one.base()
        for target in ("worker", "app"):
            one.build(target)
        yield one


@pytest.fixture
def pictures(tmp_path: Path, photo: np.ndarray) -> Path:
    """A folder that everybody may read."""
    folder = tmp_path / "in"
    folder.mkdir()
    for number, ending in enumerate(("png", "jpg", "webp")):
        write(folder / f"{number}.{ending}", Picture(np.roll(photo, 20 * number, axis=1)))
    return folder


@pytest.fixture
def expected(pictures: Path, tmp_path: Path) -> dict[str, bytes]:
    """What this machine makes of them."""
    folder = tmp_path / "expected"
    command = [sys.executable, "-m", "mssn", "upscale", str(pictures), "-o", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def within(seconds: float, true: Callable[[], Any]) -> Any:
    """What is true at last; else None."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := true():
            return found
        time.sleep(0.5)
    return None


def until(true: Callable[[], Any]) -> Any:
    found = within(120, true)
    assert found
    return found


def open_to_all(folder: Path) -> None:
    """So that another user gets there and writes there; pytest keeps its folders to itself."""
    folder.chmod(0o777)
    for parent in folder.parents:
        if parent.stat().st_uid == os.geteuid() and str(parent).startswith("/tmp/"):
            parent.chmod(parent.stat().st_mode | 0o055)


@pytest.mark.parametrize("target", ["worker", "app"])
def test_an_image_holds_mssn_and_little_else(made: Engine, target: str) -> None:
    image = f"localhost/mssn-{target}"
    ran = made.run(image, "--version", options=("--entrypoint", "mssn"))
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, f"{__version__}\n", "")
    look = "import os, importlib.util as u; print(os.getuid(), u.find_spec('torch'), os.listdir('/tmp'))"
    ran = made.run(image, "-c", look, options=("--entrypoint", "python"))
    assert (ran.stdout, ran.stderr) == ("10001 None []\n", "")
    # Where its user may write even if the root file system is not read-only; and what building it left.
    find = "find / -xdev -writable -not -type l -not -path '/proc/*' -not -path '/dev/*' 2>/dev/null | sort"
    options = ("--entrypoint", "sh", "--read-only=false")
    ran = made.run(image, "-c", find, options=options)
    places = [line for line in ran.stdout.splitlines() if not line.startswith("/home/mssn")]
    assert set(places) <= {"/tmp", "/var/tmp", "/run/lock", "/var/lock"}
    left = "ls -d /source /root/.cache/pip /etc/pip.conf"
    ran = made.run(image, "-c", left, options=("--entrypoint", "sh", "--user", "0"))
    assert ran.stdout.split() in ([], ["/etc/pip.conf"])  # a place to mount it, empty
    ran = made.run(image, "-c", "cat /etc/pip.conf", options=("--entrypoint", "sh"))
    assert ran.stdout == ""


@pytest.mark.parametrize("target", ["worker", "app"])
def test_pictures_are_those_of_the_host(
    made: Engine, target: str, pictures: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    results = tmp_path / "out"
    results.mkdir()
    open_to_all(results)
    ran = made.run(
        f"localhost/mssn-{target}",
        *("upscale", "/pictures", "-o", "/results"),
        options=("--entrypoint", "mssn", "-v", f"{pictures}:/pictures:ro", "-v", f"{results}:/results"),
    )
    assert ran.returncode == 0, ran.stderr
    assert {path.name: path.read_bytes() for path in results.iterdir()} == expected
    assert {path.stat().st_uid for path in results.iterdir()} == {10001}


def test_the_app_answers_and_ends(made: Engine) -> None:
    with made.running("app", "localhost/mssn-app", "--threads", "1"):

        def log() -> str:
            said = made.podman("logs", "app")
            return said.stdout + said.stderr

        token = until(lambda: re.search(r"Authorization: Bearer ([\w-]{43})$", log(), re.M))[1]
        assert re.findall(r"^http://127\.0\.0\.1:8470/\?code=[\w-]{43}$", log(), re.M)
        until(lambda: made.podman("healthcheck", "run", "app").returncode == 0)

        def ask(*words: str) -> str:
            return made.podman("exec", "app", "python", "-c", ASK, "8470", *words).stdout

        assert ask("/health").startswith("401 ")
        assert ask("/health", token) == '200 {"status":"ok","jobs":0}\n'
        assert ask("/", token).startswith("200 <!doctype html>")
        started = time.monotonic()
        made.podman("stop", "--time", "60", "app")
        assert time.monotonic() - started < 30  # after 60 s it would be killed
        assert log().count(token) == 1
        assert "GET /health" not in log()
        assert made.podman("inspect", "app", "--format", "{{.State.ExitCode}}").stdout == "143\n"


def test_the_app_that_hangs_is_noticed(made: Engine) -> None:
    with made.running("app", "localhost/mssn-app"):
        until(lambda: made.podman("healthcheck", "run", "app").returncode == 0)
        made.podman("kill", "--signal", "STOP", "app")
        assert made.podman("healthcheck", "run", "app").returncode == 1


def described(kind: str) -> dict[str, Any]:
    """What a Kubernetes file says."""
    files = (ROOT / "deploy" / "kubernetes").glob("*.yaml")
    (found,) = (one for path in files for one in yaml.safe_load_all(path.read_text()) if one["kind"] == kind)
    return found["spec"]


def start(group: dict[str, Any], *more: str) -> tuple[str, ...]:
    """The command that KubeRay gives a container."""
    told = {"metrics-export-port": "8080", "dashboard-agent-listen-port": "52365", **group["rayStartParams"]}
    words = [f"--{name}={value}" for name, value in told.items()]
    line = " ".join(["ulimit -n 65536; ray start --block", *words, *more])  # a later option replaces one
    return "/bin/bash", "-c", "--", line


@contextmanager
def bucket(made: Engine, container: str, pictures: Path, results: Path) -> Iterator[None]:
    """An S3 server in the network of a container."""
    process = made.podman("inspect", container, "--format", "{{.State.Pid}}").stdout.strip()
    script = Path(__file__).with_name("bucket.py")
    with subprocess.Popen(
        [
            *("nsenter", f"--net=/proc/{process}/ns/net", sys.executable, str(script)),
            *(str(PORT), "photos", str(pictures), str(results)),
        ],
        env=os.environ | s3_environment(PORT),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # a line for each request
        text=True,
    ) as server:
        assert server.stdin and server.stdout
        assert server.stdout.readline() == "ready\n"
        try:
            yield
            server.stdin.close()
            assert server.wait(60) == 0
        finally:
            server.kill()


def test_a_cluster_does_the_job_of_the_kubernetes_files(
    made: Engine, pictures: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    cluster, job = described("RayCluster"), described("RayJob")
    (workers,) = cluster["workerGroupSpecs"]
    environment = s3_environment(PORT)
    given = workers["template"]["spec"]["containers"][0]["env"]
    told = environment | {one["name"]: one["value"] for one in given} | {"RAY_ADDRESS": "127.0.0.1:6379"}
    options = (*BUSY, *(f"--env={name}={value}" for name, value in told.items()))
    image, results = "localhost/mssn-worker", tmp_path / "results"

    def healthy(container: str, port: str) -> bool:
        path = workers["template"]["spec"]["containers"][0]["readinessProbe"]["httpGet"]["path"]
        return made.podman("exec", container, "python", "-c", ASK, port, path).stdout.startswith("200 ")

    def started(container: str, port: str) -> bool:
        """As on Kubernetes, what does not get healthy is started again: on a busy machine Ray may give up."""
        for _ in range(4):
            if within(60, lambda: healthy(container, port)):
                return True
            made.podman("restart", "--time", "0", container)
        return False

    # Both are in one network, so they have other addresses, and the second has other ports.
    head = start(cluster["headGroupSpec"], "--head", "--node-ip-address=127.0.0.1")
    waiting = "ray health-check --address 127.0.0.1:6379"  # in another container of a worker's pod
    worker = start(
        workers,
        *("--address=127.0.0.1:6379", "--num-cpus=1", "--node-ip-address=127.0.0.2"),
        *("--metrics-export-port=8081", "--dashboard-agent-listen-port=52366"),
    )
    with made.running("head", image, *head, options=options):
        assert started("head", "52365")
        ran = made.podman("exec", "head", "/bin/bash", "-c", "--", waiting)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        with (
            bucket(made, "head", pictures, results),
            made.running("worker", image, *worker, network="container:head", options=options),
        ):
            assert started("worker", "52366")
            ran = made.podman(
                *("exec", "head", "ray", "job", "submit", "--address=http://127.0.0.1:8265", "--"),
                *shlex.split(job["entrypoint"]),
            )
            assert ran.returncode == 0, ran.stdout + ran.stderr
            assert "3 pictures in" in ran.stdout
            asked = time.monotonic()
            made.podman("stop", "--time", "120", "worker")
            assert time.monotonic() - asked < 60  # it had not to be killed
            said = made.podman("logs", "head")
        for text in (ran.stdout, ran.stderr, said.stdout, said.stderr):
            assert environment["AWS_SECRET_ACCESS_KEY"] not in text
    made_there = {path.name: path.read_bytes() for path in results.iterdir() if path.is_file()}
    assert made_there == expected


def test_without_a_command_a_worker_is_a_head(made: Engine) -> None:
    with made.running("alone", "localhost/mssn-worker", options=BUSY):
        until(lambda: "Ray runtime started" in made.podman("logs", "alone").stdout)
