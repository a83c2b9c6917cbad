"""Frames that come from no film's file: numbered pictures, a stream through a pipe, a moving WebP."""

from __future__ import annotations

import os
import re
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from mssn.checks import number_of
from mssn.errors import FilmError, ImageError
from mssn.image.formats import FILMS
from mssn.image.read import read
from mssn.image.source import PictureFile
from mssn.image.vips import field

MOVING = (".apng", ".gif", ".png", ".webp")  # endings of pictures that may move
Y4M = b"YUV4MPEG2 "  # how such a stream begins
RAW = ("av1", "h264", "hevc", "h263", "m4v", "mjpeg", "mpegvideo", "obu", "vc1", "vvc")
"""FFmpeg's names of formats that hold frames without times, and take a rate."""
_NUMBER = re.compile(r"%(?:0(\d{1,2}))?d")


def is_pattern(path: Path) -> bool:
    """Whether a name stands for numbered pictures: it holds %d or %06d once, and no film is called so."""
    numbered = len(_NUMBER.findall(path.name)) == 1 and path.suffix.lower() not in FILMS
    return numbered and not os.path.lexists(path)


def may_move(path: Path) -> bool:
    """Whether a picture's ending is one of those that also hold animations."""
    return path.suffix.lower() in MOVING


def plays(path: Path) -> int | None:
    """How often a moving picture is shown; 0: for ever; None: it does not say that, or is none.

    Args:
        path: Its file.
    """
    if not may_move(path):
        return None
    try:
        file = PictureFile(path)
        return file.extras.plays if file.extras.frames > 1 else field(file.header, "loop", None)
    except ImageError:
        return None


class Numbered:
    """Pictures whose names differ by a number.

    Args:
        pattern: A name as `is_pattern` takes it.
    """

    def __init__(self, pattern: Path) -> None:
        self.pattern, self.folder = pattern, pattern.parent
        found = _NUMBER.search(pattern.name)
        if found is None:
            raise FilmError(f"{pattern}: holds no number, such as %06d")
        self._before, self._after = pattern.name[: found.start()], pattern.name[found.end() :]
        self._digits = int(found[1] or 1)

    def path(self, number: int) -> Path:
        """The picture of a number."""
        return self.folder / f"{self._before}{number:0{self._digits}d}{self._after}"

    def there(self) -> list[int]:
        """The numbers of the pictures that are there, rising.

        Raises:
            FilmError: The folder cannot be listed.
        """
        likely = re.compile(rf"{re.escape(self._before)}(\d+){re.escape(self._after)}")
        try:
            names = os.listdir(self.folder)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise FilmError(f"{self.folder}: cannot be listed: {error.strerror}") from error
        numbers = [int(found[1]) for name in names if (found := likely.fullmatch(name))]
        # 007 is none of %d.
        return sorted(number for number in set(numbers) if self.path(number).name in names)

    def row(self) -> range:
        """The numbers of the pictures, none of which may be missing.

        Raises:
            FilmError: There is none, or one is missing.
        """
        numbers = self.there()
        if not numbers:
            raise FilmError(f"{self.pattern}: no such pictures")
        row = range(numbers[0], numbers[-1] + 1)
        if len(row) > len(numbers):
            gone = min(set(row) - set(numbers))
            first, last = self.path(row[0]).name, self.path(row[-1]).name
            raise FilmError(f"{self.path(gone)}: is missing between {first} and {last}; number them in a row")
        return row

    def for_ffmpeg(self) -> str:
        """The pattern as FFmpeg takes it; its other percent signs mean themselves."""
        before, after = (text.replace("%", "%%") for text in (self._before, self._after))
        folder = str(self.folder.absolute()).replace("%", "%%")
        return f"file:{os.path.join(folder, before)}%0{self._digits}d{after}"


class Readable(Protocol):
    """What gives bytes, fewer than asked for at its end only."""

    def read(self, size: int = -1, /) -> bytes:
        """So many bytes; -1: all that are left."""
        ...


class Pipe:
    """A stream that can be read once, but for its beginning: what is read before `again` is read again.

    Args:
        file: Open for reading.
    """

    def __init__(self, file: Readable) -> None:
        self._file, self._kept, self._at, self._keeps = file, bytearray(), 0, True
        self._count, self._header, self._ended = 0, 0, False

    def read(self, size: int) -> bytes:
        """So many bytes, fewer at the end only."""
        data = bytes(self._kept[self._at : self._at + size])
        self._at += len(data)
        if self._at == len(self._kept) and not self._keeps:
            self._kept, self._at = bytearray(), 0
        if more := size - len(data):
            new = self._file.read(more)
            self._count += len(new)
            self._ended = len(new) < more
            if self._keeps:
                self._kept += new
                self._at += len(new)
            data += new
        return data

    def begins_with(self, start: bytes) -> bool:
        """Whether these are the first bytes; they can still be read."""
        begins = self.read(len(start)) == start
        self._at = 0
        return begins

    def rest(self) -> bytes:
        """All that is left."""
        self._keeps = False
        start, self._kept = bytes(self._kept[self._at :]), bytearray()
        return start + self._file.read()

    def again(self, *, keep: bool) -> Pipe:
        """Itself, to be read from the beginning.

        Args:
            keep: It is to be read from the beginning once more.

        Raises:
            FilmError: The beginning has gone.
        """
        if not self._keeps:
            raise FilmError("a stream can be read once only")
        self._header = self._header or _header(self._kept)
        self._at, self._keeps = 0, keep
        return self

    @property
    def read_whole(self) -> tuple[int, int] | None:
        """Bytes of the header of Y4M and of all that there was; None before its end."""
        return (self._header, self._count) if self._ended else None


