"""Frames of a film to pixels and back, with the film's own matrix, range and chroma siting.

FFmpeg's swscale multiplies by the matrix and moves chroma samples, with every choice said: its defaults
differ from version to version. Depths are changed here, and so is the range of what is written, because
swscale has ways of its own there (FFmpeg 8.1): the white of its R, G, B of 16 bits is 65280, or the brightest
sample shifted; it rounds chroma of full range down, and 16 bits to 8, too. What is left to it is exact to
rounding.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from mssn.errors import FilmError
from mssn.film.facts import Colours, Video
from mssn.film.plan import FilmPlan

if TYPE_CHECKING:
    import av

# By FFmpeg's numbers. What swscale cannot compute (constant luminance, ICtCp) goes there and back by one that
# it can, which changes nothing in the end.
_MATRICES = {4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 9: "bt2020nc", 10: "bt2020nc"}
_SITINGS = {1: "left", 2: "center", 3: "topleft", 4: "top", 5: "bottomleft", 6: "bottom"}
_HOW = "flags=bicubic+accurate_rnd+full_chroma_int+full_chroma_inp+bitexact"
_WHITE = 255 << 8  # of swscale's 16 bits, where range is limited
# Between swscale and a range or a depth that is made here, by rows and columns of luma to a chroma sample.
_BETWEEN = {(1, 1): "yuv444p14le", (1, 2): "yuv422p14le", (2, 2): "yuv420p14le", (2, 1): "yuv440p12le"}

_Ends = tuple[float, float, int]
"""The numbers of black and white, and the greatest there is."""


class Converter:
    """Turns the frames of one film into pixels, and enlarged pixels into frames; each way for one thread.

    Args:
        video: What is decoded.
        plan: What is encoded.

    Raises:
        FilmError: Its samples are floats.
    """

    def __init__(self, video: Video, plan: FilmPlan) -> None:
        if video.depth > 16:
            raise FilmError(f"frames of {video.format} are not enlarged: samples have 16 bits at most")
        self._video, self._plan = video, plan
        self._dtype = np.dtype(np.uint8 if video.depth <= 8 else np.uint16)
        self._in, self._out = _Scale(), _Scale()

    def to_rgb(self, frame: av.VideoFrame) -> tuple[np.ndarray, np.ndarray | None]:
        """The pixels of a frame.

        Args:
            frame: As it was decoded.

        Returns:
            H x W x 3 (R, G, B) or H x W x 1 (grey), uint8 (0..255) of films of at most 8 bits, else uint16
            (0..65535); and the transparency, H x W x 1 of the same dtype, or None.
        """
        height, width, form = frame.height, frame.width, frame.format
        ends = clear = _ends(form.components[-1].bits)
        if self._video.chroma == "grey":
            if ends[1] < 255:  # black or white
                frame, ends = self._in(frame, "gray"), _ends(8)
            elif not self._video.colours.full:
                ends = _ends(form.components[0].bits, full=False)
            pixels, *opacity = np.split(_planes(frame)[0], range(1, len(form.components)), axis=2)
        else:
            if not form.is_rgb or not _apart(form):
                frame, ends, clear = self._by_matrix(frame)
            green, blue, red, *opacity = (plane[:height, :width] for plane in _planes(frame))
            pixels = np.concatenate([red, green, blue], axis=2)
        alpha = self._stored(opacity[0], clear) if form.components[-1].is_alpha else None
        return self._stored(pixels, ends), alpha

    def _stored(self, values: np.ndarray, ends: _Ends) -> np.ndarray:
        return np.ascontiguousarray(_mapped(values, ends, _ends(self._dtype), self._dtype))

    def _by_matrix(self, frame: av.VideoFrame) -> tuple[av.VideoFrame, _Ends, _Ends]:
        """Y, Cb, Cr, or R, G, B in one plane, to a plane each; the ends of these, and of the transparency."""
        form, colours = frame.format, self._video.colours
        target = "gbrap" if form.components[-1].is_alpha else "gbrp"
        if self._dtype == np.uint16:
            target += "16le"
        top = _ends(self._dtype)
        if form.is_rgb or form.has_palette:
            if (
                form.components[0].bits < 8 and not form.has_palette
            ):  # five bits become eight in this way only
                frame = self._in(frame, "rgb24")
            return self._in(frame, target), top, top
        how = f"in_range={'full' if colours.full else 'limited'}:{_said('in', colours)}"
        frame = self._in(_even(frame), target, how)
        if self._dtype == np.uint8:
            return frame, top, top
        bits = form.components[0].bits
        shifted = 0, ((1 << bits) - 1) << (16 - bits), 65535
        return frame, shifted if colours.full else (0, _WHITE, 65535), shifted

    def from_rgb(self, pixels: np.ndarray, alpha: np.ndarray | None) -> av.VideoFrame:
        """A frame as the plan's encoder takes it, its colours tagged; without time stamp.

        Args:
            pixels: H x W x 3 or 1, uint8 or uint16, of the plan's size.
            alpha: H x W x 1 of the same dtype; None: nothing is transparent. It is left out where the plan's
                pixel format has none.
        """
        import av

        form: Any = av.VideoFormat(self._plan.format)
        by_planes = form.is_rgb or len(form.components) < 3
        frame = self._planar(form, pixels) if by_planes else self._sited(form, pixels)
        if form.components[-1].is_alpha:
            opacity, ends = _planes(frame)[-1][:, :, -1:], _ends(frame.format.components[-1].bits)
            if alpha is None:
                opacity[...] = ends[1]
            else:
                opacity[...] = _mapped(alpha, _ends(alpha.dtype), ends, opacity.dtype)
        frame = self._out(frame, form.name)
        colours = self._plan.colours
        frame.colorspace, frame.color_range = colours.matrix, 2 if colours.full else 1
        frame.color_primaries, frame.color_trc = colours.primaries, colours.transfer
        return frame

    def _planar(self, form: Any, pixels: np.ndarray) -> av.VideoFrame:
        """Grey, or R, G and B in a plane each, which swscale may put into one."""
        import av

        name = form.name
        if form.is_rgb and not _apart(form):
            name = "gbrap" if form.components[-1].is_alpha else "gbrp"
            name += "" if form.components[0].bits <= 8 else "16le"
        frame = av.VideoFrame(pixels.shape[1], pixels.shape[0], name)
        ends = _ends(frame.format.components[0].bits, full=form.is_rgb or self._plan.colours.full)
        order = [1, 2, 0] if pixels.shape[2] == 3 else [0, 0, 0]
        for plane, channel in zip(_planes(frame), order, strict=False):
            plane[:, :, 0] = _mapped(pixels[:, :, channel], _ends(pixels.dtype), ends, plane.dtype)
        return frame

    def _sited(self, form: Any, pixels: np.ndarray) -> av.VideoFrame:
        """Y, Cb, Cr."""
        import av

        full, bits = self._plan.colours.full, form.components[0].bits
        height, width, channels = pixels.shape
        if channels == 1:
            pixels = np.repeat(pixels, 3, axis=2)
        rows, columns = _per_chroma(form)
        lacking = -height % rows, -width % columns
        if any(lacking):
            pixels = np.pad(pixels, ((0, lacking[0]), (0, lacking[1]), (0, 0)), mode="edge")
        name, dtype = ("rgb24", np.uint8) if pixels.dtype == np.uint8 else ("rgb48le", np.uint16)
        if dtype == np.uint16:
            pixels = _mapped(pixels, _ends(pixels.dtype), (0, _WHITE, 65535), pixels.dtype)
        direct = not full and (dtype == np.uint8 or bits > 8)
        target = form.name if direct else _BETWEEN[rows, columns]
        source = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), name)
        frame = self._out(source, target, f"out_range=limited:{_said('out', self._plan.colours)}")
        if direct and not any(lacking):
            return frame
        result = av.VideoFrame(width, height, form.name)
        between = frame.format.components[0].bits
        for index, (old, new) in enumerate(zip(_planes(frame)[:3], _planes(result), strict=False)):
            ends_of = _ends_of_chroma if index else _ends
            old = old[: new.shape[0], : new.shape[1]]
            new[...] = _mapped(old, ends_of(between, full=False), ends_of(bits, full=full), new.dtype)
        return result


class _Scale:
    """swscale, as it was last set up for frames of a kind, ready for more of them."""

    def __init__(self) -> None:
        self._graphs: dict[tuple[object, ...], Any] = {}

    def __call__(self, frame: av.VideoFrame, target: str, how: str = "in_range=full:out_range=full") -> Any:
        """Turn a frame into another pixel format; one that has it already comes back as it is.

        Args:
            frame: Any.
            target: FFmpeg's name of the pixel format.
            how: Options of FFmpeg's filter `scale`.
        """
        from av.filter import Graph

        kind = (frame.width, frame.height, frame.format.name, target, how)
        if frame.format.name == target:
            return frame
        if kind not in self._graphs:
            graph = self._graphs[kind] = Graph()
            graph.threads = 1  # the processor is the network's
            source = graph.add_buffer(
                width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1)
            )
            steps = graph.add("scale", f"{how}:{_HOW}"), graph.add("format", target), graph.add("buffersink")
            graph.link_nodes(source, *steps).configure()
        graph = self._graphs[kind]
        graph.vpush(frame)
        return graph.vpull()


def _said(side: str, colours: Colours) -> str:
    """Matrix and siting as options of `scale`, for its "in" or "out"; as players assume where unknown."""
    matrix = _MATRICES.get(colours.matrix, "bt709")
    return f"{side}_color_matrix={matrix}:{side}_chroma_loc={_SITINGS.get(colours.siting or 1, 'left')}"


def _ends(bits: int | np.dtype[Any], *, full: bool = True) -> _Ends:
    """Of samples of so many bits, or of all bits of a dtype."""
    if isinstance(bits, np.dtype):
        bits = 8 * bits.itemsize
    top = (1 << bits) - 1
    return (0, top, top) if full else (16 << (bits - 8), 235 << (bits - 8), top)


def _ends_of_chroma(bits: int, *, full: bool = True) -> _Ends:
    """The same, around a middle that is a whole number."""
    top, middle = (1 << bits) - 1, 1 << (bits - 1)
    half = top / 2 if full else 112 << (bits - 8)
    return middle - half, middle + half, top


def _mapped(values: np.ndarray, old: _Ends, new: _Ends, dtype: np.dtype[Any]) -> np.ndarray:
    """Samples with other ends, rounded half up."""
    if old == new and values.dtype == dtype:
        return values
    factor = (new[1] - new[0]) / (old[1] - old[0])
    moved = values * np.float32(factor) + np.float32(new[0] - old[0] * factor + 0.5)
    return moved.clip(0, new[2]).astype(dtype)


def _apart(form: Any) -> bool:
    """Whether every component has a plane of its own."""
    return len({part.plane for part in form.components}) == len(form.components)


def _per_chroma(form: Any) -> tuple[int, int]:
    """Rows and columns of luma to a sample of chroma."""
    return 8 // form.chroma_height(8), 8 // form.chroma_width(8)


def _planes(frame: av.VideoFrame) -> list[np.ndarray]:
    """Views of a frame's planes, H x W x the components in them, which are bytes or words each."""
    parts = frame.format.components
    order = ">" if frame.format.is_big_endian else "<"
    dtype = np.dtype(f"{order}u{1 if parts[0].bits <= 8 else 2}")
    views: list[np.ndarray] = []
    for number, plane in enumerate(frame.planes):
        count = sum(part.plane == number for part in parts)
        rows = np.frombuffer(memoryview(plane), dtype).reshape(plane.height, -1)
        views.append(rows[:, : plane.width * count].reshape(plane.height, plane.width, count))
    return views


def _even(frame: av.VideoFrame) -> av.VideoFrame:
    """A frame whose last samples of chroma have all their luma.

    swscale would stretch them over a picture that ends within them.
    """
    import av

    rows, columns = _per_chroma(frame.format)
    lacking = -frame.height % rows, -frame.width % columns
    if not any(lacking) or len(frame.planes) == 1:
        return frame
    whole = av.VideoFrame(frame.width + lacking[1], frame.height + lacking[0], frame.format.name)
    for old, new in zip(_planes(frame), _planes(whole), strict=True):
        more = [(0, larger - smaller) for larger, smaller in zip(new.shape, old.shape, strict=True)]
        new[...] = np.pad(old, more, mode="edge")
    return whole
