"""What happens to one seat: status, state, wrap-up, owners, leases."""

from __future__ import annotations

import pytest
import pytest_twisted
from redis.asyncio import Redis

from telephony import aio
from telephony.machines import seat as machine
from telephony.queues import errors
from telephony.queues.board import Board
from tests.queues.conftest import Clock, waiting

test = pytest_twisted.ensureDeferred


async def see(board: Board, seat: str = "8001") -> machine.Seat:
    found = await board.seat(seat)
    assert found is not None
    return found


async def talk(board: Board, owner: str = "a", seat: str = "8001", node: str = "n1") -> None:
    """Bring a seat into a talk by a claim."""
    assert await board.claim(seat, owner, call=f"call-{owner}", node=node)
    assert await board.ringing(seat, owner)
    assert await board.talking(seat, owner, f"call-{owner}", node)


@test
async def test_a_phone_that_registers_makes_its_seat_available_if_so_configured(board: Board, clock: Clock) -> None:
    signed = await board.sign_in("8001", "12345", ["desk", "english"], 3)
    [change] = signed.changes
    assert change.at == clock.now and change.seat == await see(board)
    assert (change.seat.status, change.seat.groups, change.seat.priority) == ("available", ("desk", "english"), 3)
    assert change.span == machine.Span("8001", "12345", "off", "", clock.now, clock.now)
    await board.sign_in("8002", "12345", ["desk"], available=False)
    waits = await see(board, "8002")
    assert waits.registered and waits.status == "off"
    await board.set_status("8002", "available")
    assert (await see(board, "8002")).free


@test
async def test_registering_again_changes_no_status_and_tells_nothing(board: Board) -> None:
    await board.sign_in("8001", "12345", ["desk"])
    await board.set_status("8001", "paused", "lunch")
    again = await board.sign_in("8001", "12345", ["desk"])
    assert again and not again.changes
    assert (await see(board)).status == "paused"


@test
async def test_status_intervals_come_with_their_reasons(board: Board, clock: Clock) -> None:
    await board.sign_in("8001", "12345", ["desk"])
    began = clock.now
    clock.forward(60)
    paused = await board.set_status("8001", "paused", "lunch")
    assert paused.changes[0].span == machine.Span("8001", "12345", "available", "", began, clock.now)
    clock.forward(1800)
    back = await board.set_status("8001", "available")
    assert back.changes[0].span == machine.Span("8001", "12345", "paused", "lunch", began + 60, clock.now)


@test
async def test_a_pause_asked_for_during_a_call_is_the_status_at_once_and_after_it(board: Board, clock: Clock) -> None:
    await board.sign_in("8001", "12345", ["desk"])
    await talk(board)
    await board.set_status("8001", "paused", "lunch")
    seat = await see(board)
    assert (seat.status, seat.state) == ("paused", "talking")
    assert await board.release("8001", "a", clock.now + 10)
    seat = await see(board)
    assert (seat.status, seat.reason, seat.state) == ("paused", "lunch", "idle")


@test
async def test_wrap_up_ends_by_time_exactly_when_it_should(board: Board, clock: Clock) -> None:
    await board.sign_in("8001", "12345", ["desk"])
    await talk(board)
    assert await board.release("8001", "a", clock.now + 10)
    assert (await see(board)).status == "wrap-up"
    await board.enqueue(waiting("b", clock.now))
    assert not await board.match("12345")
    began = clock.now
    clock.forward(25)
    assert (await see(board)).status == "available", "seen before anybody has stored it"
    round_ = await board.match("12345")
    assert [o.seat for o in round_] == ["8001"]
    assert round_.changes[0].span == machine.Span("8001", "12345", "wrap-up", "", began, began + 10)
    assert round_.changes[0].at == began + 10


@test
async def test_wrap_up_survives_a_transfer_and_is_ended_by_hand(board: Board, clock: Clock) -> None:
    await board.sign_in("8001", "12345", ["desk"])
    await board.sign_in("9001", "110", ["desk"])
    await talk(board)
    assert await board.claim("9001", "a2", call="call-a", node="n1")
    assert await board.talking("9001", "a2", "call-a", "n1")
    assert await board.release("8001", "a", clock.now + 10)
    clock.forward(1)
    assert not await board.release("8001", "a"), "the end of the whole call comes later"
    assert await board.release("9001", "a2", clock.now + 10)
    assert [(s.id, s.status) for s in await board.seats()] == [("8001", "wrap-up"), ("9001", "wrap-up")]
    await board.set_status("8001", "available")
    assert (await see(board)).free
    clock.forward(60)
    assert (await see(board)).status_since == clock.now - 60


@test
async def test_a_wrap_up_without_end_is_ended_by_hand_only(board: Board, clock: Clock) -> None:
    await board.sign_in("8001", "12345", ["desk"])
    await board.set_status("8001", "wrap-up")
    clock.forward(80000)
    await board.sweep()
    assert (await see(board)).status == "wrap-up"


