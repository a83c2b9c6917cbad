"""Which names files may have, and which are our own."""

from __future__ import annotations

import os
import posixpath
import re

from mssn.cluster.faults import StoreError
from mssn.image.source import display_name as shown

__all__ = ["is_ours", "key_of", "shown", "tree_path"]

_OURS = re.compile(r"\.mssn-[0-9a-f]{16}\.(part|work)")


def is_ours(name: str) -> bool:
    """Whether the last part of a name is one of what `mssn.atomic` calls unfinished things."""
    return _OURS.fullmatch(posixpath.basename(name)) is not None


def tree_path(name: str) -> str:
    """A name that is to be a path in a tree of folders.

    Raises:
        StoreError: There it would be another one, or nowhere.
    """
    if any(part in ("", ".", "..") for part in name.split("/")) or "\0" in name:
        raise StoreError(f"{shown(name)}: no file in a folder can have this name")
    return name


def key_of(name: str) -> str:
    """A name that is to be an object's key.

    Raises:
        StoreError: It is no Unicode text.
    """
    try:
        os.fsencode(name).decode()
    except UnicodeDecodeError:
        raise StoreError(f"{shown(name)}: no object can have this name, which is not UTF-8") from None
    return name
