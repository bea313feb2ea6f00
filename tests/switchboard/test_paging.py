"""Pages on a node: whose turn it is, how many at a time, and how one is stopped wherever it is."""

from __future__ import annotations

import pytest

from telephony import contract
from telephony.ipc import messages
from tests.switchboard.node import HandyRoom, Node


def test_urgent_pages_go_first_and_among_equals_the_earlier() -> None:
    node = Node(pages=1)
    for name, urgent in (("p0", False), ("p1", False), ("p2", True), ("p3", False), ("p4", True)):
        assert node.page(name, urgent=urgent).result == {"page": name}
    for number in range(5):
        assert len(node.rooms.used) == number + 1, "one at a time"
        node.end(node.rooms.used[number])
    assert [room.dialled[-1] for room in node.rooms.used] == ["0", "2", "4", "1", "3"]


def test_an_urgent_page_goes_first_also_when_it_comes_while_there_is_no_room() -> None:
    node = Node(ready=0)
    node.page("p1")
    node.page("p2")
    node.page("p3", urgent=True)
    room = HandyRoom("late")
    node.rooms.free(room)
    assert room.dialled[-1] == "3"
    node.rooms.free(None)
    node.clock.advance(2)
    second = HandyRoom("later")
    node.rooms.free(second)
    assert second.dialled[-1] == "1", "and a room that did not come is asked for again"


def test_no_more_pages_at_a_time_than_the_configuration_allows() -> None:
    node = Node(pages=2)
    for number in range(5):
        node.page(f"p{number}")
    assert len(node.rooms.used) == 2
    node.end(node.rooms.used[0])
    assert len(node.rooms.used) == 3
    assert node.done("p0") is not None and node.done("p1") is None


def test_a_page_that_waits_is_taken_out_of_the_line_and_never_called() -> None:
    node = Node(pages=1)
    for name in ("p1", "p2", "p3"):
        node.page(name)
    assert node.stop("p2") == "stopped"
    done = node.done("p2")
    assert done is not None
    assert (done.outcome, done.call, done.to, done.rang_at, done.answered_at) == ("stopped", "", "13900000002", None, None)
    node.end(node.rooms.used[0])
    assert [room.dialled[-1] for room in node.rooms.used] == ["1", "3"]
    assert node.stop("p2") == "stopped", "asked again, it has ended as before"


def test_a_page_that_is_stopped_while_it_waits_for_a_room_gives_the_room_back() -> None:
    node = Node(ready=0)
    node.page("p1")
    assert node.stop("p1") == "stopped"
    room = HandyRoom("late")
    node.rooms.free(room)
    assert node.rooms.back == [room] and not room.told
    node.page("p2")
    other = HandyRoom("next")
    node.rooms.free(other)
    assert other.dialled[-1] == "2"


@pytest.mark.parametrize("rings", [False, True])
def test_a_phone_that_is_dialled_or_rings_is_let_go(rings: bool) -> None:
    node = Node()
    node.page("p1")
    [room] = node.rooms.used
    if rings:
        room.say(messages.Progress(leg=room.leg, code=180))
    assert node.stop("p1") == "stopped"
    assert [one.leg for one in room.sent(messages.HangUp)] == [room.leg]
    assert node.done("p1") is None, "the phone has not let go yet"
    assert node.stop("p1") == "stopped"
    node.end(room, 487)
    done = node.done("p1")
    assert done is not None and (done.outcome, done.rang_at is not None) == ("stopped", rings)
    assert node.stop("p1") == "stopped"


def test_who_has_answered_hears_why_before_it_is_hung_up() -> None:
    node = Node()
    node.page("p1")
    [room] = node.rooms.used
    room.answer()
    assert node.stop("p1") == "stopped"
    assert room.play_out()[-1] == "page_taken"
    assert room.sent(messages.HangUp)
    node.end(room, 200)
    done = node.done("p1")
    assert done is not None and (done.outcome, done.answered_at is not None) == ("stopped", True)


def test_a_key_that_was_pressed_before_the_stop_counts() -> None:
    node = Node()
    node.page("p1")
    [room] = node.rooms.used
    room.answer()
    room.say(messages.Digit(leg=room.leg, digit="1"))
    assert node.stop("p1") == "accepted"
    assert room.play_out()[-1] == "page_accepted"
    node.end(room, 200)
    done = node.done("p1")
    assert done is not None and (done.outcome, done.digit) == ("accepted", "1")
    assert node.stop("p1") == "accepted"


def test_a_page_that_nobody_knows_is_no_error() -> None:
    assert Node().stop("never-heard-of") == "unknown"


def test_a_page_whose_stop_came_first_is_told_as_stopped_and_never_called() -> None:
    node = Node()
    node.exchange.page_stopped(contract.Page(id="p1", to="13900000001", speech=(contract.Text("请注意。"),)))
    done = node.done("p1")
    assert done is not None and done.outcome == "stopped"
    assert node.answers["p1"].ok and not node.rooms.used


def test_a_node_that_stops_begins_no_page_and_leaves_them_to_its_next_life() -> None:
    node = Node(pages=1)
    node.page("p1")
    node.page("p2")
    node.exchange.paging.close()
    node.end(node.rooms.used[0])
    node.clock.advance(10)
    assert len(node.rooms.used) == 1 and "p2" not in node.ended


def test_the_matter_of_a_page_is_a_fact_of_its_call() -> None:
    node = Node()
    node.page("p1", case="k1")
    [session] = node.exchange.calls.values()
    assert session.call.case == "k1"
