"""Who gets which seat, and when."""

from __future__ import annotations

import msgspec
import pytest
import pytest_twisted

from telephony.queues.board import Board
from tests.queues.conftest import Clock, waiting

test = pytest_twisted.ensureDeferred


async def pairs(board: Board, centre: str = "12345", **options: object) -> list[tuple[str, str]]:
    return [(offer.attempt, offer.seat) for offer in await board.match(centre, **options)]  # type: ignore[arg-type]


async def sign_in(board: Board, *seats: str, group: str = "desk", priority: int = 0, centre: str = "12345") -> None:
    for seat in seats:
        assert await board.sign_in(seat, centre, group.split(","), priority)


@test
async def test_a_waiting_call_gets_the_seat_that_has_been_idle_longest(board: Board, clock: Clock) -> None:
    await sign_in(board, "8002")
    clock.forward(5)
    await sign_in(board, "8001")
    await board.enqueue(waiting("a", clock.now))
    round_ = await board.match("12345")
    [offer] = round_.offers
    assert (offer.attempt, offer.call, offer.seat, offer.step, offer.node) == ("a", "call-a", "8002", 0, "n1")
    assert offer.expires == clock.now + 30
    seat = await board.seat("8002")
    assert seat is not None and (seat.state, seat.owner, seat.status) == ("reserved", "a", "available")


@test
async def test_a_lower_priority_figure_goes_before_a_longer_idle_time(board: Board, clock: Clock) -> None:
    await sign_in(board, "8001", priority=5)
    clock.forward(60)
    await sign_in(board, "8002", priority=1)
    await board.enqueue(waiting("a", clock.now))
    assert await pairs(board) == [("a", "8002")]


@test
async def test_order_is_rank_then_time_then_arrival(board: Board, clock: Clock) -> None:
    now = clock.now
    for attempt, since, rank in (("late", now, 1), ("ordinary", now - 50, 2), ("early", now - 9, 1), ("twin", now, 1)):
        await board.enqueue(waiting(attempt, since, rank=rank))
    await board.enqueue(waiting("lost", now, rank=0))
    await sign_in(board, "8001", "8002", "8003", "8004", "8005")
    assert [a for a, _ in await pairs(board)] == ["lost", "early", "late", "twin", "ordinary"]


@test
async def test_requeued_at_head_goes_before_everybody(board: Board, clock: Clock) -> None:
    await board.enqueue(waiting("first", clock.now - 100, rank=0))
    await board.requeue_at_head(waiting("back", clock.now, rank=1))
    await board.requeue_at_head(waiting("later", clock.now, rank=1))
    assert [q.waiting.id for q in await board.waiting("12345")] == ["later", "back", "first"]


@test
async def test_nobody_gets_a_seat_that_is_held_and_nobody_gets_two(board: Board, clock: Clock) -> None:
    await sign_in(board, "8001", "8002", "8003")
    await board.enqueue(waiting("a", clock.now))
    await board.enqueue(waiting("b", clock.now + 1))
    first = await pairs(board)
    assert sorted(a for a, _ in first) == ["a", "b"] and len({s for _, s in first}) == 2
    assert await pairs(board) == []


@test
async def test_a_call_that_cannot_be_served_does_not_block_those_behind_it(board: Board, clock: Clock) -> None:
    await sign_in(board, "8001", group="english")
    await sign_in(board, "8002", group="desk")
    await board.set_status("8001", "paused", "lunch")
    await board.enqueue(waiting("e", clock.now - 100, ("english", 10)))
    await board.enqueue(waiting("d", clock.now, ("desk", 10)))
    assert await pairs(board) == [("d", "8002")]


@test
async def test_the_next_step_joins_after_the_wait_of_the_first(board: Board, clock: Clock) -> None:
    await sign_in(board, "9101", group="linkage")
    await sign_in(board, "9001", group="desk")
    await board.claim("9101", "other")
    await board.ringing("9101", "other", ttl=300)
    await board.enqueue(waiting("a", clock.now, ("linkage", 10), ("desk", 10)))
    assert await pairs(board) == []
    assert await board.next_wakeup("12345") == clock.now + 10
    clock.forward(9.999)
    assert await pairs(board) == []
    clock.forward(0.001)
    round_ = await board.match("12345")
    assert [(o.seat, o.step) for o in round_] == [("9001", 1)]


@test
async def test_a_step_without_anybody_signed_in_is_skipped_at_once(board: Board, clock: Clock) -> None:
    await sign_in(board, "9101", group="linkage")
    await sign_in(board, "9001", group="desk")
    await board.sign_out("9101", "expired")
    await board.enqueue(waiting("a", clock.now, ("nobody", 10), ("linkage", 10), ("desk", 10)))
    assert await pairs(board) == [("a", "9001")]


