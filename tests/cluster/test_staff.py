"""How many workers are on which node."""

from __future__ import annotations

from mssn.cluster.staff import Staff


def hire(staff: Staff, wanted: int) -> list[str]:
    found = []
    while (node := staff.opening(wanted)) is not None:
        staff.hired(node)
        found.append(node)
    return found


def staff(**seats: int) -> Staff:
    made = Staff()
    for node, number in seats.items():
        made.opened(node, number)
    return made


def test_no_more_workers_than_work_or_seats_and_spread_over_the_nodes():
    made = staff(a=3, b=1)
    assert made.seats == 4
    assert hire(made, 2) == ["a", "b"]
    assert hire(made, 3) == ["a"]
    assert hire(made, 100) == ["a"]


def test_who_is_lost_is_replaced_rather_elsewhere():
    made = staff(a=2, b=2)
    assert hire(made, 1) == ["a"]
    assert not made.lost("a", ready=True)
    assert hire(made, 1) == ["b"]


def test_a_node_whose_workers_never_start_gets_no_more():
    made = staff(a=1)
    for last in (False, False, True):
        assert hire(made, 5) == ["a"]
        assert made.lost("a", ready=False) == last
    assert made.seats == 0
    assert hire(made, 5) == []


def test_one_that_starts_clears_its_node():
    made = staff(a=1)
    for _ in range(5):
        hire(made, 1)
        assert not made.lost("a", ready=False)
        hire(made, 1)
        made.ready("a")
        assert not made.lost("a", ready=True)


def test_workers_of_a_node_that_went_are_forgotten():
    made = staff(a=2)
    hire(made, 2)
    made.closed("a")
    assert not made.lost("a", ready=True)
    made.ready("a")
    made.opened("a", 2)
    assert hire(made, 2) == ["a", "a"]
