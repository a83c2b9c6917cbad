"""Compile the kernels that ship: python release/kernels.py (needs the extra kernels).

With Zig's C compiler, which is a Python package of one version and so makes the same bytes everywhere.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

_ROOT = Path(__file__).parents[1]  # sources and results lie together, whichever mssn is installed
_SOURCE = _ROOT / "src" / "mssn" / "runtime" / "native" / "kernels.c"
_PAGE = _ROOT / "web" / "src" / "network"
_OPTIONS = ["-O3", "-g0", "-s", "-Wall", "-Wextra", "-Werror", "-ffp-contract=off", "-fno-sanitize=undefined"]
# The oldest C library that anything else here runs with; nothing of it is used but memcpy and memset.
_LINUX = ["-target", "x86_64-linux-gnu.2.17", "-fPIC", "-shared"]
# What every browser has that has SIMD. Relaxed SIMD multiplies and adds in one instruction; not all have it.
_BROWSER = [
    *("-target", "wasm32-freestanding", "-mcpu=generic+simd128+bulk_memory+nontrapping_fptoint+sign_ext"),
    *("-nostdlib", "-Wl,--no-entry", "-Wl,-z,stack-size=65536"),
    *(f"-Wl,--export={name}" for name in ("frame_v128", "room_v128", "block_v128", "tail_v128")),
    "-Wl,--export=__heap_base",
]
FILES = {
    _SOURCE.with_name("kernels-linux-x86_64.so"): _LINUX,
    _PAGE / "kernels.wasm": _BROWSER,
    _PAGE / "kernels-relaxed.wasm": [*_BROWSER, "-mrelaxed-simd"],
}


def main() -> None:
    """Compile, and put the files where they ship or where the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, help="folder for all of them")
    folder: Path | None = parser.parse_args().output
    for file, options in FILES.items():
        output = file if folder is None else folder.absolute() / file.name
        output.write_bytes(_compiled(options))
        print(f"{output}  {output.stat().st_size // 1000} KB")


def _compiled(options: list[str]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:  # where Zig keeps what it made, so that nothing else counts
        made = Path(folder) / "made"
        command = [sys.executable, "-m", "ziglang", "cc", *_OPTIONS, *options, _SOURCE.name, "-o", str(made)]
        subprocess.run(command, cwd=_SOURCE.parent, check=True)
        return made.read_bytes()


if __name__ == "__main__":
    main()
