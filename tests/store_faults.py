"""Proxies on loopback that stand before a server and do what networks and servers do on bad days."""

from __future__ import annotations

import http.client
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Rule = Callable[[str, str, int], str | None]


class HttpFaults:
    """Before an HTTP server.

    Attributes:
        rule: Asked of each request: method, path and query, its number from 0; says what is to happen to it:
            None (nothing), "503" or another status (instead of an answer), "reset" (before it reaches the
            server), "lost" (the server does it, the answer is lost), "half" (of the answer), "drip" (a byte
            each 0.2 s), "silence".
        asked: Method and path of each request, in order.
    """

    def __init__(self, port: int) -> None:
        self.rule: Rule = lambda *_: None
        self.asked: list[tuple[str, str]] = []
        faults = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do(self) -> None:
                number = len(faults.asked)
                faults.asked.append((self.command, self.path))
                fault = faults.rule(self.command, self.path, number)
                if fault == "reset":
                    self.reset()
                    return
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if fault == "silence":
                    faults.ended.wait(20)
                    self.close_connection = True
                    return
                if fault and fault.isdecimal():
                    self.answer(int(fault), [], b"<html><body>a page of some proxy</body></html>")
                    return
                onward = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
                # Host goes on as it came: it is one of the signed headers.
                onward.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for key, value in self.headers.items():
                    if key.lower() not in ("connection", "expect"):
                        onward.putheader(key, value)
                onward.endheaders(body)
                reply = onward.getresponse()
                content = reply.read()
                onward.close()
                if fault == "lost":
                    self.reset()
                    return
                self.answer(reply.status, reply.getheaders(), content, fault)

            def answer(
                self, status: int, headers: list[tuple[str, str]], body: bytes, fault: str | None = None
            ) -> None:
                self.send_response_only(status)
                for key, value in headers:
                    if key.lower() not in ("transfer-encoding", "content-length", "connection"):
                        self.send_header(key, value)
                if self.command == "HEAD":
                    body = b""
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if fault == "half":
                    self.wfile.write(body[: len(body) // 2])
                    self.close_connection = True
                elif fault == "drip":
                    for byte in body:
                        self.wfile.write(bytes([byte]))
                        if faults.ended.wait(0.2):
                            break
                    self.close_connection = True
                else:
                    self.wfile.write(body)

            do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do

            def reset(self) -> None:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.close_connection = True
                self.connection.close()

            def handle(self) -> None:
                with suppress(OSError, ValueError):  # whoever asked has gone, or was reset
                    super().handle()

            def finish(self) -> None:
                with suppress(OSError, ValueError):
                    super().finish()

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self.ended = threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.block_on_close = False
        self.server.handle_error = lambda *_: None  # type: ignore[method-assign]
        self.port: int = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)

    def calm(self) -> None:
        """No faults any more; forget what was asked."""
        self.rule, self.asked = lambda *_: None, []


@contextmanager
def http_faults(port: int) -> Iterator[HttpFaults]:
    """A proxy before the server at a port; its own is `.port`."""
    faults = HttpFaults(port)
    faults.thread.start()
    try:
        yield faults
    finally:
        faults.ended.set()
        faults.server.shutdown()
        faults.thread.join()
        faults.server.server_close()


class TcpFaults:
    """Before any server: connections that break or fall silent after some bytes from the server.

    Attributes:
        plan: What happens to each of the next connections: ("cut" or "silence", after so many bytes); later
            ones are left alone.
        made: How many connections there were.
    """

    def __init__(self, port: int) -> None:
        self.plan: list[tuple[str, int]] = []
        self.made, self._to, self._ended = 0, port, False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while not self._ended:
            try:
                inner, _ = self._listener.accept()
            except OSError:
                return
            self.made += 1
            kind, after = self.plan.pop(0) if self.plan else ("", 0)
            outer = socket.create_connection(("127.0.0.1", self._to))
            threading.Thread(target=self._pass, args=(inner, outer, "", 0), daemon=True).start()
            threading.Thread(target=self._pass, args=(outer, inner, kind, after), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, kind: str, after: int) -> None:
        left = after
        with suppress(OSError):
            while data := source.recv(65536):
                if kind and left <= len(data):
                    sink.sendall(data[:left])
                    while kind == "silence" and not self._ended:
                        time.sleep(0.05)
                    break
                left -= len(data)
                sink.sendall(data)
        for each in (source, sink):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        source.close()  # the other direction closes the sink

    def close(self) -> None:
        """Take no more connections."""
        self._ended = True
        self._listener.close()
