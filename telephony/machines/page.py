"""A page (呼叫通知): ring a number, speak, collect a key, speak the key's effect back."""

from __future__ import annotations

from telephony import contract
from telephony.machines import effects, inputs, leaving, plan, records, scene, words

ANSWER_WAIT = 6.0
"""Seconds that a key is waited for after the speech, before it is repeated."""

LINGER = 5.0

STOPPED = "stopped"
"""Outcome of a page that was ended by a command before anybody pressed a key."""

_CONFIRM = {"accepted": "page_accepted", "refused": "page_refused", "escalated": "page_escalated"}


class PageMachine:
    """One page, one leg. The digits come from the paged phone; they answer the page and command nothing else."""

    def __init__(self, call: records.Call, installation: plan.Plan, command: contract.Page) -> None:
        self.call = call
        self.plan = installation
        self.command = command
        self.now = call.started_at
        self.repeats = 0
        self.outcome = ""
        self.digit = ""
        self._effects: list[effects.Effect] = []

    @property
    def over(self) -> bool:
        return self.call.stage == "ended"

    def scene(self) -> effects.Scene:
        return scene.derive(self.call)

    def handle(self, given: inputs.AnyInput, now: float) -> list[effects.Effect]:
        """Take one input; late ones, and those before the page has begun, change nothing."""
        self.now = now
        self._effects = []
        begun = f"{self.call.id}.l1" in self.call.parties
        match given:
            case inputs.Asked(command=command):
                self._asked(command, begun)
            case inputs.Stopped():
                self._stopped(begun)
            case inputs.Offered(attempt=attempt, seat=seat):
                self._offered(attempt, seat, begun)
            case inputs.RoomLost() if not begun:
                self._over("failed")
            case inputs.Started() if not begun and not self.over:
                self._start()
            case _ if not begun:
                pass
            case inputs.NoneLeft(why=why):
                if self._party.asked:
                    self._gone(0, "busy" if why == "busy" else "unreachable")
            case inputs.Reached(ringing=True):
                if self._party.state == "invited":
                    self._party.state = "ringing"
                    self._party.ringing_at = self.now
                    if self._party.owner:
                        self._do(effects.SeatRinging(self._party.seat, self._party.owner))
            case inputs.Up():
                self._up()
            case inputs.Pressed(digit=digit):
                self._pressed(digit)
            case inputs.Heard(play=play):
                self._heard(play)
            case inputs.Due(timer=timer):
                self._due(timer)
            case inputs.Gone(code=code):
                self._gone(code, "")
            case inputs.RoomLost():
                self._party.end_cause = self._party.end_cause or "room_lost"
                self._gone(0, "failed")
            case _:
                pass
        return self._effects

    @property
    def _party(self) -> records.Party:
        return self.call.parties[f"{self.call.id}.l1"]

    def _do(self, effect: effects.Effect) -> None:
        self._effects.append(effect)

    def _say(self, party: records.Party, name: str) -> None:
        party.says.append(records.Say(self.call.next_id("p"), words.clip(name)))

    def _start(self) -> None:
        to = self.command.to
        seat = self.plan.seats.get(to)
        party = records.Party(
            id=f"{self.call.id}.l1",
            role="duty" if seat else "outside",
            seat=to if seat else "",
            number=None if seat else to,
            centre=(seat.centre or "") if seat else "",
            invited_at=self.now,
        )
        self.call.parties[party.id] = party
        self.call.stage = "waiting"
        if seat:
            party.asked = True
            self._do(effects.Claim(party.id, to, force=True))
        else:
            self._dial()

    def _offered(self, attempt: str, seat: str, begun: bool) -> None:
        if not begun or attempt != self._party.id or not self._party.asked:
            self._do(effects.SeatRelease(seat, attempt))
            return
        self._party.asked = False
        self._party.owner = self._party.id
        self._dial()

    def _dial(self) -> None:
        party = self._party
        centre = self.plan.centres.get(self.call.centre)
        headers = {"X-Hotline-Call": self.call.id, "X-Hotline-Kind": "page"}
        if self.command.case:
            headers["X-Hotline-Case"] = self.command.case
        self._do(
            effects.Dial(
                party.id,
                seat=party.seat,
                number=party.number or "",
                caller=centre.numbers[0] if centre else "12345",
                headers=headers,
            )
        )
        self._do(effects.Timer(f"ring:{party.id}", self.command.ring))

    def _up(self) -> None:
        party = self._party
        if party.state in ("up", "gone"):
            return
        party.state = "up"
        if party.leaving:
            self._do(effects.HangUp(party.id))
            return
        party.joined = True
        party.joined_at = self.now
        self.call.answered_at = self.now
        self.call.answered_by = party.seat or party.number or ""
        self.call.stage = "talking"
        self.call.tape = f"{self.call.id}-1"
        self._do(effects.CancelTimer(f"ring:{party.id}"))
        if party.owner:
            self._do(effects.SeatTalking(party.seat, party.owner))
        self._speak()

    def _speak(self) -> None:
        party = self._party
        party.says.clear()
        party.says.append(records.Say(self.call.next_id("p"), self.command.speech))
        self._say(party, "page_keys")

    def _heard(self, play: str) -> None:
        party = self._party
        if not party.says or party.says[0].id != play:
            return
        say = party.says.pop(0)
        if say.then == "end":
            self._leave("left")
        elif not party.says and not self.outcome:
            self._do(effects.Timer("key", ANSWER_WAIT))

    def _pressed(self, digit: str) -> None:
        party = self._party
        if not party.up or self.outcome not in ("", "no_key"):
            return
        # A key that comes while the phone is told that none came is as good as any.
        self.outcome = ""
        self._do(effects.CancelTimer("key"))
        if digit == "*":
            self._speak()
        elif digit in self.command.keys:
            self.digit = digit
            self.outcome = self.command.keys[digit]
            party.says.clear()
            prompt = _CONFIRM.get(self.outcome, "page_noted")
            party.says.append(records.Say(self.call.next_id("p"), words.clip(prompt), "end"))
        else:
            party.says.clear()
            self._say(party, "page_wrong_key")
            self._say(party, "page_keys")

    def _due(self, timer: str) -> None:
        party = self.call.parties.get(f"{self.call.id}.l1")
        if party is None or party.state == "gone":
            return
        if timer.startswith("ring:"):
            if party.state == "up":
                return
            self.outcome = self.outcome or ("no_answer" if party.state == "ringing" else "unreachable")
            self._leave(self.outcome)
            self._gone(408, self.outcome)
        elif timer.startswith("linger:"):
            self._gone(0, "")
        elif timer == "key" and not self.outcome:
            self.repeats += 1
            if self.repeats <= self.command.repeats:
                self._speak()
            else:
                self.outcome = "no_key"
                party.says.append(records.Say(self.call.next_id("p"), words.clip("page_no_key"), "end"))

    def _asked(self, command: contract.AnyCommand, begun: bool) -> None:
        if not isinstance(command, contract.HangUpCall):
            self._do(effects.Reply(command.id, False, "call.page", "a page can only be hung up"))
            return
        if self.call.stage in ("ending", "ended"):
            self._do(effects.Reply(command.id, False, "call.over", "the call is over"))
            return
        self._do(effects.Reply(command.id, True))
        if not begun:
            self._over("failed")
            return
        self.outcome = self.outcome or "failed"
        self._leave("left" if self._party.state == "up" else "cancelled")
        if self._party.asked:
            self._gone(0, "failed")

    def _stopped(self, begun: bool) -> None:
        """Let the phone go; who has answered hears why. A key that was pressed counts, and the person hears its echo out."""
        if self.digit or self.outcome == STOPPED or self.call.stage in ("ending", "ended"):
            return
        self.outcome = STOPPED
        if not begun:
            self._over("completed")
        elif self._party.asked:
            self._party.end_cause = "cancelled"
            self._gone(0, STOPPED)
        elif self._party.state == "up":
            self._do(effects.CancelTimer("key"))
            self._party.says.clear()
            self._party.says.append(records.Say(self.call.next_id("p"), words.clip("page_taken"), "end"))
        else:
            self._leave("cancelled")

    def _leave(self, cause: str) -> None:
        party = self._party
        if party.leaving or party.state == "gone":
            return
        party.leaving = True
        party.end_cause = cause
        party.says.clear()
        self.call.stage = "ending"
        if party.asked:
            return
        self._do(effects.HangUp(party.id))
        self._do(effects.Timer(f"linger:{party.id}", LINGER))

    def _gone(self, code: int, why: str) -> None:
        party = self._party
        if party.state == "gone":
            return
        answered = party.state == "up"
        if not self.outcome:
            cause = leaving.cause_of(code, rang=party.state == "ringing")
            self.outcome = why or ("no_key" if answered else _OUTCOMES.get(cause, cause))
        party.state = "gone"
        party.asked = False
        party.left_at = self.now
        party.sip_code = code
        party.says.clear()
        party.end_cause = party.end_cause or ("left" if answered else _CAUSES.get(self.outcome, self.outcome))
        if party.owner:
            self._do(effects.SeatRelease(party.seat, party.owner, unreachable=self.outcome == "unreachable"))
        for timer in (f"ring:{party.id}", f"linger:{party.id}", "key"):
            self._do(effects.CancelTimer(timer))
        by_command = answered or self.outcome == STOPPED
        self._over("room_lost" if party.end_cause == "room_lost" else "completed" if by_command else "failed")

    def _over(self, cause: str) -> None:
        """The page has ended; ``cause`` as in :class:`contract.CallFacts`."""
        if self.over:
            return
        party = self.call.parties.get(f"{self.call.id}.l1")
        self.outcome = self.outcome or "failed"
        self.call.stage = "ended"
        self.call.ended_at = self.now
        self.call.end_cause = cause
        self.call.tape = ""
        rang, joined = (party.ringing_at, party.joined_at) if party is not None else (None, None)
        self._do(effects.PageResult(self.outcome, self.digit, rang, joined))


_OUTCOMES = {"refused": "rejected", "cancelled": "failed"}
"""Why a phone did not answer, as a page tells it."""

_CAUSES = {"rejected": "refused", "failed": "cancelled"}
"""And an outcome as a party's row has it."""
