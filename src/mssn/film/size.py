"""How large a film becomes."""

from __future__ import annotations

from mssn.film.facts import Video
from mssn.upscaling.upscaler import Upscaler


def result_size(upscaler: Upscaler, video: Video) -> tuple[int, int]:
    """Height and width of the result, as it is stored.

    A box that it is to fit in is meant of the film as it is shown, which may be turned.

    Args:
        upscaler: What enlarges.
        video: The pictures of the film.

    Raises:
        ImageError: It would become too large.
    """
    if not video.lies:
        return upscaler.result_size(video.height, video.width)
    width, height = upscaler.result_size(video.width, video.height)
    return height, width
