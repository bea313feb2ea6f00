"""Calls over HTTP: the list, one call, calls in progress; who sees which, and how much of a number."""

from __future__ import annotations

from typing import Any

import msgspec

from config.settings import Settings
from router.storage.casework import CaseCall
from telephony import contract
from tests.api.calls import CALLER, Floor, floor, talk
from tests.api.parts import T0, Valkey, run, standing
from tests.storage import facts

NOW = T0.timestamp()
CALLS = "/api/v1/calls"


def ended(call: str, ago: float, **more: Any) -> contract.CallChanged:
    began = NOW - ago
    base = {"centre": "12345", "called": "12345", "caller": CALLER, "started_at": began, "queued_at": began + 1}
    return facts.call(call, 9, **{**base, "ended_at": began + 100, **more})


def answered(call: str, ago: float, **more: Any) -> contract.CallChanged:
    return ended(call, ago, **{"answered_at": NOW - ago + 9, "answered_by": "8001", "end_cause": "caller_left", **more})


async def history(here: Floor) -> None:
    """Five calls of 12345 that nobody else had to do with, one that 110 was brought into, and one of 110."""
    await here.record(
        answered("c1", 500),
        answered("c2", 400, caller="13800000002", answered_by="8002"),
        ended("c3", 300, end_cause="abandoned"),
        ended("c4", 200, end_cause="failed", caller=None),
        answered("c5", 100),
        facts.recording("r5", "c5", caller_silent=True),
        answered("c6", 50),
        facts.party("c6.l3", "c6", 2, role="police", seat="9101", centre="110", joined_at=NOW - 20),
        facts.party("c2.l2", "c2", 2, role="operator", seat="8002", centre="12345"),
        answered("p1", 40, centre="110", called="110", answered_by="9001"),
    )


async def ids(person: Any, **query: Any) -> list[str]:
    answer = await person.get(CALLS, params=query)
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()["items"]]


def test_the_list_is_filtered_and_paged(settings: Settings) -> None:
    async def go() -> None:
        async with floor(settings) as here:
            await history(here)
            one = await here.at("8001")
            assert await ids(one) == ["c6", "c5", "c4", "c3", "c2", "c1"]
            assert await ids(one, outcome="answered") == ["c6", "c5", "c2", "c1"]
            assert await ids(one, outcome="unanswered") == ["c4", "c3"]
            assert await ids(one, outcome="abandoned") == ["c3"]
            assert await ids(one, outcome="silent") == ["c5"]
            assert await ids(one, outcome="live") == []
            assert await ids(one, seat="8002") == ["c2"]
            assert await ids(one, caller="+86 138 0000 0002") == ["c2"]
            assert await ids(one, kind="callback") == []
            assert await ids(one, centre="110") == []
            since, until = "2026-05-06T00:53:00Z", "2026-05-06T00:57:00+00:00"
            assert await ids(one, since=since, until=until) == ["c4", "c3", "c2"]

            pages, cursor = [], None
            while True:
                answer = (await one.get(CALLS, params={"limit": 2, **({"cursor": cursor} if cursor else {})})).json()
                pages.append([each["id"] for each in answer["items"]])
                cursor = answer["next"]
                if cursor is None:
                    break
                if len(pages) == 1:
                    await here.record(answered("c7", 10))  # a newer call moves nothing on later pages
            assert pages == [["c6", "c5"], ["c4", "c3"], ["c2", "c1"]]

            shown = (await one.get(CALLS, params={"outcome": "abandoned"})).json()["items"][0]
            assert (shown["abandoned"], shown["silent"], shown["state"], shown["caller"]) == (True, False, "over", CALLER)

    run(go())


