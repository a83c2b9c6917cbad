"""Thousands of damaged files: each gives a whole picture or one clear line, soon, in bounded memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pillow_heif
import pillow_jxl  # noqa: F401 (Pillow saves .jxl with it)
import pytest
import tifffile
from PIL import Image

VARIANTS = 400  # of each file

# In a process of its own, so that a crash of a decoder is a failed test and memory can be measured.
RUN = """
import json, random, resource, sys, time
from pathlib import Path
from mssn.errors import ImageError
from mssn.image.read import read
from mssn.image.source import PictureFile

random.seed(5)
reported = {"pictures": 0, "errors": 0, "slowest": 0.0}
for name in sys.argv[2:]:
    whole = Path(name).read_bytes()
    into = ".webp" if name.endswith(("gif", "webp")) else ".tif"
    for variant in range(int(sys.argv[1])):
        content = bytearray(whole)
        for _ in range(random.choice((1, 1, 2, 8, 60))):
            place = random.randrange(len(content))
            kind = random.randrange(5)
            if kind < 2:
                content[place] = random.randrange(256)
            elif kind == 2:  # where sizes and offsets stand
                content[place % min(len(content), 120)] = random.choice((0, 1, 127, 128, 255))
            elif kind == 3:
                del content[place : place + random.randrange(1, 40)]
            else:
                content[place:place] = content[place // 2 : place // 2 + 30]
            if not content:
                break
        started = time.monotonic()
        try:
            picture = read(bytes(content), into=into, max_pixels=4_000_000)
            assert picture.pixels.size <= 3 * 4_000_000
            reported["pictures"] += 1
        except ImageError as error:
            assert "\\n" not in str(error) and len(str(error)) < 400, str(error)
            reported["errors"] += 1
        for fact in ("size", "animated", "signed"):
            try:
                getattr(PictureFile(bytes(content)), fact)
            except ImageError:
                pass
        reported["slowest"] = max(reported["slowest"], time.monotonic() - started)
# Linux counts in ru_maxrss what the process was before it became this one: a large parent's memory.
lines = Path("/proc/self/status").read_text().splitlines() if Path("/proc/self/status").exists() else []
peak = [int(line.split()[1]) for line in lines if line.startswith("VmHWM")]
reported["mebibytes"] = (peak or [resource.getrusage(resource.RUSAGE_SELF).ru_maxrss])[0] / 1024
print(json.dumps(reported))
"""


@pytest.fixture
def whole(tmp_path: Path, photo: np.ndarray) -> list[Path]:
    small = photo[:40, :48]
    frames = [Image.fromarray(np.roll(small, 5 * n, axis=1)) for n in range(3)]
    moving = {"save_all": True, "append_images": frames[1:], "duration": 60}
    exif = Image.Exif()
    exif[0x0112] = 6
    frames[0].save(tmp_path / "a.png", exif=exif)
    frames[0].convert("P").save(tmp_path / "palette.png", transparency=3)
    frames[0].save(tmp_path / "a.jpg", exif=exif, icc_profile=bytes(300))
    frames[0].convert("CMYK").save(tmp_path / "inks.jpg")
    frames[0].save(tmp_path / "a.avif")
    frames[0].save(tmp_path / "a.gif", **moving)
    frames[0].save(tmp_path / "a.webp", **moving)
    frames[0].save(tmp_path / "a.tif", compression="tiff_deflate", **moving)
    frames[0].save(tmp_path / "a.bmp")
    frames[0].save(tmp_path / "a.ppm")
    frames[0].save(tmp_path / "a.jxl", lossless=True)
    frames[0].save(tmp_path / "lossy.jxl", exif=exif.tobytes())
    pillow_heif.from_pillow(frames[0]).save(tmp_path / "a.heic")
    frames[0].save(
        tmp_path / "differ.tif", save_all=True, append_images=[frames[1].convert("L").resize((9, 9))]
    )
    lab = np.random.default_rng(1).integers(0, 256, (40, 48, 3), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "lab.tif", lab, photometric="cielab", compression="zlib")
    frames[0].convert("1").save(tmp_path / "fax.tif", compression="group4")
    tifffile.imwrite(tmp_path / "float.tif", small.astype(np.float32) / 255, photometric="rgb")
    return sorted(tmp_path.iterdir())


@pytest.mark.slow
def test_damaged_files_do_no_harm(whole: list[Path]) -> None:
    command = [sys.executable, "-c", RUN, str(VARIANTS), *map(str, whole)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stderr == ""
    reported = json.loads(done.stdout)
    assert reported["pictures"] + reported["errors"] == VARIANTS * len(whole)
    assert reported["pictures"] > 100 and reported["errors"] > 1000
    assert reported["slowest"] < 5
    assert reported["mebibytes"] < 1024
