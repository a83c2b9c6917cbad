"""The whole command against S3 and raylets of this machine; its driver is killed again and again."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from ray_cluster import Raylets, wait_until
from store_servers import SECRET, moto_server, s3_environment

from mssn.image.picture import Picture
from mssn.image.write import write
from mssn.upscaling.jobs import Job

pytestmark = pytest.mark.slow
NAMES = ("a+b %41.png", "ü/#1?.jpg", "ü/[x].webp", "ü/[x].bmp", "deep/er/~ 'q' \"&.png", "n.gif", "n.png")
KILLS, PICTURES = 20, 60


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    """S3 with an empty bucket; what a process needs in its environment to use it."""
    with moto_server() as port:
        environment = s3_environment(port)
        for name, value in environment.items():
            os.environ[name] = value
        client().create_bucket(Bucket="photos")
        yield {**os.environ, "AWS_SECRET_ACCESS_KEY": SECRET}
        for name in environment:
            del os.environ[name]


@pytest.fixture(scope="module")
def raylets(environment: dict[str, str]) -> Iterator[Raylets]:
    """Two nodes; made after the environment, which workers get from their node."""
    made = Raylets(2)
    yield made
    made.end()


def client() -> Any:
    import boto3

    return boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"])


def stored(prefix: str) -> dict[str, bytes]:
    """What lies below a folder of the bucket."""
    s3 = client()
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket="photos", Prefix=prefix)
    keys = [one["Key"] for page in pages for one in page.get("Contents", ())]
    return {key.removeprefix(prefix): s3.get_object(Bucket="photos", Key=key)["Body"].read() for key in keys}


def put_pictures(folder: Path, names: list[str], prefix: str) -> dict[str, bytes]:
    """Small pictures, here and in the bucket; what one machine makes of them."""
    jobs = []
    for number, name in enumerate(names):
        source = folder / "in" / name
        source.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 255, (24, 32, 3), np.uint8)
        if source.suffix in (".bmp", ".gif"):
            from PIL import Image

            Image.fromarray(pixels).save(source)
        else:
            write(source, Picture(pixels))
        client().put_object(Bucket="photos", Key=prefix + name, Body=source.read_bytes())
        jobs.append(Job(source, folder / "out" / name))
    done = subprocess.run(
        [sys.executable, "-m", "mssn", "upscale", str(folder / "in"), "-o", f"{folder / 'out'}/"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    out = folder / "out"
    return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}


def command(prefix: str, *options: str) -> list[str]:
    places = [f"s3://photos/{prefix}in", "-o", f"s3://photos/{prefix}out"]
    return [sys.executable, "-m", "mssn", "upscale", *places, *options]


def test_s3_to_s3_equals_one_machine_and_tells_no_secret(raylets, environment, tmp_path) -> None:
    expected = put_pictures(tmp_path, list(NAMES), "one/in/")
    report = tmp_path / "report.jsonl"
    client().put_object(Bucket="photos", Key="one/in/bad.png", Body=b"no picture")
    client().put_object(Bucket="photos", Key="one/in/empty/", Body=b"")  # a folder's marker
    run = command("one/", "--ray", raylets.address, "--report", str(report))
    done = subprocess.run(run, capture_output=True, text=True, env=environment)
    assert done.returncode == 1, done.stderr
    made = stored("one/out/")
    books = {name: made.pop(name) for name in list(made) if name.startswith(".mssn/")}
    assert made == expected
    lines = [json.loads(line) for line in report.read_text().splitlines()]
    assert sorted(line["source"] for line in lines) == sorted(
        f"s3://photos/one/in/{name}" for name in (*NAMES, "bad.png")
    )
    assert [line["source"][-7:] for line in lines if "error" in line] == ["bad.png"]
    again = subprocess.run(run, capture_output=True, text=True, env=environment)
    assert (again.returncode, again.stdout) == (1, ""), again.stderr
    texts = [done.stdout, done.stderr, again.stderr, report.read_text()]
    texts += [gzip.decompress(book).decode() for book in books.values()]
    logs = Path("/tmp/ray/session_latest/logs")
    texts += [log.read_text(errors="replace") for log in logs.rglob("*") if log.is_file()]
    assert len(texts) > 10 and not [text for text in texts if SECRET in text]
    assert client().list_multipart_uploads(Bucket="photos").get("Uploads", []) == []


def test_killed_drivers_lose_nothing_and_the_last_makes_the_rest(raylets, environment, tmp_path) -> None:
    names = [f"{n % 7}/{n:03}.{('png', 'jpg', 'bmp')[n % 3]}" for n in range(PICTURES)]
    expected = put_pictures(tmp_path, names, "two/in/")
    random, made = Random(4), 0
    for _ in range(KILLS):
        with subprocess.Popen(
            command("two/", "--ray", raylets.address, "--json"),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        ) as process:
            assert process.stdout is not None
            for _ in range(random.randint(0, 3)):
                made += bool(process.stdout.readline())
            time.sleep(random.uniform(0, 0.3))
            process.send_signal(signal.SIGKILL)
        assert wait_until(lambda: raylets.workers() == [])
        there = {name: content for name, content in stored("two/out/").items() if name[0] != "."}
        assert all(expected[name] == content for name, content in there.items())
    done = subprocess.run(
        command("two/", "--ray", raylets.address, "--json"), capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    there = {name: content for name, content in stored("two/out/").items() if name[0] != "."}
    assert there == expected
    # What was told is not made again: what a run could not tell any more is all that the next may repeat.
    last = len(done.stdout.splitlines())
    assert made + last <= PICTURES, (made, last)
