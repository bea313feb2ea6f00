"""How long a start takes: the whole installation with and without rendered prompts, and one room.

Measured: from the start of ``hotline up`` until it says that calls can come (the worker included, four spare rooms as shipped),
once in an empty data folder, where every prompt is synthesised, and again in the same folder. And from a room process's start to
its first line, one room after the other.
"""

from __future__ import annotations

import time
from statistics import median

from bench.figures import Figure
from bench.loop import Loop
from bench.phones import Phones
from bench.room_process import Rooms
from bench.run import Run
from robots.town import Town


def measure(run: Run) -> list[Figure]:
    return [*_installation(run), *_rooms(run)]


def _installation(run: Run) -> list[Figure]:
    folder = run.folder / "start"
    cold, warm = 0.0, []
    for number in range(2 if run.quick else 4):
        run.say(f"start: the installation, {'again' if number else 'in an empty folder'} …")
        began = time.monotonic()
        with Town(folder):
            took = time.monotonic() - began
        if number:
            warm.append(took)
        else:
            cold = took
    return [
        Figure("start.cold", "hotline up until calls can come, every prompt to be synthesised", cold, "s"),
        Figure("start.warm", "hotline up until calls can come, prompts in the cache (median)", median(warm), "s"),
    ]


def _rooms(run: Run) -> list[Figure]:
    loop = Loop()
    phones = Phones(loop)
    rooms = Rooms(loop, run.folder / "starting", phones.address)
    times = []
    try:
        run.say("start: rooms …")
        for number in range(5 if run.quick else 20):
            times += [room.started for room in rooms.grow(number + 1)]
    finally:
        rooms.close()
        phones.close()
        loop.close()
    return [Figure("start.room", f"a room from start to ready (median of {len(times)})", 1000 * median(times), "ms")]