@test
async def test_a_call_in_a_wrap_up_never_shortens_it(board: Board, clock: Clock) -> None:
    await board.sign_in("8001", "12345", ["desk"])
    await talk(board)
    await board.release("8001", "a", clock.now + 60)
    assert await board.claim("8001", "callback", force=True)
    await board.talking("8001", "callback", "c", "n1")
    clock.forward(2)
    await board.release("8001", "callback", clock.now + 10)
    assert (await see(board)).wrap_up_until == clock.now + 58
    assert await board.claim("8001", "another", force=True)
    await board.release("8001", "another", clock.now + 90)
    assert (await see(board)).wrap_up_until == clock.now + 90, "nor is a longer one lost"


@test
async def test_a_late_release_of_a_former_owner_does_nothing(board: Board, clock: Clock) -> None:
    await board.sign_in("8001", "12345", ["desk"])
    assert await board.claim("8001", "old", ttl=5)
    clock.forward(5)
    assert await board.claim("8001", "new")
    late = await board.release("8001", "old", clock.now + 10, unreachable=True)
    assert not late and late.why == "owner"
    seat = await see(board)
    assert (seat.owner, seat.state, seat.unreachable_at) == ("new", "reserved", None)
    assert not await board.ringing("8001", "old") and not await board.talking("8001", "old", "c", "n1")


@test
async def test_a_reservation_that_nobody_follows_up_runs_out_by_itself(board: Board, clock: Clock) -> None:
    await board.sign_in("8001", "12345", ["desk"])
    await board.enqueue(waiting("a", clock.now))
    assert len(await board.match("12345", ttl=4))
    clock.forward(4)
    round_ = await board.match("12345")
    assert [(o.attempt, o.seat) for o in round_] == [("a", "8001")], "the attempt was not to blame"
    assert round_.changes[0].seat.state == "idle"


@test
async def test_an_answer_just_after_the_reservation_ran_out_counts_if_the_seat_is_free(board: Board, clock: Clock) -> None:
    await board.sign_in("8001", "12345", ["desk"])
    await board.claim("8001", "a", ttl=4)
    clock.forward(5)
    await board.sweep()
    assert await board.talking("8001", "a", "call-a", "n1")


@test
async def test_a_claim_says_why_not(board: Board, clock: Clock) -> None:
    assert (await board.claim("8001", "a")).why == "off"
    await board.sign_in("8001", "12345", ["desk"])
    assert (await board.claim("8001", "a", "110")).why == "off", "no seat of that centre"
    await board.set_status("8001", "paused", "lunch")
    assert (await board.claim("8001", "a")).why == "paused"
    assert await board.claim("8001", "a", force=True)
    assert await board.claim("8001", "a"), "repeated"
    assert (await board.claim("8001", "b", force=True)).why == "busy"
    await board.release("8001", "a", unreachable=True)
    await board.set_status("8001", "available")
    assert (await board.claim("8001", "b")).why == "unreachable"
    await board.set_status("8001", "off")
    assert (await board.claim("8001", "b")).why == "off"
    assert await board.claim("8001", "b", force=True)
    await board.release("8001", "b")
    await board.sign_out("8001", "expired")
    assert (await board.claim("8001", "b", force=True)).why == "off"


@test
async def test_a_call_picked_by_hand_gets_no_second_seat(board: Board, clock: Clock) -> None:
    await board.sign_in("8001", "12345", ["desk"])
    await board.sign_in("9001", "110", ["desk"])
    await board.enqueue(waiting("a", clock.now))
    assert await board.claim("9001", "a", call="call-a", node="n1")
    assert not await board.match("12345")
    assert (await board.claim("8001", "a")).why == "offered"
    assert await board.position("a") == 0
    await board.release("9001", "a")
    assert [o.seat for o in await board.match("12345")] == ["8001"]


@test
async def test_a_seat_that_dials_is_busy_and_its_reservation_is_lost(board: Board, clock: Clock) -> None:
    await board.sign_in("8001", "12345", ["desk"])
    await board.enqueue(waiting("a", clock.now))
    assert len(await board.match("12345"))
    assert await board.busy_by_own_call("8001", "own", "call-own", "n1")
    assert not await board.ringing("8001", "a") and not await board.release("8001", "a")
    assert (await board.busy_by_own_call("8001", "second", "call-2", "n1")).why == "busy"
    assert [q.seat for q in await board.waiting("12345")] == [""]
    await board.sign_in("8002", "12345", ["desk"])
    assert [o.seat for o in await board.match("12345")] == ["8002"]


@test
async def test_a_short_loss_of_the_phone_does_not_end_a_pause_and_a_long_one_does(board: Board, clock: Clock) -> None:
    await board.sign_in("8001", "12345", ["desk"])
    await board.set_status("8001", "paused", "lunch")
    lost = await board.sign_out("8001", "connection lost")
    assert lost.changes[0].seat.status == "off" and lost.changes[0].seat.reason == "connection lost"
    clock.forward(30)
    await board.sign_in("8001", "12345", ["desk"])
    seat = await see(board)
    assert (seat.status, seat.reason) == ("paused", "lunch")
    await board.sign_out("8001", "expired")
    clock.forward(901)
    await board.sign_in("8001", "12345", ["desk"])
    assert (await see(board)).status == "available"
    await board.set_status("8001", "paused", "lunch")
    await board.sign_out("8001", "unregistered")
    await board.sign_in("8001", "12345", ["desk"])
    assert (await see(board)).status == "available"
    assert not (await board.sign_out("8009", "expired"))


