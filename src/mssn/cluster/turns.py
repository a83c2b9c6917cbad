"""Who makes which picture next, and what becomes of one whose worker died. Pure: it talks to nobody."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count

from mssn.cluster.item import Item, Outcome

TRIES = 3
SEATS = 2  # pictures that a worker has at once: one is computed, while another comes or goes


@dataclass(frozen=True)
class Turn:
    """A picture on its way to a worker.

    Attributes:
        item: The picture.
        failed: On which nodes it was tried before; from then on it is made alone.
    """

    item: Item
    failed: tuple[str, ...] = ()


@dataclass
class _Hand:
    """A worker, and what it has been given."""

    node: str
    turns: dict[int, Turn] = field(default_factory=dict)

    @property
    def free(self) -> bool:
        return not self.turns or (len(self.turns) < SEATS and not any(t.failed for t in self.turns.values()))


class Turns:
    """Gives pictures to workers until each has ended, well or not.

    A picture whose worker dies, or that failed with what may heal, is tried again, alone and, where there is
    one, on another node. Of the pictures that a worker had when it died nobody knows which one killed it.
    Each has lost a try; but as its further ones are made alone, none is given up for another one's fault.

    Args:
        items: The pictures; pulled only when somebody has time for them.
        url: What people call a picture.
    """

    def __init__(self, items: Iterator[Item], url: Callable[[Item], str]) -> None:
        self._items, self._url = items, url
        self._more = True
        self._fresh: deque[Turn] = deque()
        self._again: deque[Turn] = deque()
        self._hands: dict[int, _Hand] = {}
        self._nodes: Counter[str] = Counter()  # how many workers each has
        self._given = 0  # pictures that workers have
        self._with_time: dict[int, None] = {}  # workers that can take more
        self._tickets = count()

    @property
    def over(self) -> bool:
        """Whether every picture has ended."""
        return self.outstanding(1) == 0

    def outstanding(self, most: int) -> int:
        """How many pictures have not ended yet, as far as `most`, beyond which none is pulled."""
        there = self._given + len(self._again) + len(self._fresh)
        while there < most and self._pull():
            there += 1
        return min(there, most)

    def _pull(self) -> bool:
        if not self._more:
            return False
        for item in self._items:
            self._fresh.append(Turn(item))
            return True
        self._more = False
        return False

    def joined(self, worker: int, node: str) -> None:
        """A worker is ready."""
        self._hands[worker] = _Hand(node)
        self._nodes[node] += 1
        self._with_time[worker] = None

    def give(self) -> Iterator[tuple[int, int, Item]]:
        """What is to be sent now: to which worker, under which number, what."""
        for worker in list(self._with_time):
            hand = self._hands[worker]
            while hand.free:
                turn = self._next(hand)
                if turn is None:
                    break
                ticket = next(self._tickets)
                hand.turns[ticket] = turn
                self._given += 1
                yield worker, ticket, turn.item
            if not hand.free:
                self._with_time.pop(worker, None)

    def _next(self, hand: _Hand) -> Turn | None:
        if self._again:
            for turn in self._again:
                if hand.node not in turn.failed or self._nodes.keys() <= set(turn.failed):
                    if hand.turns:  # which are waited for, because this one is made alone
                        return None
                    self._again.remove(turn)
                    return turn
        return self._fresh.popleft() if self._fresh or self._pull() else None

    def ended(self, worker: int, ticket: int, outcome: Outcome, *, heals: bool) -> list[Outcome]:
        """A worker answered.

        Args:
            worker: Which.
            ticket: The number that its picture had.
            outcome: What became of it.
            heals: It failed, but may not elsewhere.

        Returns:
            What is to be told now.
        """
        hand = self._hands.get(worker)
        turn = None if hand is None else hand.turns.pop(ticket, None)
        if hand is None or turn is None:  # it had been given up
            return []
        self._given -= 1
        self._with_time[worker] = None
        outcome = replace(outcome, tries=len(turn.failed) + 1)
        return self._failed(turn, hand.node, outcome) if heals else [outcome]

    def left(self, worker: int, why: str, guilty: int | None = None) -> list[Outcome]:
        """A worker is gone.

        Args:
            worker: Which.
            why: What befell it, behind "its worker".
            guilty: The number of the picture that did it, if that is known.

        Returns:
            What is to be told now.
        """
        hand = self._hands.pop(worker, None)
        if hand is None:
            return []
        self._with_time.pop(worker, None)
        self._given -= len(hand.turns)
        self._nodes[hand.node] -= 1
        if not self._nodes[hand.node]:
            del self._nodes[hand.node]
        told: list[Outcome] = []
        for ticket, turn in hand.turns.items():
            if guilty is not None and ticket != guilty and guilty in hand.turns:
                self._fresh.appendleft(turn)
                continue
            tries = len(turn.failed) + 1
            error = f"{self._url(turn.item)}: given up after {tries} tries: its worker {why}"
            told += self._failed(
                turn, hand.node, Outcome(turn.item, error=error, tries=tries, node=hand.node)
            )
        return told

    def _failed(self, turn: Turn, node: str, outcome: Outcome) -> list[Outcome]:
        if outcome.tries >= TRIES:
            return [outcome]
        self._again.append(replace(turn, failed=(*turn.failed, node)))
        return []
