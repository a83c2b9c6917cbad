"""What is to be made, decided from listings and books alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mssn.cluster.item import Item, Outcome
from mssn.cluster.ledger import Ledger
from mssn.cluster.store import Entry
from mssn.cluster.todo import Left, Todo
from mssn.upscaling.jobs import Job
from mssn.upscaling.naming import apart, writable


class Shelf:
    """Files in memory: name -> content."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def list(self, **_: Any) -> Iterator[Entry]:
        for name in sorted(self.files, key=os.fsencode):
            yield Entry(name, len(self.files[name]), str(hash(self.files[name])))

    def read(self, name: str) -> bytes:
        return self.files[name]

    def write(self, name: str, content: bytes) -> None:
        self.files[name] = content

    def url_of(self, name: str) -> str:
        return f"shelf://{name}"


class World:
    """Two stores, books, and runs that may be cut short."""

    def __init__(self, scratch: Path) -> None:
        self.sources, self.results, self.books = Shelf(), Shelf(), Shelf()
        self._scratch, self._runs = scratch, 0

    def run(
        self,
        settings: str = "a",
        *,
        stop_after: int = 10**9,
        books_lost: int = 0,
        fail: tuple[str, ...] = (),
        **options: Any,
    ) -> tuple[list[str], dict[str, str]]:
        """One run; the names that were made in it, and why others were left.

        Args:
            settings: How results look.
            stop_after: The driver is killed after so many pictures.
            books_lost: So many of the last outcomes are not noted any more when it is.
            fail: Sources that cannot be made.
        """
        self._runs += 1
        scratch = self._scratch / str(self._runs)
        scratch.mkdir()
        ledger = Ledger(self.books, "in", settings, scratch)  # pyright: ignore[reportArgumentType]
        todo = Todo(self.sources.list(), self.results.list(), ledger, settings, scratch=scratch, **options)
        made, left, outcomes = [], {}, []
        for one in todo:
            if isinstance(one, Left):
                left[one.item.name] = one.why
                continue
            if len(made) == stop_after:
                break
            made.append(one.name)
            if one.name in fail:
                outcomes.append(Outcome(one, error="no picture"))
            else:
                self.results.files[one.target] = f"{settings} of {one.name} {one.mark}".encode(
                    errors="surrogateescape"
                )
                outcomes.append(Outcome(one, one.target))
        killed = stop_after < 10**9
        for outcome in outcomes[: len(outcomes) - books_lost if killed else None]:
            ledger.note(outcome, {"name": outcome.item.name})
        ledger.flush()
        ledger.close()
        todo.close()
        return made, left


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    for name in ("a.png", "b.jpg", "sub/a.png", "c.gif", "c.png", "d.bmp", "d.gif", "notes.txt", "film.mp4"):
        world.sources.files[name] = name.encode()
    world.sources.files[".hidden.png"] = b"h"
    return world


PICTURES = ["a.png", "b.jpg", "c.gif", "c.png", "d.bmp", "d.gif", "sub/a.png"]


def test_every_picture_is_made_once(world: World) -> None:
    made, left = world.run()
    assert sorted(made) == PICTURES and not left
    assert world.run() == ([], dict.fromkeys(PICTURES, "kept"))


def test_results_are_called_as_on_one_machine(world: World) -> None:
    world.run()
    jobs = [Job(Path("/in", name), writable(Path("/out", name), Path("/in", name))) for name in PICTURES]
    names = {str(job.target.relative_to("/out")) for job in apart(jobs)[0]}
    assert set(world.results.files) == names
    assert len(names) == len(PICTURES)


