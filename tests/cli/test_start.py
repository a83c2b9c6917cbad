"""How the command line starts: quickly, and as Python would have it once a verb is at work."""

from __future__ import annotations

import subprocess
import sys

_VERB = """
import gc, sys
sys.argv = ["mssn", "info"]
from mssn.cli import info
info.info = lambda: print(gc.isenabled(), gc.get_freeze_count() > 10_000, len(gc.get_objects()) < 10_000)
from mssn.__main__ import main
main()
"""


def test_garbage_is_looked_for_in_what_a_verb_makes_and_not_in_modules() -> None:
    run = subprocess.run([sys.executable, "-c", _VERB], capture_output=True, text=True)
    assert (run.stdout, run.stderr, run.returncode) == ("True True True\n", "", 0)