@test
async def test_wrap_up_after_a_phone_lost_in_mid_call_waits_for_the_phone(board: Board, clock: Clock) -> None:
    await board.sign_in("8001", "12345", ["desk"])
    await talk(board)
    await board.sign_out("8001", "connection lost")
    assert (await see(board)).state == "talking"
    await board.release("8001", "a", clock.now + 10)
    clock.forward(4)
    await board.sign_in("8001", "12345", ["desk"])
    seat = await see(board)
    assert (seat.status, seat.wrap_up_until) == ("wrap-up", clock.now + 6)


@test
async def test_seats_of_a_dead_node_free_themselves_and_those_of_a_live_one_never(board: Board, clock: Clock) -> None:
    for seat, node in (("8001", "dead"), ("8002", "live")):
        await board.sign_in(seat, "12345", ["desk"])
        await talk(board, f"a{seat}", seat, node)
    await board.enqueue(waiting("lost", clock.now, node="dead"))
    for _ in range(7):
        clock.forward(5)
        await board.renew("live", ["call-a8002"])
        await board.sweep()
    assert [(s.id, s.state) for s in await board.seats()] == [("8001", "idle"), ("8002", "talking")]
    assert await board.waiting("12345") == [] and await board.position("lost") == 0


@test
async def test_an_outage_of_redis_frees_no_seat_of_a_live_node(board: Board, clock: Clock) -> None:
    for seat, node in (("8001", "n1"), ("8002", "n2")):
        await board.sign_in(seat, "12345", ["desk"])
        await talk(board, f"a{seat}", seat, node)
    await board.renew("n1", ["call-a8001"])
    await board.enqueue(waiting("w", clock.now, node="n2", exclude=("8001", "8002"), again=False))
    clock.forward(300)
    await board.match("12345")
    await board.sweep()
    await board.renew("n1", ["call-a8001"])
    await board.sweep()
    clock.forward(4)
    renewal = await board.renew("n2", ["call-a8002"], ["w", "gone"])
    assert renewal.missing == ("gone",)
    assert [(h.seat, h.owner, h.call, h.state) for h in renewal.held] == [("8002", "a8002", "call-a8002", "talking")]
    await board.sweep()
    assert [s.state for s in await board.seats()] == ["talking", "talking"]
    assert [q.waiting.id for q in await board.waiting("12345")] == ["w"]


@test
async def test_a_restarted_node_frees_what_its_calls_held(board: Board, clock: Clock) -> None:
    for seat, node in (("8001", "n1"), ("8002", "n2")):
        await board.sign_in(seat, "12345", ["desk"])
        await talk(board, f"a{seat}", seat, node)
    await board.enqueue(waiting("old", clock.now, node="n1"))
    await board.enqueue(waiting("other", clock.now, node="n2"))
    freed = await board.reset_node("n1")
    assert [(c.seat.id, c.seat.state) for c in freed.changes] == [("8001", "idle")]
    assert [q.waiting.id for q in await board.waiting("12345")] == ["other"]
    assert [s.state for s in await board.seats()] == ["idle", "talking"]


@test
async def test_a_seat_moves_between_centres_and_can_be_forgotten(board: Board, client: Redis) -> None:
    await board.sign_in("8001", "12345", ["desk"])
    await board.sign_in("8001", "110", ["police"], 2)
    assert await board.seats("12345") == []
    assert [(s.id, s.centre, s.groups, s.status) for s in await board.seats("110")] == [("8001", "110", ("police",), "available")]
    await board.sign_in("7001", "", ["duty"])
    assert [s.id for s in await board.seats("")] == ["7001"]
    assert await board.centres() == ["", "110", "12345"]
    forgotten = await board.forget("8001")
    assert forgotten.changes[0].seat.status == "off"
    assert await board.seat("8001") is None
    with pytest.raises(errors.UnknownSeat, match="8001"):
        await board.set_status("8001", "available")


@test
async def test_all_keys_share_one_slot(board: Board, client: Redis, clock: Clock) -> None:
    await board.sign_in("8001", "12345", ["desk"])
    await board.enqueue(waiting("a", clock.now))
    await board.match("12345")
    await board.renew("n1", [])
    keys = await aio.wait(client.keys(f"{board.prefix}:*"))
    slots = {await aio.wait(client.execute_command("CLUSTER", "KEYSLOT", key)) for key in keys}
    assert len(keys) >= 7 and len(slots) == 1
    with pytest.raises(ValueError, match="hash tag"):
        Board(client, "hotline", clock)
