"""`mssn app`: the page on this machine, and its interface for scripts."""

from __future__ import annotations

import os
import sys
import threading
import webbrowser
from typing import Annotated

from cyclopts import Parameter

from mssn.cli.options import Lines, Minutes, Number, Threads, Whole
from mssn.cli.streams import flushed, tell
from mssn.image.read import MAX_PIXELS
from mssn.upscaling.jobs import MEMORY, mebibytes

PORT = 8470


def app_(
    *,
    port: Whole = PORT,
    host: str | None = None,
    no_browser: Annotated[bool, Parameter(negative="")] = False,
    max_upload: Whole = 2048,
    max_megapixels: Number = MAX_PIXELS / 1e6,
    time_limit: Minutes = None,
    queue: Whole = 16,
    memory: Whole = MEMORY // 2**20,
    threads: Threads = None,
) -> None:
    """Enlarge pictures and films in the browser, on this machine.

    Nothing leaves it, and nobody else can ask it: it listens on loopback, and takes only who has the address
    that it prints, or the token. What is uploaded lies in a private folder (where TMPDIR says), and goes when
    its job is over. Ctrl-C ends it.

    Args:
        port: Where to listen; if it is taken, another one is.
        host: A name or number of this machine to listen on for other machines, too; without encryption.
        no_browser: Do not open the page; its address is printed in any case.
        max_upload: Refuse larger files, MiB.
        max_megapixels: Refuse larger pictures, and larger results.
        time_limit: Minutes that a job may take; default 60.
        queue: Jobs at once that are uploaded, wait or run; others are asked to try again later.
        memory: Mebibytes of pixels to hold in memory, roughly; the rest waits in files.
        threads: Processor cores to use; default all.
    """
    from mssn.app.limits import Limits  # here, so that help needs no web server
    from mssn.app.serve import Serving

    limits = Limits(
        upload=max_upload * 2**20,
        megapixels=max_megapixels,
        seconds=60.0 * (60 if time_limit is None else time_limit),
        queue=queue,
        memory=mebibytes(memory),
    )
    serving = Serving(port, host, limits=limits, threads=threads, log=tell)
    access = serving.access

    def started() -> None:
        Lines().say(access.address)
        tell(f"that address works once; for scripts: Authorization: Bearer {access.token}")
        if access.host is not None:
            tell(f"warning: {access.host} can be reached from other machines, and nothing is encrypted")
        if not no_browser:
            threading.Thread(target=webbrowser.open, args=(access.address,), daemon=True).start()

    try:
        serving.run(started)
    except BaseException as stop:
        if not serving.ended:  # something hangs in a decoder or an encoder, and Python would fall over it
            tell("mssn: stopped")
            sys.stderr.flush()
            os._exit(flushed(130 if isinstance(stop, KeyboardInterrupt) else 143))
        raise
