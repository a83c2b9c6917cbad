"""The driver's side, with a cluster of threads: who is hired, who is given up, what is told."""

from __future__ import annotations

import time
from collections.abc import Iterator
from random import Random

import pytest
from fake_ray import Died, FakeCluster, Handle

from mssn.cluster import crew
from mssn.cluster.crew import make
from mssn.cluster.faults import LostError
from mssn.cluster.item import Item, Outcome
from mssn.cluster.store import Store
from mssn.cluster.turns import SEATS
from mssn.cluster.worker import BASE, LEAST, Work, beside
from mssn.errors import MssnError, WeightsError
from mssn.upscaling.jobs import Options

WORK = Work(Store("/in"), Store("/out"), {}, Options())


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    times = {
        "ROUND": 0.01,
        "BEAT": 0.02,
        "FROZEN": 10.0,
        "LOOK": 0.02,
        "LOST": 10.0,
        "ANSWER": 0.2,
        "NOBODY": 0.2,
        "REST": 0.1,
        "TIDY": 0.5,
    }
    for name, seconds in times.items():
        monkeypatch.setattr(crew, name, seconds)


class Simple:
    """A worker that does as the name of the picture says."""

    handle: Handle

    def __init__(self, work: Work, memory: int, node: str) -> None:
        self.memory, self.node, self.still = memory, node, None

    def load(self) -> None:
        pass

    @beside
    def beat(self) -> int | None:
        return self.still

    @beside
    def tidy(self) -> None:
        pass

    def make(self, ticket: int, item: Item) -> tuple[Outcome, bool]:
        word = item.name.partition(" ")[0]
        if word == "poison":
            raise Died
        if word == "freeze":
            self.handle.frozen.set()
        if word == "still":
            self.still = ticket
            time.sleep(0.5)
        if word == "fault":
            raise ValueError("nobody thought\nof this")
        if word == "403":
            return Outcome(item, error="403", fatal=True), False
        if word == "503":
            return Outcome(item, error="503", node=self.node), True
        return Outcome(item, target=item.target, node=self.node), False


def items(*names: str) -> Iterator[Item]:
    return iter([Item(name, 1, "", name) for name in names])


def run(cluster: FakeCluster, *names: str, **more) -> dict[str, Outcome]:
    told = list(make(items(*names), WORK, cluster, worker=more.pop("worker", Simple), **more))
    assert sorted(outcome.item.name for outcome in told) == sorted(names)
    assert cluster.living == []
    return {outcome.item.name: outcome for outcome in told}


def good(number: int) -> list[str]:
    return [f"good {n}" for n in range(number)]


def test_all_nodes_work_as_far_as_there_is_work():
    cluster = FakeCluster(a=3, b=2)
    run(cluster, *good(200))
    assert sorted(handle.node.id for handle in cluster.ray.handles) == ["a", "a", "a", "b", "b"]
    cluster = FakeCluster(a=3, b=2)
    run(cluster, *good(2))
    assert sorted(handle.node.id for handle in cluster.ray.handles) == ["a", "b"]
    assert run(FakeCluster(a=1)) == {}


