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
ENDINGS = {"jpeg": ".jpg", "tiff": ".tif"}  # formats whose files end otherwise than they are called
FILMS = (
    *(".264", ".265", ".3g2", ".3gp", ".asf", ".avi", ".divx", ".dv", ".f4v", ".flv", ".h264", ".h265"),
    *(".hevc", ".ivf", ".m2t", ".m2ts", ".m2v", ".m4v", ".mjpeg", ".mjpg", ".mkv", ".mov", ".mp4", ".mpe"),
    *(
        ".mpeg",
        ".mpg",
        ".mts",
        ".mxf",
        ".nut",
        ".obu",
        ".ogm",
        ".ogv",
        ".rm",
        ".rmvb",
        ".ts",
        ".vob",
        ".webm",
    ),
    *(".wmv", ".y4m"),
)
WITHOUT_QUALITY = (".png", *TIFF)  # of those that are written
