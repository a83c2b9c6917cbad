"""How many workers are to be on which node. Pure: it talks to nobody."""

from __future__ import annotations

from dataclasses import dataclass

_STILLBORN = 3  # workers in a row that died before they could work, after which a node gets no more


@dataclass
class _Place:
    seats: int
    hired: int = 0
    lost: int = 0
    stillborn: int = 0


class Staff:
    """The nodes that are there and the workers on them."""

    def __init__(self) -> None:
        self._places: dict[str, _Place] = {}

    def opened(self, node: str, seats: int) -> None:
        """A node can be used.

        Args:
            node: Which.
            seats: For how many workers it has room.
        """
        self._places[node] = _Place(seats)

    def closed(self, node: str) -> None:
        """A node is gone."""
        self._places.pop(node, None)

    @property
    def seats(self) -> int:
        """How many workers can be."""
        return sum(place.seats for place in self._places.values())

    def opening(self, wanted: int) -> str | None:
        """The node on which one more worker is to start: with the fewest, and that lost the fewest.

        Args:
            wanted: How many workers there is work for.
        """
        if sum(place.hired for place in self._places.values()) >= wanted:
            return None
        free = [(p.hired, p.lost, node) for node, p in self._places.items() if p.hired < p.seats]
        return min(free)[2] if free else None

    def hired(self, node: str) -> None:
        """A worker is started on a node."""
        self._places[node].hired += 1

    def ready(self, node: str) -> None:
        """One of its workers can work."""
        if node in self._places:
            self._places[node].stillborn = 0

    def lost(self, node: str, *, ready: bool) -> bool:
        """One of its workers is gone.

        Args:
            node: Which.
            ready: It had been able to work.

        Returns:
            Whether the node gets no more.
        """
        place = self._places.get(node)
        if place is None:
            return False
        place.hired -= 1
        place.lost += 1
        place.stillborn += not ready
        if place.stillborn < _STILLBORN:
            return False
        self.closed(node)
        return True
