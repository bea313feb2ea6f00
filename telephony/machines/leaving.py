"""What follows when somebody leaves, or a whole room is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telephony.machines import effects, records, seeking, transfers, words

if TYPE_CHECKING:
    from telephony.machines.call import CallMachine

REDIAL = 5.0
"""Seconds between two tries to ring a caller back."""

RINGBACKS = 2
"""How often a caller who was cut off is rung."""

_CAUSES = {486: "busy", 600: "busy", 603: "refused", 403: "refused", 487: "cancelled"}
_SILENT = (408, 480)
"""No answer if the phone rang (RFC 3398 7.2.4.1), else it could not be reached."""


def cause_of(code: int, rang: bool) -> str:
    """Why an unanswered leg ended, from its SIP status: busy, refused, cancelled, no_answer or unreachable."""
    if code in _SILENT and rang:
        return "no_answer"
    return _CAUSES.get(code, "unreachable")


def gone(m: CallMachine, leg: str, code: int, by: str) -> None:
    """A leg has ended. ``by`` error on a leg that we did not end means: lost, nobody hung up."""
    call = m.call
    party = call.parties.get(leg)
    if party is None or party.state == "gone":
        return
    answered = party.state == "up"
    lost = answered and by == "error" and not party.leaving
    if not party.end_cause:
        party.end_cause = ("error" if lost else "left") if answered else cause_of(code, party.state == "ringing")
    count_out(m, party, code, unreachable=not answered and party.end_cause == "unreachable")
    if not m.ending:
        if call.attempt is not None and call.attempt.leg == leg:
            seeking.leg_gone(m, party)
        elif party.role == "caller":
            _caller_gone(m, party, answered)
        elif party.staff and answered:
            _staff_gone(m, party, lost)
        elif party.incoming and call.stage == "arriving":
            m.end("abandoned")
    settle(m)


def never_came(m: CallMachine, party: records.Party, why: str) -> None:
    """The board has refused the seat of a party that has no leg yet. ``why`` as in :class:`inputs.NoneLeft`."""
    party.end_cause = "busy" if why == "busy" else "unreachable"
    count_out(m, party, 0)
    if party.role == "caller" and not m.ending:
        _caller_gone(m, party, answered=False)
    settle(m)


def count_out(m: CallMachine, party: records.Party, code: int, *, unreachable: bool = False, talked: bool | None = None) -> None:
    """Close a party's row and give its seat back."""
    party.state = "gone"
    party.asked = False
    party.left_at = m.now
    party.sip_code = code
    party.says.clear()
    if party.held_since is not None:
        party.held_seconds += m.now - party.held_since
        party.held_since = None
    if party.owner:
        wrap_up = party.talked if talked is None else talked
        m.do(effects.SeatRelease(party.seat, party.owner, talked=wrap_up, unreachable=unreachable))
    for timer in ("reach", "ring", "linger"):
        m.do(effects.CancelTimer(f"{timer}:{party.id}"))


def _caller_gone(m: CallMachine, party: records.Party, answered: bool) -> None:
    call = m.call
    if not answered and call.kind == "callback" and call.answered_at is None:
        _citizen_not_there(m)
    elif not answered and call.kind == "ringback":
        tries = sum(p.role == "caller" for p in call.parties.values())
        if tries < RINGBACKS and party.end_cause != "refused":
            m.do(effects.Timer("redial", REDIAL))
        else:
            m.end("failed")
    elif call.stage in ("arriving", "waiting"):
        m.end("abandoned" if call.answered_at is None else "caller_left")
    else:
        transfers.caller_gone(m, "caller_left")


def _citizen_not_there(m: CallMachine) -> None:
    """A call-back found nobody: its operator hears so."""
    m.call.end_cause = "failed"
    staff = m.call.staff()
    for one in staff:
        one.says.clear()
        m.say(one, words.clip("callback_failed"), then="end")
    if not staff:
        m.end("failed")


def _staff_gone(m: CallMachine, party: records.Party, lost: bool) -> None:
    call = m.call
    if call.stage == "waiting":
        # Only a call-back has staff on the line while it waits: for the citizen, who now has nobody to talk with.
        if call.attempt is None and not call.staff():
            m.end("staff_left")
    else:
        transfers.staff_gone(m, party, lost)


def settle_talk(m: CallMachine, cause: str) -> None:
    """After somebody left a talk: does it go on without them? ``cause``: why the call ends if not."""
    call = m.call
    if call.stage != "talking":
        return
    staff = call.staff()
    pending = call.transfer is not None and call.transfer.stage in ("seeking", "briefing")
    if call.caller is not None:
        if not staff and pending:
            m.say(call.caller, words.clip("transferring"))
        elif not staff:
            m.end(cause)
    elif len(staff) < 2 and not (staff and pending) and not any(p.says and p.says[-1].then for p in staff):
        m.end(cause)


def settle(m: CallMachine) -> None:
    """When the last leg is gone, the call is over."""
    call = m.call
    if call.stage == "ending" and all(p.state == "gone" for p in call.parties.values()):
        call.stage = "ended"
        call.ended_at = m.now
        call.tape = ""


def room_lost(m: CallMachine) -> None:
    """The room died with all its legs. A caller who can be rung is rung back at once."""
    call = m.call
    if not m.ending:
        _ring_back(m)
    for party in call.parties.values():
        party.end_cause = party.end_cause or ("" if party.state == "gone" else "room_lost")
    m.end("room_lost")
    for party in call.parties.values():
        if party.state != "gone":
            _lose(m, party)
    settle(m)


def _ring_back(m: CallMachine) -> None:
    call = m.call
    caller = call.caller
    if caller is None or not (caller.number or caller.seat):
        return
    if not caller.up and call.kind != "ringback":
        return
    seat = call.last_seat if call.stage == "talking" or call.kind == "ringback" else ""
    origin = call.origin if call.origin.startswith("trunk:") else ""
    origin = f"seat:{caller.seat}" if caller.seat else origin
    centre = call.last_centre or (call.attempt.target.centre if call.attempt else "") or call.centre
    m.do(effects.RingBack(caller.number or "", centre, seat, call.case, origin))


def _lose(m: CallMachine, party: records.Party) -> None:
    """No wrap-up: the seat is to be free for the caller who is rung back."""
    party.end_cause = party.end_cause or "room_lost"
    count_out(m, party, 0, talked=False)


def moved(m: CallMachine) -> None:
    """Every leg but the unanswered incoming one was lost; the search begins anew in the new room."""
    call = m.call
    if m.ending:
        room_lost(m)
        return
    for party in call.parties.values():
        if party.incoming and party.state == "invited":
            party.says.clear()
        elif party.state != "gone":
            _lose(m, party)
    seeking.drop(m)
    call.stage = "arriving"
