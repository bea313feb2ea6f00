"""Seats from elsewhere on a node and its board: kept over a restart, told with each offer, withdrawn when no longer allowed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_twisted
from redis.asyncio import Redis
from twisted.internet.defer import Deferred

from telephony import aio, contract
from telephony.machines import plan, records
from telephony.machines.errors import Refused
from telephony.queues import records as rows
from telephony.queues import scripts
from telephony.queues.board import Board
from telephony.switchboard.seating import Seating
from tests import servers
from tests.machines import world

test = pytest_twisted.ensureDeferred
NOW = 1_800_000_000.0


@pytest.fixture
def client(valkey: servers.Valkey) -> Iterator[Redis]:
    client = scripts.connect(valkey.url, timeout=10)
    yield client
    pytest_twisted.blockon(aio.wait(client.aclose()))


class Kit:
    """What seating needs of a node."""

    node = "n1"

    def __init__(self, rules: plan.Plan) -> None:
        from twisted.internet import reactor

        self.reactor = reactor
        self.plan = rules
        self.told: list[contract.SeatChanged] = []
        self.relay = self.door = self

    def tell(self, event: contract.SeatChanged) -> None:
        self.told.append(event)

    def is_registered(self, seat: str) -> bool:
        return True

    def now(self) -> float:
        return NOW

    def new_id(self) -> str:
        return f"e{len(self.told)}"


@asynccontextmanager
async def life(client: Redis, rules: plan.Plan | None = None) -> AsyncIterator[tuple[Seating, Kit]]:
    """One life of a node's seating."""
    kit: Any = Kit(rules or world.installation())
    seating = Seating(kit, Board(client, contract.STREAM_PREFIX, kit.now))
    await seating.start()
    try:
        yield seating, kit
    finally:
        await seating.stop()


def join(**more: Any) -> contract.JoinQueue:
    wanted: dict[str, Any] = {"seat": "9201", "centre": "110", "groups": ("dispatch",), "home": "530181"}
    return contract.JoinQueue(id="j", **{**wanted, **more})


def call(centre: str) -> records.Call:
    found = records.Call(
        id=f"c-{centre}", kind="inbound", centre=centre, called=centre, caller_number=None, origin="trunk:t", started_at=NOW
    )
    target = records.Target("queue", centre, centre)
    found.attempt = records.Attempt(id=f"a-{centre}", purpose="answer", target=target, rank=1, since=NOW)
    return found


async def offered(seating: Seating, centre: str) -> rows.Offer:
    """A caller waits at a centre until a seat is held for the call."""
    found: Deferred[rows.Offer] = Deferred()

    def take(offer: rows.Offer, at: str) -> bool:
        assert at == centre
        found.callback(offer)
        return True

    seating.offered = take
    waiting = call(centre)
    assert waiting.attempt is not None
    await seating.seek(waiting, waiting.attempt)
    offer = await found
    await seating.leave(offer.attempt)
    await seating.release(offer.seat, offer.attempt)
    return offer


@test
async def test_who_helps_goes_on_helping_after_a_restart(client: Redis) -> None:
    async with life(client) as (seating, kit):
        await seating.join(join())
        assert [(told.seat, told.centre, told.helps) for told in kit.told] == [("9201", "110-anning", ("110",))]
    async with life(client) as (seating, kit):
        seating.registered("9201")
        city = await offered(seating, "110")
        assert (city.seat, city.home) == ("9201", "530181")
        county = await offered(seating, "110-anning")
        assert (county.seat, county.home) == ("9201", "")
        assert {told.helps for told in kit.told if told.seat == "9201"} == {("110",)}
        assert await seating.home("9201", "110") == "530181", "also for who is picked by hand"
        await seating.withdraw(contract.LeaveQueue(id="l", seat="9201", centre="110"))
        assert kit.told[-1].helps == () and await seating.home("9201", "110") == ""
    async with life(client) as (seating, _):
        assert [seat.helps for seat in await seating.board.seats("110-anning")] == [(), ()]


@test
async def test_without_a_home_the_helper_is_from_its_own_centre(client: Redis) -> None:
    async with life(client) as (seating, _):
        await seating.join(join(home=""))
        assert await seating.home("9201", "110") == "110-anning"


@test
async def test_who_may_not_help_is_refused_and_nothing_changes(client: Redis) -> None:
    async with life(client) as (seating, kit):
        for command in (join(seat="8001"), join(seat="7001"), join(groups=("general",)), join(centre="nowhere")):
            with pytest.raises(Refused):
                await seating.join(command)
        with pytest.raises(Refused, match="no seat 9999"):
            await seating.withdraw(contract.LeaveQueue(id="l", seat="9999", centre="110"))
        await seating.withdraw(contract.LeaveQueue(id="l", seat="9201", centre="110"))
        assert not kit.told


def without_group(rules: plan.Plan) -> plan.Plan:
    queue = next(one.queue for one in rules.installation.centres if one.id == "110")
    steps = [step for step in queue.direct if "dispatch" not in step.groups]
    return world.queue_altered("110", direct=steps, transfer=steps)


def as_supervisor(rules: plan.Plan) -> plan.Plan:
    seats = [one.model_copy(update={"role": "supervisor"}) if one.id == "9201" else one for one in rules.installation.seats]
    return plan.Plan(rules.installation.model_copy(update={"seats": seats}))


@pytest.mark.parametrize("change", [without_group, as_supervisor])
@test
async def test_help_ends_when_the_configuration_does_not_allow_it_any_more(
    client: Redis, change: Callable[[plan.Plan], plan.Plan]
) -> None:
    async with life(client) as (seating, _):
        await seating.join(join())
    async with life(client, change(world.installation())) as (seating, kit):
        assert [told.helps for told in kit.told if told.seat == "9201"] == [()]
        assert await seating.home("9201", "110") == ""
