"""Who makes what next: every picture ends once, and none is given up for another one's fault."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mssn.cluster.item import Item, Outcome
from mssn.cluster.turns import SEATS, TRIES, Turns


def items(number: int) -> list[Item]:
    return [Item(f"{n}.png", 1, "", f"{n}.png") for n in range(number)]


def turns(number: int) -> Turns:
    return Turns(iter(items(number)), lambda item: f"s3://in/{item.name}")


def given_now(made: Turns) -> list[tuple[int, int, str]]:
    return [(worker, ticket, item.name) for worker, ticket, item in made.give()]


def well(name: str) -> Outcome:
    return Outcome(Item(name, 1, "", name))


def test_a_worker_has_two_pictures_at_once_and_no_more():
    made = turns(5)
    made.joined(1, "a")
    assert [name for _, _, name in given_now(made)] == ["0.png", "1.png"]
    assert given_now(made) == []
    assert made.ended(1, 0, well("0.png"), heals=False) == [well("0.png")]
    assert [name for _, _, name in given_now(made)] == ["2.png"]


def test_items_are_pulled_only_when_somebody_has_time():
    pulled: list[int] = []

    def endless():
        for number in range(10**9):
            pulled.append(number)
            yield Item(f"{number}.png", 1, "", f"{number}.png")

    made = Turns(endless(), lambda item: item.name)
    assert made.outstanding(3) == 3
    assert not made.over
    assert len(pulled) == 3
    for worker in (1, 2):
        made.joined(worker, "a")
    assert len(list(made.give())) == 2 * SEATS
    assert len(pulled) == 2 * SEATS


def test_what_heals_is_made_alone_and_elsewhere():
    made = turns(8)
    made.joined(1, "a")
    made.joined(2, "b")
    assert [(w, t) for w, t, _ in given_now(made)] == [(1, 0), (1, 1), (2, 2), (2, 3)]
    assert made.ended(1, 0, replace(well("0.png"), error="503"), heals=True) == []
    assert given_now(made) == [(1, 4, "4.png")]  # not again on this node, where there is another
    made.ended(2, 2, well("2.png"), heals=False)
    assert given_now(made) == []  # the other picture of the only worker that may take it is waited for
    made.ended(2, 3, well("3.png"), heals=False)
    assert given_now(made) == [(2, 5, "0.png")]  # and nothing beside it
    (told,) = made.ended(2, 5, well("0.png"), heals=False)
    assert told.tries == 2


def test_what_failed_everywhere_is_told_with_its_last_reason():
    made = turns(1)
    made.joined(1, "a")
    told: list[Outcome] = []
    for number in range(TRIES):
        ((worker, ticket, _),) = given_now(made)
        told = made.ended(worker, ticket, replace(well("0.png"), error=f"fault {number}"), heals=True)
        assert bool(told) == (number == TRIES - 1)
    assert told[0].error == "fault 2"
    assert told[0].tries == TRIES
    assert made.over


def test_a_picture_whose_worker_died_three_times_is_given_up_by_name():
    made = turns(1)
    told: list[Outcome] = []
    for worker in range(TRIES):
        made.joined(worker, f"node {worker}")
        assert len(given_now(made)) == 1
        told = made.left(worker, "died")
    assert [outcome.error for outcome in told] == ["s3://in/0.png: given up after 3 tries: its worker died"]
    assert told[0].node == "node 2"
    assert made.over


def test_where_the_guilty_picture_is_known_its_neighbour_loses_no_try():
    made = turns(2)
    made.joined(1, "a")
    (_, guilty, _), (_, other, _) = given_now(made)
    assert made.left(1, "stood still", guilty) == []
    made.joined(2, "b")
    assert given_now(made) == [(2, 2, "0.png")]
    (told,) = made.ended(2, 2, well("0.png"), heals=False)
    assert told.tries == 2
    assert given_now(made) == [(2, 3, "1.png")]
    (told,) = made.ended(2, 3, well("1.png"), heals=False)
    assert told.tries == 1
    assert other == 1


def test_answers_of_those_given_up_count_for_nothing():
    made = turns(1)
    made.joined(1, "a")
    ((_, ticket, _),) = given_now(made)
    made.left(1, "froze")
    assert made.ended(1, ticket, well("0.png"), heals=False) == []
    assert made.left(1, "froze") == []
    made.joined(2, "a")
    ((_, again, _),) = given_now(made)
    assert again != ticket
    assert len(made.ended(2, again, well("0.png"), heals=False)) == 1
    assert made.ended(2, again, well("0.png"), heals=False) == []


@settings(derandomize=True, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    number=st.integers(0, 40),
    nodes=st.integers(1, 4),
    poison=st.sets(st.integers(0, 39), max_size=5),
    flaky=st.sets(st.integers(0, 39), max_size=5),
)
def test_every_picture_ends_once_and_only_poison_is_given_up(seed, number, nodes, poison, flaky):
    """Workers die of poison alone, at any moment after they got it; other pictures may fail, but heal."""
    random = Random(seed)
    made, workers, told = turns(number), dict[int, dict[int, str]](), list[Outcome]()
    bad = {f"{n}.png" for n in poison}
    sick = {f"{n}.png": random.randint(1, TRIES - 1) for n in flaky - poison}
    next_worker = 0
    for _ in range(3000):
        if made.over:
            break
        while len(workers) < nodes:
            made.joined(next_worker, f"node {next_worker % nodes}")
            workers[next_worker] = {}
            next_worker += 1
        for worker, ticket, item in made.give():
            workers[worker][ticket] = item.name
            assert len(workers[worker]) <= SEATS
        worker = random.choice([worker for worker, has in workers.items() if has])
        has = workers[worker]
        ticket, name = random.choice(list(has.items()))
        if name in bad:
            del workers[worker]
            told += made.left(worker, "died", ticket if random.random() < 0.3 else None)
        else:
            del has[ticket]
            heals = sick.get(name, 0) > 0 and bool(bad.isdisjoint(has.values()))
            sick[name] = sick.get(name, 0) - heals
            error = "503" if heals else None
            told += made.ended(worker, ticket, replace(well(name), error=error), heals=heals)
    assert made.over
    assert sorted(outcome.item.name for outcome in told) == sorted(f"{n}.png" for n in range(number))
    assert all(1 <= outcome.tries <= TRIES for outcome in told)
    assert {o.item.name for o in told if o.error and "given up" in o.error} == {
        name for name in bad if int(name[:-4]) < number
    }


@pytest.mark.parametrize("seed", range(3))
def test_random_deaths_lose_no_picture(seed):
    random = Random(seed)
    made, told = turns(500), list[str]()
    has: dict[int, list[tuple[int, str]]] = {}
    newest = 0
    while not made.over:
        while len(has) < 5:
            newest += 1
            made.joined(newest, f"node {newest % 3}")
            has[newest] = []
        for worker, ticket, item in made.give():
            has[worker].append((ticket, item.name))
        worker = random.choice([w for w in has if has[w]])
        if random.random() < 0.1:
            told += [outcome.item.name for outcome in made.left(worker, "died")]
            del has[worker]
        else:
            ticket, name = has[worker].pop(random.randrange(len(has[worker])))
            told += [outcome.item.name for outcome in made.ended(worker, ticket, well(name), heals=False)]
    assert sorted(told) == sorted(item.name for item in items(500))
