"""Who may ask, checked on every route, and what every answer tells the browser."""

from __future__ import annotations

import ipaddress
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mssn.app.refused import RefusedError
from mssn.app.replies import refusal

CODE = "code"  # the part of the first address's query that is exchanged for a cookie
_PRIVATE = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox"
_HEADERS = {
    "content-security-policy": _PRIVATE,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "x-frame-options": "DENY",
    "cache-control": "no-store",
}
_QUIET = ("/health",)  # asked again and again; not worth a line


@dataclass
class Access:
    """The secrets of one run, and the names under which it may be addressed.

    Args:
        port: Where it listens.
        host: Where it listens besides loopback; None: nowhere.

    Attributes:
        token: For scripts: `Authorization: Bearer`.
        code: For the first address; works once.
        session: The value of the cookie that the code is exchanged for.
    """

    port: int
    host: str | None = None
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    code: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    session: str = field(default_factory=lambda: secrets.token_urlsafe(32))

    @property
    def cookie(self) -> str:
        """Its name; apps on other ports of the machine have others."""
        return f"mssn-{self.port}"

    @property
    def address(self) -> str:
        """The first one."""
        host = "127.0.0.1" if self.host in (None, "0.0.0.0", "::") else self.host
        return f"http://{_in_url(host)}:{self.port}/?{CODE}={self.code}"

    def renew(self) -> None:
        """Another address, for one that was used."""
        self.code = secrets.token_urlsafe(32)

    def knows(self, host: str) -> bool:
        """Whether a Host header names this app: no other name may be made to point here."""
        name, _, port = host.rpartition(":") if not host.endswith("]") else (host, "", "")
        if not name:
            name, port = host, ""
        if (port or "80") != str(self.port):
            return False
        name = name.lower()
        if name in ("127.0.0.1", "localhost", "[::1]"):
            return True
        if self.host is None:
            return False
        return name == _in_url(self.host).lower() or _is_address(name)

    def __repr__(self) -> str:
        return f"<Access port {self.port}>"


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _is_address(name: str) -> bool:
    """A number cannot be made to point elsewhere, as a name can."""
    try:
        ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True


class Guard:
    """Lets through to an app what may ask it.

    Args:
        app: What answers.
        access: Who may ask.
        log: Takes a line for each answer; it has no query, so neither names nor secrets.
    """

    def __init__(self, app: ASGIApp, access: Access, log: Callable[[str], object]) -> None:
        self._app, self._access, self._log = app, access, log
        self._told = False  # whether a page of an earlier run has asked

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            return
        started, status = time.perf_counter(), 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        answer: ASGIApp
        try:
            answer = self._entered(scope) or self._app
        except RefusedError as refused:
            answer = refusal(refused, plain="text/html" in Headers(scope=scope).get("accept", ""))
        try:
            await answer(scope, receive, sending)
        except Exception as error:
            self._log(f"a fault of mssn itself: {type(error).__name__}: {error}")
            if status:
                raise
            fault = RefusedError(500, "failed", f"a fault of mssn itself: {type(error).__name__}")
            await refusal(fault)(scope, receive, sending)
        finally:
            path = scope["path"]
            if path not in _QUIET and (status >= 400 or path.startswith("/api/")):
                seconds = time.perf_counter() - started
                self._log(f"{scope['method']} {_shown(path)} {status or 'broken off'} {seconds:.2f} s")

    def _entered(self, scope: Scope) -> Response | None:
        """What answers the first address; None where the app is to answer.

        Raises:
            RefusedError: The request comes from elsewhere.
        """
        headers, access = Headers(scope=scope), self._access
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not access.knows(hosts[0]):
            raise _denied("this app is not known under that name", 421)
        bearer = _bearer(headers, access)
        safe = scope["method"] in ("GET", "HEAD")
        site, origins = headers.get("sec-fetch-site"), headers.getlist("origin")
        if site not in (None, "same-origin", "none") or (site == "none" and not safe):
            raise _denied("requests from other sites are refused; type or paste the address")
        if origins and origins != [f"http://{hosts[0]}"]:
            raise _denied("requests from other origins are refused")
        # Browsers leave Origin out where they get something from their own origin, and tell that otherwise;
        # not over plain HTTP from another machine, though.
        told = bool(origins) or (safe and (site is not None or access.host is not None))
        if bearer:
            return None
        if safe and scope["path"] == "/" and (code := _code(scope)) is not None:
            return self._exchange(code, headers)
        if not _has_cookie(headers, access):
            raise self._unknown(headers)
        if not told:
            raise _denied("requests without an Origin need the token")
        return None

    def _exchange(self, code: str, headers: Headers) -> Response:
        access = self._access
        reply = RedirectResponse("/", 303)
        if access.code and secrets.compare_digest(code.encode(), access.code.encode()):
            access.code = ""
            reply.set_cookie(access.cookie, access.session, path="/", httponly=True, samesite="strict")
            return reply
        if _has_cookie(headers, access):  # the first address once more, in the same browser
            return reply
        if not access.code:
            access.renew()
            self._log(
                f"a used address was opened again; if that was you, take {access.address} instead, "
                "and if not, end this app"
            )
        raise _denied("this address was used before; the terminal has another one", 401)

    def _unknown(self, headers: Headers) -> RefusedError:
        """Why who has no cookie of this run is refused; a page that was open before is helped on."""
        access = self._access
        if not any(_cookies(headers.getlist("cookie"), access.cookie)):
            return _denied("open the address that mssn app printed, or send its token", 401)
        if not self._told:
            self._told = True
            if not access.code:
                access.renew()
            self._log(f"a page of an earlier run is open; {access.address} lets it go on")
        words = "mssn app was started again; open the address that it printed, and this page goes on"
        return _denied(words, 401)


def _denied(words: str, status: int = 403) -> RefusedError:
    return RefusedError(status, "denied", words)


def _bearer(headers: Headers, access: Access) -> bool:
    """Whether the token was sent.

    Raises:
        RefusedError: Another one was.
    """
    told = headers.get("authorization")
    if told is None:
        return False
    scheme, _, token = told.partition(" ")
    if scheme.lower() != "bearer" or not secrets.compare_digest(
        token.strip().encode(), access.token.encode()
    ):
        raise _denied("that is not the token of this app", 401)
    return True


def _has_cookie(headers: Headers, access: Access) -> bool:
    return any(
        secrets.compare_digest(value.encode(), access.session.encode())
        for value in _cookies(headers.getlist("cookie"), access.cookie)
    )


def _cookies(told: Iterable[str], name: str) -> Iterable[str]:
    """Values of a cookie; other servers of this machine may have set more of them, damaged ones, too."""
    for pair in ";".join(told).split(";"):
        key, _, value = pair.strip().partition("=")
        if key == name:
            yield value


def _code(scope: Scope) -> str | None:
    found = parse_qs(scope["query_string"].decode("latin-1")).get(CODE)
    return found[0] if found else None


def _shown(path: str) -> str:
    """A path in a line of the log, whatever it was made of."""
    return "".join(c if c.isprintable() else "?" for c in path)[:100]
