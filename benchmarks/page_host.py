"""A static host on loopback that compresses what others compress, may be slow, and counts what it sends."""

from __future__ import annotations

import functools
import gzip
import http.server
import mimetypes
import re
import threading
import time
from pathlib import Path
from typing import Any

TEXT = (".html", ".js", ".css", ".json", ".svg", ".webmanifest")  # what static hosts compress
PIECE = 4096  # bytes sent at a time by a slow one


def compressed(folder: Path, name: str) -> int:
    """Bytes of a file on its way."""
    return len(_content(folder, name)[0])


@functools.cache
def _content(folder: Path, name: str) -> tuple[bytes, str | None]:
    content = (folder / name).read_bytes()
    return (gzip.compress(content, 9), "gzip") if name.endswith(TEXT) else (content, None)


class Host:
    """Serves a folder.

    Args:
        folder: What is served.
        bits: It sends no more of them a second, all answers together; None: no limit.
        delay: Seconds before each answer.

    Attributes:
        url: Of the folder, with a slash at its end.
        sent: Bytes of each file's content sent so far; checksums left out of its name.
    """

    def __init__(self, folder: Path, bits: float | None = None, delay: float = 0) -> None:
        self.folder, self.bits, self.delay = folder, bits, delay
        self.sent: dict[str, int] = {}
        self.line = threading.Lock()
        handler = type("Answer", (_Answer,), {"host": self})
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/"

    def __enter__(self) -> Host:
        threading.Thread(target=self._server.serve_forever, args=[0.02], daemon=True).start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    host: Host

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        host = self.host
        name = self.path.partition("?")[0].lstrip("/") or "index.html"
        time.sleep(host.delay)
        if not (host.folder / name).is_file():
            self.send_error(404)
            return
        content, encoding = _content(host.folder, name)
        mark = f'"{hash(content):x}"'
        known = self.headers["If-None-Match"] == mark
        self.send_response(304 if known else 200)
        self.send_header("ETag", mark)
        self.send_header("Cache-Control", "max-age=600")  # as GitHub Pages has it
        if not known:
            self.send_header("Content-Type", mimetypes.guess_type(name)[0] or "application/octet-stream")
            self.send_header("Content-Length", str(len(content)))
            if encoding:
                self.send_header("Content-Encoding", encoding)
        self.end_headers()
        if not known:
            plain = re.sub(r"[.][0-9a-f]{12}(?=[.])", "", name)
            host.sent[plain] = host.sent.get(plain, 0) + len(content)
            self._send(content)

    def _send(self, content: bytes) -> None:
        if self.host.bits is None:
            self.wfile.write(content)
            return
        for start in range(0, len(content), PIECE):
            piece = content[start : start + PIECE]
            with self.host.line:
                time.sleep(8 * len(piece) / self.host.bits)
            self.wfile.write(piece)