@test
async def test_busy_seats_do_not_skip_their_step_unless_its_wait_is_zero(board: Board, clock: Clock) -> None:
    await sign_in(board, "9101", group="linkage")
    await sign_in(board, "9001", group="desk")
    await board.busy_by_own_call("9101", "own", "c", "n1")
    await board.enqueue(waiting("patient", clock.now, ("linkage", 10), ("desk", 10)))
    await board.enqueue(waiting("hasty", clock.now, ("linkage", 0), ("desk", 10)))
    assert await pairs(board) == [("hasty", "9001")]


@test
async def test_a_seat_of_an_earlier_step_goes_before_one_of_a_later(board: Board, clock: Clock) -> None:
    await sign_in(board, "9001", group="desk", priority=0)
    clock.forward(100)
    await sign_in(board, "9101", group="linkage", priority=9)
    await board.enqueue(waiting("a", clock.now - 60, ("linkage", 10), ("desk", 10)))
    assert await pairs(board) == [("a", "9101")]


@test
async def test_a_seat_that_did_not_answer_is_tried_last_and_after_a_rest(board: Board, clock: Clock) -> None:
    await sign_in(board, "8001")
    clock.forward(1)
    await sign_in(board, "8002")
    await board.enqueue(waiting("a", clock.now))
    assert await pairs(board) == [("a", "8001")]
    await board.ringing("8001", "a")
    clock.forward(10)
    assert await board.release("8001", "a")
    assert await pairs(board) == [("a", "8002")]
    await board.ringing("8002", "a")
    clock.forward(10)
    assert await board.release("8002", "a")
    assert await pairs(board) == [("a", "8001")]


@test
async def test_a_phone_that_refuses_at_once_is_not_rung_without_a_pause(board: Board, clock: Clock) -> None:
    await sign_in(board, "8001")
    await board.enqueue(waiting("a", clock.now))
    assert await pairs(board) == [("a", "8001")]
    await board.release("8001", "a")
    round_ = await board.match("12345")
    assert not round_.offers and not round_.hopeless and round_.wakeup == clock.now + 5
    clock.forward(5)
    assert await pairs(board) == [("a", "8001")]


@test
async def test_a_tried_seat_serves_again_while_the_untried_ones_talk_for_long(board: Board, clock: Clock) -> None:
    await sign_in(board, "8001", "8002")
    await board.busy_by_own_call("8002", "own", "c", "n1")
    await board.enqueue(waiting("a", clock.now, exclude=("8001",)))
    clock.forward(60)
    assert await pairs(board) == [("a", "8001")]


@test
async def test_a_transfer_that_everybody_let_ring_is_hopeless_and_told_once(board: Board, clock: Clock) -> None:
    await sign_in(board, "9001", centre="110")
    await board.enqueue(waiting("t", clock.now, centre="110", exclude=("9001",), again=False))
    round_ = await board.match("110")
    assert [(h.attempt, h.call, h.why) for h in round_.hopeless] == [("t", "call-t", "tried")]
    assert not (await board.match("110")).hopeless
    clock.forward(20)
    assert [(h.attempt, h.why) for h in (await board.match("110")).hopeless] == [("t", "tried")]
    await sign_in(board, "9002", centre="110")
    assert await pairs(board, "110") == [("t", "9002")]


@test
async def test_waiting_where_nobody_is_signed_in_is_told(board: Board, clock: Clock) -> None:
    await board.define("8001", "12345", ["desk"])
    await board.enqueue(waiting("a", clock.now))
    assert [h.why for h in (await board.match("12345")).hopeless] == ["no_seats"]
    await board.sign_in("8001", "12345", ["desk"])
    await board.set_status("8001", "paused", "lunch")
    round_ = await board.match("12345")
    assert not round_.hopeless and not round_.offers


@test
async def test_an_unreachable_seat_is_skipped_then_tried_last_and_never_halts_the_queue(board: Board, clock: Clock) -> None:
    await sign_in(board, "8001")
    clock.forward(1)
    await sign_in(board, "8002")
    await board.enqueue(waiting("a", clock.now))
    assert await pairs(board) == [("a", "8001")]
    clock.forward(2)
    await board.release("8001", "a", unreachable=True)
    assert await pairs(board) == [("a", "8002")]
    await board.enqueue(waiting("b", clock.now))
    assert await pairs(board) == []
    clock.forward(10)
    assert await pairs(board) == [("b", "8001")]
    await board.release("8001", "b", unreachable=True)
    await board.sign_in("8001", "12345", ["desk"])
    await board.enqueue(waiting("c", clock.now))
    assert await pairs(board) == [("c", "8001")], "a new registration takes the mark away"


