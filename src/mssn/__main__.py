"""`mssn`, and `python -m mssn`."""

from __future__ import annotations

import signal


def main() -> None:
    """Run the command line."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # Until what says so in a line is loaded, Ctrl-C ends the program at once.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from mssn.cli import main as run

    run()


if __name__ == "__main__":
    main()
