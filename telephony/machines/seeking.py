"""Finding somebody who answers: seats from a queue one after the other, a named seat, or an outside line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telephony import contract
from telephony.machines import arriving, effects, inputs, records, transfers, words
from telephony.machines.errors import Refused

if TYPE_CHECKING:
    from telephony.machines.call import CallMachine

OVERFLOW_AGAIN = 5.0
"""A call whose wait ends while a seat rings gets so many seconds more."""

FIRST_POSITION = 1.0
"""Seconds after which the one who asks for a transfer hears that all are busy, the position, and how to cancel."""

TRUNK_REACH = 4.0
"""A trunk that has not even said 100 within so many seconds is down: RFC 3261 17.2.1 asks for it within 0.2 s, and over UDP the
INVITE has been sent four times by then."""

_WAITING: tuple[records.Purpose, ...] = ("answer", "return", "ringback")
"""Purposes for which the caller waits in a queue."""


def start(
    m: CallMachine, purpose: records.Purpose, target: records.Target, rank: int, *, prefer: str = "", since: float | None = None
) -> records.Attempt:
    """Begin a search; the call has one at a time. ``since``: when the wait began, if not now."""
    call = m.call
    attempt = records.Attempt(
        id=call.next_id("a"),
        purpose=purpose,
        target=target,
        rank=rank,
        since=m.now if since is None else since,
        steps="transfer" if purpose == "transfer" else "direct",
        prefer=prefer,
    )
    call.attempt = attempt
    if target.kind == "line":
        _dial_line(m, attempt)
    elif target.kind == "seat":
        m.do(effects.Claim(attempt.id, target.id, force=purpose == "callback"))
    elif prefer:
        m.do(effects.Claim(attempt.id, prefer))
    else:
        m.do(effects.Seek(attempt))
    if target.kind == "queue":
        _set_timers(m, attempt)
    return attempt


def _set_timers(m: CallMachine, attempt: records.Attempt) -> None:
    """Set both clocks of a wait as the queue wants them; a time of 0 means never."""
    every = _position_every(m, attempt)
    _tick(m, "position", min(every, FIRST_POSITION) if attempt.purpose == "transfer" else every)
    rules = m.plan.centres[attempt.target.id].queue
    _tick(m, "overflow", rules.max_wait if attempt.purpose in _WAITING else 0)


def _tick(m: CallMachine, timer: str, after: float) -> None:
    m.do(effects.Timer(timer, after) if after else effects.CancelTimer(timer))


def _position_every(m: CallMachine, attempt: records.Attempt) -> float:
    if attempt.purpose == "transfer":
        return m.plan.installation.transfers.position_every
    return m.plan.centres[attempt.target.id].queue.position_every


def drop(m: CallMachine) -> None:
    """Stop searching; a leg that rings is cancelled."""
    attempt = m.call.attempt
    if attempt is None:
        return
    _settled(m, attempt)
    m.answer(attempt.id, Refused("call.not_waiting", "the call does not wait any more"))
    leg = m.call.parties.get(attempt.leg)
    if leg is not None:
        m.leave(leg, "cancelled")


def _settled(m: CallMachine, attempt: records.Attempt) -> None:
    """Nothing is sought any more, so nobody's place in a queue is told any more."""
    m.call.attempt = None
    for party in m.call.parties.values():
        party.says = [said for said in party.says if not words.tells_position(said.speech)]
    m.do(effects.Unseek(attempt.id, attempt.target))
    m.do(effects.CancelTimer("position"))
    m.do(effects.CancelTimer("overflow"))


def offered(m: CallMachine, given: inputs.Offered) -> None:
    """A seat is held for this call: ring it. A helper takes part for the centre that it helps."""
    attempt, seat = m.call.attempt, given.seat
    if attempt is None or attempt.id != given.attempt or attempt.leg:
        m.do(effects.SeatRelease(seat, given.attempt))
        return
    if attempt.picked == seat:
        m.answer(attempt.id)
    elif attempt.picked:
        m.answer(attempt.id, Refused("seat.offered", f"seat {seat} was faster"))
    attempt.picked = ""
    attempt.step = given.step
    centre = given.helps or m.plan.seats[seat].centre or ""
    party = m.add(
        records.Party(id=m.call.next_id("l"), role=_role(m, seat), seat=seat, centre=centre, home=given.home, owner=attempt.id)
    )
    attempt.leg = party.id
    ring, reach = _patience(m, attempt)
    transfer = m.call.transfer
    kind = transfer.kind if attempt.purpose == "transfer" and transfer else attempt.purpose
    asker = transfer.asker_seat if attempt.purpose == "transfer" and transfer else ""
    case = transfer.case if attempt.purpose == "transfer" and transfer else ""
    if attempt.purpose == "transfer" and transfer:
        party.via_transfer = transfer.id
        transfer.step = given.step
    caller = m.call.caller_number or "anonymous"
    m.do(
        effects.Dial(
            party.id,
            seat=seat,
            caller=caller,
            display=_display(m, attempt, given.helps),
            headers=m.headers("direct" if kind == "answer" else kind, asker, case),
        )
    )
    m.do(effects.Timer(f"reach:{party.id}", reach))
    m.do(effects.Timer(f"ring:{party.id}", ring))


