"""The order in which pages that wait are made."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from telephony import contract
from telephony.machines import pageline


def page(name: str, urgent: bool = False) -> contract.Page:
    return contract.Page(id=name, to="7001", speech=(contract.Text("请注意。"),), urgent=urgent)


def emptied(line: pageline.PageLine) -> list[str]:
    found = []
    while (one := line.take()) is not None:
        found.append(one.id)
    return found


def test_urgent_pages_go_first_and_among_equals_the_earlier() -> None:
    line = pageline.PageLine()
    for name, urgent in (("a", False), ("b", True), ("c", False), ("d", True), ("e", True)):
        line.add(page(name, urgent))
    assert emptied(line) == ["b", "d", "e", "a", "c"]


def test_a_page_that_is_dropped_is_not_made_and_one_that_comes_twice_is_made_once() -> None:
    line = pageline.PageLine()
    for name in ("a", "b", "c", "a"):
        line.add(page(name))
    dropped = line.drop("b")
    assert dropped is not None and dropped.id == "b"
    assert line.drop("b") is None
    assert len(line) == 2
    assert emptied(line) == ["a", "c"]


steps = st.one_of(
    st.tuples(st.just("add"), st.sampled_from("abcdef"), st.booleans()),
    st.tuples(st.just("drop"), st.sampled_from("abcdef")),
    st.tuples(st.just("take")),
)


@given(st.lists(steps, max_size=40))
def test_any_history_leaves_the_order_of_a_sorted_list(history: list[tuple[object, ...]]) -> None:
    line = pageline.PageLine()
    waiting: list[tuple[bool, int, str]] = []
    for number, step in enumerate(history):
        if step[0] == "add":
            name, urgent = str(step[1]) + ("!" if step[2] else ""), bool(step[2])
            line.add(page(name, urgent))
            if name not in [one[2] for one in waiting]:
                waiting.append((not urgent, number, name))
        elif step[0] == "drop":
            line.drop(str(step[1]))
            waiting = [one for one in waiting if one[2] != step[1]]
        else:
            taken = line.take()
            first = min(waiting, default=None)
            assert (taken.id if taken else None) == (first[2] if first else None)
            waiting = [one for one in waiting if one is not first]
        assert len(line) == len(waiting)
    assert emptied(line) == [one[2] for one in sorted(waiting)]
