"""How a call begins: somebody dials us, a seat dials a seat, or we dial (call-back, ring-back)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telephony.machines import effects, records, seeking, words

if TYPE_CHECKING:
    from telephony.machines.call import CallMachine

CITIZEN_RINGS = 45.0
"""Seconds that a citizen's phone rings when we call."""


def arrived(m: CallMachine, leg: str) -> None:
    """The INVITE of a party that calls us is in the room."""
    party = m.call.parties.get(leg)
    if party is None or party.state == "gone" or m.ending:
        m.do(effects.HangUp(leg, 480))
    elif party.watching:
        m.do(effects.Answer(leg))
    elif m.call.kind == "inbound":
        m.do(effects.Answer(leg))
        _enter_queue(m, party)
    elif m.call.attempt is None and m.call.stage == "arriving":
        m.do(effects.Answer(leg, 180))
        seeking.start(m, "answer", _dialled(m), rank=1)


def _dialled(m: CallMachine) -> records.Target:
    """What an internal call is for: a seat, an outside line or a public number."""
    called = m.call.called
    try:
        return m.plan.target(called or "-", m.call.centre)
    except LookupError:
        return records.Target("line", called)


def _enter_queue(m: CallMachine, caller: records.Party) -> None:
    """Into the queue with the greeting; who had to come again because a room died waits since the first time."""
    call = m.call
    if call.stage != "arriving":
        return
    call.stage = "waiting"
    if call.queued_at is None:
        call.queued_at = m.now
    m.say(caller, words.clip(m.plan.centres[call.centre].queue.greeting))
    target = records.Target("queue", call.centre, call.centre)
    seeking.start(m, "answer", target, rank=m.plan.rank(call.centre, transfer=False), since=call.queued_at)


def started(m: CallMachine) -> None:
    """The room is there for a call that begins with our dialling."""
    call = m.call
    if call.stage != "arriving":
        return
    if call.kind == "callback":
        call.stage = "waiting"
        seat = call.origin.removeprefix("seat:")
        seeking.start(m, "callback", records.Target("seat", seat, call.centre), rank=0)
    elif call.kind == "ringback":
        ring_caller(m)


def ring_caller(m: CallMachine) -> None:
    """Call the citizen: second half of a call-back, first half of a ring-back. A caller at a seat of ours is asked of the board
    first, so that nobody else rings it meanwhile."""
    call = m.call
    seat = call.origin.removeprefix("seat:") if call.kind == "ringback" and call.origin.startswith("seat:") else ""
    party = m.add(records.Party(id=call.next_id("l"), role="caller", number=call.caller_number, centre=call.centre, seat=seat))
    if seat:
        party.asked = True
        m.do(effects.Claim(party.id, seat, force=True))
    else:
        dial_caller(m, party)


def dial_caller(m: CallMachine, party: records.Party) -> None:
    call = m.call
    shown = m.plan.centres[call.centre].numbers[0] if call.centre in m.plan.centres else call.called
    number = "" if party.seat else call.caller_number or ""
    m.do(effects.Dial(party.id, seat=party.seat, number=number, caller=shown, headers=m.headers(call.kind)))
    m.do(effects.Timer(f"reach:{party.id}", seeking.TRUNK_REACH))
    m.do(effects.Timer(f"ring:{party.id}", CITIZEN_RINGS))


def caller_answered(m: CallMachine, caller: records.Party) -> None:
    """The citizen whom we called is there."""
    if m.call.kind == "ringback":
        _back_in_queue(m, caller)
    else:
        _into_talk(m, caller)


def _into_talk(m: CallMachine, caller: records.Party) -> None:
    """The second half of a call-back."""
    call = m.call
    call.answered_at = call.answered_at or m.now
    call.stage = "talking"
    for staff in call.staff():
        staff.says.clear()
        m.join(staff)
    m.say(caller, words.clip("callback_intro"))


def _back_in_queue(m: CallMachine, caller: records.Party) -> None:
    call = m.call
    call.stage = "waiting"
    call.queued_at = m.now
    m.say(caller, words.clip("reconnecting"))
    centre = call.centre if call.centre in m.plan.centres else m.plan.any_centre()
    target = records.Target("queue", centre, centre)
    seeking.start(m, "ringback", target, rank=0, prefer=call.last_seat)
