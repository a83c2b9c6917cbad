"""Listing of buckets larger than any memory: one request for each page, none for an object."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.request import urlopen

import pytest
import store_pages
import store_servers

from mssn.cluster.s3page import read_page
from mssn.cluster.store import Store


@contextmanager
def invented(count: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    port = store_servers.free_port()
    for key, value in store_servers.s3_environment(port).items():
        monkeypatch.setenv(key, value)
    process = subprocess.Popen([sys.executable, str(store_pages.__file__), str(port), str(count)])
    try:
        store_servers.wait_for(port, process)
        yield port
    finally:
        process.kill()
        process.wait()


def asked(port: int) -> dict[str, int]:
    with urlopen(f"http://127.0.0.1:{port}/counts") as answer:
        return json.load(answer)


def test_a_listing_asks_for_pages_only(monkeypatch: pytest.MonkeyPatch) -> None:
    with invented(4500, monkeypatch) as port:
        store = Store("s3://bucket/in")
        entries = list(store.list())
        for number, entry in enumerate(entries):
            assert f"in/{entry.name}" == store_pages.key_of(number)
            assert entry.size == store_pages.SIZE + number % 1000
            assert entry.mark == store_pages.etag_of(number)
        assert len(entries) == 4500
        assert asked(port) == {"list": 5}
        # A folder that is left out costs one page, however large it is.
        rest = list(store.list(leave_out=["shoot 000001", "shoot 000002"]))
        assert len(rest) == 2500
        assert asked(port)["list"] <= 5 + 7
        listing = store.list()  # whoever stops early has asked for a page more at most
        before = asked(port)["list"]
        next(listing)
        listing.close()
        assert asked(port)["list"] - before <= 2


@pytest.mark.slow
def test_a_million_names_in_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    code = """
import resource
from mssn.cluster.store import Store
listing = Store("s3://bucket/in").list()
next(listing)
first = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
count = 1 + sum(1 for _ in listing)
print(count, first, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
    with invented(1_000_000, monkeypatch) as port:
        told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
        count, first, peak = map(int, told.split())
        assert count == 1_000_000
        assert asked(port) == {"list": 1000}
    assert peak - first < 20_000  # KiB


def test_what_is_read_of_a_page() -> None:
    head = '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    owner = "<Owner><ID>Key</ID></Owner>"
    entry = "<Contents><Key>{}</Key><ETag>&quot;e&quot;</ETag>" + owner + "<Size>5</Size></Contents>"
    tail = "<IsTruncated>false</IsTruncated>{}</ListBucketResult>"

    def read(text: str, status: int = 200) -> tuple[object, bytes]:
        answer, more = {"status_code": status, "body": text.encode()}, {}
        read_page(response_dict=answer, customized_response_dict=more, operation_model=None)
        return more.get("Listed"), answer["body"]  # type: ignore[return-value]

    plain = head + entry.format("a+b%20&amp;é") + entry.format("") + tail.format("")
    assert read(plain)[0] == [("a+b%20&é", 5, "e"), ("", 5, "e")]
    assert read(plain)[1] == (head + tail.format("")).encode()
    quoted = head + entry.format("a+b%2B%C3%A9%0A") + tail.format("<EncodingType>url</EncodingType>")
    assert read(quoted)[0] == [("a b+é\n", 5, "e")]
    assert read(head + tail.format(""))[0] == []
    assert read("<Error><Code>SlowDown</Code></Error>", 503)[0] is None
    for half in range(len(head), len(plain), 7):
        with pytest.raises(EOFError):
            read(plain[:half])
