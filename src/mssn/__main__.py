"""`mssn`, and `python -m mssn`."""

from __future__ import annotations

# `signal` itself takes long enough to be stopped by Ctrl-C while it loads.
import _signal as signal  # pyright: ignore[reportMissingImports]
import gc


def main() -> None:
    """Run the command line."""
    # Looking for garbage among what stays, while modules load and when Python ends, takes as long as a small
    # picture does.
    gc.disable()
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # Until what says so in a line is loaded, Ctrl-C ends the program at once.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from mssn.cli import main as run

    try:
        run()
    finally:
        gc.freeze()


if __name__ == "__main__":
    main()
