"""Many clients at once: each gets its own result or is asked to come again; memory does not grow."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from app_client import Client
from app_process import process

from mssn import upscale
from mssn.image.picture import Picture
from mssn.image.write import to_bytes

REQUESTS, SIDE = 200, 360


@pytest.fixture(scope="module")
def pictures() -> list[tuple[bytes, bytes]]:
    """Pictures, and what is to become of them."""
    found = []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        small = rng.integers(0, 256, (SIDE // 12, SIDE // 9, 3), np.uint8)
        pixels = np.kron(small, np.ones((12, 12, 1), np.uint8))
        content = to_bytes(Picture(pixels), ".png")
        found.append((content, upscale(content, 2)))
    return found


def load(client: Client, pictures: list[tuple[bytes, bytes]], clients: int) -> int:
    """All requests, from so many clients; how many were refused for now."""
    left, refused, wrong = list(range(REQUESTS)), [], []

    def work() -> None:
        while left:
            number = left.pop()
            content, expected = pictures[number % len(pictures)]
            while True:
                reply = client.upscale(content, name=f"{number}.png")
                if reply.status == 200:
                    if reply.body != expected:
                        wrong.append((number, "pixels"))
                    break
                if reply.status != 503 or not 1 <= int(reply.headers.get("retry-after", 0)) <= 60:
                    wrong.append((number, reply.status, reply.headers))
                    break
                refused.append(number)
                time.sleep(random.uniform(0, 0.5))

    threads = [threading.Thread(target=work) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong, wrong[:3]
    client.until(lambda: not client.files() and client.get("/api/jobs").json == [])
    return len(refused)


def most_memory(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])


@pytest.mark.slow
def test_two_hundred_requests_of_twenty_clients(tmp_path, pictures) -> None:
    memory = {}
    for clients in (4, 20):
        with process(tmp_path, "--port", "0", "--queue", "12") as (run, client):
            refused = load(client, pictures, clients)
            memory[clients] = most_memory(run.pid)
        assert (refused > 0) == (clients > 12)
    assert memory[20] <= 1.2 * memory[4], memory
