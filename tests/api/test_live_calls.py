"""Live events of calls and seats: beside casework's in one stream, for those involved, without gap when a browser comes back."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import AsyncIterator
from typing import Any

import redis

from api.auth.identity import Identity
from api.events import endpoints, hub
from config.settings import Settings
from router import bus
from router.access.actor import Actor
from router.journal import news
from telephony import contract
from tests.api.calls import SEATS, Floor, floor
from tests.api.parts import T0, run
from tests.storage import facts
from tests.worker import stack

NOW = T0.timestamp()


def tell(settings: Settings, *events: contract.Event) -> None:
    with stack.connect(settings.redis_url) as client:
        stack.put(client, *events)


def publish(settings: Settings, name: str) -> None:
    """Casework's relay has published an event for 12345."""
    item = news.Item(name, 1, dt.datetime.now(dt.UTC), "ticket.opened", None, {"units": ["12345"], "users": []}, {})
    with redis.Redis.from_url(settings.redis_url) as client:
        client.xadd(news.STREAM, news.encode(item))  # type: ignore[arg-type]


class Browser:
    """Somebody's open stream."""

    def __init__(self, here: Floor, actor: Actor, after: str | None = None) -> None:
        state = here.stand.state
        place = hub.read_place(after, 2) if after else None
        who = Identity(actor, "browser", "none", False)
        self._stream: AsyncIterator[Any] = endpoints._stream(state, who, place)
        self.place = after

    async def next(self) -> dict[str, Any]:
        """The next event that is no hello."""
        while True:
            event = await asyncio.wait_for(anext(self._stream), 10)
            if event.event == "news":
                self.place = event.id
                found: dict[str, Any] = json.loads(event.data)
                return found
            if event.event == "reset":
                return {"topic": "reset", **json.loads(event.data)}

    async def topics(self, count: int) -> list[str]:
        return [(await self.next())["topic"] for _ in range(count)]

    async def opened(self) -> Browser:
        """Wait for the hello: from now on nothing is missed."""
        event = await asyncio.wait_for(anext(self._stream), 10)
        assert event.event == "hello"
        return self

    async def close(self) -> None:
        await self._stream.aclose()  # type: ignore[attr-defined]


def actor(seat: str, **more: Any) -> Actor:
    role, unit = SEATS[seat]
    side: Any = "12345" if unit == "12345" else "110"
    values = {"id": f"at-{seat}", "role": role, "unit": unit, "desk": unit, "city": "530100", "side": side, "seat": seat}
    return Actor(**{**values, **more})


async def reading(here: Floor) -> None:
    """The process reads the streams: what comes from now on is given out."""
    await asyncio.wait_for(hub.of(here.stand.state).reading.wait(), 10)


def call(rev: int = 1, **more: Any) -> contract.CallChanged:
    return facts.call("c1", rev, **{"centre": "12345", "called": "12345", "caller": "13900139000", **more})


