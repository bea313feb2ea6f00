"""Worker, Valkey, telephony and the whole installation die or are restarted: no record is lost or doubled, nothing is left."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from robots import ear
from robots.demo import hasten
from robots.handset import Phone, answer
from robots.town import Town, free_port
from tests.town.look import Look


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """With fixed ports, so that phones find it again."""
    ports = {name: str(free_port()) for name in ("HOTLINE_SIP_PORT", "HOTLINE_SIP_TLS_PORT", "HOTLINE_TRUNK_PORT")}
    with Town(tmp_path_factory.mktemp("restarts"), edit=hasten, variables=ports) as town:
        yield town


def process(town: Town, name: str) -> psutil.Process:
    """A child of ``hotline up``: telephony, worker or valkey."""

    def look() -> psutil.Process | None:
        for child in psutil.Process(town.pid).children():
            command = child.cmdline()
            if command[-1:] == [name] or (name == "valkey" and any("valkey.sock" in part for part in command)):
                return child
        return None

    found: psutil.Process = town.until(look, f"the process {name}")
    return found


def kill(victim: psutil.Process) -> float:
    os.kill(victim.pid, signal.SIGKILL)
    victim.wait(10)
    return time.monotonic()


def talk(town: Town, look: Look, operator: Phone, citizen: Phone) -> str:
    call = citizen.dial(town.number("12345"))
    citizen.hear(operator.tone, call=call)
    return look.live_call(citizen.user).call.id


def rows(town: Town, number: str) -> list[str]:
    """Calls of a number as the database has them."""
    with sqlite3.connect(f"file:{town.data / 'hotline.db'}?mode=ro", uri=True) as database:
        return [row[0] for row in database.execute("SELECT id FROM call WHERE caller = ?", (number,))]


def family(town: Town) -> list[psutil.Process]:
    return psutil.Process(town.pid).children(recursive=True)


def rooms(town: Town) -> list[psutil.Process]:
    return [one for one in psutil.process_iter(["cmdline"]) if _is_room(town, one.info["cmdline"] or [])]


def _is_room(town: Town, command: list[str]) -> bool:
    return "telephony.room" in command and any(str(town.data) in part for part in command)


def test_killed_worker_stores_every_call_once(town: Town, look: Look) -> None:
    operator, citizen = town.seat("8001", answer()), town.citizen("13800000901")
    town.everybody_ready()
    calls = []
    for _ in range(2):
        look.seat_is("8001", status="available", state="idle")
        call = talk(town, look, operator, citizen)
        calls.append(call)
        kill(process(town, "worker"))
        citizen.hang_up()
        town.until(lambda call=call: call not in [one.call.id for one in look.live()], "the end of the call")
    for call in calls:
        record = look.ended(call, recording=True)
        assert sorted(p.role for p in record.parties) == ["caller", "operator"]
        assert len(record.recordings) == 1
    assert sorted(rows(town, citizen.user)) == sorted(calls)


def test_killed_valkey_ends_no_call_and_loses_no_record(town: Town, look: Look) -> None:
    operator, citizen = town.seat("8001", answer()), town.citizen("13800000902")
    town.everybody_ready()
    call = talk(town, look, operator, citizen)
    killed = kill(process(town, "valkey"))
    since = citizen.on_tape(killed)
    citizen.tape_reaches(since + 2)
    assert not [gap for gap in ear.gaps(citizen.tape(), operator.tone, 0.2) if gap[1] > since]
    citizen.hang_up()
    operator.wait_for("ended")
    record = look.ended(call, recording=True)
    assert record.call is not None and record.call.end_cause == "caller_left"
    assert rows(town, citizen.user) == [call]
    look.seat_is("8001", status="available", state="idle")
    again = talk(town, look, operator, citizen)
    citizen.hang_up()
    assert look.ended(again).call is not None


def test_records_of_an_outage_arrive_once_when_valkey_answers_again(town: Town, look: Look) -> None:
    operator, citizen = town.seat("8001", answer()), town.citizen("13800000905")
    town.everybody_ready()
    call = talk(town, look, operator, citizen)
    server = process(town, "valkey")
    told = town.log.read_text().count("redis.away")
    server.suspend()
    try:
        citizen.hang_up()
        operator.wait_for("ended")
        town.until(lambda: town.log.read_text().count("redis.away") > told, "the outage to be noticed")
    finally:
        server.resume()
    record = look.ended(call, recording=True)
    assert record.call is not None and record.call.end_cause == "caller_left"
    assert sorted(p.role for p in record.parties) == ["caller", "operator"]
    assert rows(town, citizen.user) == [call]
    look.seat_is("8001", status="available", state="idle")


def test_killed_switchboard_comes_back_clean(town: Town, look: Look) -> None:
    operator, citizen = town.seat("8001", answer()), town.citizen("13800000903")
    town.everybody_ready()
    call = talk(town, look, operator, citizen)
    before = rooms(town)
    written = town.data / "registrations.json"
    town.until(lambda: written.exists() and f":{operator.sip_port}" in written.read_text(), "the registration on disk")
    kill(process(town, "telephony"))
    for phone in (citizen, operator):
        phone.wait_for("ended", 30)
    record = look.ended(call, recording=True)
    assert record.call is not None and record.call.end_cause == "node_lost"
    assert all(p.left_at is not None for p in record.parties)
    assert ear.duration(citizen.finished_tape(1)) > 0
    psutil.wait_procs(before, 20)
    assert not [room for room in before if room.is_running()], "rooms of the former life have left"
    look.seat_is("8001", state="idle", registered=True)
    again = talk(town, look, operator, citizen)
    citizen.hang_up()
    ended = look.ended(again).call
    assert ended is not None and ended.answered_by == "8001", "the phone did not even register again"
    look.calls_over()


def test_everything_ends_within_ten_seconds_in_mid_call_and_the_recording_is_kept(town: Town, look: Look) -> None:
    operator, citizen = town.seat("8001", answer()), town.citizen("13800000904")
    town.everybody_ready()
    call = talk(town, look, operator, citizen)
    operator.hear(citizen.tone, 0.6)
    members = family(town)
    assert len(members) > 4
    assert town.stop() < 10
    assert not [one for one in members if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
    for phone in (citizen, operator):
        assert phone.wait_for("ended")["by"] == "them", "a BYE, not silence"
    town.start()
    record = look.ended(call, recording=True)
    assert record.call is not None and record.call.end_cause == "completed"
    assert _exists(town.data, record.recordings[0].path)
    assert rows(town, citizen.user) == [call]
    look.seat_is("8001", registered=True, state="idle")
    again = talk(town, look, operator, citizen)
    citizen.hang_up()
    assert look.ended(again).call is not None


def _exists(data: Path, path: Any) -> bool:
    return (data / path).stat().st_size > 44
