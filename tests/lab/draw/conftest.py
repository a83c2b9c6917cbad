"""Skia needs libraries of the system that a bare machine may lack."""

from __future__ import annotations

import pytest

try:
    import skia  # noqa: F401
except ImportError as error:
    pytest.skip(f"skia-python cannot be loaded: {error}", allow_module_level=True)
