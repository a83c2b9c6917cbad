"""The page's files: read once, so that no request names one on the disk."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable

from starlette.responses import Response

_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".webp": "image/webp",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def pages() -> dict[str, Response]:
    """The answers to the page's addresses, without the slash in front."""
    found = {name: _reply(name, file.read_bytes()) for name, file in _files(files("mssn.app") / "page", "")}
    if "index.html" in found:
        found[""] = found["index.html"]
    return found


def _files(folder: Traversable, above: str) -> list[tuple[str, Traversable]]:
    found = list[tuple[str, Traversable]]()
    for entry in folder.iterdir():
        name = f"{above}{entry.name}"
        found += _files(entry, f"{name}/") if entry.is_dir() else [(name, entry)]
    return [(name, file) for name, file in found if any(name.endswith(ending) for ending in _TYPES)]


def _reply(name: str, content: bytes) -> Response:
    kind = next(kind for ending, kind in _TYPES.items() if name.endswith(ending))
    headers = {"content-security-policy": POLICY, "cache-control": "no-cache"}
    return Response(content, media_type=kind, headers=headers)
