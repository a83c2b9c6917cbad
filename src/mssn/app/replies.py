"""What answers look like."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from mssn.app.refused import RefusedError
from mssn.app.ticket import Ticket

TYPES = {
    ".apng": "image/apng",
    ".avif": "image/avif",
    ".gif": "image/gif",
    ".heic": "image/heic",
    ".heif": "image/heif",
    ".jxl": "image/jxl",
    ".jfif": "image/jpeg",
    ".jpe": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".mkv": "video/x-matroska",
    ".m4v": "video/mp4",
    ".mov": "video/quicktime",
    ".mp4": "video/mp4",
    ".png": "image/png",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".webm": "video/webm",
    ".webp": "image/webp",
}


def refusal(refused: RefusedError, *, plain: bool = False) -> Response:
    """What was refused, and why; plain for people, or as JSON for programs."""
    headers = {"retry-after": str(refused.retry)} if refused.retry is not None else {}
    if refused.status == 401:
        headers["www-authenticate"] = "Bearer"
    if plain:
        return PlainTextResponse(f"mssn: {refused}\n", refused.status, headers)
    content = {"code": refused.code, "error": str(refused)}
    return JSONResponse(content, refused.status, headers)


class Source(FileResponse):
    """A job's upload, as it came.

    Args:
        ticket: The job.
    """

    def __init__(self, ticket: Ticket) -> None:
        super().__init__(ticket.source, media_type="application/octet-stream")


class Result(FileResponse):
    """A job's result, to be saved under its name; what there is to tell of it stands in a header.

    Args:
        ticket: The job, which is done.
        then: Called once it is sent, or whoever asked is gone.
    """

    def __init__(self, ticket: Ticket, then: Callable[[], object] = lambda: None) -> None:
        path, name = Path(ticket.target), quote(ticket.name, safe="")
        headers = {
            "content-disposition": f"attachment; filename*=UTF-8''{name}",
            "mssn-result": json.dumps(ticket.about),
        }
        super().__init__(path, headers=headers, media_type=TYPES.get(path.suffix, "application/octet-stream"))
        self._then = then

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._then()
