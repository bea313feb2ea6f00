"""Commands from the command line to the stream and back, and what a person reads when it doesn't go well."""

from __future__ import annotations

from typing import Any

import pytest

from telephony import contract
from tests.calls.responder import Hotline, done, responder
from tests.storage import facts
from tests.storage.facts import T0
from tests.storage.parts import Valkey


def given(hotline: Hotline, valkey: Valkey, *words: str) -> Any:
    """Run the command against a call core that says yes; return the command that it got."""
    with responder(valkey.url) as core:
        result = hotline("calls", *words)
        assert (result.status, result.err) == (0, ""), result
    assert len(core.commands) == 1
    assert core.commands[0].by.startswith("cli:")
    return core.commands[0]


@pytest.mark.parametrize(
    ("words", "kind", "fields"),
    [
        ("transfer c1", contract.StartTransfer, {"call": "c1", "kind": "one-key", "target": "", "dangerous": False}),
        (
            "transfer c1 --to seat:9001 --kind blind --asker 8001 --case m1",
            contract.StartTransfer,
            {"kind": "blind", "target": "seat:9001", "asker": "8001", "case": "m1"},
        ),
        ("transfer c1 --to 110 --dangerous", contract.StartTransfer, {"kind": "three-way", "dangerous": True}),
        ("three-way c1 --to 110", contract.StartTransfer, {"kind": "three-way", "target": "110"}),
        ("cancel c1", contract.CancelTransfer, {"call": "c1"}),
        ("join c1", contract.JoinTransfer, {"call": "c1"}),
        ("take-over c1 9001", contract.TakeOver, {"call": "c1", "seat": "9001"}),
        ("hangup c1", contract.HangUpCall, {"call": "c1"}),
        ("drop c1 p2", contract.DropParty, {"call": "c1", "party": "p2"}),
        ("mute c1 p2", contract.MuteParty, {"party": "p2", "on": True}),
        ("hold c1 p2 --off", contract.HoldParty, {"party": "p2", "on": False}),
        ("listen c1 --seat 8090", contract.Supervise, {"call": "c1", "seat": "8090", "mode": "listen"}),
        ("whisper c1 --seat 8090", contract.Supervise, {"mode": "whisper"}),
        ("barge c1 --seat 8090", contract.Supervise, {"mode": "barge"}),
        (
            "callback 8001 +86-139-0000-0001 --about c0",
            contract.CallBack,
            {"seat": "8001", "number": "13900000001", "about": "c0"},
        ),
        (
            "page 7001 --text 官渡区发生火情 --ring 20 --urgent",
            contract.Page,
            {"to": "7001", "speech": (contract.Text("官渡区发生火情"),), "ring": 20, "urgent": True},
        ),
        ("page 7001 --prompt waiting", contract.Page, {"speech": (contract.Clip("waiting"),)}),
        ("stop-page g1", contract.StopPage, {"page": "g1"}),
        (
            "lend 9201 110 --group dispatch --group linkage --home 530181 --exclusive",
            contract.JoinQueue,
            {"seat": "9201", "centre": "110", "groups": ("dispatch", "linkage"), "home": "530181", "exclusive": True},
        ),
        ("lend 9001 1101 --group dispatch", contract.JoinQueue, {"centre": "110-anning", "home": "", "exclusive": False}),
        ("recall 9201 110", contract.LeaveQueue, {"seat": "9201", "centre": "110"}),
        ("pick c1 8001", contract.PickWaiting, {"call": "c1", "seat": "8001"}),
        (
            "seat 8001 paused --reason meal",
            contract.SetSeatStatus,
            {"seat": "8001", "status": "paused", "reason": "meal"},
        ),
        ("seat 8001 available", contract.SetSeatStatus, {"status": "available", "reason": ""}),
    ],
)
def test_each_command_reaches_the_call_core_as_typed(
    hotline: Hotline, valkey: Valkey, words: str, kind: type[contract.Command], fields: dict[str, Any]
) -> None:
    command = given(hotline, valkey, *words.split())
    assert type(command) is kind
    assert {name: getattr(command, name) for name in fields} == fields


def test_the_answer_is_printed_as_json(hotline: Hotline, valkey: Valkey) -> None:
    with responder(valkey.url, lambda command: [done(command, result={"transfer": "t1"})]):
        result = hotline("calls", "transfer", "c1", "--json")
    assert (result.status, result.json["ok"], result.json["result"]) == (0, True, {"transfer": "t1"})


def test_a_refusal_is_one_line_with_code_and_exit_status_1(hotline: Hotline, valkey: Valkey) -> None:
    full = "a call has four parties at most"
    with responder(valkey.url, lambda command: [done(command, False, code="call.full", message=full)]):
        result = hotline("calls", "barge", "c1", "--seat", "8090")
        as_json = hotline("calls", "barge", "c1", "--seat", "8090", "--json")
    assert (result.status, result.out, len(result.err.splitlines())) == (1, "", 1)
    assert result.err.startswith(f"error: call.full: {full} — ")
    assert (as_json.status, as_json.json["ok"], as_json.json["code"]) == (1, False, "call.full")


