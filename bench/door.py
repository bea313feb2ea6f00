"""The front door: what it costs to carry a message between the trunk and a room.

Measured: the real door in a process of its own; every call is put into one room, played by this process, which also plays the
callers. A call is INVITE, 180, 200, ACK, BYE, 200: six messages that the door forwards (its own 100 to the caller is not counted
as one, but its time is in the figure). Processor time of the door alone, by the kernel's clock of that process; so the rate is
what one core would carry, not what this machine did.
"""

from __future__ import annotations

import json
import subprocess
import sys
from statistics import median

from bench import processes
from bench.figures import Figure
from bench.loop import Late, Loop
from bench.phones import Leg, Phones
from bench.run import Run

STEPS = 6
AT_ONCE = 20
"""Calls in flight: as many messages as the door may find waiting when it wakes."""


def measure(run: Run) -> list[Figure]:
    loop = Loop()
    callers, room = Phones(loop), Phones(loop)

    def ring_and_answer(leg: Leg) -> None:
        room.ring(leg)
        room.accept(leg)

    process = subprocess.Popen(
        [sys.executable, "-m", "bench.door_process", str(room.address[1])], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise Late("the front door did not start")
        told = json.loads(line)
        room.on_invite = ring_and_answer
        room.contact = f"<sip:{told['token']}@127.0.0.1:{told['rooms']}>"
        calls = 500 if run.quick else 1500
        run.say(f"door: {calls} calls, {STEPS} messages each …")
        costs = []
        for lap in range(4):
            before = processes.cpu(process.pid)
            _play(loop, callers, told["trunks"], calls // 4)
            if lap:  # the first warms it up
                costs.append(1e6 * (processes.cpu(process.pid) - before) / (calls // 4 * STEPS))
        if callers.repeated or room.repeated:
            run.say(f"door: {callers.repeated + room.repeated} messages had to be repeated: the figures are too high")
    finally:
        processes.end([process])
        if process.stdout is not None:
            process.stdout.close()
        callers.close()
        room.close()
        loop.close()
    cost = median(costs)
    return [
        Figure("door.step", "the door's processor time per message forwarded", cost, "µs"),
        Figure("door.rate", "messages that one core would forward", 1e6 / cost, "/s"),
    ]


def _play(loop: Loop, callers: Phones, port: int, count: int) -> None:
    begun, over, failed = 0, 0, 0

    def ended(leg: Leg) -> None:
        nonlocal over
        over += 1

    def answered(leg: Leg) -> None:
        nonlocal failed
        if leg.status == 200:
            leg.hang_up()
        else:
            failed += 1

    callers.on_ended, callers.on_answer = ended, answered
    while over < count:
        while begun < count and begun - over < AT_ONCE:
            callers.dial("12345", ("127.0.0.1", port), "13800138001")
            begun += 1
        loop.until(lambda seen=over: over > seen, "a call through the door is over", 10)  # type: ignore[misc]
    if failed:
        raise RuntimeError(f"{failed} of {count} calls through the door failed")