def _role(m: CallMachine, seat: str) -> contract.Role:
    """As the seat is configured; only a waiting citizen whom a supervisor takes by hand is served as by any other seat."""
    rules = m.plan.seats[seat]
    attempt = m.call.attempt
    if rules.role != "supervisor" or attempt is None or attempt.purpose not in _WAITING or m.call.kind == "internal":
        return rules.role
    centre = m.plan.centres.get(rules.centre or "")
    return "police" if centre is not None and centre.kind == "110" else "operator"


def _patience(m: CallMachine, attempt: records.Attempt) -> tuple[float, float]:
    centre = m.plan.centres.get(attempt.target.centre)
    reach = centre.queue.unreachable if centre else 2.0
    if attempt.purpose == "transfer" or centre is None:
        return m.plan.installation.transfers.ring, reach
    return centre.queue.ring, reach


def _display(m: CallMachine, attempt: records.Attempt, helps: str) -> str:
    """Who calls, for a helper whom, and in a transfer from where."""
    shown = [m.call.caller_number or "匿名"]
    if helps in m.plan.centres:
        shown.append(m.plan.centres[helps].name)
    if attempt.purpose == "transfer" and m.call.transfer is not None:
        centre = m.plan.centres.get(m.call.transfer.from_centre)
        shown += [centre.tag] if centre else []
    return " ".join(shown)


def _dial_line(m: CallMachine, attempt: records.Attempt) -> None:
    target = attempt.target
    line = m.plan.lines.get(target.id)
    number = line.number if line else target.id
    role = "outside" if line else "caller"
    party = m.add(records.Party(id=m.call.next_id("l"), role=role, number=number))  # type: ignore[arg-type]
    attempt.leg = party.id
    if m.call.transfer is not None and attempt.purpose == "transfer":
        party.via_transfer = m.call.transfer.id
    caller = m.call.caller_number or "anonymous"
    if line is None:
        m.call.caller_number = number
        caller = m.plan.centres[m.call.centre].numbers[0] if m.call.centre in m.plan.centres else "anonymous"
    m.do(effects.Dial(party.id, number=number, line=line.id if line else "", caller=caller))
    m.do(effects.Timer(f"reach:{party.id}", TRUNK_REACH))
    m.do(effects.Timer(f"ring:{party.id}", m.plan.installation.transfers.attempt))


def answered(m: CallMachine, party: records.Party) -> None:
    """The one who was sought is on the line."""
    call = m.call
    attempt = call.attempt
    assert attempt is not None
    _settled(m, attempt)
    m.answer(attempt.id, Refused("call.not_waiting", "the call was answered"))
    if attempt.purpose == "transfer":
        transfers.receiver_up(m, party)
        return
    if attempt.purpose == "callback":
        m.join(party)
        m.say(party, words.clip("callback_connecting"))
        call.answered_by = party.seat
        arriving.ring_caller(m)
        return
    if call.kind == "internal":
        _answer_the_one_who_calls(m)
    call.stage = "talking"
    m.join(party)
    if call.answered_at is None:
        call.answered_at = m.now
        call.answered_by = party.seat or attempt.target.id
        call.waited = m.now - call.queued_at if call.queued_at is not None else None
    caller = call.caller
    tag = {"return": "tag_returned", "ringback": "tag_lost"}.get(attempt.purpose)
    if tag:
        m.say(party, words.clip(tag))
    if caller is not None:
        caller.says.clear()
        announce(m, caller, party)


def _answer_the_one_who_calls(m: CallMachine) -> None:
    """A seat that dialled hears the other phone ring until now."""
    for other in m.call.parties.values():
        if other.incoming and other.state in ("invited", "ringing") and not other.watching and not other.leaving:
            m.do(effects.Answer(other.id))
            other.state = "up"
            m.join(other)


def announce(m: CallMachine, caller: records.Party, staff: records.Party) -> None:
    """Tell the caller the number of the seat that answered (工号)."""
    if staff.seat and staff.role in ("operator", "police"):
        m.say(caller, words.seat_number(staff.seat))


