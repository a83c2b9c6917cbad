"""Has pictures made by workers on all nodes of a cluster: the thin part that talks to Ray."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from itertools import count
from queue import Empty, SimpleQueue
from typing import Any

from mssn.cluster.faults import LostError
from mssn.cluster.item import Item, Outcome
from mssn.cluster.nodes import Cluster, Fitness, Node
from mssn.cluster.roll import Roll
from mssn.cluster.staff import Staff
from mssn.cluster.turns import SEATS, Turns
from mssn.cluster.worker import BASE, BESIDE, LEAST, Work, Worker
from mssn.errors import MssnError
from mssn.runtime.base import last_line

ROUND = 1.0  # seconds between two looks at the time
BEAT = 5.0  # seconds after which a worker is asked again whether it is well
LOOK = 5.0  # seconds between two looks for nodes that came or went
LOST = 20.0  # seconds without an answer after which the cluster is taken for lost
FROZEN = 30.0  # seconds without an answer after which a worker is taken for frozen
ANSWER = 60.0  # seconds that a node has to say what it is fit for
NOBODY = 300.0  # seconds to wait for a node, once none is left
REST = 30.0  # seconds after which a node gets workers again, of which several could not start
TIDY = 2.0  # seconds that workers have to remove their folders


@dataclass
class _Hand:
    """One worker, as seen from here.

    Attributes:
        handle: Ray's.
        node: Where it is.
        ready: It has loaded what it needs.
        seen: It has answered once; before, its node may not have had a free core yet.
        owes: It has been asked whether it is well, and has not answered.
        since: When it was asked, or when it answered.
    """

    handle: Any
    node: Node
    ready: bool = False
    seen: bool = False
    owes: bool = False
    since: float = float("-inf")


def make(
    items: Iterator[Item],
    work: Work,
    cluster: Cluster,
    *,
    worker: type = Worker,
    say: Callable[[str], None] = lambda line: None,
    began: Callable[[Item], None] = lambda item: None,
) -> Generator[Outcome, None, None]:
    """Have pictures made by workers on all nodes, one a core.

    Left early, by Ctrl-C for instance, its workers end at once; other people's are not touched.

    Args:
        items: The pictures; pulled only when workers have time for them.
        work: What workers must know.
        cluster: Where they are.
        worker: What they are; tests and measurements have others.
        say: Called with what people may want to know meanwhile, a sentence at a time.
        began: Called with each item when a worker gets it, again if it is tried again.

    Yields:
        What became of each item, once, in the order in which they end. After one that is fatal there is none.

    Raises:
        MssnError: A node cannot work, as it lacks `mssn` or the weights; or there is none, and none came.
        LostError: The head of the cluster does not answer any more.
    """
    crew, lost = _Crew(items, work, cluster, worker, say, began), False
    try:
        yield from crew.run()
    except LostError:
        lost = True
        raise
    finally:
        if not lost:  # else Ray would wait for the head; workers end by themselves without it
            crew.end()


class _Crew:
    def __init__(
        self,
        items: Iterator[Item],
        work: Work,
        cluster: Cluster,
        worker: type,
        say: Callable[[str], None],
        began: Callable[[Item], None],
    ) -> None:
        self._work, self._cluster, self._ray, self._say, self._began = work, cluster, cluster.ray, say, began
        # One thread more than it has pictures at once, so that it answers while it computes.
        self._actor = self._ray.remote(
            num_cpus=1, max_restarts=0, max_concurrency=SEATS, concurrency_groups={BESIDE: 1}
        )(worker)
        self._turns = Turns(items, lambda item: work.source.url_of(item.name))
        self._roll = Roll(cluster.nodes, max(1, round(LOST / LOOK)), LOOK)
        self._staff = Staff()
        self._nodes: dict[str, Node] = {}  # that were seen
        self._waiting: dict[str, float] = {}  # for what they are fit for, since when
        self._founders: set[str] | None = None  # nodes that were there at the start
        self._resting: dict[str, float] = {}  # nodes that get no workers, until when
        self._unfit = ""  # what was wrong with the last node that is not used
        self._worked = False  # some node has been able to
        self._shares: dict[str, tuple[int, int]] = {}  # workers of a node, bytes that each may take
        self._hands: dict[int, _Hand] = {}
        self._numbers = count()
        self._events: SimpleQueue[tuple[str, Any, int, Any]] = SimpleQueue()
        self._looked = self._rounded = float("-inf")
        self._asked: float | None = None  # when the cluster was asked for its nodes, if it owes an answer
        self._nobody: float | None = None  # since when there has been no node

    def run(self) -> Iterator[Outcome]:
        while not self._turns.over:
            now = time.monotonic()
            if now - self._rounded >= ROUND:
                yield from self._round(now)
            self._hire()
            for worker, ticket, item in self._turns.give():
                self._began(item)
                self._call("made", worker, ticket, self._hands[worker].handle.make.remote(ticket, item))
            for event in self._happened():
                for outcome in self._take(*event):
                    yield outcome
                    if outcome.fatal:
                        return

    def end(self) -> None:
        """Let go of all workers; those that answer leave no folder behind."""
        self._roll.end(TIDY)
        hands = list(self._hands.values())
        if tidied := [hand.handle.tidy.remote() for hand in hands if hand.seen]:
            self._ray.wait(tidied, num_returns=len(tidied), timeout=TIDY)
        for hand in hands:
            self._ray.kill(hand.handle)

    def _happened(self) -> Iterator[tuple[str, Any, int, Any]]:
        """What has happened since, or does before the next round."""
        try:
            yield self._events.get(timeout=max(0.0, self._rounded + ROUND - time.monotonic()))
            while True:
                yield self._events.get_nowait()
        except Empty:
            return

    def _call(self, kind: str, about: Any, ticket: int, reference: Any) -> None:
        reference.future().add_done_callback(lambda future: self._events.put((kind, about, ticket, future)))

    def _take(self, kind: str, about: Any, ticket: int, future: Any) -> list[Outcome]:
        error = future.exception()
        if kind == "nodes":
            if error is not None:
                raise LostError(self._cluster.lost) from error
            self._asked, self._looked = None, time.monotonic()
            self._look(future.result(), self._looked)
            return []
        if kind == "fit":
            self._judge(about, error, None if error else Fitness(*future.result()))
            return []
        hand = self._hands.get(about)
        if hand is None:  # it had been given up
            return []
        if error is not None:
            cause = getattr(error, "cause", None)  # what Python raised there, if it was Python
            if isinstance(cause, MssnError):  # while it was loading
                raise MssnError(f"{hand.node.name}: {cause}") from error
            failed = f"failed with {type(cause).__name__}: {last_line(cause)}" if cause else ""
            return self._lose(about, failed or "died, perhaps for lack of memory")
        if kind == "loaded":
            hand.ready = hand.seen = self._worked = True
            hand.since = time.monotonic()
            self._staff.ready(hand.node.id)
            self._turns.joined(about, hand.node.id)
        elif kind == "beat":
            hand.seen, hand.owes, hand.since = True, False, time.monotonic()
            if (guilty := future.result()) is not None:
                return self._lose(about, "stood still for too long", guilty)
        else:
            outcome, heals = future.result()
            return self._turns.ended(about, ticket, outcome, heals=heals)
        return []

    def _round(self, now: float) -> list[Outcome]:
        """See who is there, and ask whether all are well."""
        away, self._rounded = max(0.0, now - self._rounded - ROUND), now  # as this machine slept, perhaps
        if self._asked is not None:
            self._asked += away
            if now - self._asked > LOST:
                raise LostError(self._cluster.lost)
        elif now - self._looked >= LOOK:
            self._asked = now
            self._roll.call(lambda future: self._events.put(("nodes", None, 0, future)))
        told: list[Outcome] = []
        for number, hand in list(self._hands.items()):
            if not hand.owes and now - hand.since > BEAT:
                hand.owes, hand.since = True, now
                self._call("beat", number, 0, hand.handle.beat.remote())
            elif hand.owes:
                hand.since += away
                if hand.seen and now - hand.since > FROZEN:
                    told += self._lose(number, f"did not answer for {FROZEN:.0f} s")
        return told

    def _look(self, nodes: list[Node], now: float) -> None:
        """Ask nodes that came, forget those that went."""
        there = {node.id: node for node in nodes}
        if self._founders is None:
            self._founders = set(there)
        for gone in self._nodes.keys() - there.keys():
            del self._nodes[gone]
            self._waiting.pop(gone, None)
            self._resting.pop(gone, None)
            self._staff.closed(gone)
        for new in there.keys() - self._nodes.keys():
            self._nodes[new], self._waiting[new] = there[new], now
            self._call(
                "fit", there[new], 0, self._cluster.ask(there[new], self._work.weights, self._work.folders)
            )
        for late in [node for node, since in self._waiting.items() if now - since > ANSWER]:
            del self._waiting[late]
            self._refuse(f"{self._nodes[late].name}: does not answer")
        for rested in [node for node, until in self._resting.items() if now > until]:
            del self._resting[rested]
            self._staff.opened(rested, self._shares[rested][0])
        if self._staff.seats or self._waiting:
            self._nobody = None
        elif self._unfit and not self._worked:
            raise MssnError(f"no node of the Ray cluster can work: {self._unfit}")
        elif self._nobody is None:
            self._nobody = now
            self._say(f"no node of the Ray cluster can work now; waiting {NOBODY:.0f} s for one")
        elif now - self._nobody > NOBODY:
            raise MssnError("no node of the Ray cluster can work" + (self._unfit and f": {self._unfit}"))

    def _judge(self, node: Node, error: Exception | None, fitness: Fitness | None) -> None:
        """Use a node that answered, if it is fit."""
        if self._waiting.pop(node.id, None) is None:  # it has gone meanwhile, or was late
            return
        if fitness is None:
            self._refuse(f"{node.name}: cannot be asked ({type(error).__name__})")
        elif fitness.problem is None:
            seats = max(1, min(node.cores, fitness.cores, fitness.memory // (BASE + LEAST)))
            self._shares[node.id] = seats, fitness.memory // seats
            self._staff.opened(node.id, seats)
        elif node.id in (self._founders or ()):
            raise MssnError(f"{node.name}: {fitness.problem}")
        else:
            self._refuse(f"{node.name}: {fitness.problem}")

    def _refuse(self, why: str) -> None:
        self._unfit = why
        self._say(f"{why}; it is left out")

    def _hire(self) -> None:
        """Start workers, as long as there is work for more and room."""
        wanted = self._turns.outstanding(self._staff.seats)
        while (place := self._staff.opening(wanted)) is not None:
            node, number = self._nodes[place], next(self._numbers)
            actor = self._actor.options(scheduling_strategy=self._cluster.on(node))
            handle = actor.remote(self._work, self._shares[place][1], node.name)
            self._hands[number] = _Hand(handle, node)
            self._staff.hired(place)
            self._call("loaded", number, 0, handle.load.remote())

    def _lose(self, number: int, why: str, guilty: int | None = None) -> list[Outcome]:
        """Give a worker up."""
        hand = self._hands.pop(number)
        self._ray.kill(hand.handle)
        if self._staff.lost(hand.node.id, ready=hand.ready):
            self._resting[hand.node.id] = time.monotonic() + REST
            self._refuse(f"{hand.node.name}: its workers do not start (the last {why})")
        return self._turns.left(number, why, guilty)