@pytest.mark.parametrize(
    ("cores", "runs_on", "memory", "seats"),
    [(8, 3, 2**40, 3), (2, 64, 2**40, 2), (8, 8, 3 * (BASE + LEAST), 3), (8, 8, 1, 1), (1, 1, 2**40, 1)],
)
def test_a_node_gets_as_many_workers_as_it_has_cores_and_memory_for(cores, runs_on, memory, seats):
    cluster = FakeCluster()
    cluster.join("a", cores, (runs_on, memory, None))
    run(cluster, *good(100))
    assert [handle._self.memory for handle in cluster.ray.handles] == [memory // seats] * seats


def test_what_heals_and_what_kills_is_tried_thrice_and_the_rest_is_made():
    cluster = FakeCluster(a=2, b=1)
    told = run(cluster, *good(20), "poison", "503", "fault")
    assert all(told[name].error is None for name in good(20))
    lead = "/in/{}: given up after 3 tries: its worker "
    assert told["poison"].error == lead.format("poison") + "died, perhaps for lack of memory"
    assert told["fault"].error == lead.format("fault") + "failed with ValueError: of this"
    assert told["503"].error == "503"
    assert {told[name].tries for name in ("poison", "503", "fault")} == {3}


def test_it_is_told_when_a_worker_gets_a_picture_and_again_when_another_does():
    began: list[str] = []
    run(FakeCluster(a=1), *good(5), "503", began=lambda item: began.append(item.name))
    assert sorted(began) == sorted([*good(5), *["503"] * 3])


def test_a_frozen_worker_is_noticed(monkeypatch):
    monkeypatch.setattr(crew, "FROZEN", 0.3)
    told = run(FakeCluster(a=1, b=1), *good(5), "freeze")
    assert "did not answer" in str(told["freeze"].error)
    assert all(told[name].error is None for name in good(5))


def test_one_that_freezes_is_noticed_though_outcomes_are_taken_slowly(monkeypatch):
    monkeypatch.setattr(crew, "FROZEN", 0.3)
    told = []
    for outcome in make(items(*good(5), "freeze"), WORK, FakeCluster(a=1, b=1), worker=Simple):
        told.append(outcome)
        time.sleep(0.1)
    assert "did not answer" in str(told[-1].error)
    assert len(told) == 6


def test_while_nobody_takes_an_outcome_no_worker_is_taken_for_frozen(monkeypatch):
    """As when this machine sleeps: the answers of the workers are there, but were not looked at."""
    monkeypatch.setattr(crew, "FROZEN", 1.0)
    cluster = FakeCluster(a=2)
    for number, _ in enumerate(make(items(*good(50)), WORK, cluster, worker=Slow)):
        if number in (5, 20):
            time.sleep(1.2)
    assert len(cluster.ray.handles) == 2


def test_what_stands_still_is_given_up_and_its_neighbours_lose_no_try():
    told = run(FakeCluster(a=1), *good(3), "still", *good(9)[3:])
    assert "stood still" in str(told["still"].error)
    assert all((told[name].error, told[name].tries) == (None, 1) for name in good(9))


def test_a_fatal_error_ends_the_run():
    cluster = FakeCluster(a=2)
    pulled: list[str] = []

    def endless():
        for number in range(10**6):
            pulled.append("")
            yield Item("403" if number == 50 else f"good {number}", 1, "", "")

    told = list(make(endless(), WORK, cluster, worker=Simple))
    assert told[-1].fatal
    assert len(pulled) < 50 + 10 * SEATS
    assert cluster.living == []


def test_left_early_nobody_stays():
    cluster = FakeCluster(a=3)
    running = make(items(*good(1000)), WORK, cluster, worker=Simple)
    next(running)
    running.close()
    assert cluster.living == []
    assert len(cluster.ray.handles) == 3


def test_what_the_list_raises_is_raised_and_nobody_stays():
    def broken():
        yield from items(*good(3))
        raise MssnError("s3://bucket: cannot be listed")

    cluster = FakeCluster(a=1)
    with pytest.raises(MssnError, match="cannot be listed"):
        list(make(broken(), WORK, cluster, worker=Simple))
    assert cluster.living == []


class Slow(Simple):
    def make(self, ticket: int, item: Item) -> tuple[Outcome, bool]:
        time.sleep(0.01)
        return super().make(ticket, item)


def test_nodes_that_come_are_used_and_those_that_go_forgotten():
    cluster, told = FakeCluster(a=1), list[Outcome]()
    for outcome in make(items(*good(120)), WORK, cluster, worker=Slow):
        told.append(outcome)
        if len(told) == 20:
            cluster.join("b", 2)
        if len(told) == 60:
            cluster.leave("a")
    assert sorted(outcome.item.name for outcome in told) == sorted(good(120))
    assert {outcome.error for outcome in told} == {None}
    assert {outcome.node for outcome in told[:20]} == {"node a"}
    assert {outcome.node for outcome in told[-30:]} == {"node b"}


def test_a_node_that_lacks_something_ends_the_run_at_once():
    cluster = FakeCluster(a=1)
    cluster.join("b", 1, (1, 2**40, "mssn is not installed there"))
    with pytest.raises(MssnError, match="node b: mssn is not installed there"):
        list(make(items(*good(10_000)), WORK, cluster, worker=Slow))
    assert cluster.living == []


def test_one_that_comes_later_and_lacks_something_is_passed_over():
    cluster, said = FakeCluster(a=1), list[str]()
    for number, _ in enumerate(make(items(*good(60)), WORK, cluster, worker=Slow, say=said.append)):
        if number == 10:
            cluster.join("b", 1, (1, 2**40, "has mssn 0.1"))
    assert said == ["node b: has mssn 0.1; it is left out"]
    assert {handle.node.id for handle in cluster.ray.handles} == {"a"}


@pytest.mark.parametrize("fit", ["silent", RuntimeError("cannot unpickle")])
def test_a_node_that_does_not_answer_is_passed_over(fit):
    said: list[str] = []
    cluster = FakeCluster(a=1)
    cluster.join("b", 1, fit)
    list(make(items(*good(60)), WORK, cluster, worker=Slow, say=said.append))
    assert len(said) == 1
    assert said[0].startswith("node b: ")
    cluster = FakeCluster()
    cluster.join("b", 1, fit)
    with pytest.raises(MssnError, match="no node of the Ray cluster can work: node b: "):
        list(make(items("good"), WORK, cluster, worker=Simple))


def test_without_nodes_it_waits_a_while():
    said: list[str] = []
    with pytest.raises(MssnError, match=r"^no node of the Ray cluster can work$"):
        list(make(items("good"), WORK, FakeCluster(), worker=Simple, say=said.append))
    assert len(said) == 1


@pytest.mark.parametrize(("slow", "broken"), [(30.0, None), (0.0, ConnectionError("gone"))])
def test_a_head_that_dies_ends_the_run_and_nothing_more_is_asked_of_it(monkeypatch, slow, broken):
    monkeypatch.setattr(crew, "LOST", 0.3)
    cluster, told = FakeCluster(a=2), list[Outcome]()
    lost = "the Ray cluster at head:6379 no longer answers"
    started = time.monotonic()

    def run_until_it_dies() -> None:
        for outcome in make(items(*good(10_000)), WORK, cluster, worker=Slow):
            told.append(outcome)
            cluster.slow, cluster.broken = slow, broken

    with pytest.raises(LostError, match=lost):
        run_until_it_dies()
    assert time.monotonic() - started < 3
    assert len(told) > (10 if slow else 0)  # workers go on meanwhile
    assert len(cluster.living) == 2 and all("tidy" not in handle.calls for handle in cluster.living)
    for handle in cluster.living:
        handle.die()


def test_a_head_that_is_slow_for_a_while_ends_nothing(monkeypatch):
    monkeypatch.setattr(crew, "LOST", 0.5)
    cluster, number = FakeCluster(a=1), 0
    for _ in make(items(*good(80)), WORK, cluster, worker=Slow):
        number += 1
        cluster.slow = 0.25 if number < 60 else 0.0
    assert number == 80


def test_a_head_that_refuses_for_a_while_ends_nothing(monkeypatch):
    monkeypatch.setattr(crew, "LOST", 10.0)
    cluster, number = FakeCluster(a=1), 0
    for _ in make(items(*good(80)), WORK, cluster, worker=Slow):
        number += 1
        cluster.broken = ConnectionError("not yet") if 10 < number < 60 else None
    assert number == 80


def test_while_nobody_takes_an_outcome_no_head_is_taken_for_dead(monkeypatch):
    """As when this machine sleeps."""
    monkeypatch.setattr(crew, "LOST", 0.3)
    cluster, number = FakeCluster(a=1), 0
    for _ in make(items(*good(60)), WORK, cluster, worker=Slow):
        number, cluster.slow = number + 1, 0.1
        if number in (5, 20):
            time.sleep(0.6)
    assert number == 60


def test_weights_that_cannot_be_loaded_end_the_run():
    class Unable(Simple):
        def load(self) -> None:
            raise WeightsError("net.onnx: is damaged")

    with pytest.raises(MssnError, match=r"node a: net\.onnx: is damaged"):
        list(make(items("good"), WORK, FakeCluster(a=1), worker=Unable))


def test_a_node_whose_workers_never_start_is_passed_over():
    class Stillborn(Simple):
        def load(self) -> None:
            if self.node == "node b":
                raise Died

    said: list[str] = []
    told = run(FakeCluster(a=1, b=1), *good(200), worker=Stillborn, say=said.append)
    assert {outcome.node for outcome in told.values()} == {"node a"}
    assert len(said) == 1
    assert "node b: its workers do not start" in said[0]
    with pytest.raises(MssnError, match="no node of the Ray cluster can work: node b: its workers"):
        list(make(items("good"), WORK, FakeCluster(b=1), worker=Stillborn))


def test_a_node_whose_workers_did_not_start_for_a_while_is_used_again(monkeypatch):
    class Restless(Slow):
        born = 0

        def load(self) -> None:
            Restless.born += 1
            if 1 < Restless.born < 6:
                raise Died

    run(FakeCluster(a=1), *good(20), "poison", worker=Restless)
    assert Restless.born > 6


def test_workers_are_asked_to_leave_nothing_behind():
    cluster = FakeCluster(a=2)
    run(cluster, *good(500), worker=Slow)
    assert all(handle.calls[-1] == "tidy" for handle in cluster.ray.handles)


@pytest.mark.parametrize("seed", range(5))
def test_random_deaths_and_nodes_that_come_and_go_lose_nothing(seed):
    random = Random(seed)
    cluster, told = FakeCluster(a=2, b=2, c=1), list[str]()
    for outcome in make(items(*good(300)), WORK, cluster, worker=Slow):
        told.append(outcome.item.name)
        happens = random.random()
        if happens < 0.05 and cluster.living:
            random.choice(cluster.living).die()
        elif happens < 0.06:
            there = [node.id for node in cluster.nodes()]
            cluster.leave(there[0]) if len(there) > 2 else cluster.join(f"new {len(told)}", 2)
    assert sorted(told) == sorted(good(300))
    assert cluster.living == []
