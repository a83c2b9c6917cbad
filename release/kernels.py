"""Compile the kernels that ship: python release/kernels.py (needs the extra kernels).

With Zig's C compiler, which is a Python package of one version and so makes the same bytes everywhere.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from mssn.runtime.native.kernels import FILE

# The oldest C library that anything else here runs with; nothing of it is used but memcpy and memset.
_TARGET = "x86_64-linux-gnu.2.17"
_OPTIONS = ["-O3", "-g0", "-s", "-Wall", "-Wextra", "-Werror", "-ffp-contract=off", "-fno-sanitize=undefined"]


def main() -> None:
    """Compile, and put the library where it ships or where the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=FILE)
    output: Path = parser.parse_args().output.absolute()
    with tempfile.TemporaryDirectory() as folder:  # where Zig keeps what it made, so that nothing else counts
        made = Path(folder) / FILE.name
        command = [sys.executable, "-m", "ziglang", "cc", "-target", _TARGET, *_OPTIONS]
        command += ["-fPIC", "-shared", "kernels.c", "-o", str(made)]
        subprocess.run(command, cwd=FILE.parent, check=True)
        output.write_bytes(made.read_bytes())
    print(f"{output}  {output.stat().st_size // 1000} KB")


if __name__ == "__main__":
    main()
