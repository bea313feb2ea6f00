"""`hotline calls list`, `show` and `recording` on real records and live calls."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from hotline import calls_ask
from hotline.errors import CommandError
from router.storage import call_records, migrations
from router.storage.engine import Database
from telephony import contract
from tests.calls.responder import Hotline
from tests.storage import facts
from tests.storage.facts import T0
from tests.storage.parts import Valkey, run


def store(url: str, events: Sequence[Any]) -> None:
    migrations.upgrade(url)

    async def go() -> None:
        database = Database(url)
        async with database.write() as session:
            await call_records.apply_all(session, events)
        await database.close()

    run(go())


def snapshot(valkey: Valkey, *calls: contract.LiveCall) -> None:
    with valkey.client() as client:
        for call in calls:
            client.hset(contract.LIVE, call.call.id, contract.encode(call))


RECORDS = [
    facts.call("done", 9, ended_at=T0 + 60, answered_at=T0 + 5, answered_by="9001", waited=5.0, end_cause="caller_left"),
    facts.party("p1", "done", number="13900000001", joined_at=T0 + 5, left_at=T0 + 60),
    facts.party("p2", "done", role="police", seat="9001", joined_at=T0 + 5, left_at=T0 + 60, sip_code=200),
    facts.transfer("t1", "done", asker_seat="9001", target="12345", outcome="busy", went_back_to="asker"),
    facts.recording("r1", "done", caller_silent=True),
    facts.event(contract.DigitPressed, "done", party="p2", digits="*1", meaning="one-key"),
    facts.call("left", 3, started_at=T0 + 1, ended_at=T0 + 9, end_cause="abandoned", centre="110-anning"),
    facts.call("now", 2, started_at=T0 + 2, centre="12345"),
]


def ids(result: Any) -> list[str]:
    assert result.status == 0, result
    return [one["id"] for one in result.json["calls"]]


def test_recorded_and_live_calls_stand_in_one_list(hotline: Hotline, valkey: Valkey, sqlite_url: str) -> None:
    store(sqlite_url, RECORDS)
    snapshot(
        valkey,
        contract.LiveCall(call=facts.call("now", 5, started_at=T0 + 2, centre="12345", answered_at=T0 + 7).facts),
        contract.LiveCall(call=facts.call("new", 1, started_at=T0 + 3).facts, node="n7"),
        contract.LiveCall(call=facts.call("done", 4).facts),  # left behind by a node that died: the record knows better
    )
    result = hotline("calls", "list", "--json")
    assert ids(result) == ["new", "now", "left", "done"]
    assert [(one["live"], one["rev"]) for one in result.json["calls"]] == [(True, 1), (True, 5), (False, 3), (False, 9)]
    assert (result.json["total"], result.json["calls"][0]["node"]) == (4, "n7")
    assert ids(hotline("calls", "list", "--live", "--json")) == ["new", "now"]
    assert ids(hotline("calls", "list", "--unanswered", "--json")) == ["new", "left"]
    assert ids(hotline("calls", "list", "--centre", "12345", "--json")) == ["now"]


def test_calls_to_ring_back_are_listed_for_all_desks_of_110(hotline: Hotline, sqlite_url: str) -> None:
    store(sqlite_url, RECORDS)
    result = hotline("calls", "list", "--abandoned", "--silent", "--centre", "110", "--json")
    assert ids(result) == ["left", "done"]
    assert [(one["caller"], one["abandoned"], one["silent"]) for one in result.json["calls"]] == [
        ("13900000001", True, False),
        ("13900000001", False, True),
    ]


def test_a_person_reads_a_table(hotline: Hotline, sqlite_url: str) -> None:
    store(sqlite_url, RECORDS)
    lines = hotline("calls", "list").out.splitlines()
    assert lines[0].split() == ["call", "started", "kind", "centre", "caller", "state", "waited", "talked", "answered", "by"]
    assert lines[3].startswith("done") and "110 昆明市公安局110指挥中心" in lines[3]
    assert "caller_left, silent" in lines[3] and "55 s" in lines[3] and "9001 接警1号席" in lines[3]
    assert "3 of 3 calls, page 1" in lines[-1]


def test_a_call_is_shown_with_all_that_belongs_to_it(hotline: Hotline, sqlite_url: str, tmp_path: Path) -> None:
    store(sqlite_url, RECORDS)
    shown = hotline("calls", "show", "done", "--json").json
    assert (shown["call"]["answered_by"], len(shown["parties"]), shown["transfers"][0]["outcome"]) == ("9001", 2, "busy")
    assert (shown["recordings"][0]["id"], shown["notes"][0]["detail"]["digits"]) == ("r1", "*1")
    text = hotline("calls", "show", "done").out
    for words in ("parties", "9001 接警1号席", "busy", "digits=*1", "caller silent", str(tmp_path / "data" / "recordings")):
        assert words in text


def test_a_live_call_is_shown_before_its_record_is_there(hotline: Hotline, valkey: Valkey, sqlite_url: str) -> None:
    store(sqlite_url, RECORDS)
    snapshot(
        valkey,
        contract.LiveCall(
            call=facts.call("new", 2, queued_at=T0 + 1).facts, parties=(facts.party("p9", "new", number=None).facts,), node="n7"
        ),
    )
    shown = hotline("calls", "show", "new", "--json").json
    assert (shown["call"]["live"], [one["id"] for one in shown["parties"]]) == (True, ["p9"])
    assert shown["running"]["node"] == "n7"
    text = hotline("calls", "show", "new").out
    assert "waiting" in text and "anonymous" in text and "node=n7" in text


def test_records_are_listed_with_a_warning_while_redis_is_away(hotline: Hotline, valkey: Valkey, sqlite_url: str) -> None:
    store(sqlite_url, RECORDS)
    valkey.kill()
    result = hotline("calls", "list", "--json")
    assert ids(result) == ["now", "left", "done"]
    assert result.err.startswith("warning: calls.unreachable") and len(result.err.splitlines()) == 1


def test_a_snapshot_that_cannot_be_read_hides_no_other(hotline: Hotline, valkey: Valkey, sqlite_url: str) -> None:
    store(sqlite_url, RECORDS)
    with valkey.client() as client:
        client.hset(contract.LIVE, "odd", b"{}")
    snapshot(valkey, contract.LiveCall(call=facts.call("new").facts))
    assert "new" in hotline("calls", "list").out


def test_a_recordings_place_is_printed(hotline: Hotline, sqlite_url: str, tmp_path: Path) -> None:
    store(sqlite_url, RECORDS)
    file = tmp_path / "data" / "recordings" / "r1.wav"
    gone = hotline("calls", "recording", "r1")
    assert gone.status == 1 and "calls.recording_gone" in gone.err
    file.parent.mkdir(parents=True)
    file.write_bytes(b"RIFF")
    assert hotline("calls", "recording", "r1").out == f"{file}\n"
    found = hotline("calls", "recording", "done", "--json").json
    assert [(one["id"], one["file"], one["exists"]) for one in found] == [("r1", str(file), True)]


@pytest.mark.parametrize(("words", "code"), [("show nobody", "calls.unknown"), ("recording nothing", "calls.no_recording")])
def test_what_is_not_there_is_said_so(hotline: Hotline, sqlite_url: str, words: str, code: str) -> None:
    migrations.upgrade(sqlite_url)
    result = hotline("calls", *words.split())
    assert (result.status, result.out, len(result.err.splitlines())) == (2, "", 1)
    assert code in result.err


def test_a_database_without_tables_is_one_line_with_a_remedy(hotline: Hotline, sqlite_url: str) -> None:
    result = hotline("calls", "list")
    assert (result.status, len(result.err.splitlines())) == (1, 1)
    assert "storage.schema_missing" in result.err and "hotline migrate" in result.err


def test_times_are_read_as_people_write_them() -> None:
    now = dt.datetime(2026, 5, 1, 12, 0).timestamp()
    assert calls_ask.moment("2h", now) == now - 7200
    assert calls_ask.moment("8:30", now) == dt.datetime(2026, 5, 1, 8, 30).timestamp()
    assert calls_ask.moment("2026-04-30", now) == dt.datetime(2026, 4, 30).timestamp()
    assert calls_ask.moment("2026-04-30T10:00+00:00", now) == dt.datetime(2026, 4, 30, 10, tzinfo=dt.UTC).timestamp()
    assert calls_ask.moment("", now) is None
    with pytest.raises(CommandError, match="is no time"):
        calls_ask.moment("25:99", now)