@test
async def test_the_next_step_opens_at_once_when_the_only_phone_of_the_first_is_unreachable(board: Board, clock: Clock) -> None:
    await sign_in(board, "9101", group="linkage")
    await sign_in(board, "9001", group="desk")
    await board.enqueue(waiting("a", clock.now, ("linkage", 10), ("desk", 10)))
    assert await pairs(board) == [("a", "9101")]
    clock.forward(2)
    await board.release("9101", "a", unreachable=True)
    assert await pairs(board) == [("a", "9001")]


@test
async def test_the_next_step_opens_at_once_when_all_of_the_first_were_tried(board: Board, clock: Clock) -> None:
    await sign_in(board, "9101", group="linkage")
    await sign_in(board, "9001", group="desk")
    await board.enqueue(waiting("a", clock.now, ("linkage", 30), ("desk", 10)))
    assert await pairs(board) == [("a", "9101")]
    clock.forward(1)
    await board.release("9101", "a")
    assert await pairs(board) == [("a", "9001")]


@test
async def test_two_hundred_calls_find_two_hundred_seats_in_order(board: Board, clock: Clock) -> None:
    for i in range(200):
        await board.sign_in(f"{8000 + i}", "12345", ["desk"], priority=i // 100)
        clock.forward(1)
    for i in range(200):
        await board.enqueue(waiting(f"a{i:03}", clock.now - 1000 + i))
    assert await pairs(board) == [(f"a{i:03}", f"{8000 + i}") for i in range(200)]


@test
async def test_position_counts_those_before_who_compete(board: Board, clock: Clock) -> None:
    await board.enqueue(waiting("x", clock.now - 9, ("english", 10)))
    await board.enqueue(waiting("a", clock.now - 8, ("desk", 10)))
    await board.enqueue(waiting("b", clock.now - 7, ("linkage", 10), ("desk", 10)))
    await board.enqueue(waiting("c", clock.now - 6, ("desk", 10)))
    assert [await board.position(a) for a in ("x", "a", "b", "c", "nobody")] == [1, 1, 2, 3, 0]
    await sign_in(board, "8001")
    assert await pairs(board) == [("a", "8001")]
    assert [await board.position(a) for a in ("x", "a", "b", "c")] == [1, 0, 1, 2]
    await board.leave("a")
    await board.leave("b")
    assert await board.position("c") == 1
    assert not await board.leave("b")


@test
async def test_putting_an_attempt_back_keeps_its_place_and_its_seat(board: Board, clock: Clock) -> None:
    await board.enqueue(waiting("a", clock.now))
    await board.enqueue(waiting("b", clock.now))
    await board.enqueue(waiting("a", clock.now))
    assert [q.waiting.id for q in await board.waiting("12345")] == ["a", "b"]
    await sign_in(board, "8001", "8002")
    await board.match("12345")
    await board.enqueue(waiting("a", clock.now))
    assert [(q.waiting.id, q.seat) for q in await board.waiting("12345")] == [("a", "8001"), ("b", "8002")]
    assert await pairs(board) == []


@test
async def test_an_attempt_that_overflows_waits_at_one_centre_only(board: Board, clock: Clock) -> None:
    await board.enqueue(waiting("a", clock.now))
    await board.enqueue(waiting("a", clock.now, centre="110"))
    assert await board.waiting("12345") == []
    assert [q.waiting.id for q in await board.waiting("110")] == ["a"]


@test
async def test_a_node_takes_seats_for_its_own_calls_only_and_overtakes_nobody(board: Board, clock: Clock) -> None:
    await sign_in(board, "8001")
    await board.enqueue(waiting("theirs", clock.now - 5, node="n2"))
    await board.enqueue(waiting("ours", clock.now, node="n1"))
    assert await pairs(board, node="n1") == []
    await sign_in(board, "8002")
    assert await pairs(board, node="n1") == [("ours", "8002")]
    assert await pairs(board, node="n2") == [("theirs", "8001")]


@test
async def test_a_call_without_steps_or_an_id_that_cannot_be_kept_is_refused(board: Board, clock: Clock) -> None:
    with pytest.raises(ValueError, match="no steps"):
        await board.enqueue(msgspec.structs.replace(waiting("a", clock.now), steps=()))
    with pytest.raises(ValueError, match="no id"):
        await board.sign_in("8001", "12345", ["a,b"])


@test
async def test_time_alone_is_foreseen(board: Board, clock: Clock) -> None:
    assert await board.next_wakeup("12345") is None
    await sign_in(board, "8001", "8002")
    await board.set_status("8001", "wrap-up", until=clock.now + 7)
    assert await board.next_wakeup("12345") == clock.now + 7
    await board.enqueue(waiting("a", clock.now))
    round_ = await board.match("12345", ttl=3)
    assert round_.wakeup == clock.now + 3 == await board.next_wakeup("12345")
    clock.forward(3)
    await board.match("12345")
    assert await board.next_wakeup("12345") == clock.now + 4
