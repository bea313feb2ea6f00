"""Deliveries reach their receivers: signed, at least once, in order for one case, whatever the receivers do."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
from collections.abc import AsyncIterator, Sequence
from typing import Any

import structlog
from sqlalchemy import select, update

from router import job
from router.journal import deliver, routes, sending, signing, subscriptions
from router.journal.deliver import Deliverer
from router.journal.news import Item
from router.journal.routes import Parcel
from router.journal.sending import Outcome, Sending, Webhooks
from router.journal.subscriptions import Wish
from router.storage.base import moment
from router.storage.engine import Database
from tests.journal.kit import OPERATOR, T0, Clock, happens, opened
from tests.journal.receiver import receiving
from tests.storage.parts import run

RULES = job.Rules(poll=0.05, first_wait=0.02, longest_wait=0.1)
DELIVERY = routes.DELIVERY


async def subscribe(database: Database, url: str, *topics: str) -> tuple[str, str]:
    async with database.write() as session:
        wish = Wish("测试", url, topics or ("*",))
        view, secret = await subscriptions.create(session, wish, OPERATOR, T0, development=True)
    return view.id, secret


def event(number: int, case: str | None = "1") -> Item:
    return Item(f"e{number}", number, T0, f"t{number}", case, {"units": [], "users": []}, {"state": "字"})


async def post(database: Database, receiver: str, *items: Item, kind: str = "webhook", now: float = T0.timestamp()) -> None:
    async with database.write() as session:
        await routes.write(session, [Parcel(kind, receiver, one, routes.envelope(one)) for one in items], moment(now))


async def rows(database: Database, *columns: str) -> list[tuple[Any, ...]]:
    async with database.read() as session:
        query = select(*(DELIVERY.c[name] for name in columns)).order_by(DELIVERY.c.receiver, DELIVERY.c.order)
        return [tuple(row) for row in await session.execute(query)]


async def waiting(database: Database) -> int:
    return sum(done is None for (done,) in await rows(database, "done_at"))


async def drained(one: Deliverer) -> None:
    """A look, and what it began."""
    await one.once()
    while one._tasks:
        await asyncio.wait(list(one._tasks))


@contextlib.asynccontextmanager
async def sender(
    database: Database, clock: Clock, owner: str = "w1", kinds: dict[str, sending.Sender] | None = None
) -> AsyncIterator[Deliverer]:
    senders: dict[str, sending.Sender] = {"webhook": Webhooks(database, clock=clock), **(kinds or {})}
    try:
        yield Deliverer(database, owner, senders, rules=RULES, clock=clock, chance=lambda: 1.0)
    finally:
        for each in senders.values():
            await each.close()


def test_a_webhook_is_signed_and_says_what_happened(url: str) -> None:
    async def story() -> None:
        clock = Clock()
        async with opened(url) as database, receiving() as there, sender(database, clock) as one:
            receiver, secret = await subscribe(database, there.url)
            await post(database, receiver, event(1))
            await drained(one)
            (got,) = there.got
            assert got.body == {
                "id": "e1",
                "type": "t1",
                "timestamp": T0.isoformat(timespec="microseconds"),
                "case": "1",
                "order": 1,
                "data": {"state": "字"},
            }
            assert (got.headers["webhook-id"], got.headers["webhook-timestamp"]) == ("e1", str(int(clock.now)))
            # by the specification, without our own code
            key = base64.b64decode(secret.removeprefix("whsec_"))
            said = f"e1.{int(clock.now)}.".encode() + got.raw
            digest = base64.b64encode(hmac.new(key, said, hashlib.sha256).digest()).decode()
            assert got.headers["webhook-signature"] == f"v1,{digest}"
            assert await rows(database, "attempts", "last_status", "lease_owner") == [(1, 204, None)]
            assert await waiting(database) == 0

    run(story())


def test_the_example_of_the_specification_is_signed_alike() -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    found = signing.sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_receiver_that_fails_gets_it_when_it_takes_again(url: str) -> None:
    async def story() -> None:
        clock = Clock()
        async with opened(url) as database, receiving() as there, sender(database, clock) as one:
            receiver, _ = await subscribe(database, there.url)
            await post(database, receiver, event(1), event(2, "2"), event(3, "3"))
            there.answer = lambda got: (503, {})
            with structlog.testing.capture_logs() as logs:
                await drained(one)  # up to four at once find it away
                tried = len(there.got)
                await drained(one)  # it rests: nobody is sent
                assert len(there.got) == tried == 3
                for _ in range(4):
                    clock.now += 60
                    await drained(one)
                    tried += 1
                    assert len(there.got) == tried  # one at a time asks whether it is back
                there.answer = lambda got: (200, {})
                clock.now += 3600
                for _ in range(3):
                    await drained(one)
            assert await waiting(database) == 0
            assert sorted(there.types[-3:]) == ["t1", "t2", "t3"]
            assert [line["event"] for line in logs] == ["deliver.receiver_away", "deliver.receiver_back"]

    run(story())


def test_when_a_receiver_is_back_all_that_waits_goes_at_once(url: str) -> None:
    async def story() -> None:
        clock = Clock()
        async with opened(url) as database, receiving() as there, sender(database, clock) as one:
            receiver, _ = await subscribe(database, there.url)
            await there.stop()  # nobody listens there
            await post(database, receiver, *(event(n, str(n)) for n in range(1, 5)))
            for _ in range(12):
                clock.now += 61
                await drained(one)
            assert await waiting(database) == 4
            await there.start()
            await post(database, receiver, event(9, "9"), now=clock.now)
            clock.now += 61
            await drained(one)  # whoever is due first finds it back
            await drained(one)
            await drained(one)
            assert (await waiting(database), len(there.got)) == (0, 5)

    run(story())


def test_a_dead_receiver_holds_up_no_other(url: str) -> None:
    async def story() -> None:
        clock = Clock()
        async with opened(url) as database, receiving() as dead, receiving() as well, sender(database, clock) as one:
            first, _ = await subscribe(database, dead.url)
            second, _ = await subscribe(database, well.url)
            dead.gate.clear()  # takes connections, and says nothing
            await post(database, first, *(event(n, str(n)) for n in range(1, 30)))
            await post(database, second, *(event(n, str(n)) for n in range(1, 30)))
            stop = asyncio.Event()
            running = asyncio.create_task(one.run(stop))
            await happens(lambda: _true(len(well.got) == 29), "the well one to have all")
            assert len(dead.got) == 4
            dead.gate.set()
            await happens(lambda: _true(len(dead.got) == 29), "the other to have all when it answers")
            stop.set()
            await running
            assert await waiting(database) == 0

    run(story())


async def _true(value: bool) -> bool:
    return value


def test_what_is_refused_is_marked_for_a_person_and_tried_slowly(url: str) -> None:
    async def story() -> None:
        clock = Clock()
        async with opened(url) as database, receiving() as there, sender(database, clock) as one:
            receiver, _ = await subscribe(database, there.url)
            there.answer = lambda got: (410 if got.body["id"] == "e1" else 200, {})
            await post(database, receiver, event(1), event(2))
            await drained(one)
            await drained(one)
            assert await rows(database, "refused", "last_status", "last_error") == [(True, 410, "no thanks"), (False, 200, None)]
            clock.now += 3600
            await drained(one)
            assert there.types == ["t1", "t2"]  # a webhook's later events pass a refused one
            async with database.write() as session:
                (chosen,) = await session.execute(select(DELIVERY.c.id).where(DELIVERY.c.refused))
                assert (await subscriptions.state(session, receiver)).refused == 1
                await subscriptions.again(session, receiver, [chosen.id], OPERATOR, moment(clock.now))
            there.answer = lambda got: (200, {})
            await drained(one)
            assert (there.types, await waiting(database)) == (["t1", "t2", "t1"], 0)

    run(story())


def test_a_redirect_is_not_followed(sqlite: str) -> None:
    async def story() -> None:
        clock = Clock()
        async with opened(sqlite) as database, receiving() as there, receiving() as trap, sender(database, clock) as one:
            receiver, _ = await subscribe(database, there.url)
            there.answer = lambda got: (307, {"location": trap.url})
            await post(database, receiver, event(1))
            await drained(one)
            assert (len(there.got), len(trap.got)) == (1, 0)
            assert await rows(database, "refused", "last_status") == [(True, 307)]

    run(story())


def test_events_of_one_case_arrive_in_order_with_two_workers_and_a_receiver_that_stumbles(url: str) -> None:
    async def story() -> None:
        clock = Clock()
        async with opened(url) as database, receiving() as there:
            receiver, _ = await subscribe(database, there.url)
            stumbles = {f"e{n}": 2 for n in range(1, 25, 5)}

            def answer(got: Any) -> tuple[int, dict[str, str]]:
                left = stumbles.get(got.body["id"], 0)
                stumbles[got.body["id"]] = left - 1
                return (500 if left > 0 else 200, {})

            there.answer = answer
            await post(database, receiver, *(event(n, str(n % 2)) for n in range(1, 25)))
            async with sender(database, clock, "w1") as one, sender(database, clock, "w2") as two:
                while await waiting(database):
                    await asyncio.gather(drained(one), drained(two))
                    clock.now += 1
            taken = list(dict.fromkeys(reversed([(one.body["case"], one.body["order"]) for one in there.got])))
            for case in "01":
                orders = [order for of, order in reversed(taken) if of == case]
                assert orders == sorted(orders) and len(orders) == 12
            assert len(there.got) == 24 + 10  # nothing was sent twice that had been taken

    run(story())


def test_a_dead_workers_delivery_is_taken_over_after_its_lease(url: str) -> None:
    async def story() -> None:
        clock = Clock()
        async with opened(url) as database, receiving() as there:
            receiver, _ = await subscribe(database, there.url)
            await post(database, receiver, event(1))
            async with sender(database, clock, "dead") as dead, sender(database, clock, "w2") as two:
                assert len(await dead._claim(receiver, dead.senders["webhook"], 4, clock.now)) == 1
                await drained(two)
                assert there.got == []
                clock.now += deliver.LEASE_SECONDS + 1
                await drained(two)
                assert len(there.got) == 1

    run(story())


class Peers:
    """A sender of another kind, which keeps strict order."""

    width = 3
    strict = True

    def __init__(self, outcomes: Sequence[Outcome]) -> None:
        self.outcomes = list(outcomes)
        self.sent: list[str] = []

    async def send(self, sending: Sending) -> Outcome:
        self.sent.append(sending.topic)
        return self.outcomes.pop(0) if self.outcomes else Outcome("taken")

    async def close(self) -> None:
        pass


def test_senders_of_other_kinds_plug_in_and_a_strict_one_stops_a_case_at_a_refusal(url: str) -> None:
    async def story() -> None:
        clock = Clock()
        peers = Peers([Outcome("refused", 422, "bad code")])
        async with opened(url) as database, sender(database, clock, kinds={"peer": peers}) as one:
            await post(database, "p1", event(1, "1"), event(2, "1"), event(3, "2"), kind="peer")
            await post(database, "x1", event(4), kind="nobody-knows")
            for _ in range(3):
                await drained(one)
            assert peers.sent == ["t1", "t3"]
            clock.now += deliver.REFUSED_WAIT + 1
            for _ in range(2):
                await drained(one)
            assert (peers.sent, await waiting(database)) == (["t1", "t3", "t1", "t2"], 1)

    run(story())


def test_a_sender_with_a_fault_is_tried_again(sqlite: str) -> None:
    class Faulty(Peers):
        async def send(self, sending: Sending) -> Outcome:
            if len(self.sent) < 2:
                self.sent.append(sending.topic)
                raise KeyError("fault")
            return await super().send(sending)

    async def story() -> None:
        clock = Clock()
        async with opened(sqlite) as database, sender(database, clock, kinds={"peer": Faulty([])}) as one:
            await post(database, "p1", event(1), kind="peer")
            with structlog.testing.capture_logs() as logs:
                for _ in range(3):
                    await drained(one)
                    clock.now += 10
            assert [line["event"] for line in logs] == ["deliver.sender_failed"] * 2
            assert await rows(database, "attempts", "last_error") == [(3, None)]

    run(story())


def test_a_subscription_that_rests_collects_and_a_deleted_one_ends(url: str) -> None:
    async def story() -> None:
        clock = Clock()
        async with opened(url) as database, receiving() as there, sender(database, clock) as one:
            receiver, _ = await subscribe(database, there.url)
            async with database.write() as session:
                await session.execute(update(routes.SUBSCRIPTION).values(active=False))
            await post(database, receiver, event(1), event(2, "2"))
            await drained(one)
            assert (there.got, await rows(database, "attempts")) == ([], [(0,), (0,)])
            async with database.write() as session:
                await session.execute(update(routes.SUBSCRIPTION).values(active=True))
            clock.now += deliver.HELD_REST + 1
            await drained(one)
            assert len(there.got) == 2
            await post(database, receiver, event(3))
            async with database.write() as session:
                await subscriptions.delete_(session, receiver, OPERATOR, T0)
            await drained(one)
            assert (len(there.got), await waiting(database)) == (2, 0)

    run(story())


def test_how_long_is_waited() -> None:
    waits = [deliver.backoff(attempts, 1.0) for attempts in range(14)]
    assert waits[:5] == [1, 2, 4, 8, 16] and waits[-1] == waits[-2] == 3600
    assert deliver.backoff(3, 0.0) == 4
    assert deliver.backoff(0, 1.0, asked=90) == 90 and deliver.backoff(0, 1.0, asked=1e9) == 3600
    assert deliver.backoff(0, 1.0, refused=True) == 6 * 3600
    assert deliver.rest(1, 1.0) == 1 and deliver.rest(50, 1.0) == 60
    assert sending.wait_of("120", 0) == 120 and sending.wait_of("soon", 0) is None
    assert sending.wait_of("Wed, 21 Oct 2015 07:28:00 GMT", 1445412470.0) == 10


def test_what_statuses_mean() -> None:
    said = {
        status: sending.judge(status, "", None).verdict for status in (200, 204, 301, 400, 404, 408, 409, 410, 425, 429, 500, 503)
    }
    assert said == {
        200: "taken",
        204: "taken",
        301: "refused",
        400: "refused",
        404: "refused",
        408: "later",
        409: "later",
        410: "refused",
        425: "later",
        429: "away",
        500: "later",
        503: "away",
    }
