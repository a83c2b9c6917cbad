"""An S3 server that invents its bucket: any number of objects, listed page by page, none of them stored.

Run as a program: `python store_pages.py PORT COUNT`. `GET /counts` tells how often it was asked for what.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qs, quote, urlsplit

FOLDER = 1000  # objects a folder
SIZE = 350_000


def key_of(number: int) -> str:
    """The key of an object; keys are in the order of their numbers."""
    return f"in/shoot {number // FOLDER:06d}/IMG_{number:09d}.JPG"


def etag_of(number: int) -> str:
    return f"{number * 2654435761 % 2**128:032x}"


def page(first: int, most: int, count: int) -> bytes:
    """A page as AWS writes it."""
    last = min(first + most, count)
    contents = "".join(
        f"<Contents><Key>{quote(key_of(number))}</Key><LastModified>2026-03-01T10:00:00.000Z</LastModified>"
        f"<ETag>&quot;{etag_of(number)}&quot;</ETag><Size>{SIZE + number % 1000}</Size>"
        "<StorageClass>STANDARD</StorageClass></Contents>"
        for number in range(first, last)
    )
    more = f"<NextContinuationToken>{last}</NextContinuationToken>" if last < count else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>bucket</Name>'
        f"<Prefix>in/</Prefix><KeyCount>{last - first}</KeyCount><MaxKeys>{most}</MaxKeys>"
        f"<EncodingType>url</EncodingType><IsTruncated>{str(last < count).lower()}</IsTruncated>{more}"
        f"{contents}</ListBucketResult>"
    ).encode()


class Handler(BaseHTTPRequestHandler):
    """Answers lists, counts all the rest."""

    protocol_version = "HTTP/1.1"
    count = 0
    counts: ClassVar[Counter[str]] = Counter()

    def handle_any(self) -> None:
        url = urlsplit(self.path)
        asked = {key: values[0] for key, values in parse_qs(url.query).items()}
        if url.path == "/counts":
            body = json.dumps(self.counts).encode()
        elif asked.get("list-type") == "2":
            self.counts["list"] += 1
            if "continuation-token" in asked:
                first = int(asked["continuation-token"])
            else:
                after, first, beyond = asked.get("start-after", ""), 0, self.count
                while first < beyond:  # the first key after it
                    middle = (first + beyond) // 2
                    first, beyond = (middle + 1, beyond) if key_of(middle) <= after else (first, middle)
            body = page(first, int(asked.get("max-keys", 1000)), self.count)
        else:
            self.counts[self.command.lower()] += 1
            body = b""
        self.send_response(200)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_any

    def log_message(self, *_: object) -> None:
        """Nothing."""


if __name__ == "__main__":
    Handler.count = int(sys.argv[2])
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
