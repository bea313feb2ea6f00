"""Live events: who gets which, resuming, being reset, and the end with the session."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import redis.asyncio

from api.auth.identity import Identity
from api.events import hub
from api.events.audience import CaseFacts, may_see
from api.events.sources import Told
from config.settings import Settings
from router import ids
from router.access.actor import Actor
from router.journal import news
from router.journal.news import Item
from tests.access import world
from tests.api.parts import T0, Person, Stand, run, standing
from tests.storage.parts import until

SIDES: Any = {"12345": "12345", "110": "110", "110-anning": "110"}


def item(topic: str = "ticket.dispatched", case: str | None = None, *, units: Any = (), users: Any = ()) -> Item:
    return Item(ids.new(), 1, T0, topic, case, {"units": list(units), "users": list(users)}, {"number": "T-1"})


OPEN = CaseFacts("530100", "open", "somebody")
CLUE = CaseFacts("530100", "stability", "taker")
COMPLAINT = CaseFacts("530100", "open", "somebody", world.STATION)


def seen(what: Item, case: CaseFacts | None) -> set[str]:
    return {name for name, actor in world.EVERYBODY.items() if may_see(actor, what, case, SIDES)}


def test_an_event_reaches_its_units_and_their_supervisors() -> None:
    both = item(case="c", units=["12345", "110"])
    assert seen(both, OPEN) == {"operator", "taker", "police", "posted", "supervisor", "inspector", "city"}
    assert seen(item(case="c", units=["12345", world.AGENCY]), OPEN) == {"operator", "taker", "staff", "supervisor", "city"}
    assert seen(item(case="c", units=["110-anning"]), OPEN) == {"anning", "inspector", "city"}
    assert seen(item(case="c", users=["gateway"]), OPEN) == {"gateway", "city"}
    assert seen(item(case="c", units=["12345"]), CaseFacts("530300", "open", "x")) == {"operator", "taker"}


def test_secret_matters_are_told_to_few() -> None:
    clue = item(case="c", units=["12345", "110", world.AGENCY])
    assert seen(clue, CLUE) == {"taker", "police", "posted", "supervisor", "inspector", "city"}
    about = item(case="c", units=["110", world.STATION], users=["police@" + world.STATION])
    assert "officer" not in seen(about, COMPLAINT) and "police" in seen(about, COMPLAINT)
    assert seen(item(case="gone", units=["12345"]), None) == set()


def test_what_is_of_no_case_reaches_units_or_everybody() -> None:
    assert seen(item("catalog.published"), None) == set(world.EVERYBODY)
    assert seen(item("peer.away", units=["110"]), None) == {"police", "inspector", "posted", "administrator"}


# --- streams


class Stream:
    """Reads server-sent events of one connection, as it is fed."""

    def __init__(self, stand: Stand, person: Person, last: str | None = None) -> None:
        self.sent: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.ended = asyncio.Event()
        self._stand = stand
        self._headers = [(b"host", b"hotline.test"), (b"accept", b"text/event-stream")]
        self._headers.append((b"cookie", f"hotline_session={person.cookies['hotline_session']}".encode()))
        if last is not None:
            self._headers.append((b"last-event-id", last.encode()))
        self._gone = asyncio.Event()
        self.status = 0
        self.hello: dict[str, str] = {}
        self._rest = ""

    async def run(self) -> None:
        asked = False

        async def receive() -> Any:
            nonlocal asked
            if not asked:
                asked = True
                return {"type": "http.request", "body": b"", "more_body": False}
            await self._gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                self.status = message["status"]
            elif message.get("body"):
                await self.sent.put(message["body"])

        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "path": "/api/v1/events",
            "raw_path": b"/api/v1/events",
            "query_string": b"",
            "root_path": "",
            "scheme": "http",
            "headers": self._headers,
            "client": ("127.0.0.1", 1),
            "server": ("hotline.test", 80),
        }
        try:
            await self._stand.app(scope, receive, send)
        finally:
            self.ended.set()
            await self.sent.put(None)

    def leave(self) -> None:
        self._gone.set()

    async def next(self) -> dict[str, str] | None:
        """The next event; None: the stream has ended."""
        while "\n\n" not in self._rest:
            chunk = await asyncio.wait_for(self.sent.get(), 20)
            if chunk is None:
                return None
            self._rest += chunk.decode()
        block, self._rest = self._rest.split("\n\n", 1)
        fields = dict(line.split(": ", 1) for line in block.split("\n") if not line.startswith(":"))
        return fields if fields else await self.next()


@asynccontextmanager
async def listening(stand: Stand, person: Person, last: str | None = None) -> AsyncIterator[Stream]:
    stream = Stream(stand, person, last)
    task = asyncio.create_task(stream.run())
    try:
        hello = await stream.next()
        assert hello is not None and hello["event"] == "hello"
        stream.hello = hello
        yield stream
    finally:
        stream.leave()
        await asyncio.wait_for(task, 20)


async def publish(stand: Stand, *items: Item) -> list[str]:
    client: redis.asyncio.Redis = stand.state.redis
    return [(await client.xadd(news.STREAM, news.encode(one))).decode() for one in items]  # type: ignore[arg-type]


async def reading(stand: Stand) -> None:
    await asyncio.wait_for(hub.of(stand.state).reading.wait(), 20)


async def given_out(stand: Stand, last: str) -> None:
    """Wait until the process has read the stream of casework to this entry."""
    await asyncio.to_thread(until, lambda: (hub.of(stand.state).place or ("",))[0] == last, "the hub to have read it")


async def cases(stand: Stand) -> None:
    async with stand.state.database.write() as session:
        session.add_all([world.case("plain"), world.case("clue", confidentiality="stability")])


def test_events_come_filtered_and_go_on_after_a_break(settings: Settings) -> None:
    async def go() -> None:
        async with standing(settings) as stand:
            await cases(stand)
            operator, police = await stand.sign_in("operator"), await stand.sign_in("police")
            await reading(stand)
            async with listening(stand, operator) as desk, listening(stand, police) as other:
                one, two, three = [
                    item(f"t.{n}", "plain", units=units) for n, units in enumerate((["12345"], ["110"], ["12345", "110"]))
                ]
                clue = item("t.clue", "clue", units=["12345", "110"])
                places = await publish(stand, one, clue, two, three)
                got = [await desk.next(), await desk.next()]
                assert [json.loads(each["data"])["topic"] for each in got if each] == ["t.0", "t.2"]
                assert [each["id"].split("_")[0] for each in got if each] == [places[0], places[3]]
                body = json.loads(got[0]["data"]) if got[0] else {}
                assert (body["id"], body["case"], body["body"]) == (one.id, "plain", {"number": "T-1"})
                assert [json.loads((await other.next() or {})["data"])["topic"] for _ in range(3)] == ["t.clue", "t.1", "t.2"]
            await publish(stand, item("t.missed", "plain", units=["12345"]), item("t.not-ours", "plain", units=["110"]))
            async with listening(stand, operator, last=f"{places[0]}_0-0") as desk:
                await publish(stand, item("t.live", "plain", units=["12345"]))
                topics = [json.loads((await desk.next() or {})["data"])["topic"] for _ in range(3)]
                assert topics == ["t.2", "t.missed", "t.live"]

    run(go())


def test_who_was_away_too_long_is_told_to_reload(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with standing(sqlite_settings) as stand:
            await cases(stand)
            operator = await stand.sign_in("operator")
            await reading(stand)
            first, *_, last = await publish(stand, *(item(f"t.{n}", "plain", units=["12345"]) for n in range(5)))
            await given_out(stand, last)
            await stand.state.redis.xtrim(news.STREAM, maxlen=2, approximate=False)
            async with listening(stand, operator, last=f"{first}_0-0") as desk:
                told = await desk.next()
                assert told is not None and (told["event"], json.loads(told["data"])) == ("reset", {"why": "gap"})
                await publish(stand, item("t.live", "plain", units=["12345"]))
                live = await desk.next()
                assert live is not None and json.loads(live["data"])["topic"] == "t.live"
            assert hub.order(told["id"].split("_")[0]) >= hub.order(last), "who reads anew goes on from there"
            for bad in ("x", "1-x", "-", "9" * 60 + "-1", "1"):
                answer = await operator.get("/api/v1/events", headers={"Last-Event-ID": bad})
                assert answer.status_code == 422

    run(go())


def test_a_connection_that_breaks_before_its_first_event_goes_on_where_it_began(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with standing(sqlite_settings) as stand:
            await cases(stand)
            operator = await stand.sign_in("operator")
            await reading(stand)
            async with listening(stand, operator) as desk:
                greeted = desk.hello["id"]
            (last,) = await publish(stand, item("t.meanwhile", "plain", units=["12345"]))
            await given_out(stand, last)
            async with listening(stand, operator, last=greeted) as desk:
                assert desk.hello["id"] == greeted
                told = await desk.next()
                assert told is not None and json.loads(told["data"])["topic"] == "t.meanwhile"

    run(go())


def test_a_stream_ends_with_its_session_and_with_the_service(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with standing(sqlite_settings) as stand:
            operator, police = await stand.sign_in("operator"), await stand.sign_in("police")
            await reading(stand)
            async with listening(stand, operator) as desk, listening(stand, police) as other:
                assert (await operator.post("/api/v1/auth/sign-out")).status_code == 204
                assert await desk.next() is None
                assert not other.ended.is_set()
                stand.state.stopping.set()
                assert await other.next() is None

    run(go())


def test_a_session_that_ends_elsewhere_ends_its_stream(sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "CHECK_EVERY", 0.05)

    async def go() -> None:
        async with standing(sqlite_settings) as stand:
            operator = await stand.sign_in("operator")
            await reading(stand)
            async with listening(stand, operator) as desk:
                stand.clock.move(13 * 3600)
                assert await desk.next() is None

    run(go())


def told(number: int) -> Told:
    return Told(f"{number}-0", ids.new(), T0, "t", {}, lambda actor: True)


def test_a_listener_that_does_not_keep_up_is_cut_with_a_reset() -> None:
    async def go() -> None:
        actor = Actor("a", "operator", "12345", "12345")
        listener = hub.Listener(Identity(actor, "browser", "s", False))
        for number in range(hub.QUEUE + 5):
            listener.put(hub.Entry((f"{number}-0",), 0, told(number)))
        assert await listener.queue.get() == hub.Reset("slow")
        assert await listener.queue.get() is None
        assert listener.queue.empty()

    run(go())


def test_a_stream_that_lost_its_past_resets_everybody(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with standing(sqlite_settings) as stand:
            await cases(stand)
            operator = await stand.sign_in("operator")
            await reading(stand)
            async with listening(stand, operator) as desk:
                client: redis.asyncio.Redis = stand.state.redis
                await publish(stand, item("t.0", "plain", units=["12345"]))
                assert (await desk.next() or {})["event"] == "news"
                await client.delete(news.STREAM)
                fields = news.encode(item("t.new", "plain", units=["12345"]))
                await client.xadd(news.STREAM, fields, id="1-1")  # type: ignore[arg-type]
                await client.client_kill_filter(_type="normal", skipme=True)
                told = await desk.next()
                assert told is not None and (told["event"], json.loads(told["data"])) == ("reset", {"why": "gap"})

    run(go())


def test_nobody_listens_without_signing_in(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with standing(sqlite_settings) as stand, stand.client() as stranger:
            assert (await stranger.get("/api/v1/events")).status_code == 401

    run(go())
