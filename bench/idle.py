"""Rooms that wait for calls: what 40 of them cost together.

Measured: processor time and memory of 40 room processes with a switchboard attached that asks every 2 s how they are, as the pool
does. They have had no call yet; what rooms cost in the 32 s after a call is measured with the busy rooms.
"""

from __future__ import annotations

import time

from bench import processes
from bench.figures import Aim, Figure
from bench.loop import Loop
from bench.phones import Phones
from bench.room_process import Rooms
from bench.run import Run

COUNT = 40
PING_EVERY = 2.0


def measure(run: Run) -> list[Figure]:
    loop = Loop()
    phones = Phones(loop)
    rooms = Rooms(loop, run.folder / "idle", phones.address)
    try:
        run.say(f"idle: starting {COUNT} rooms …")
        rooms.grow(COUNT)
        rooms.ping_every(PING_EVERY)
        loop.run(2)
        before, began = processes.cpu_of(rooms.pids), time.monotonic()
        loop.run(5 if run.quick else 20)
        share = 100 * (processes.cpu_of(rooms.pids) - before) / (time.monotonic() - began)
        memory = sum(map(processes.pss, rooms.pids))
    finally:
        rooms.close()
        phones.close()
        loop.close()
    return [
        Figure("idle.cpu", f"{COUNT} rooms that wait for calls, together", share, "% of a core", Aim(2.0)),
        Figure("idle.memory", f"{COUNT} rooms that wait for calls, together (PSS)", memory, "MB"),
    ]
