"""Seats that help another centre (异地座席): whose calls they are offered, in which groups, until when."""

from __future__ import annotations

import pytest
import pytest_twisted
from redis.asyncio import Redis

from telephony.machines import seat as machine
from telephony.queues import changes
from telephony.queues.board import Board
from tests.queues.conftest import Clock, waiting

test = pytest_twisted.ensureDeferred


async def pairs(board: Board, centre: str) -> list[tuple[str, str, str]]:
    return [(offer.attempt, offer.seat, offer.home) for offer in await board.match(centre)]


async def helpers(board: Board, centre: str) -> list[str]:
    return [seat.id for seat in await board.seats() if seat.helping(centre)]


async def helped(board: Board, **more: bool) -> None:
    """Seat 9201 of Anning, where it dispatches, helps the city's linkage seats."""
    assert await board.sign_in("9201", "110-anning", ["dispatch"])
    assert await board.join("9201", "110", ["linkage"], "530181", **more)


@test
async def test_a_helper_is_offered_the_calls_of_both_centres_and_is_told_apart(board: Board, clock: Clock) -> None:
    await helped(board)
    await board.enqueue(waiting("city", clock.now, ("linkage", 10), centre="110"))
    assert await pairs(board, "110") == [("city", "9201", "530181")]
    await board.leave("city")
    await board.release("9201", "city")
    await board.enqueue(waiting("county", clock.now, ("dispatch", 10), centre="110-anning"))
    assert await pairs(board, "110-anning") == [("county", "9201", "")]


@test
async def test_a_helper_serves_only_the_groups_that_it_was_given(board: Board, clock: Clock) -> None:
    await helped(board)
    await board.enqueue(waiting("city", clock.now, ("dispatch", 10), centre="110"))
    assert not await board.match("110")
    await board.join("9201", "110", ["linkage", "dispatch"], "530181")
    assert await pairs(board, "110") == [("city", "9201", "530181")]


@test
async def test_a_seat_that_is_held_for_one_centre_is_not_offered_at_the_other(board: Board, clock: Clock) -> None:
    await helped(board)
    await board.enqueue(waiting("city", clock.now, ("linkage", 10), centre="110"))
    await board.enqueue(waiting("county", clock.now, ("dispatch", 10), centre="110-anning"))
    assert await pairs(board, "110-anning") == [("county", "9201", "")]
    assert not await board.match("110")
    await board.leave("county")
    await board.release("9201", "county", clock.now + 10)
    assert not await board.match("110"), "its wrap-up counts everywhere"
    clock.forward(10)
    assert await pairs(board, "110") == [("city", "9201", "530181")]


@test
async def test_an_exclusive_helper_leaves_its_own_queue_until_it_is_withdrawn(board: Board, clock: Clock) -> None:
    await helped(board, exclusive=True)
    await board.enqueue(waiting("county", clock.now, ("dispatch", 10), centre="110-anning"))
    round_ = await board.match("110-anning")
    assert not round_.offers and [h.why for h in round_.hopeless] == ["no_seats"]
    assert await board.claim("9201", "by-name"), "by its name it is to be had as ever"
    await board.release("9201", "by-name")
    await board.withdraw("9201", "110")
    assert await pairs(board, "110-anning") == [("county", "9201", "")]


@test
async def test_a_helper_withdrawn_while_it_rings_has_the_call_and_the_caller_gets_no_second_seat(
    board: Board, clock: Clock
) -> None:
    await helped(board)
    await board.sign_in("9101", "110", ["linkage"])
    await board.set_status("9101", "paused", "meal")
    await board.enqueue(waiting("city", clock.now, ("linkage", 10), centre="110"))
    assert await pairs(board, "110") == [("city", "9201", "530181")]
    assert await board.ringing("9201", "city")
    assert await board.withdraw("9201", "110")
    await board.set_status("9101", "available")
    assert not await board.match("110")
    assert await board.talking("9201", "city", "call-city", "n1")
    await board.leave("city")
    await board.renew("n1", ["call-city"])
    seat = await board.seat("9201")
    assert seat is not None and (seat.state, seat.call, seat.helps) == ("talking", "call-city", ())
    assert await board.release("9201", "city")
    await board.set_status("9101", "paused", "meal")
    await board.enqueue(waiting("next", clock.now, ("linkage", 10), centre="110"))
    assert not await board.match("110"), "no new ones come"


