"""The worker: how fast events of calls go from the stream into SQL.

Measured: the code of ``hotline worker`` on a new SQLite file, with a backlog of events of finished two-leg calls on the stream
(the facts of the call and of both parties as they change, ten events each). From the first batch acknowledged to the last;
processor time of the worker alone.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import Any

import msgspec
import redis

from bench import processes, valkey
from bench.figures import Figure
from bench.loop import Late
from bench.run import Run
from telephony import contract

PROGRAM = """
import sys
from router import worker
worker.log_to_stderr("warning")
sys.exit(worker.serve(sys.argv[1], sys.argv[2]))
"""
PATIENCE = 90.0


def measure(run: Run) -> list[Figure]:
    calls = 300 if run.quick else 1500
    with valkey.running(run.folder / "worker") as (url, _), redis.Redis.from_url(url) as client:
        events = [event for number in range(calls) for event in call(number)]
        with client.pipeline(transaction=False) as pipe:
            for event in events:
                pipe.xadd(contract.EVENTS, {contract.FIELD: contract.encode(event)})
            pipe.execute()
        run.say(f"worker: {len(events)} events of {calls} calls …")
        database = f"sqlite+aiosqlite:///{run.folder / 'worker.sqlite'}"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("HOTLINE_")}
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, url, database], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, env=environment
        )
        try:
            return _watch(client, process, len(events))
        finally:
            processes.end([process])
            if process.stdout is not None:
                process.stdout.close()


def _watch(client: Any, process: subprocess.Popen[bytes], count: int) -> list[Figure]:
    """From the first acknowledged batch on, so that neither start nor migrations count."""
    first: tuple[float, float, int] | None = None
    end = time.monotonic() + PATIENCE
    while True:
        if time.monotonic() > end or process.poll() is not None:
            raise Late(f"{count} events were not stored within {PATIENCE:g} s")
        done = _acknowledged(client)
        now, used = time.monotonic(), processes.cpu(process.pid)
        if done and first is None:
            first = (now, used, done)
        if done >= count and first is not None:
            break
        time.sleep(0.005)
    rest = count - first[2]
    return [
        Figure("worker.rate", "events into SQLite", rest / (now - first[0]), "/s"),
        Figure("worker.cpu", "the worker's processor time per event", 1e6 * (used - first[1]) / rest, "µs"),
    ]


def _acknowledged(client: Any) -> int:
    for group in client.xinfo_groups(contract.EVENTS) if client.exists(contract.EVENTS) else []:
        return int(group.get("entries-read") or 0) - int(group["pending"])
    return 0


def call(number: int) -> list[contract.Event]:
    """What a call of two parties tells in its life."""
    name, began = f"c{number}", 1_800_000_000.0 + number
    citizen = "13800138001"
    facts = contract.CallFacts(id=name, rev=1, kind="inbound", centre="12345", called="12345", caller=citizen, started_at=began)
    caller = contract.PartyFacts(id=f"{name}-1", call=name, rev=2, role="caller", number=citizen, invited_at=began)
    seat = contract.PartyFacts(id=f"{name}-2", call=name, rev=4, role="operator", seat="8001", invited_at=began + 1)
    change = msgspec.structs.replace
    waited = change(facts, answered_at=began + 3, answered_by="8001", waited=3.0)
    rung = change(seat, ringing_at=began + 1)
    over: dict[str, Any] = {"left_at": began + 60, "end_cause": "left"}
    told: list[contract.CallFacts | contract.PartyFacts] = [
        facts,
        caller,
        change(facts, rev=3, queued_at=began),
        seat,
        change(rung, rev=5),
        change(waited, rev=6),
        change(rung, rev=7, joined_at=began + 3),
        change(caller, rev=8, joined_at=began + 3, **over),
        change(rung, rev=9, joined_at=began + 3, **over),
        change(waited, rev=10, ended_at=began + 60, end_cause="caller_left"),
    ]
    events: list[contract.Event] = []
    for index, one in enumerate(told):
        kind: Any = contract.CallChanged if isinstance(one, contract.CallFacts) else contract.PartyChanged
        events.append(kind(id=f"{name}-e{index}", at=began + index, node="bench", call=name, facts=one))
    return events
