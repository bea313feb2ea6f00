"""Two-leg calls through the whole stack: how many can be set up per second without a failure, and what one costs.

Measured: callers on the trunk dial 12345, are answered, queued and matched; a registered seat's phone rings and answers at once;
100 ms later the caller hangs up. Greeting, recording (made, joined, hashed), the seat's announcement, facts and the worker's rows
are as shipped; position prompts and wrap-up are off, and the phones send no audio (the rooms do). A rate holds if, over its whole
time, every call had its seat within 4 s and ended cleanly. Calls come evenly. A rate that does not hold is tried once more, and
then ends the climb; the answer is the highest rate that held. Processor times are those of the best rate, divided by its calls.
The phones run on the same cores: what they take is missing to the stack.
"""

from __future__ import annotations

import itertools
import time
from collections import Counter
from dataclasses import dataclass, field

from bench import processes
from bench.figures import Aim, Figure, percentile
from bench.loop import Loop
from bench.phones import Leg, Phones
from bench.run import Run
from bench.town import Crowd

RATES = (30, 45, 60, 75, 90, 105, 120, 135, 150, 165, 180, 200, 220)
QUICK = (30, 60, 90, 120, 150)
TALK = 0.1
PATIENCE = 4.0
PARTS = ("telephony", "rooms", "valkey", "worker")
_numbers = itertools.count(13900000000)


@dataclass
class Step:
    """One rate and what came of it."""

    rate: int
    calls: int = 0
    ended: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    waits: list[float] = field(default_factory=list)
    """Seconds from a caller's INVITE to the seat's acknowledged answer."""
    cpu: dict[str, float] = field(default_factory=dict)
    """Seconds by part of the stack."""
    own: float = 0.0
    took: float = 0.0

    @property
    def held(self) -> bool:
        return not self.failures


def measure(run: Run) -> list[Figure]:
    rates = QUICK if run.quick else RATES
    seconds = 3.0 if run.quick else 8.0
    loop = Loop()
    public, desks = run.crowd.staff(loop)
    best: Step | None = None
    try:
        _climb(run, loop, public, desks, 20, 2.0)
        for rate in rates:
            step = _climb(run, loop, public, desks, rate, seconds)
            if not step.held:
                step = _climb(run, loop, public, desks, rate, seconds)
            if not step.held:
                break
            best = step
        loop.run(1.0)
    finally:
        public.close()
        desks.close()
        loop.close()
    if best is None:
        raise RuntimeError("not even the lowest rate held")
    per_call = {part: 1000 * best.cpu[part] / best.calls for part in PARTS}
    return [
        Figure("setup.rate", "two-leg calls set up without a failure", best.rate, "/s", Aim(least=150)),
        Figure("setup.wait", "INVITE of a caller until a seat has answered, median", 1000 * percentile(best.waits, 0.5), "ms"),
        Figure("setup.wait_p95", "INVITE of a caller until a seat has answered, p95", 1000 * percentile(best.waits, 0.95), "ms"),
        *(Figure(f"setup.cpu.{part}", f"processor time per call: {part}", per_call[part], "ms") for part in PARTS),
        Figure("setup.cpu.phones", "processor time per call: the bench's own phones", 1000 * best.own / best.calls, "ms"),
    ]


def _climb(run: Run, loop: Loop, public: Phones, desks: Phones, rate: int, seconds: float) -> Step:
    """Play one rate, and wait until all its calls are over."""
    step = Step(rate, calls=int(rate * seconds))
    play = _Play(loop, run.crowd, public, desks, step)
    before = {part: (run.crowd.pids(part), run.crowd.cpu(part)) for part in PARTS}
    own, began = time.process_time(), time.monotonic()
    play.begin()
    loop.until(lambda: step.ended + sum(step.failures.values()) >= step.calls, "all calls are over", seconds + 30)
    step.took, step.own = time.monotonic() - began, time.process_time() - own
    step.cpu = {part: processes.cpu_of(pids) - used for part, (pids, used) in before.items()}
    busy = " ".join(f"{part} {100 * used / step.took:.0f} %" for part, used in step.cpu.items())
    verdict = "held" if step.held else ", ".join(f"{count} × {what}" for what, count in step.failures.most_common(3))
    run.say(f"setup: {rate}/s over {step.calls} calls: {verdict} (core use: {busy}, phones {100 * step.own / step.took:.0f} %)")
    play.end()
    return step


class _Play:
    """The calls of one step: begun on time, each followed to its end."""

    def __init__(self, loop: Loop, crowd: Crowd, public: Phones, desks: Phones, step: Step) -> None:
        self._loop, self._crowd, self._public, self._desks, self._step = loop, crowd, public, desks, step
        self._open: dict[str, Leg] = {}
        self._answered: set[str] = set()
        public.on_ended = self._caller_over
        desks.on_invite = self._seat_rings
        desks.on_confirmed = self._seat_talks
        self._next = time.monotonic()

    def begin(self) -> None:
        self._begun = 0
        self._due()

    def _due(self) -> None:
        now = time.monotonic()
        while self._begun < self._step.calls and self._next <= now:
            number = str(next(_numbers))
            self._open[number] = self._public.dial("12345", self._crowd.trunk, number)
            self._loop.after(PATIENCE, lambda one=number: self._late(one))  # type: ignore[misc]
            self._begun += 1
            self._next += 1 / self._step.rate
        if self._begun < self._step.calls:
            self._loop.at(self._next, self._due)

    def _seat_rings(self, leg: Leg) -> None:
        self._desks.ring(leg)
        self._desks.accept(leg)

    def _seat_talks(self, leg: Leg) -> None:
        caller = self._open.get(leg.peer)
        if caller is None or leg.peer in self._answered:
            return
        self._answered.add(leg.peer)
        self._step.waits.append(leg.times["confirmed"] - caller.times["invited"])
        self._loop.after(TALK, lambda: None if caller.over else caller.hang_up())

    def _late(self, number: str) -> None:
        if number in self._open and number not in self._answered:
            leg = self._open[number]
            self._fail(number, "no seat in time")
            if not leg.over and leg.status == 200:
                leg.hang_up()

    def _caller_over(self, leg: Leg) -> None:
        if self._open.pop(leg.user, None) is None:
            return
        if leg.user in self._answered:
            self._step.ended += 1
        else:
            self._step.failures[f"{leg.status} for the caller" if leg.status >= 300 else "ended before a seat answered"] += 1

    def _fail(self, number: str, why: str) -> None:
        if self._open.pop(number, None) is not None:
            self._step.failures[why] += 1

    def end(self) -> None:
        """Until every desk and caller is free; what is still open after that is left to the next look."""
        phones = (*self._public.legs, *self._desks.legs)
        for leg in self._public.legs:
            if leg.status == 200 and not leg.over and "bye" not in leg.times:
                leg.hang_up()
        self._loop.until(lambda: all(leg.over for leg in phones if leg.status == 200), "all phones are free", 30)
        self._loop.run(1.0)