@test
async def test_joining_twice_changes_what_was_said_and_tells_nothing_twice(board: Board) -> None:
    await helped(board)
    assert not (await board.join("9201", "110", ["linkage"], "530181")).changes
    again = await board.join("9201", "110", ["dispatch"], "530102", exclusive=True)
    wanted = (machine.Help("110", ("dispatch",), "530102", True),)
    assert [change.seat.helps for change in again.changes] == [wanted]
    assert await helpers(board, "110") == ["9201"]
    assert await board.withdraw("9201", "110")
    twice = await board.withdraw("9201", "110")
    assert twice and not twice.changes
    assert await helpers(board, "110") == []


@test
async def test_what_can_not_help_is_refused(board: Board) -> None:
    assert (await board.join("9201", "110", ["linkage"], "530181")).why == "unknown"
    assert (await board.withdraw("9201", "110")).why == "unknown"
    await helped(board)
    assert (await board.join("9201", "110-anning", ["dispatch"], "530181")).why == "own"
    for groups, home in (([], "530181"), (["linkage"], "")):
        with pytest.raises(ValueError, match="give both"):
            await board.join("9201", "110", groups, home)


@test
async def test_help_outlives_restarts_of_nodes_and_losses_of_the_phone(client: Redis, board: Board, clock: Clock) -> None:
    await helped(board)
    other = Board(client, board.prefix, clock)
    await other.define("9201", "110-anning", ["dispatch"])
    await other.reset_node("n1")
    await other.sign_out("9201", "restart")
    await other.enqueue(waiting("city", clock.now, ("linkage", 10), centre="110"))
    assert not await other.match("110")
    await other.sign_in("9201", "110-anning", ["dispatch"])
    assert await pairs(other, "110") == [("city", "9201", "530181")]


@test
async def test_a_seat_that_moves_to_the_centre_that_it_helps_is_simply_its_own_and_one_forgotten_helps_nobody(
    board: Board, clock: Clock
) -> None:
    await helped(board)
    await board.join("9201", "110-yiliang", ["dispatch"], "530181")
    await board.define("9201", "110", ["dispatch"])
    await board.enqueue(waiting("city", clock.now, ("dispatch", 10), centre="110"))
    assert await pairs(board, "110") == [("city", "9201", "")]
    assert await helpers(board, "110-yiliang") == ["9201"]
    await board.forget("9201")
    await board.define("9201", "110-anning", ["dispatch"])
    assert await helpers(board, "110-yiliang") == []


@test
async def test_both_queues_are_looked_at_when_a_helper_comes_free_its_own_first(board: Board) -> None:
    await helped(board)
    await board.claim("9201", "a")
    news = board.changes()
    assert await news.__anext__() == changes.EVERY
    await board.release("9201", "a")
    assert [await news.__anext__(), await news.__anext__()] == ["110-anning", "110"]
    await news.close()


@test
async def test_an_attempt_that_moves_on_keeps_the_seat_that_is_held_for_it(board: Board, clock: Clock) -> None:
    await board.sign_in("9201", "110-anning", ["dispatch"])
    await board.sign_in("9001", "110", ["dispatch"])
    await board.enqueue(waiting("a", clock.now, ("dispatch", 10), centre="110-anning"))
    assert await pairs(board, "110-anning") == [("a", "9201", "")]
    await board.enqueue(waiting("a", clock.now, ("dispatch", 10), centre="110"))
    assert not await board.match("110")
    assert [queued.seat for queued in await board.waiting("110")] == ["9201"]