def test_whatever_else_lies_there_is_counted(world: World, tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    ledger = Ledger(world.books, "in", "a", tmp_path / "s")  # pyright: ignore[reportArgumentType]
    todo = Todo(world.sources.list(), world.results.list(), ledger, "a", scratch=tmp_path / "s")
    list(todo)
    seen = todo.seen
    assert (seen.pictures, seen.films, seen.hidden, dict(seen.strangers)) == (7, 1, 1, {".txt": 1})
    assert seen.whole
    assert {name for name, _, _ in seen.renamed} == {"c.gif", "d.gif"}


def test_other_settings_make_anew_and_so_does_another_source(world: World) -> None:
    world.run("a")
    assert sorted(world.run("b")[0]) == PICTURES
    world.sources.files["a.png"] = b"another"
    assert world.run("b")[0] == ["a.png"]


def test_a_result_that_is_gone_is_made_again(world: World) -> None:
    world.run()
    del world.results.files["b.jpg"]
    assert world.run()[0] == ["b.jpg"]


def test_failures_are_left_alone_unless_asked(world: World) -> None:
    world.run(fail=("b.jpg",))
    made, left = world.run()
    assert made == [] and left["b.jpg"] == "failed"
    assert world.run(retry_failed=True)[0] == ["b.jpg"]
    assert world.run()[1]["b.jpg"] == "kept"


def test_a_failure_with_other_settings_or_of_another_source_is_tried(world: World) -> None:
    world.run(fail=("b.jpg",))
    assert "b.jpg" in world.run("b")[0]
    world.run("a", fail=("b.jpg",), force=True)
    world.sources.files["b.jpg"] = b"mended"
    assert world.run("a")[0] == ["b.jpg"]


def test_what_others_put_there_stays(world: World) -> None:
    world.results.files["a.png"] = b"by hand"
    made, left = world.run()
    assert "a.png" not in made and left == {"a.png": "exists"}
    assert world.results.files["a.png"] == b"by hand"
    assert "a.png" in world.run(force=True)[0]


def test_books_of_another_input_are_not_about_this_one(world: World, tmp_path: Path) -> None:
    world.run()
    (tmp_path / "o").mkdir()
    ledger = Ledger(world.books, "elsewhere", "a", tmp_path / "o")  # pyright: ignore[reportArgumentType]
    assert ledger.known("a.png") is None


@settings(max_examples=40, deadline=None)
@given(
    stops=st.lists(st.tuples(st.integers(0, 8), st.integers(0, 3), st.sampled_from("ab")), max_size=4),
    data=st.data(),
)
def test_runs_that_are_killed_leave_nothing_out_and_make_nothing_twice(
    tmp_path_factory: pytest.TempPathFactory, stops: list[tuple[int, int, str]], data: st.DataObject
) -> None:
    """Whatever runs were killed before and could not note: the last one leaves what it should."""
    world = World(tmp_path_factory.mktemp("world"))
    for name in data.draw(st.sets(st.sampled_from(PICTURES), min_size=1)):
        world.sources.files[name] = name.encode()
    previous, before = "", set[str]()
    for after, lost, look in stops:
        old = dict(world.results.files)
        made, _ = world.run(look, stop_after=after, books_lost=lost)
        assert look != previous or not set(made) & before, "made again"
        # One that equals what lay there before cannot be told from it when the note is lost.
        results = world.results.files.items()
        equal = {content.split()[2].decode() for name, content in results if old.get(name) == content}
        previous, before = look, set(made) - equal
    world.run("a")
    assert len(world.results.files) >= len(world.sources.files)
    mine = {content.split()[2].decode() for content in world.results.files.values() if content[:1] == b"a"}
    assert mine == set(world.sources.files)
    assert world.run("a")[0] == []


def test_sidecars_go_with_their_pictures(world: World, tmp_path: Path) -> None:
    for name in ("a.xmp", "c.gif.xmp", "d.xmp", "lost.xmp", "sub/a.png.xmp"):
        world.sources.files[name] = b"<x/>"
    ledger = Ledger(world.books, "in", "a", tmp_path)  # pyright: ignore[reportArgumentType]
    todo = Todo(world.sources.list(), world.results.list(), ledger, "a", scratch=tmp_path)
    list(todo)
    copies = {(item.name, item.target) for item in todo.sidecars()}
    assert copies == {
        ("a.xmp", "a.xmp"),
        ("c.gif.xmp", "c.gif.png.xmp"),
        ("d.xmp", "d.xmp"),
        ("d.xmp", "d.gif.xmp"),
        ("sub/a.png.xmp", "sub/a.png.xmp"),
    }


def test_settings_that_change_no_byte_are_not_made_again_and_again(world: World) -> None:
    world.run("a")
    marks = dict(world.results.files)
    world.run("b")
    world.results.files |= marks  # as if the results of both were equal
    assert world.run("b") == ([], dict.fromkeys(PICTURES, "kept"))


def test_names_that_are_no_text_are_right(world: World) -> None:
    """Bytes that are no UTF-8, as folders may hold; those sort before others by bytes, but not as text."""
    for name in ("x\udcff.bmp", "x\U0001f600.bmp", "x\ue000.png", "x\udcff.png"):
        world.sources.files[name] = b"x"
    made, _ = world.run()
    assert len(made) == len(PICTURES) + 4
    assert {"x\udcff.png", "x\udcff.bmp.png"} <= set(world.results.files)
    assert world.run()[0] == []


def test_what_storage_has_failed_is_tried_again_by_itself(world: World, tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    ledger = Ledger(world.books, "in", "a", tmp_path / "s")  # pyright: ignore[reportArgumentType]
    item = Item("b.jpg", 5, "m", "b.jpg")
    ledger.plan([item])
    ledger.note(Outcome(item, error="s3://b/b.jpg: no answer", passing=True), {"error": "no answer"})
    ledger.flush()
    made, left = world.run()
    assert "b.jpg" in made and left == {}
