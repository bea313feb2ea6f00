"""One request on a ladder, in memory: what the ladder says is done to it as the engine does it, and time moves by hand.

Every look is checked: nothing is told twice, one telephone of a rung rings at a time, nothing stands still, a second look at the
same moment finds nothing to do.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from router.linkage import machines
from router.linkage.notifying import engine, ladder
from router.linkage.notifying.ladder import Asked, Number, Rules, Rung, Try

T0 = dt.datetime(2026, 12, 1, 8, 0, tzinfo=dt.UTC)
EVERYTHING: dict[ladder.Channel, float] = {"desk": 0, "webhook": 0, "sms": 0, "phone": 0}
PHONE: dict[ladder.Channel, float] = {"phone": 0}
STEPS = {"send-out", "arrive", "feed-back"}


def rung(post: str, *numbers: str, sms: str = "", duty: str | None = None) -> Rung:
    """A post with its numbers; ``duty``: who is on duty, to whom the first two (his own, and the main one) belong."""
    found = [Number(one, duty if at < 2 else None) for at, one in enumerate(numbers)]
    return Rung(post, post, tuple(found), (Number(sms, duty),) if sms else ())


POST = rung("gas", "main", "reserve", sms="mobile")
LEADER = rung("chief", "chief", sms="chief-mobile")
MAYOR = rung("mayor", "mayor")
INFORM = Rules({"desk": 0, "phone": 180}, send_out=None, arrive=None, feedback=None)


@dataclass(slots=True)
class Attempt:
    """An attempt that can still end; ``begun``: which of the rungs that began it belongs to, counted."""

    channel: ladder.Channel
    rung: int
    place: int
    at: dt.datetime
    begun: int
    number: Number | None = None
    done_at: dt.datetime | None = None
    outcome: str | None = None
    cancelled: bool = False

    @property
    def rings(self) -> bool:
        return self.channel == "phone" and self.done_at is None and not self.cancelled

    def as_kept(self) -> Try:
        contact = self.number.contact if self.number else None
        return Try(self.channel, self.rung, self.place, self.at, self.done_at, self.outcome, contact)


@dataclass(slots=True)
class Story:
    """``rungs`` may be changed between looks, as rosters change."""

    rungs: list[Rung]
    rules: Rules = field(default_factory=lambda: Rules(PHONE))
    now: dt.datetime = T0
    state: str = "waiting"
    asked: Asked = field(init=False)
    attempts: list[Attempt] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    """``03:00 climb 1 time`` …"""
    again: dt.datetime | None = None
    _begun: int = 0
    _told: set[tuple[str, int, int, int]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.asked = Asked("waiting", self.rules, 0, self.now, self.now, None, None)
        self.look()

    # --- what the engine does

    def look(self) -> None:
        """Go through the request as it is now."""
        before = self.asked
        again: list[dt.datetime] = []
        tries = [one.as_kept() for one in self.attempts if not one.cancelled]
        for _ in range(engine.ROUNDS):
            seen = ladder.look(self.asked, self.rungs, tries, self.now)
            for action in seen.actions:
                self._act(action)
            again += [seen.again] if seen.again else []
            if not any(isinstance(one, ladder.Chase) for one in seen.actions):
                break
        self.again = min(again, default=None)
        self._check(before)

    def _act(self, action: ladder.Action) -> None:
        match action:
            case ladder.Begin(rung=height, why=why):
                if self.asked.state in ("waiting", "unanswered", "refused"):
                    self._step("ask")
                self._set(rung=height, rung_at=self.now)
                self._begun += 1
                self._write(f"begin {height}" if why == "begin" else f"climb {height} {why}")
            case ladder.Tell():
                self._tell(action)
            case ladder.Late(duty=duty):
                assert duty not in self.asked.late, "late is told once"
                self._set(late=self.asked.late | {duty})
                self._write(f"late {duty}")
            case ladder.Chase(duty=duty):
                self._set(chasing=duty, rung_at=None)
                self._write(f"chase {duty}")
            case ladder.Unanswered():
                self._write("alarm")
                if self.asked.chasing is not None:
                    self._set(chasing=None, chase_after=self.now + dt.timedelta(seconds=ladder.AGAIN))
                    return
                if self.asked.state != "unanswered":
                    self._step("give-up")
                self._set(rung_at=self.now)
            case ladder.Refused():
                self._step("refuse")
                self._write("refused")

    def _tell(self, action: ladder.Tell) -> None:
        over = action.channel in ("desk", "webhook")
        made = Attempt(action.channel, action.rung, action.place, self.now, self._begun, action.number)
        if over:
            made.done_at, made.outcome = self.now, "delivered"
        key = (made.channel, made.rung, made.begun, made.place)
        assert key not in self._told, f"told twice: {key}"
        self._told.add(key)
        busy = [one for one in self.attempts if one.rings and (one.rung, one.begun) == (made.rung, made.begun)]
        assert made.channel != "phone" or not busy, "one telephone of a rung rings at a time"
        self.attempts.append(made)
        self._write(f"{made.channel} {made.number.number if made.number else made.rung}")

    def _check(self, before: Asked) -> None:
        assert self.again is None or self.again >= self.now, "it looks into the past"
        ends = self.asked.state in ladder.FINAL
        assert not ends or self.again is None
        if not ends and (self.asked.state in ladder.OPEN or self.asked.chasing):
            assert self.again is not None or any(one.rings for one in self.attempts), "it stands still"
        elif not ends and ladder.next_duty(self.asked) is not None:
            assert self.again is not None, "what it promised is forgotten"
        if before.state in ladder.MOVING and not before.chasing:
            assert self._overdue(before) or self.asked == before, "it is in hand and asked again"
            promised = before.chase_after is not None and self.now < before.chase_after
            assert not (promised and self.asked.chasing), "somebody has promised, and is not given the time"
        tries = [one.as_kept() for one in self.attempts if not one.cancelled]
        seen = ladder.look(self.asked, self.rungs, tries, self.now)
        assert seen.actions == [], "a second look does it again"

    def _overdue(self, asked: Asked) -> bool:
        duty = ladder.next_duty(asked)
        until = ladder.due(asked, duty) if duty else None
        return until is not None and until <= self.now

    def _set(self, **values: object) -> None:
        self.asked = replace(self.asked, **values)  # type: ignore[arg-type]

    def _step(self, step: str) -> None:
        self._set(state=machines.REQUEST.step(self.asked.state, step))

    def _write(self, what: str) -> None:
        self.log.append(f"{clock(self.now)} {what}")

    # --- what time and people do

    def wait(self, **time: float) -> None:
        """Time goes by, and the engine comes whenever the ladder wants to be looked at."""
        end = self.now + dt.timedelta(**time)
        looks = 0
        while self.again is not None and self.again <= end:
            self.now = max(self.now, self.again)
            self.look()
            looks += 1
            assert looks < 10_000, "it is looked at without end"
        self.now = end

    def sleep(self, **time: float) -> None:
        """Time goes by with nothing working; then the engine comes."""
        self.now += dt.timedelta(**time)
        self.look()

    def ends(self, outcome: str, number: str | None = None) -> None:
        """The call that rings (or the one to this number) ends so."""
        one = next(one for one in self.attempts if one.rings and number in (None, one.number and one.number.number))
        one.done_at, one.outcome = self.now, outcome
        if outcome == "accepted":
            self.accept()
        self.look()

    def accept(self) -> None:
        """Somebody takes it, or promises to see to it; whoever comes too late changes nothing."""
        if self.asked.state in ladder.OPEN or self.asked.state == "refused":
            self._step("accept")
            self._set(accepted_at=self.now)
        elif self.asked.chasing is not None:
            limit = self.rules.limit(self.asked.chasing) or ladder.AGAIN
            self._set(chasing=None, chase_after=self.now + dt.timedelta(seconds=limit))
        else:
            return
        self._call_off()
        self.look()

    def progress(self, step: str) -> None:
        """``send-out`` | ``arrive`` | ``feed-back``."""
        if self.asked.state in ladder.OPEN:
            self._step("accept")
            self._set(accepted_at=self.now)
        self._step(step)
        self._set(chasing=None, chase_after=None)
        self._call_off()
        self.look()

    def refuse(self) -> None:
        """The post refuses on its desk."""
        refusal = Attempt("desk", self.asked.rung, 0, self.now, self._begun, None, self.now, "refused")
        self._call_off()
        self.attempts.append(refusal)
        self.look()

    def cancel(self) -> None:
        self._step("cancel")
        self._call_off()
        self.look()

    def _call_off(self) -> None:
        for one in self.attempts:
            one.cancelled = one.cancelled or one.done_at is None

    # --- what can be seen

    @property
    def rings(self) -> list[str]:
        """Numbers that ring now."""
        return [one.number.number for one in self.attempts if one.rings and one.number]

    def told(self, *kinds: str) -> list[str]:
        """Lines of the log of these kinds, all without any."""
        return [line for line in self.log if not kinds or line.split()[1] in kinds]


def clock(at: dt.datetime) -> str:
    """Minutes and seconds since the story began."""
    minutes, seconds = divmod(int((at - T0).total_seconds()), 60)
    return f"{minutes:02d}:{seconds:02d}"


def begins(log: list[str]) -> Iterator[tuple[int, str]]:
    """Heights of the rungs in the order in which they began, and why."""
    for line in log:
        _, kind, *more = line.split()
        if kind in ("begin", "climb"):
            yield int(more[0]), more[1] if len(more) > 1 else "begin"


def story(**rules: Any) -> Story:
    """A post with a reserve number, its leader and the leader's leader; phones only, unless told otherwise."""
    return Story([POST, LEADER, MAYOR], Rules(**{"channels": PHONE, **rules}))
