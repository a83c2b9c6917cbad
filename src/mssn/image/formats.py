"""Which endings of names stand for which format, and what some of them need."""

from __future__ import annotations

JPEG = (".jfif", ".jpe", ".jpeg", ".jpg")
TIFF = (".tif", ".tiff")
HEIC, JXL = (".heic", ".heif"), ".jxl"
PLUGGED = (*HEIC, JXL)
HOW_TO_GET_THEM = "pip install 'mssn[formats]'"
WRITABLE = tuple(sorted((*JPEG, *TIFF, *PLUGGED, ".avif", ".png", ".webp")))
_READ_ONLY = (".bmp", ".dib", ".gif", ".mpo", ".pbm", ".pgm", ".pnm", ".ppm")
READABLE = tuple(sorted((*WRITABLE, *_READ_ONLY)))
FILMS = (
    *(".3gp", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".mxf"),
    *(".nut", ".ogv", ".ts", ".vob", ".webm", ".wmv", ".y4m"),
)
WITHOUT_QUALITY = (".png", *TIFF)  # of those that are written