def test_whoever_is_involved_is_told_and_nobody_else(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with floor(sqlite_settings) as here:
            await reading(here)
            people = {seat: await Browser(here, actor(seat)).opened() for seat in ("8001", "8090", "9101", "9090", "9201")}
            agency = await Browser(here, Actor("a", "agency", "x", "12345", "530100")).opened()
            asked = {"asker_seat": "8001", "from_centre": "12345", "to_centre": "110", "target": "110"}
            tell(
                sqlite_settings,
                call(),
                facts.party("c1.l1", "c1", number="13900139000"),
                facts.transfer("t1", "c1", 1, **asked),
                facts.party("c1.l3", "c1", 1, role="police", seat="9101", centre="110", home="530181"),
                facts.recording("r1", "c1"),
                facts.event(
                    contract.SeatChanged,
                    "",
                    seat="9201",
                    centre="110-anning",
                    status="paused",
                    reason="",
                    state="idle",
                    helps=("110",),
                ),
                facts.event(contract.DigitPressed, "c1", party="c1.l2", digits="*1", meaning="one-key"),
            )
            whole = ["call.changed", "party.changed", "transfer.changed", "party.changed", "recording.ready"]
            assert await people["8001"].topics(5) == whole
            assert await people["8090"].topics(5) == whole
            # a batch is told as a whole: 110 was involved by its end
            told = [await people["9101"].next() for _ in range(5)]
            assert {one["topic"] for one in told} == set(whole)
            assert {one["body"]["home"] for one in told if one["topic"] == "party.changed"} == {"", "530181"}, (
                "who helps from elsewhere"
            )
            assert await people["9090"].topics(6) == [*whole, "seat.changed"], "a supervisor sees the desks of the line"
            seat = await people["9201"].next()
            assert (seat["topic"], seat["body"]["status"]) == ("seat.changed", "paused")
            assert seat["body"]["helps"] == ["110"]

            publish(sqlite_settings, "n1")
            assert (await agency.next())["topic"] == "ticket.opened", "and nothing of calls before it"

    run(go())


def test_events_hold_no_personal_data_and_hide_who_listens(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with floor(sqlite_settings) as here:
            await reading(here)
            one, boss = await Browser(here, actor("8001")).opened(), await Browser(here, actor("8090")).opened()
            tell(
                sqlite_settings,
                call(answered_at=NOW, answered_by="8001"),
                facts.party("c1.l1", "c1", number="13900139000"),
                facts.party("c1.l9", "c1", role="supervisor", seat="8090", centre="12345", mode="listen"),
                call(2, ended_at=NOW + 5, end_cause="caller_left"),
            )
            seen = [await one.next() for _ in range(3)]
            assert "139" not in json.dumps(seen)
            assert [each["topic"] for each in seen] == ["call.changed", "party.changed", "call.changed"]
            assert seen[0]["body"]["answered_by"] == "8001" and seen[0]["body"]["answered_at"].startswith("2026-05-06T01:00")
            assert seen[2]["body"]["end_cause"] == "caller_left"
            listens = [each for each in [await boss.next() for _ in range(4)] if each["body"].get("mode") == "listen"]
            assert len(listens) == 1

    run(go())


def test_a_browser_that_comes_back_misses_nothing_of_either_stream(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with floor(sqlite_settings) as here:
            await reading(here)
            one = await Browser(here, actor("8001")).opened()
            tell(sqlite_settings, call(1))
            assert await one.topics(1) == ["call.changed"]
            publish(sqlite_settings, "n1")
            assert await one.topics(1) == ["ticket.opened"]
            await one.close()

            tell(sqlite_settings, call(2), call(3))
            publish(sqlite_settings, "n2")
            tell(sqlite_settings, call(4))
            back = Browser(here, actor("8001"), one.place)
            missed = [await back.next() for _ in range(4)]
            assert [each["body"]["rev"] for each in missed if each["topic"] == "call.changed"] == [2, 3, 4]
            assert [each["id"] for each in missed if each["topic"] == "ticket.opened"] == ["n2"]
            tell(sqlite_settings, call(5))
            assert (await back.next())["body"]["rev"] == 5, "and goes on live, nothing twice"

            again = Browser(here, actor("8001"), back.place)
            tell(sqlite_settings, call(6))
            assert (await again.next())["body"]["rev"] == 6, "the place was behind everything"

    run(go())


def test_who_was_away_too_long_is_told_to_read_anew(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with floor(sqlite_settings) as here:
            await reading(here)
            one = await Browser(here, actor("8001")).opened()
            tell(sqlite_settings, call(1))
            await one.next()
            tell(sqlite_settings, call(2), call(3))
            with stack.connect(sqlite_settings.redis_url) as client:
                client.xtrim(contract.EVENTS, maxlen=1, approximate=False)
            back = Browser(here, actor("8001"), one.place)
            assert await back.next() == {"topic": "reset", "why": "gap"}

    run(go())


def test_a_stream_that_was_only_trimmed_has_lost_nothing(redis_now: str) -> None:
    async def go() -> None:
        client: Any = bus.connect(redis_now)
        try:
            assert not await hub._is_lost(client, "s", hub.START)
            assert await hub._is_lost(client, "s", "5-0"), "a server that has lost the stream"
            places = [(await client.xadd("s", {"a": number})).decode() for number in range(3)]
            assert not await hub._is_lost(client, "s", hub.START), "all of it is there"
            await client.xtrim("s", maxlen=1, approximate=False)
            lost = [await hub._is_lost(client, "s", place) for place in (hub.START, *places)]
            assert lost == [True, True, True, False], "the place before the first that is left may have had a neighbour"
            await client.xtrim("s", maxlen=0, approximate=False)
            assert [await hub._is_lost(client, "s", place) for place in places] == [True, True, False]
            assert await hub._is_lost(client, "s", "99999999999999-0"), "a server that began anew"
        finally:
            await client.aclose()

    run(go())


def test_a_call_from_before_the_process_began_is_known_by_its_record(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with floor(sqlite_settings) as here:
            await reading(here)
            await here.talk("c1", "8001", "9101")
            police = await Browser(here, actor("9101")).opened()
            tell(sqlite_settings, facts.party("c1.l2", "c1", 7, role="operator", seat="8001", centre="12345", left_at=NOW))
            assert (await police.next())["body"]["seat"] == "8001", "110 is in that call"

    run(go())


def test_a_strange_place_is_refused(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with floor(sqlite_settings) as here:
            one = await here.at("8001")
            for place in ("1-1", "1-1_2", "1-1_2-2_3-3", "x", "1-1_-2", "1-1_2-" + "9" * 60):
                answer = await one.get("/api/v1/events", headers={"Last-Event-ID": place})
                assert (answer.status_code, answer.json()["code"]) == (422, "cursor.invalid"), place

    run(go())
