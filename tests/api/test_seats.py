"""Seats and queues over HTTP."""

from __future__ import annotations

from typing import Any

from config.settings import Settings
from router.storage import call_records
from telephony import contract
from tests.api.calls import Floor, floor, talk
from tests.api.parts import T0, run
from tests.storage import facts

NOW = T0.timestamp()
SEATS = "/api/v1/seats"


def change(seat: str, ago: float, status: str, state: str = "idle", **more: Any) -> contract.SeatChanged:
    base = {"seat": seat, "centre": "110" if seat.startswith("9") else "12345", "reason": "", "at": NOW - ago}
    event: contract.SeatChanged = facts.event(contract.SeatChanged, "", **{**base, "status": status, "state": state, **more})
    return event


async def morning(here: Floor) -> None:
    await here.record(
        change("8001", 900, "off"),
        change("8001", 800, "available"),
        change("8001", 300, "available", "ringing"),
        change("8001", 290, "available", "talking"),
        change("8002", 700, "available"),
        change("8002", 600, "paused", reason="meal"),
        change("8002", 100, "paused", reason="training"),
        change("9101", 500, "available"),
    )


def test_each_seat_with_its_status_its_call_and_its_people(settings: Settings) -> None:
    async def go() -> None:
        async with floor(settings) as here:
            await morning(here)
            await here.talk("c1", "8001")
            await here.talk("p1", "9101")
            one = await here.at("8001")
            await here.stand.account("operator", username="second", seat="8001")
            shown = {each["seat"]: each for each in (await one.get(SEATS)).json()}
            assert len(shown) == len(settings.installation.seats)
            mine = shown["8001"]
            assert (mine["status"], mine["state"], mine["call"], mine["centre"]) == ("available", "talking", "c1", "12345")
            assert mine["since"] == "2026-05-06T00:46:40Z", "available since 800 s ago, whatever the phone did since"
            assert [each["signed_in"] for each in mine["people"]] == [True, False]
            assert (shown["8002"]["reason"], shown["8002"]["since"]) == ("training", "2026-05-06T00:58:20Z")
            assert (shown["8003"]["status"], shown["8003"]["since"], shown["8003"]["call"]) == ("off", None, None)
            assert (shown["9101"]["status"], shown["9101"]["call"]) == ("available", None), "its call is 110's own"
            await here.at("9101")
            assert (await one.get(f"{SEATS}/9101")).json()["people"] == []
            police = await here.at("9101")
            assert (await police.get(f"{SEATS}/9101")).json()["call"] == "p1"
            assert len((await police.get(f"{SEATS}/9101")).json()["people"]) == 1
            assert [each["seat"] for each in (await one.get(SEATS, params={"centre": "110-anning"})).json()] == ["9201", "9202"]
            assert (await one.get(f"{SEATS}/8999")).status_code == 404
            assert (await (await here.stand.sign_in("agency")).get(SEATS)).status_code == 403
            reasons = (await one.get(f"{SEATS}/reasons")).json()
            assert {each["id"]: each["name"] for each in reasons} == settings.installation.pause_reasons

    run(go())


def test_queues_count_direct_callers_and_transfers_apart(sqlite_settings: Settings) -> None:
    def waits(call: str, since: float, **more: Any) -> contract.LiveCall:
        base = {"answered_at": None, "answered_by": "", "queued_at": NOW - since, "centre": "110"}
        return talk(call, "9101", now=NOW, **{**base, **more})

    def asked(name: str, **more: Any) -> contract.TransferFacts:
        base: dict[str, Any] = {"id": name, "call": "c1", "rev": 1, "kind": "three-way", "by": "key", "asker": "l2"}
        return contract.TransferFacts(**{**base, "from_centre": "12345", "to_centre": "110", "started_at": NOW - 7, **more})

    async def go() -> None:
        async with floor(sqlite_settings) as here:
            await morning(here)
            await here.show(waits("p1", 30))
            await here.show(waits("p2", 5))
            await here.show(waits("p3", 3, centre="110-anning", overflowed_to="110"))
            await here.show(talk("c1", "8001", now=NOW, transfers=(
                asked("t1", dangerous=True), asked("t2", target="seat:9101"), asked("t3", ended_at=NOW, outcome="busy"),
            )))  # fmt: skip
            queues = {each["centre"]: each for each in (await (await here.at("8001")).get(f"{SEATS}/queues")).json()}
            police = queues["110"]
            assert (police["direct"], police["transfers"], police["dangerous"], police["longest"]) == (3, 1, 1, 30.0)
            assert queues["110-anning"]["direct"] == 0, "overflowed"
            assert queues["12345"]["seats"] == {"available": 0, "talking": 1, "paused": 1, "wrap_up": 0, "off": 6}

    run(go())


def test_a_status_is_set_at_the_own_seat_and_by_its_supervisor(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with floor(sqlite_settings) as here:
            one, boss = await here.at("8001"), await here.at("8090")
            reason = next(iter(sqlite_settings.installation.pause_reasons))
            answer = await one.put(f"{SEATS}/8001/status", json={"status": "paused", "reason": reason})
            assert (answer.status_code, answer.json()) == (200, {"seat": "8001", "status": "paused", "reason": reason})
            assert here.commands()[-1] | {"by": ""} == {
                "type": "SetSeatStatus", "seat": "8001", "status": "paused", "reason": reason, "by": "",
            }  # fmt: skip
            assert (await boss.put(f"{SEATS}/8001/status", json={"status": "off"})).status_code == 200
            (noted,) = await here.noted("seat.set")
            assert (noted.subject, noted.detail["status"]) == ("8001", "off")
            for person, seat, status in ((one, "8002", 403), (boss, "9101", 403), (boss, "8999", 404)):
                assert (await person.put(f"{SEATS}/{seat}/status", json={"status": "off"})).status_code == status
            for body, field in (
                ({"status": "paused", "reason": "beach"}, "reason"),
                ({"status": "available", "reason": reason}, "reason"),
                ({"status": "wrap-up"}, "body.status"),
            ):
                bad = await one.put(f"{SEATS}/8001/status", json=body)
                assert (bad.status_code, bad.json()["field"]) == (422, field)
            assert len(here.commands()) == 2
            admin = await here.stand.sign_in("administrator")
            assert (await admin.put(f"{SEATS}/8001/status", json={"status": "off"})).status_code == 403
            assert (await admin.get(SEATS)).status_code == 200

    run(go())


def test_seats_by_the_hundred_are_read_in_portions(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with floor(sqlite_settings) as here:
            names = [f"{number:04d}" for number in range(230)]
            await here.record(*(change(name, 10, "available") for name in names))
            async with here.stand.state.database.read() as session:
                found = await call_records.seats_now(session, names)
            assert set(found) == set(names)
            assert {one.since for one in found.values()} == {NOW - 10}

    run(go())