def test_a_command_that_nobody_answers_is_taken_back(hotline: Hotline, valkey: Valkey) -> None:
    result = hotline("calls", "hangup", "c1", "--within", "0.3", "--json")
    assert (result.status, result.json["code"]) == (1, "calls.no_answer")
    assert result.err.startswith("error: calls.no_answer: ") and "hotline telephony" in result.err
    with valkey.client() as client:
        assert client.xlen(contract.COMMANDS) == 0


def test_a_page_is_waited_for_until_it_ends(hotline: Hotline, valkey: Valkey) -> None:
    def answer(command: contract.AnyCommand) -> list[contract.Event]:
        ends = [
            contract.PageDone(id=f"e{n}", at=T0, node="n", page=page, to="7001", outcome=how, digit="1", ended_at=T0)
            for n, (page, how) in enumerate([("another", "no_answer"), (command.id, "accepted")])
        ]
        return [done(command), *ends]

    with responder(valkey.url, answer):
        # Something old that must not be taken for the answer, nor stand in its way.
        with valkey.client() as client:
            client.xadd(contract.EVENTS, {contract.FIELD: b"poison"})
        assert hotline("calls", "page", "7001", "--text", "测试", "--wait").out == "page to 7001: accepted (key 1)\n"
        assert hotline("calls", "page", "7001", "--text", "测试", "--wait", "--json").json["outcome"] == "accepted"


def test_a_page_that_goes_on_and_one_that_is_refused_are_told_apart(hotline: Hotline, valkey: Valkey) -> None:
    with responder(valkey.url):
        result = hotline("calls", "page", "7001", "--text", "测试", "--wait", "--wait-limit", "1")
    assert result.status == 1 and "calls.still_going" in result.err
    with responder(valkey.url, lambda command: [done(command, False, code="page.too_many", message="no line is free")]):
        result = hotline("calls", "page", "7001", "--text", "测试", "--wait")
    assert result.status == 1 and "page.too_many: no line is free" in result.err


def test_a_party_may_be_named_by_its_seat_or_as_caller(hotline: Hotline, valkey: Valkey) -> None:
    live = contract.LiveCall(
        call=facts.call("c1").facts,
        parties=(
            facts.party("p1", "c1", number="13900000001").facts,
            facts.party("p0", "c1", role="operator", seat="8001", left_at=T0).facts,
            facts.party("p2", "c1", role="operator", seat="8001").facts,
        ),
    )
    with valkey.client() as client:
        client.hset(contract.LIVE, "c1", contract.encode(live))
        assert given(hotline, valkey, "drop", "c1", "8001").party == "p2"
        client.delete(contract.COMMANDS)
        assert given(hotline, valkey, "hold", "c1", "caller").party == "p1"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("transfer c1 --kind sideways", "calls.bad_kind"),
        ("transfer c1 --to 111", "calls.unknown_centre"),
        ("transfer c1 --to seat:1234", "calls.unknown_seat"),
        ("transfer c1 --to line:911", "calls.unknown_line"),
        ("transfer c1 --to desk:9001", "calls.bad_target"),
        ("listen c1 --seat 1", "calls.unknown_seat"),
        ("callback 8001 zero", "calls.bad_number"),
        ("page 7001", "calls.no_speech"),
        ("page 7001 --text 火 --prompt waiting", "calls.no_speech"),
        ("page 7001 --prompt no_such_prompt", "calls.unknown_prompt"),
        ("stop-page", "calls stop-page --help"),
        ("lend 9201 110", "calls lend --help"),
        ("lend 1 110 --group dispatch", "calls.unknown_seat"),
        ("recall 9201 999", "calls.unknown_centre"),
        ("seat 8001 busy", "calls.bad_status"),
        ("seat 8001 paused --reason bored", "calls.bad_reason"),
        ("seat 8001 off --reason meal", "calls.bad_reason"),
        ("list --since yesterday", "calls.bad_time"),
        ("list --centre 999", "calls.unknown_centre"),
        ("list --kind odd", "calls.bad_kind"),
        ("list --caller x", "calls.bad_number"),
        ("list --limit 0", "calls list --help"),
        ("listen c1", "calls listen --help"),
        ("nonsense", "calls --help"),
    ],
)
def test_bad_input_is_one_line_with_a_remedy_and_exit_status_2(hotline: Hotline, valkey: Valkey, words: str, code: str) -> None:
    result = hotline("calls", *words.split())
    assert (result.status, result.out, len(result.err.splitlines())) == (2, "", 1), result
    assert code in result.err and result.err.startswith("error: ") and " — " in result.err
    with valkey.client() as client:
        assert client.xlen(contract.COMMANDS) == 0


def test_redis_away_is_one_line_with_a_remedy(hotline: Hotline, valkey: Valkey) -> None:
    valkey.kill()
    result = hotline("calls", "hangup", "c1")
    assert (result.status, len(result.err.splitlines())) == (1, 1)
    assert "calls.unreachable" in result.err and "hotline doctor" in result.err