def test_everybody_sees_the_calls_of_their_line_only(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with floor(sqlite_settings) as here:
            await history(here)
            assert await ids(await here.at("9101")) == ["p1", "c6"]
            assert await ids(await here.at("9201")) == []
            assert await ids(await here.at("8090")) == ["c6", "c5", "c4", "c3", "c2", "c1"]
            assert await ids(await here.at("9090")) == ["p1", "c6"]
            anning = await here.stand.sign_in("supervisor", unit="110-anning", username="anning")
            assert await ids(anning) == ["p1", "c6"], "supervisors see all desks of their line"
            city = await here.stand.sign_in("supervisor", unit="", username="city")
            assert len(await ids(city)) == 7
            for role in ("agency", "administrator", "integration"):
                assert (await (await here.stand.sign_in(role)).get(CALLS)).status_code == 403, role
            assert (await here.stand.client().get(CALLS)).status_code == 401

    run(go())


def test_supervisors_see_numbers_masked_and_cannot_search_for_them(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with floor(sqlite_settings) as here:
            await history(here)
            boss = await here.at("8090")
            numbers = {one["caller"] for one in (await boss.get(CALLS)).json()["items"]}
            assert numbers == {"139****9000", "138****0002", None}
            answer = await boss.get(CALLS, params={"caller": CALLER})
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
            assert len(await here.noted("access.refused")) == 1
            bad = await (await here.at("8001")).get(CALLS, params={"caller": "12; DROP"})
            assert bad.status_code == 422

    run(go())


def test_one_call_with_all_that_belongs_to_it(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with floor(sqlite_settings) as here:
            await here.furnish()
            transfer = contract.TransferFacts(
                id="t1", call="c1", rev=3, kind="one-key", by="key", asker="c1.l2", asker_seat="8001", from_centre="12345",
                target="110", to_centre="110", started_at=NOW - 30, ringing_at=NOW - 29, answered_at=NOW - 25,
                answered_by="9101", ended_at=NOW - 25, outcome="answered",
            )  # fmt: skip
            await here.talk("c1", "8001", "9101", transfers=(transfer,))
            await here.record(facts.recording("r1", "c1"))
            draft = await here.draft("c1")
            shown = (await (await here.at("8001")).get(f"{CALLS}/c1")).json()
            assert [one["role"] for one in shown["parties"]] == ["caller", "operator", "police"]
            assert shown["parties"][0]["number"] == CALLER
            assert (shown["transfers"][0]["outcome"], shown["transfers"][0]["answered_by"]) == ("answered", "9101")
            assert shown["cases"] == [{"id": draft.id, "number": draft.number, "state": "draft"}]
            assert shown["recordings"][0]["playable"] is False, "the police speak in it"
            police = (await (await here.at("9101")).get(f"{CALLS}/c1")).json()
            assert police["recordings"][0]["playable"] is True
            assert police["cases"] == [], "110 has nothing to do with the matter yet"

            answer = await (await here.at("9201")).get(f"{CALLS}/c1")
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
            unknown = await (await here.at("9201")).get(f"{CALLS}/c9")
            assert unknown.json()["code"] == answer.json()["code"]
            (refused,) = await here.noted("access.refused")
            assert refused.subject == "c1", "looking for what is not there is no offence"

    run(go())


def test_calls_in_progress_and_their_parties(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with floor(sqlite_settings) as here:
            await here.talk("c1", "8001", "8090")
            await here.show(talk("c2", "8002", now=NOW, answered_at=None, answered_by="", rev=2))
            await here.talk("c3", "9101")
            left_behind = await here.talk("c4", "8001")
            over = msgspec.structs.replace(left_behind.call, rev=9, ended_at=NOW - 5, end_cause="node_lost")
            await here.record(facts.event(contract.CallChanged, "c4", facts=over))

            one = await here.at("8001")
            live = {each["id"]: each for each in (await one.get(f"{CALLS}/live")).json()}
            assert set(live) == {"c1", "c2"}, "neither 110's own nor what a dead node left behind"
            assert (live["c1"]["mine"], live["c2"]["mine"]) == (True, False)
            assert (live["c1"]["state"], live["c2"]["state"]) == ("talking", "queued")
            assert {each["seat"] for each in live["c1"]["parties"]} == {"", "8001"}, "who is listened to does not see it"
            boss = {each["id"]: each for each in (await (await here.at("8090")).get(f"{CALLS}/live")).json()}
            assert {each["seat"] for each in boss["c1"]["parties"]} == {"", "8001", "8090"}
            assert boss["c1"]["caller"] == "139****9000"
            mine = (await one.get(f"{CALLS}/live", params={"mine": True})).json()
            assert [each["id"] for each in mine] == ["c1"]
            assert len((await one.get(f"{CALLS}/live", params={"centre": "110"})).json()) == 0
            newer = (await one.get(f"{CALLS}/c2")).json()
            assert newer["state"] == "queued", "shown before the worker has stored it"

    run(go())


def test_the_records_are_there_while_redis_is_away(sqlite_settings: Settings, shared_valkey: Valkey) -> None:
    async def go() -> None:
        async with standing(sqlite_settings) as stand:
            here = Floor(stand)
            await history(here)
            one = await here.at("8001")
            shared_valkey.kill()
            try:
                assert len(await ids(one)) == 6
                assert (await one.get(f"{CALLS}/c6")).status_code == 200
                answer = await one.get(f"{CALLS}/live")
                assert (answer.status_code, answer.json()["code"]) == (503, "calls.unreachable")
                assert "Retry-After" in answer.headers
            finally:
                shared_valkey.start()

    run(go())


def test_the_draft_of_a_call(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with floor(sqlite_settings) as here:
            await here.furnish()
            live = await here.talk("c1", "8001")
            one = await here.at("8001")
            early = await one.get(f"{CALLS}/c1/case")
            assert (early.status_code, early.json()["code"]) == (404, "not_found")
            await here.told(facts.event(contract.CallChanged, "c1", facts=live.call))
            draft = (await one.get(f"{CALLS}/c1/case")).json()
            assert (draft["state"], draft["caller_number"], draft["first_centre"]) == ("draft", CALLER, "12345")
            assert draft["first_answered_at"] == "2026-05-06T00:59:10Z"
            masked = (await (await here.at("8090")).get(f"{CALLS}/c1/case")).json()
            assert masked["caller_number"] == "139****9000"
            assert (await (await here.at("9201")).get(f"{CALLS}/c1/case")).status_code == 404
            assert [row.call_id for row in await here.rows(CaseCall)] == ["c1"]

    run(go())
