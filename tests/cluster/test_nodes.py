"""Into a cluster and out of it, and what nodes are fit for."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from mssn.cluster import nodes
from mssn.cluster.nodes import connect
from mssn.errors import MissingDependencyError, MssnError
from mssn.image.picture import Picture
from mssn.image.write import write
from mssn.version import __version__

_PROBED = """
import sys
sys.modules["mssn"] = None
import pickle
print(pickle.loads(bytes.fromhex(sys.argv[1]))("1.0", None, None, [])[2])
"""


def test_a_node_says_its_cores_and_free_memory():
    cores, memory, problem = nodes._probe()(__version__, None, None, [])
    assert cores == len(os.sched_getaffinity(0))
    assert 2**26 < memory < os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert problem is None


def test_a_node_with_another_version_says_so():
    assert nodes._probe()("0.0.1", None, None, [])[2] == (
        f"has mssn {__version__}, and here is 0.0.1; install the same version"
    )


def test_a_node_without_the_package_says_so():
    cloudpickle = pytest.importorskip("ray.cloudpickle")
    code = cloudpickle.dumps(nodes._probe()).hex()
    ran = subprocess.run(
        [sys.executable, "-c", "import ray.cloudpickle\n" + _PROBED, code], capture_output=True, text=True
    )
    assert ran.stdout == "mssn is not installed there; install it with the extra cluster\n", ran.stderr


def test_a_node_must_have_the_same_weights(tmp_path):
    weights = tmp_path / "net.onnx"
    weights.write_bytes(b"weights")
    digest = hashlib.sha256(b"weights").hexdigest()
    assert nodes._probe()(__version__, str(weights), digest, [])[2] is None
    weights.write_bytes(b"others")
    assert nodes._probe()(__version__, str(weights), digest, [])[2] == (
        f"its {weights} is another file than the one here"
    )
    weights.unlink()
    assert nodes._probe()(__version__, str(weights), digest, [])[2] == (
        f"has no weights file {weights} (No such file or directory); copy it to the same path"
    )


def test_a_node_must_see_the_folders(tmp_path):
    here, gone = str(tmp_path), str(tmp_path / "gone")
    assert nodes._probe()(__version__, None, None, [here])[2] is None
    assert nodes._probe()(__version__, None, None, [here, gone])[2] == (
        f"does not see the folder {gone}, as all machines must"
    )


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


@pytest.mark.parametrize("address", ["127.0.0.1:{}", "ray://127.0.0.1:{}", "nonsense", "host:port:99", ""])
def test_an_address_where_nothing_answers_is_one_line(address):
    pytest.importorskip("ray")
    address = address.format(free_port())
    with pytest.raises(MssnError, match="no Ray cluster answers at") as told, connect(address):
        pass
    assert "\n" not in str(told.value)
    assert "ray start --head" in str(told.value)


@pytest.mark.parametrize("answer", [None, b"SSH-2.0-OpenSSH_9.2\r\n"])
@pytest.mark.parametrize("kind", ["", "ray://"])
def test_an_address_where_something_else_listens_is_one_line_at_once(monkeypatch, kind, answer):
    monkeypatch.setattr(nodes, "_PATIENCE", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection = listening.accept()[0]
            if answer:
                connection.sendall(answer)
            connection.recv(1000)
            time.sleep(0.5)
            connection.close()

        serving = threading.Thread(target=serve)
        serving.start()
        address = f"{kind}127.0.0.1:{listening.getsockname()[1]}"
        with pytest.raises(MssnError, match="no Ray cluster answers at"), connect(address):
            pass
        serving.join()


def test_without_ray_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingDependencyError, match="extra cluster"), connect("local"):
        pass


def test_a_broken_ray_is_told_in_a_line(monkeypatch, tmp_path):
    (tmp_path / "ray.py").write_text("raise ImportError('libfoo.so.1: cannot open shared object file')")
    monkeypatch.delitem(sys.modules, "ray", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MssnError, match=r"cannot be imported \(libfoo.*install it anew"), connect("local"):
        pass


@pytest.mark.parametrize(("mode", "told"), [(None, True), ("token", False)])
def test_a_cluster_may_ask_for_a_token(monkeypatch, mode, told):
    def refuse(**_):
        raise ConnectionError("Failed to connect to Ray cluster at 10.0.0.1:6379")

    ray = pytest.importorskip("ray")
    monkeypatch.setattr(ray, "init", refuse)
    monkeypatch.setattr(nodes, "_require_answer", lambda address: None)
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    if mode:
        monkeypatch.setenv("RAY_AUTH_MODE", mode)
    with pytest.raises(MssnError, match="no Ray cluster answers") as refused, connect("10.0.0.1:6379"):
        pass
    assert ("set RAY_AUTH_MODE=token" in str(refused.value)) == told


def test_a_cluster_that_asks_for_a_token_is_told_so_and_what_ray_writes_is_not(monkeypatch, capfd):
    def refuse(**_):
        for _ in range(20):
            os.write(2, b"gcs_client.cc:210: Unauthenticated: RPC error: InvalidAuthToken: missing\n")
        raise ConnectionError("Failed to connect to Ray cluster at 10.0.0.1:6379")

    ray = pytest.importorskip("ray")
    monkeypatch.setattr(ray, "init", refuse)
    monkeypatch.setattr(nodes, "_require_answer", lambda address: None)
    with pytest.raises(MssnError, match=r"^the Ray cluster at 10\.0\.0\.1:6379 asks for a token; set RAY"):
        connect("10.0.0.1:6379").__enter__()
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"


_ASKING = """
import sys
from ray_cluster import Raylets
raylets = Raylets(1)
print(raylets.address, flush=True)
sys.stdin.read()
raylets.end()
"""


@pytest.mark.slow
def test_a_real_cluster_asks_for_a_token(tmp_path):
    (tmp_path / "in").mkdir()
    write(tmp_path / "in" / "a.png", Picture(np.zeros((9, 9, 3), np.uint8)))
    command = [sys.executable, "-m", "mssn", "upscale", "in", "-o", "out/", "-m", "bicubic", "--ray"]
    path = os.pathsep.join([os.environ.get("PYTHONPATH", ""), str(Path(__file__).parents[1])])
    tokens = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0123456789abcdef" * 2}
    here = {name: value for name, value in os.environ.items() if not name.startswith("RAY_AUTH_")}
    here |= {"HOME": str(tmp_path), "PYTHONPATH": path}  # where no token lies
    with subprocess.Popen(
        [sys.executable, "-c", _ASKING],
        env=here | tokens,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as asking:
        assert asking.stdout is not None
        command.append(asking.stdout.readline().strip())
        for more in ({}, tokens | {"RAY_AUTH_TOKEN": "f" * 32}):
            ran = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=here | more)
            assert ran.returncode == 2
            assert ran.stderr.count("\n") == 1 and f"{command[-1]} asks for a token; set RAY" in ran.stderr
        ran = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=here | tokens)
        assert (ran.returncode, ran.stderr.count("\n")) == (0, 1), ran.stderr
        asking.communicate()