def _header(start: bytes | bytearray) -> int:
    """Bytes before the first frame of Y4M; 0 where that has notes of its own, which nobody writes."""
    return start.find(b"\nFRAME\n") + 1


def breaks_off(path: Path, given: Given, frame: int) -> str | None:
    """What to say where Y4M ends within a frame, which FFmpeg passes over; None where it does not.

    Args:
        path: Its file.
        given: What came with the path; a pipe was read to its end.
        frame: Bytes of a frame.
    """
    pipe = isinstance(given, Pipe)
    if pipe:
        header, count = given.read_whole or (0, 0)
    else:
        with open(path, "rb") as file:
            header, count = _header(file.read(4096)), os.fstat(file.fileno()).st_size
    if not header or (count - header) % (len(b"FRAME\n") + frame) == 0:
        return None
    return f"the {'stream' if pipe else 'file'} breaks off within a frame"


Given = Fraction | Pipe | BinaryIO | None
"""What comes with a film's path: the rate of frames without times, or the film itself."""


def opening(path: Path, given: Given, *, look: bool) -> tuple[Any, str | None, dict[str, str]]:
    """What FFmpeg is to open: a name or a file, its format where that is known, and options of the format.

    Args:
        path: A film, or a pattern of numbered pictures.
        given: What comes with it.
        look: It is opened to see what it is, and once more for its frames.

    Raises:
        FilmError: There is nothing to open.
    """
    if isinstance(given, Pipe):
        return given.again(keep=look), "yuv4mpegpipe", {}
    if given is not None and not isinstance(given, Fraction):
        return given, None, {}
    if is_pattern(path):
        pictures = Numbered(path)
        start = pictures.row().start
        rate = f"{given.numerator}/{given.denominator}" if given else "25"
        options = {"framerate": rate, "start_number": str(start), "pattern_type": "sequence"}
        return pictures.for_ffmpeg(), "image2", options
    if path.suffix.lower() == ".webp":
        return _moving(path), "matroska", {}
    return f"file:{path.absolute()}", None, {"framerate": str(given)} if given else {}


def need_rate(path: Path, given: Given) -> None:
    """Refuse what has no times.

    Raises:
        FilmError: It has none, and no rate is given.
    """
    if is_pattern(path) and given is None:
        raise FilmError(f"{path}: pictures have no times; say how many are shown a second, as in `rate` 25")


def _moving(path: Path) -> BytesIO:
    """A WebP animation as a film of the same pixels, which FFmpeg reads."""
    import av

    picture = read(PictureFile(path), into=".webp")
    planes = picture.to_array(4)  # frames, rows, columns, R G B A
    form = "bgr0" if planes.shape[3] == 3 else "bgra"
    file, now = BytesIO(), 0
    with av.open(file, "w", format="matroska") as container:
        stream = container.add_stream("ffv1", options={"level": "3"})
        stream.height, stream.width, stream.pix_fmt = *picture.page_size, form
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for pixels, delay in zip(planes, picture.delays or (100,), strict=True):
            frame = av.VideoFrame(picture.page_size[1], picture.page_size[0], form)
            _fill(frame, pixels)
            frame.pts, frame.time_base, frame.duration = now, Fraction(1, 1000), delay
            container.mux(stream.encode(frame))
            now += delay
        container.mux(stream.encode(None))
    file.seek(0)
    return file


def _fill(frame: Any, pixels: Any) -> None:
    import numpy as np

    rows = np.frombuffer(memoryview(frame.planes[0]), np.uint8).reshape(frame.height, -1)
    packed = rows[:, : 4 * frame.width].reshape(frame.height, frame.width, 4)
    packed[:, :, :3] = pixels[:, :, 2::-1]
    packed[:, :, 3] = pixels[:, :, 3] if pixels.shape[2] == 4 else 255


def rate_of(text: str) -> Fraction:
    """Frames a second from 25, 29.97 or 24000/1001.

    Raises:
        FilmError: It is no such number.
    """
    try:
        for part in text.split("/"):
            number_of(part)
        rate = Fraction(text)
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if not 0 < rate <= 1000000:
        raise FilmError(f"`rate` must be frames a second, 25 or 29.97 or 24000/1001, not '{text}'")
    return rate