def leg_gone(m: CallMachine, party: records.Party) -> None:
    """The leg that rang ended unanswered: on to the next seat, or that was all."""
    call = m.call
    attempt = call.attempt
    assert attempt is not None
    attempt.leg = ""
    if party.seat:
        attempt.tried.append(party.seat)
    if attempt.purpose == "transfer" and attempt.target.kind != "queue":
        transfers.fail(m, party.end_cause)
    elif attempt.target.kind != "queue":
        _not_to_be_had(m, party.end_cause)
    else:
        attempt.prefer = ""
        m.do(effects.Seek(attempt))


def _not_to_be_had(m: CallMachine, why: str) -> None:
    """The one seat or line that an internal call or a call-back is for does not answer."""
    for other in m.call.parties.values():
        if other.incoming and other.state in ("invited", "ringing") and not other.watching:
            m.leave(other, _ENDED_BY.get(why, why), _CODES.get(why, 480))
    m.end("refused" if why == "refused" else "failed")


_CODES = {"busy": 486, "paused": 486, "refused": 603}
_ENDED_BY = {"off": "unreachable", "paused": "busy"}


def none_left(m: CallMachine, attempt_id: str, why: str) -> None:
    """The board has nobody for this attempt."""
    call = m.call
    attempt = call.attempt
    if attempt is None or attempt.id != attempt_id:
        return
    if attempt.picked and why not in _OF_A_QUEUE:
        m.answer(attempt.id, Refused(f"seat.{why}", f"seat {attempt.picked} can't take it: {why}"))
        attempt.picked = ""
    elif attempt.leg:
        # Old news: a seat rings already.
        return
    elif attempt.prefer:
        attempt.prefer = ""
        m.do(effects.Seek(attempt))
    elif attempt.purpose == "transfer":
        outcome = transfers.last_try(m) or "no_answer" if why == "tried" else _ENDED_BY.get(why, why)
        transfers.fail(m, outcome)
    elif attempt.target.kind != "queue":
        _not_to_be_had(m, why)
    elif why == "no_seats":
        rules = m.plan.centres[attempt.target.id].queue
        if rules.overflow_to and not call.overflowed_to:
            _overflow(m, attempt)
        elif call.caller is not None:
            m.say(call.caller, words.clip(rules.no_seats))
    else:
        attempt.tried.clear()
        m.do(effects.Seek(attempt))


_OF_A_QUEUE = ("no_seats", "tried")
"""What the board says of a queue; all else is about a named seat."""


def position(m: CallMachine, attempt_id: str, number: int) -> None:
    """Say the place in the queue to whoever waits: the caller, or in a transfer the asker."""
    call = m.call
    attempt = call.attempt
    if attempt is None or attempt.id != attempt_id or attempt.leg or number < 1:
        return
    if attempt.purpose in _WAITING:
        ear = call.caller
    else:
        transfer = call.transfer
        asker = call.parties.get(transfer.asker) if transfer else None
        ear = asker if asker is not None and asker.up else call.caller
    if ear is not None and ear.up and not ear.says:
        m.say(ear, words.position(number) if ear.role == "caller" else words.transfer_position(number))


def due(m: CallMachine, timer: str) -> None:
    attempt = m.call.attempt
    if attempt is None or attempt.target.kind != "queue":
        return
    if timer == "position":
        m.do(effects.AskPosition(attempt.id))
        _tick(m, "position", _position_every(m, attempt))
    elif not attempt.leg:
        _overflow(m, attempt)
    else:
        m.do(effects.Timer("overflow", OVERFLOW_AGAIN))


def _overflow(m: CallMachine, attempt: records.Attempt) -> None:
    """The wait was too long, or nobody is there: once to another centre, else an apology and on with the wait."""
    call = m.call
    rules = m.plan.centres[attempt.target.id].queue
    if rules.overflow_to is None or call.overflowed_to:
        if call.caller is not None:
            m.say(call.caller, words.clip(rules.overflow))
        _tick(m, "overflow", rules.max_wait)
        return
    if call.caller is not None:
        m.say(call.caller, words.clip("overflowing"))
    m.do(effects.Unseek(attempt.id, attempt.target))
    call.overflowed_to = rules.overflow_to
    attempt.target = records.Target("queue", rules.overflow_to, rules.overflow_to)
    attempt.tried = []
    attempt.rank = min(attempt.rank, m.plan.rank(rules.overflow_to, transfer=False))
    m.do(effects.Seek(attempt))
    _set_timers(m, attempt)
