"""Steering calls over HTTP: every command, who may give it, what the call core says to it, and that none is given twice."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from api.calls import core
from config.settings import Settings
from router.calls_client import CallCoreError
from router.storage.casework import Handoff
from telephony import contract
from tests.api.calls import CALLER, floor, talk
from tests.api.parts import T0, run
from tests.calls.responder import done
from tests.storage import facts
from tests.worker import stack

NOW = T0.timestamp()
CALLS = "/api/v1/calls"

BY_8001: list[tuple[str, dict[str, Any] | None, dict[str, Any]]] = [
    ("c1/transfers/cancel", None, {"type": "CancelTransfer"}),
    ("c1/transfers/join", None, {"type": "JoinTransfer"}),
    ("c1/take-over", {}, {"type": "TakeOver", "seat": "8001"}),
    ("c1/hang-up", None, {"type": "HangUpCall"}),
    ("c1/parties/caller/hold", {"on": True}, {"type": "HoldParty", "party": "c1.l1", "on": True}),
    ("c1/parties/9101/mute", {"on": False}, {"type": "MuteParty", "party": "c1.l3", "on": False}),
    ("c1/parties/c1.l3/drop", None, {"type": "DropParty", "party": "c1.l3"}),
    ("c1/parties/8001/drop", None, {"type": "DropParty", "party": "c1.l2", "by": "8001"}),
    ("c1/pick", {}, {"type": "PickWaiting", "seat": "8001"}),
    ("callbacks", {"number": "+86 871-63100000"}, {"type": "CallBack", "seat": "8001", "number": "087163100000"}),
    ("callbacks", {"about": "c1"}, {"type": "CallBack", "seat": "8001", "number": CALLER, "about": "c1"}),
    ("c1/transfers", {"line": "120"}, {"type": "StartTransfer", "kind": "one-key", "target": "line:120", "asker": "8001"}),
    ("c1/transfers", {"seat": "7001", "kind": "consult"}, {"type": "StartTransfer", "kind": "consult", "target": "seat:7001"}),
    ("c1/transfers", {}, {"type": "StartTransfer", "kind": "one-key", "target": "110"}),
    ("c1/transfers", {"centre": "1101", "kind": "blind"}, {"type": "StartTransfer", "kind": "blind", "target": "110-anning"}),
    (
        "c1/transfers",
        {"kind": "three-way", "dangerous": True},
        {"type": "StartTransfer", "kind": "three-way", "target": "110", "dangerous": True, "case": ""},
    ),
]


def test_every_command_reaches_the_call_core(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with floor(sqlite_settings) as here:
            await here.talk("c1", "8001", "9101")
            one = await here.at("8001")
            for path, body, expected in BY_8001:
                answer = await one.post(f"{CALLS}/{path}", json=body)
                assert answer.status_code == 200, (path, answer.text)
                told = here.commands()[-1]
                assert {name: told.get(name) for name in expected} == expected, path
                assert told.get("call", "c1") == "c1" and told["by"]
                assert answer.json()["command"] == here.core.commands[-1].id
            assert await here.noted("call.steered") == [], "who is party to the call is in its record"

    run(go())


def test_only_parties_and_supervisors_of_the_centre_steer_a_call(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with floor(sqlite_settings) as here:
            await here.talk("c1", "8001")
            for seat, status in (("8002", 403), ("9101", 404), ("9090", 404), ("9201", 404)):
                answer = await (await here.at(seat)).post(f"{CALLS}/c1/hang-up")
                assert answer.status_code == status, (seat, answer.text)
            assert (await (await here.stand.sign_in("agency")).post(f"{CALLS}/c1/hang-up")).status_code == 403
            assert here.commands() == []
            assert len(await here.noted("access.refused")) == 5

            boss = await here.at("8090")
            assert (await boss.post(f"{CALLS}/c1/hang-up")).status_code == 200
            (noted,) = await here.noted("call.steered")
            assert (noted.subject, noted.actor, noted.detail["command"]) == ("c1", boss.account.id, "HangUpCall")
            assert (await boss.post(f"{CALLS}/c1/pick", json={"seat": "8002"})).status_code == 200
            assert here.commands()[-1]["seat"] == "8002"
            assert (await boss.post(f"{CALLS}/c1/pick", json={"seat": "9101"})).status_code == 403
            one = await here.at("8001")
            assert (await one.post(f"{CALLS}/c1/pick", json={"seat": "8002"})).status_code == 403
            assert (await one.post(f"{CALLS}/c1/transfers", json={"asker": "8002"})).status_code == 403
            assert (await one.post(f"{CALLS}/c1/parties/9101/drop")).json()["code"] == "party.unknown"

    run(go())


def test_calls_that_are_over_or_unknown_are_told_apart(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with floor(sqlite_settings) as here:
            await here.record(facts.call("c1", 9, centre="12345", ended_at=NOW))
            one = await here.at("8001")
            for path in ("c1/hang-up", "c1/transfers/cancel"):
                answer = await one.post(f"{CALLS}/{path}")
                assert (answer.status_code, answer.json()["code"]) == (409, "call.over")
            assert (await one.post(f"{CALLS}/c9/hang-up")).status_code == 404
            assert (await (await here.at("9101")).post(f"{CALLS}/c1/hang-up")).status_code == 404
            assert here.commands() == []

    run(go())


NOWHERE: list[tuple[dict[str, Any], str]] = [
    ({"centre": "110", "line": "120"}, "line"),
    ({"centre": "nowhere"}, "centre"),
    ({"line": "999"}, "line"),
    ({"seat": "8999"}, "seat"),
    ({"kind": "warp"}, "body.kind"),
    ({"seat": "x1"}, "body.seat"),
    ({"reason": " "}, "body.reason"),
    ({"tarrget": "110"}, "body.tarrget"),
]


def test_a_transfer_to_nowhere_is_refused_before_anybody_is_asked(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with floor(sqlite_settings) as here:
            await here.talk("c1", "8001")
            one = await here.at("8001")
            for body, field in NOWHERE:
                answer = await one.post(f"{CALLS}/c1/transfers", json=body)
                assert (answer.status_code, answer.json()["field"]) == (422, field), body
            assert here.commands() == []

    run(go())


def test_refusals_of_the_call_core_are_errors_with_its_codes(sqlite_settings: Settings) -> None:
    codes = iter(["call.full", "transfer.target", "room.none", "command.failed", "new.code"])

    def refuse(command: contract.AnyCommand) -> list[contract.Event]:
        return [done(command, ok=False, code=next(codes), message="words for the log")]

    async def go() -> None:
        async with floor(sqlite_settings, refuse) as here:
            await here.talk("c1", "8001")
            one = await here.at("8001")
            told = []
            for _ in range(5):
                answer = await one.post(f"{CALLS}/c1/hang-up")
                told.append((answer.status_code, answer.json()["code"]))
                assert answer.json()["message"] and answer.json()["remedy"]
            assert told == [
                (409, "call.full"),
                (422, "transfer.target"),
                (503, "room.none"),
                (502, "command.failed"),
                (409, "new.code"),
            ]

    run(go())


def test_a_call_core_that_does_not_answer_is_told_and_never_acts_late(
    sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core, "WITHIN", 0.15)

    async def go() -> None:
        async with floor(sqlite_settings, lambda command: []) as here:
            await here.talk("c1", "8001")
            here.core.stopped.set()
            answer = await (await here.at("8001")).post(f"{CALLS}/c1/hang-up")
            assert (answer.status_code, answer.json()["code"]) == (504, "calls.no_answer")
        with redis.Redis.from_url(sqlite_settings.redis_url) as client:
            assert client.xlen(contract.COMMANDS) == 0

    run(go())


def test_troubles_on_the_way_have_codes_of_their_own() -> None:
    trouble = core.CoreTrouble(CallCoreError("x", "y"))
    assert (trouble.code, trouble.status) == ("calls.failed", 502)


def test_a_command_with_a_key_is_given_once(settings: Settings) -> None:
    async def go() -> None:
        def answer(command: contract.AnyCommand) -> list[contract.Event]:
            if len(here.core.commands) == 1:
                return []
            return [done(command, result={"transfer": f"t{len(here.core.commands)}"})]

        async with floor(settings, answer) as here:
            core.WITHIN, usual = 0.3, core.WITHIN
            try:
                await here.talk("c1", "8001")
                one = await here.at("8001")
                key = {"Idempotency-Key": "k-1"}
                silent = await one.post(f"{CALLS}/c1/transfers", json={"line": "120"}, headers=key)
                assert silent.status_code == 504
            finally:
                core.WITHIN = usual
            first = await one.post(f"{CALLS}/c1/transfers", json={"line": "120"}, headers=key)
            assert (first.status_code, first.json()["transfer"]) == (200, "t2")
            ids = [command.id for command in here.core.commands]
            assert len(ids) == 2 and ids[0] == ids[1], "the call core knows a command that is given again by its id"

            again = await one.post(f"{CALLS}/c1/transfers", json={"line": "120"}, headers=key)
            assert again.json() == first.json() and again.headers["Idempotency-Replayed"] == "true"
            other = await one.post(f"{CALLS}/c1/transfers", json={"line": "119"}, headers=key)
            assert (other.status_code, other.json()["code"]) == (422, "idempotency.reused")
            assert len(here.core.commands) == 2
            await one.post(f"{CALLS}/c1/transfers", json={"line": "119"}, headers={"Idempotency-Key": "k-2"})
            assert len({command.id for command in here.core.commands}) == 2

    run(go())


def begun(command: contract.AnyCommand) -> list[contract.Event]:
    return [done(command, result={"transfer": "c1.t7"})]


def test_a_transfer_to_the_other_line_makes_the_handoff_of_the_calls_draft(settings: Settings) -> None:
    async def go() -> None:
        async with floor(settings, begun) as here:
            await here.furnish()
            await here.talk("c1", "8001")
            draft = await here.draft("c1")
            one = await here.at("8001")
            body = {"kind": "one-key", "reason": "报称有人斗殴"}
            answer = (await one.post(f"{CALLS}/c1/transfers", json=body)).json()
            (row,) = await here.rows(Handoff)
            assert answer["case"] == draft.id
            assert answer["handoff"] == {"id": row.id, "number": row.number, "state": "offered"}
            assert (row.case_id, row.to_centre, row.from_centre, row.by) == (draft.id, "110", "12345", one.account.id)
            assert (row.reason, row.transfer_id, row.call_id, row.mode) == ("报称有人斗殴", "c1.t7", "c1", "call")
            (told,) = here.commands()
            assert (told["case"], told["target"]) == (draft.id, "110")

            base = {"asker_seat": "8001", "from_centre": "12345", "to_centre": "110", "started_at": NOW, "case": draft.id}
            over = {"ended_at": NOW + 20, "outcome": "no_answer", "went_back_to": "asker"}
            await here.told(facts.transfer("c1.t7", "c1", 2, **base, ringing_at=NOW + 1, **over))
            shown = (await one.get(f"{CALLS}/c1/case")).json()["handoffs"]
            assert [(each["id"], each["state"], each["rung_at"]) for each in shown] == [
                (row.id, "offered", "2026-05-06T01:00:01Z")
            ]

    run(go())


def test_transfers_elsewhere_make_no_handoff(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with floor(sqlite_settings, begun) as here:
            await here.furnish()
            await here.talk("c1", "8001")
            await here.draft("c1")
            one = await here.at("8001")
            for body in ({"line": "120"}, {"seat": "8002"}, {"centre": "12345"}):
                answer = await one.post(f"{CALLS}/c1/transfers", json=body)
                assert (answer.status_code, answer.json()["handoff"]) == (200, None), body
            assert await here.rows(Handoff) == []
            seat = await one.post(f"{CALLS}/c1/transfers", json={"seat": "9101"})
            assert seat.json()["handoff"], "a seat of the other line is the other line"

    run(go())


def test_a_call_back_is_about_the_matter_of_its_call(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with floor(sqlite_settings) as here:
            await here.furnish()
            await here.record(
                facts.call("c1", 9, centre="12345", caller=CALLER, answered_at=NOW - 50, ended_at=NOW),
                facts.call("c2", 9, centre="12345", caller=None, ended_at=NOW),
                facts.call("p1", 9, centre="110", caller=CALLER, ended_at=NOW),
            )
            draft = await here.draft("c1")
            one = await here.at("8001")
            assert (await one.post(f"{CALLS}/callbacks", json={"about": "c1"})).json()["case"] == draft.id
            assert (await one.post(f"{CALLS}/callbacks", json={"case": draft.id})).status_code == 200
            numbers = [(told["number"], told["case"], told["about"]) for told in here.commands()]
            assert numbers == [(CALLER, draft.id, "c1"), (CALLER, draft.id, "")]
            nobody = await one.post(f"{CALLS}/callbacks", json={"about": "c2"})
            assert (nobody.status_code, nobody.json()["field"]) == (422, "number")
            assert (await one.post(f"{CALLS}/callbacks", json={"about": "p1"})).status_code == 404
            seatless = await here.stand.sign_in("operator", username="seatless")
            assert (await seatless.post(f"{CALLS}/callbacks", json={"number": CALLER})).status_code == 404
            assert len(here.commands()) == 2

    run(go())


def test_who_is_listened_to_is_in_the_journal_before_it_begins(sqlite_settings: Settings) -> None:
    async def go() -> None:
        seen: list[int] = []

        def answer(command: contract.AnyCommand) -> list[contract.Event]:
            with stack.sql(sqlite_settings.database_url) as outside:
                count = outside.one("SELECT count(*) FROM journal_entry WHERE action = 'call.supervised'")
            seen.append(count)
            return [done(command, result={"party": "c1.l9"})]

        async with floor(sqlite_settings, answer) as here:
            await here.talk("c1", "8001")
            await here.talk("c2", "9101", transfers=(handed_over(),))
            boss = await here.at("8090")
            heard = await boss.post(f"{CALLS}/c1/supervise", json={"mode": "listen"})
            assert (heard.status_code, heard.json()["party"]) == (200, "c1.l9")
            assert seen == [1]
            assert here.commands()[0] | {"by": ""} == {
                "type": "Supervise", "call": "c1", "seat": "8090", "mode": "listen", "by": "",
            }  # fmt: skip
            (noted,) = await here.noted("call.supervised")
            assert (noted.actor, noted.subject, noted.detail["mode"]) == (boss.account.id, "c1", "listen")
            gone = await boss.post(f"{CALLS}/c2/supervise", json={"mode": "listen"})
            assert gone.status_code == 403, "the own people have left this call: it is the police's now"
            assert (await (await here.at("8001")).post(f"{CALLS}/c1/supervise", json={"mode": "barge"})).status_code == 403
            assert len(here.commands()) == 1

    run(go())


def handed_over() -> contract.TransferFacts:
    return contract.TransferFacts(
        id="t2", call="c2", rev=3, kind="one-key", by="key", asker="c2.l9", asker_seat="8001", from_centre="12345",
        to_centre="110", started_at=NOW - 30, answered_at=NOW - 20, ended_at=NOW - 20, outcome="answered",
    )  # fmt: skip


def test_a_call_that_no_record_knows_yet_can_be_steered(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with floor(sqlite_settings) as here:
            await here.show(talk("c1", "8001", now=NOW))
            assert (await (await here.at("8001")).post(f"{CALLS}/c1/hang-up")).status_code == 200

    run(go())
