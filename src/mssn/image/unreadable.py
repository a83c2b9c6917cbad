"""Files that are no picture, or none that can be read: what they are, for the message."""

from __future__ import annotations

import pyvips

from mssn.errors import ImageError
from mssn.image.vips import reason

_PICTURES = {
    b"8BPS": "a Photoshop document",
    b"\0\0\0\x0cjP  ": "a JPEG 2000 picture",
    b"\xff\x4f\xff\x51": "a JPEG 2000 picture",
    b"v/1\x01": "an OpenEXR picture",
    b"#?RADIANCE": "a Radiance picture",
    b"\0\0\x01\0": "an icon (ICO)",
    b"gimp xcf": "a GIMP document",
    b"P7\n": "a PAM picture",
    b"PF\n": "a PFM picture",
    b"Pf\n": "a PFM picture",
    b"SIMPLE  =": "a FITS picture",
    b"\x8aMNG": "an MNG animation",
}
_FILM = "a video; films are known by their endings, such as .mp4 and .mkv"
_OTHERS = {
    b"%PDF": "a PDF document",
    b"%!PS": "a PostScript document",
    b"PK\x03\x04": "a ZIP archive, or an office document",
    b"\x1f\x8b": "a gzip archive",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"Rar!": "a RAR archive",
    b"{\\rtf": "an RTF document",
    b"\x1aE\xdf\xa3": _FILM,
    b"ID3": "an MP3 recording",
    b"OggS": "an Ogg recording",
    b"fLaC": "a FLAC recording",
    b"\x7fELF": "a program",
    b"MZ": "a program",
    b"version https://git-lfs": "a Git LFS pointer; git lfs pull fetches the picture",
}


def what_else(head: bytes) -> str:
    """What a file that no decoder takes is, as the end of "photo.png: is ...".

    Args:
        head: Its beginning; some kilobytes are enough.
    """
    for start, kind in _PICTURES.items():
        if head.startswith(start):
            return f"{kind}, which cannot be read; save it as PNG, TIFF or JPEG"
    for start, kind in _OTHERS.items():
        if head.startswith(start):
            return f"not a picture but {kind}"
    if head[4:12] == b"ftypavis":
        return "an animated AVIF, which cannot be read; save one of its frames as PNG"
    if head[4:8] == b"ftyp":
        return f"not a picture but {_FILM}"
    if head[:4] == b"RIFF":
        return f"not a picture but a recording, or {_FILM}"
    text = _text(head[:4096])
    if text is None:
        return "not a picture of a known kind"
    if "<svg" in text:
        return "an SVG drawing, which cannot be read; save it as PNG"
    return "not a picture but " + ("a web page" if "<html" in text or "<!doctype html" in text else "text")


def _text(head: bytes) -> str | None:
    """The text that this is the beginning of, in small letters, if it is one."""
    if b"\0" in head:
        return None
    try:
        return head[: head.rfind(b"\n") if len(head) == 4096 and b"\n" in head else None].decode().lower()
    except UnicodeDecodeError:
        return None


def damaged(name: str, error: Exception) -> ImageError:
    """What a decoder raised, in one line; what we say ourselves as it is.

    Args:
        name: The file's, for people.
        error: What was raised.

    Raises:
        MemoryError: It was one.
    """
    if isinstance(error, MemoryError):
        raise error
    words = reason(error) if isinstance(error, pyvips.Error) else str(error)
    words = " ".join(words.split())[:200] or type(error).__name__
    damage = "" if isinstance(error, ImageError) else "the file is damaged or cut short "
    return ImageError(f"{name}: {damage}" + (f"({words})" if damage else words))
