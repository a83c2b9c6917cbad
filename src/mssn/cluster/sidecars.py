"""XMP files beside pictures, copied to the names of their results."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from mssn.cluster.faults import MissingError, RefusedError, StoreError
from mssn.cluster.item import Item
from mssn.cluster.store import Store
from mssn.image.xmp import upright_xmp

_AT_ONCE = 8  # copies; storage takes its time for each


def copy(items: Iterable[Item], source: Store, target: Store, *, force: bool) -> Iterator[str]:
    """Copy sidecars, upright as the results are.

    Args:
        items: What to copy where; `replaces` says that another one is there.
        source: The input store.
        target: The output store.
        force: Replace other ones.

    Yields:
        A line for each that could not be copied.

    Raises:
        RefusedError: No copy can succeed.
    """

    def one(item: Item) -> str | None:
        try:
            content = upright_xmp(source.read(item.name))
            if item.replaces is not None and not force and target.read(item.target) != content:
                return f"{target.url_of(item.target)} exists already and stays"
            target.write(item.target, content)
        except RefusedError:
            raise
        except MissingError:  # gone since the listing
            return None
        except StoreError as error:
            return str(error)
        return None

    with ThreadPoolExecutor(_AT_ONCE, "mssn-sidecar") as pool:
        yield from filter(None, pool.map(one, items))
