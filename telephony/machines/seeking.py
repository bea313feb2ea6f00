"""Finding somebody who answers: seats from a queue one after the other, a named seat, or an outside line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telephony.machines import effects, records, transfers, words

if TYPE_CHECKING:
    from telephony.machines.call import CallMachine

_WAITING: tuple[records.Purpose, ...] = ("answer", "return", "ringback")
"""Purposes for which the caller waits in a queue."""


def start(m: CallMachine, purpose: records.Purpose, target: records.Target, rank: int, prefer: str = "") -> records.Attempt:
    """Begin a search; the call has one at a time."""
    call = m.call
    attempt = records.Attempt(
        id=call.next_id("a"),
        purpose=purpose,
        target=target,
        rank=rank,
        since=m.now,
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
    rules = m.plan.centres[attempt.target.id].queue
    every = m.plan.installation.transfers.position_every if attempt.purpose == "transfer" else rules.position_every
    if every:
        m.do(effects.Timer("position", every))
    if attempt.purpose in _WAITING and rules.max_wait:
        m.do(effects.Timer("overflow", rules.max_wait))


def drop(m: CallMachine) -> None:
    """Stop searching; a leg that rings is cancelled."""
    attempt = m.call.attempt
    if attempt is None:
        return
    m.call.attempt = None
    m.do(effects.Unseek(attempt.id, attempt.target))
    m.do(effects.CancelTimer("position"))
    m.do(effects.CancelTimer("overflow"))
    leg = m.call.parties.get(attempt.leg)
    if leg is not None:
        m.leave(leg, "cancelled")


def dialled_target(m: CallMachine) -> records.Target:
    """What an internal call is for: a seat, an outside line or a public number."""
    called = m.call.called
    try:
        return m.plan.target(called, m.call.centre)
    except LookupError:
        return records.Target("line", called)


def offered(m: CallMachine, attempt_id: str, seat: str, step: int) -> None:
    attempt = m.call.attempt
    if attempt is None or attempt.id != attempt_id or attempt.leg:
        m.do(effects.SeatRelease(seat, attempt_id))
        return
    _reply(m, attempt.id, True)
    attempt.step = step
    rules = m.plan.seats[seat]
    party = m.add(records.Party(id=m.call.next_id("l"), role=rules.role, seat=seat, centre=rules.centre or "", owner=attempt.id))
    attempt.leg = party.id
    ring, reach = _patience(m, attempt)
    transfer = m.call.transfer
    kind = transfer.kind if attempt.purpose == "transfer" and transfer else attempt.purpose
    asker = transfer.asker_seat if attempt.purpose == "transfer" and transfer else ""
    case = transfer.case if attempt.purpose == "transfer" and transfer else ""
    if attempt.purpose == "transfer" and transfer:
        party.via_transfer = transfer.id
        transfer.step = step
    caller = m.call.caller_number or "anonymous"
    m.do(
        effects.Dial(
            party.id,
            seat=seat,
            caller=caller,
            display=_display(m, attempt),
            headers=m.headers("direct" if kind == "answer" else kind, asker, case),
        )
    )
    m.do(effects.Timer(f"reach:{party.id}", reach))
    m.do(effects.Timer(f"ring:{party.id}", ring))


def _patience(m: CallMachine, attempt: records.Attempt) -> tuple[float, float]:
    centre = m.plan.centres.get(attempt.target.centre)
    reach = centre.queue.unreachable if centre else 2.0
    if attempt.purpose == "transfer" or centre is None:
        return m.plan.installation.transfers.ring, reach
    return centre.queue.ring, reach


def _display(m: CallMachine, attempt: records.Attempt) -> str:
    number = m.call.caller_number or "匿名"
    if attempt.purpose == "transfer" and m.call.transfer is not None:
        centre = m.plan.centres.get(m.call.transfer.from_centre)
        return f"{number} {centre.tag}" if centre else number
    return number


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
    m.do(effects.Timer(f"ring:{party.id}", m.plan.installation.transfers.attempt))


def answered(m: CallMachine, party: records.Party) -> None:
    """The one who was sought is on the line."""
    call = m.call
    attempt = call.attempt
    assert attempt is not None
    call.attempt = None
    m.do(effects.Unseek(attempt.id, attempt.target))
    m.do(effects.CancelTimer("position"))
    m.do(effects.CancelTimer("overflow"))
    if attempt.purpose == "transfer":
        transfers.receiver_up(m, party)
        return
    if attempt.purpose == "callback":
        m.join(party)
        m.say(party, words.clip("callback_connecting"))
        call.answered_by = party.seat
        m.ring_caller()
        return
    for other in call.parties.values():
        if other.incoming and other.state in ("invited", "ringing") and other.role != "supervisor":
            m.do(effects.Answer(other.id))
            other.state = "up"
            m.join(other)
    call.stage = "talking"
    m.join(party)
    if call.answered_at is None:
        call.answered_at = m.now
        call.answered_by = party.seat
        call.waited = m.now - call.queued_at if call.queued_at is not None else None
    caller = call.caller
    tag = {"return": "tag_returned", "ringback": "tag_lost"}.get(attempt.purpose)
    if tag:
        m.say(party, words.clip(tag))
    if caller is not None:
        caller.says.clear()
        announce(m, caller, party)


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
    elif attempt.purpose == "callback" or attempt.target.kind != "queue":
        call.attempt = None
        m.do(effects.Unseek(attempt.id, attempt.target))
        for other in call.parties.values():
            if other.incoming and other.state in ("invited", "ringing"):
                m.leave(other, party.end_cause, 486 if party.end_cause in ("busy", "refused") else 480)
        m.end("failed")
    else:
        attempt.prefer = ""
        m.do(effects.Seek(attempt))


def none_left(m: CallMachine, attempt_id: str, why: str) -> None:
    """The board has nobody for this attempt."""
    call = m.call
    attempt = call.attempt
    if attempt is None or attempt.id != attempt_id:
        return
    if _reply(m, attempt.id, False, why):
        return
    if attempt.prefer:
        attempt.prefer = ""
        m.do(effects.Seek(attempt))
    elif attempt.purpose == "transfer":
        if attempt.leg:
            return
        last = [p for p in call.parties.values() if p.via_transfer == _transfer_id(m) and p.state == "gone"]
        outcome = last[-1].end_cause if why == "tried" and last else why
        transfers.fail(m, {"off": "unreachable", "tried": "no_answer"}.get(outcome, outcome))
    elif attempt.target.kind != "queue":
        call.attempt = None
        for other in call.parties.values():
            if other.incoming and other.state in ("invited", "ringing"):
                m.leave(other, why, 486 if why == "busy" else 480)
        m.end("failed")
    elif why == "no_seats":
        rules = m.plan.centres[attempt.target.id].queue
        if rules.overflow_to and not call.overflowed_to:
            _overflow(m, attempt)
        elif call.caller is not None:
            m.say(call.caller, words.clip(rules.no_seats))
    else:
        attempt.tried.clear()
        m.do(effects.Seek(attempt))


def _transfer_id(m: CallMachine) -> str:
    return m.call.transfer.id if m.call.transfer else ""


def _reply(m: CallMachine, owner: str, ok: bool, why: str = "") -> bool:
    """Answer a pick by hand that waited for the board."""
    command = m.call.pending.pop(owner, "")
    if command:
        m.do(effects.Reply(command, ok, "" if ok else f"seat.{why}", "" if ok else f"the seat can't take it: {why}"))
    return bool(command)


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
        m.say(ear, words.position(number))


def due(m: CallMachine, timer: str) -> None:
    attempt = m.call.attempt
    if attempt is None or attempt.target.kind != "queue":
        return
    if timer == "position":
        m.do(effects.AskPosition(attempt.id))
        rules = m.plan.centres[attempt.target.id].queue
        every = m.plan.installation.transfers.position_every if attempt.purpose == "transfer" else rules.position_every
        m.do(effects.Timer("position", every))
    elif not attempt.leg:
        _overflow(m, attempt)
    else:
        m.do(effects.Timer("overflow", 5))


def _overflow(m: CallMachine, attempt: records.Attempt) -> None:
    """The wait was too long, or nobody is there: another centre, or an apology and on with the wait."""
    call = m.call
    rules = m.plan.centres[attempt.target.id].queue
    if call.caller is not None:
        m.say(call.caller, words.clip(rules.overflow))
    if rules.overflow_to is None or call.overflowed_to:
        m.do(effects.Timer("overflow", rules.max_wait))
        return
    m.do(effects.Unseek(attempt.id, attempt.target))
    call.overflowed_to = rules.overflow_to
    attempt.target = records.Target("queue", rules.overflow_to, rules.overflow_to)
    attempt.tried = []
    attempt.rank = min(attempt.rank, m.plan.rank(rules.overflow_to, transfer=False))
    m.do(effects.Seek(attempt))
    _set_timers(m, attempt)
