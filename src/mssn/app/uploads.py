"""The body of a request becomes a file, within limits that hold while it streams in."""

from __future__ import annotations

import asyncio
from pathlib import Path

from starlette.requests import Request

from mssn.app.limits import Limits
from mssn.app.refused import RefusedError
from mssn.app.work import in_thread

_PIECE = 2**20  # bytes that are written at once
_HOW = "send the file itself, as curl --data-binary @photo.jpg does"


def check_headers(request: Request, limits: Limits) -> None:
    """Refuse before its body is read what is no file, or too large.

    Raises:
        RefusedError: It is.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind.startswith("multipart/"):
        raise RefusedError(415, "bad-request", f"the body is a form; {_HOW}")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise RefusedError(415, "bad-request", f"the body is packed; {_HOW}")
    length = request.headers.get("content-length")
    if length is not None and int(length) > limits.upload:
        raise _too_large(limits)


async def save(request: Request, path: Path, limits: Limits) -> None:
    """Write the body of a request into a new file.

    Raises:
        RefusedError: It is too large, stops in the middle, is empty, or there is no room for it.
    """
    size, piece, stream = 0, bytearray(), request.stream()
    try:
        with open(path, "xb") as file:  # buffered: a full disk may take a part of what it is given
            async with asyncio.timeout(limits.seconds):
                while True:
                    async with asyncio.timeout(limits.stall):
                        chunk = await anext(stream, None)
                    if chunk is None:
                        break
                    size += len(chunk)
                    if size > limits.upload:
                        raise _too_large(limits)
                    piece += chunk
                    if len(piece) >= _PIECE:
                        await in_thread(file.write, piece)
                        piece = bytearray()
            file.write(piece)
    except TimeoutError:
        raise RefusedError(408, "gone", "the upload takes too long; send it again") from None
    except OSError as error:
        raise RefusedError(507, "failed", f"no room for the upload: {error.strerror or error}") from error
    if not size:
        raise RefusedError(400, "not-a-picture", f"the body is empty; {_HOW}")


def _too_large(limits: Limits) -> RefusedError:
    about = f"the file is larger than {limits.upload / 2**20:.0f} MiB, the limit here"
    return RefusedError(413, "too-large", about)
