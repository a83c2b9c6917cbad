"""Real servers on loopback."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from app_client import Client, png_of, serving

from mssn.app.limits import Limits
from mssn.image.picture import Picture
from mssn.image.write import to_bytes


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Client]]:
    """Starts apps with limits of one's own."""
    with ExitStack() as stack:
        yield lambda **limits: stack.enter_context(serving(tmp_path, Limits(**limits)))


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """One app for the tests of a file."""
    with serving(tmp_path_factory.mktemp("room")) as client:
        yield client


@pytest.fixture
def png(photo) -> bytes:
    return to_bytes(Picture(photo[:40, :48]), ".png")


@pytest.fixture(scope="session")
def large() -> bytes:
    """A picture of many tiles."""
    return png_of(1200, 900)
