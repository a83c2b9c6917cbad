"""The note in a film that mssn made it, by which later runs know a result from an original."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mssn.errors import MssnError
from mssn.film.pyav import opened

_KEY, _NOTE = "comment", "enlarged by mssn"  # every container keeps a comment


def marked(tags: Mapping[str, str]) -> dict[str, str]:
    """A film's tags with the note in its comment, behind what stands there."""
    key = next((name for name in tags if name.lower() == _KEY), _KEY)
    return {**tags, key: f"{tags[key]} ({_NOTE})" if tags.get(key) else _NOTE}


def is_marked(path: Path) -> bool:
    """Whether a film holds the note. One that cannot be read does not."""
    try:
        with opened(path) as film:
            return any(name.lower() == _KEY and _NOTE in text for name, text in film.metadata.items())
    except MssnError:
        return False
