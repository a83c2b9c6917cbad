"""Where pictures are stored: folders, S3, SFTP, whatever fsspec knows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """One stored file.

    Attributes:
        name: Below the root of its store, as it is stored (nothing quoted); "/" between folders.
        size: In bytes.
        mark: Changes when the content does: the ETag, or size and time of change.
    """

    name: str
    size: int
    mark: str
