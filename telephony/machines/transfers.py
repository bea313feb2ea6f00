"""Bringing another party in: one-key, three-way, consult, blind; what happens when it fails or when somebody leaves meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telephony import contract
from telephony.machines import effects, leaving, phones, records, seeking, words
from telephony.machines.errors import Refused

if TYPE_CHECKING:
    from telephony.machines.call import CallMachine

_SETTLED = ("together", "consulting")
"""The receiver is there and has been told what it is about."""


def start(
    m: CallMachine,
    kind: contract.TransferKind,
    target: records.Target,
    asker: records.Party,
    by: str,
    *,
    dangerous: bool = False,
    case: str = "",
) -> records.Transfer:
    """Begin a transfer, or raise :class:`Refused`."""
    call = m.call
    if call.stage != "talking" or not asker.up or not asker.joined or not asker.staff:
        raise Refused("call.not_talking", "the call is not in a talk that could be transferred", "not_now")
    if any(said.then for said in asker.says):
        raise Refused("call.over", "the call is about to end", "caller_left")
    if call.attempt is not None or (call.transfer is not None and call.transfer.stage != "together"):
        raise Refused("transfer.pending", "another transfer of this call is not settled yet", "transfer_pending")
    if call.full:
        raise Refused("call.full", f"the call has {records.FULL} parties, no more fit in", "call_full")
    if target.kind == "seat" and any(p.seat == target.id and p.state != "gone" for p in call.parties.values()):
        raise Refused("transfer.self", f"seat {target.id} is in this call already", "transfer_failed")
    if call.transfer is not None:
        finish(m, call.transfer)
    if dangerous and kind != "three-way":
        kind = "three-way"
        m.say(asker, words.clip("dangerous_staying"))
    transfer = records.Transfer(
        id=call.next_id("t"),
        kind=kind,
        by=by,  # type: ignore[arg-type]
        asker=asker.id,
        asker_seat=asker.seat,
        from_centre=asker.centre,
        target=target,
        dangerous=dangerous,
        case=case,
        started_at=m.now,
    )
    call.transfers.append(transfer)
    caller = call.caller
    if kind == "consult" and caller is not None:
        m.hold(caller, True)
    if kind == "blind":
        transfer.asker_left_at = m.now
        m.leave(asker, "left")
        if caller is not None and not call.staff():
            m.say(caller, words.clip("transferring"))
    rank = m.plan.rank(target.id, transfer=True, dangerous=dangerous) if target.kind == "queue" else 0
    seeking.start(m, "transfer", target, rank)
    m.do(effects.Timer("transfer", m.plan.installation.transfers.attempt))
    return transfer


def ringing(m: CallMachine, party: records.Party) -> None:
    transfer = m.call.transfer
    if transfer is None or party.via_transfer != transfer.id:
        return
    transfer.ringing_at = transfer.ringing_at or m.now
    if transfer.notify and m.call.parties[transfer.asker].up:
        m.do(effects.Notify(transfer.asker, "SIP/2.0 180 Ringing"))


def receiver_up(m: CallMachine, party: records.Party) -> None:
    """The other side answered: first a short tag in its ear alone."""
    transfer = m.call.transfer
    assert transfer is not None
    m.do(effects.CancelTimer("transfer"))
    transfer.receiver = party.id
    transfer.answered_at = m.now
    transfer.answered_by = party.seat or transfer.target.id
    transfer.stage = "briefing"
    centre = m.plan.centres.get(transfer.from_centre)
    if transfer.dangerous:
        m.say(party, words.clip("dangerous"))
    m.say(party, words.text(centre.tag if centre else "转接"), then="brief")


def briefed(m: CallMachine, receiver: records.Party) -> None:
    """The receiver has heard the tag and comes in."""
    call = m.call
    transfer = call.transfer
    if transfer is None or transfer.receiver != receiver.id or transfer.stage != "briefing":
        return
    transfer.outcome = "answered"
    m.join(receiver)
    asker = call.parties[transfer.asker]
    caller = call.caller
    if transfer.notify and asker.up:
        m.do(effects.Notify(asker.id, "SIP/2.0 200 OK", final=True))
    if transfer.kind == "consult" and asker.up:
        transfer.stage = "consulting" if caller is not None else "together"
        return
    if transfer.kind == "three-way" and asker.up:
        transfer.stage = "together"
    else:
        finish(m, transfer)
    if caller is not None:
        m.hold(caller, False)
        caller.says.clear()
        seeking.announce(m, caller, receiver)
    if transfer.kind in ("one-key", "blind") and asker.up:
        transfer.asker_left_at = m.now
        m.leave(asker, "left")
    leaving.settle_talk(m, "staff_left")


def together(m: CallMachine) -> None:
    """A consultation becomes a three-way call."""
    transfer = m.call.transfer
    if transfer is None or transfer.stage != "consulting":
        raise Refused("transfer.none", "there is no consultation that could become a three-way call", "transfer_none")
    _meet(m, transfer)
    transfer.stage = "together"


def _meet(m: CallMachine, transfer: records.Transfer) -> None:
    """The caller comes off hold; after a consultation it is told who speaks now (工号)."""
    caller = m.call.caller
    if caller is None:
        return
    m.hold(caller, False)
    if transfer.stage == "consulting":
        seeking.announce(m, caller, m.call.parties[transfer.receiver])


def may_take_over(transfer: records.Transfer, party: records.Party) -> bool:
    return transfer.receiver == party.id and transfer.stage in _SETTLED


def take_over(m: CallMachine, receiver: records.Party) -> None:
    """The receiver takes the matter; the asker leaves."""
    transfer = m.call.transfer
    if transfer is None or not may_take_over(transfer, receiver):
        raise Refused("transfer.none", "this seat has no three-way transfer to take over", "transfer_none")
    _without_asker(m, transfer, "taken_over")


def may_hand_over(m: CallMachine, transfer: records.Transfer, party: records.Party) -> bool:
    """The asker's one-key to those who are in the talk already means: I leave it to you."""
    if party.id != transfer.asker or transfer.stage not in _SETTLED:
        return False
    return transfer.stage == "consulting" or m.plan.target("", party.centre) == transfer.target


def hand_over(m: CallMachine, transfer: records.Transfer, asker: records.Party) -> None:
    """The asker leaves the caller to the receiver. In a dangerous matter only the receiver may end the asker's part."""
    if transfer.dangerous:
        raise Refused("transfer.dangerous", "the asker stays until the receiver takes over", "dangerous_staying")
    _without_asker(m, transfer, "left")


def _without_asker(m: CallMachine, transfer: records.Transfer, cause: str) -> None:
    _meet(m, transfer)
    transfer.asker_left_at = transfer.asker_left_at or m.now
    m.leave(m.call.parties[transfer.asker], cause)
    finish(m, transfer)
    leaving.settle_talk(m, "staff_left")


def cancel(m: CallMachine, by: records.Party | None = None) -> None:
    """Stop a transfer that is not settled; the receiver of a consultation is let go. By key (``by``) only the two whom it
    concerns may, and whoever is left with the caller when the asker has gone."""
    transfer = m.call.transfer
    if transfer is None or transfer.stage == "together":
        raise Refused("transfer.none", "there is no transfer to cancel", "transfer_none")
    if by is not None and by.id not in (transfer.asker, transfer.receiver) and m.call.parties[transfer.asker].up:
        raise Refused("transfer.asker", "another seat asked for this transfer", "transfer_none")
    if by is not None and by.id == transfer.receiver and transfer.stage == "briefing":
        fail(m, "refused")
    elif transfer.stage == "consulting":
        receiver = m.call.parties[transfer.receiver]
        finish(m, transfer)
        if m.call.caller is not None:
            m.hold(m.call.caller, False)
        m.leave(receiver, "cancelled")
    else:
        fail(m, "cancelled")


def timed_out(m: CallMachine) -> None:
    transfer = m.call.transfer
    if transfer is None or transfer.stage != "seeking":
        return
    leg = m.call.parties.get(m.call.attempt.leg) if m.call.attempt is not None else None
    if leg is not None:
        m.leave(leg, "no_answer")
        fail(m, "no_answer")
    else:
        fail(m, last_try(m) or "busy")


def last_try(m: CallMachine) -> str:
    """Why the phone that rang last for this transfer did not answer."""
    transfer = m.call.transfer
    tried = [p for p in m.call.parties.values() if transfer is not None and p.via_transfer == transfer.id and p.state == "gone"]
    return tried[-1].end_cause if tried else ""


def fail(m: CallMachine, outcome: str) -> None:
    """The transfer came to nothing: back to the asker, who hears why; or, if the asker has left, the caller goes to the head of
    the queue of the centre that last spoke with the caller."""
    call = m.call
    transfer = call.transfer
    if transfer is None:
        return
    transfer.outcome = outcome if outcome in words.OUTCOMES else "failed"
    seeking.drop(m)
    receiver = call.parties.get(transfer.receiver)
    if receiver is not None:
        m.leave(receiver, "cancelled")
    asker = call.parties[transfer.asker]
    caller = call.caller
    if caller is not None:
        m.hold(caller, False)
    finish(m, transfer)
    why = words.clip(words.OUTCOMES[transfer.outcome])
    staff = call.staff()
    if asker.up:
        transfer.went_back_to = "asker"
        m.say(asker, why, then="end" if caller is None and len(staff) == 1 else "")
        if transfer.notify:
            phones.refer_failed(m, asker, transfer.outcome)
        leaving.settle_talk(m, "staff_left")
        return
    transfer.went_back_to = "nobody"
    for other in staff:
        m.say(other, why)
    back_to_queue(m, transfer)


def back_to_queue(m: CallMachine, transfer: records.Transfer | None = None, prompt: str = "returning") -> None:
    """A caller whom nobody speaks with any more, and who has not hung up."""
    call = m.call
    caller = call.caller
    if caller is None or call.staff():
        leaving.settle_talk(m, "staff_left")
        return
    centre = next((c for c in (call.last_centre, call.centre) if c in m.plan.centres), "") or m.plan.any_centre()
    if transfer is not None:
        transfer.went_back_to = "queue"
    m.hold(caller, False)
    call.stage = "waiting"
    caller.says.clear()
    m.say(caller, words.clip(prompt))
    seeking.start(m, "return", records.Target("queue", centre, centre), rank=0)


def finish(m: CallMachine, transfer: records.Transfer) -> None:
    """Nothing more follows from this transfer."""
    if transfer.stage == "over":
        return
    transfer.stage = "over"
    transfer.ended_at = m.now
    m.do(effects.CancelTimer("transfer"))


def close(m: CallMachine, outcome: str) -> None:
    """The call ends with a transfer in flight."""
    transfer = m.call.transfer
    if transfer is None:
        return
    if not transfer.outcome:
        transfer.outcome = outcome
        transfer.went_back_to = "nobody"
    finish(m, transfer)


def staff_gone(m: CallMachine, party: records.Party, lost: bool, *, dropped: bool = False) -> None:
    """A member of staff who had answered left, was cut off (``lost``) or was put out by another (``dropped``)."""
    call = m.call
    transfer = call.transfer
    if transfer is not None and transfer.stage != "over":
        if party.id == transfer.receiver:
            _receiver_gone(m, transfer, lost)
            return
        if party.id == transfer.asker:
            _asker_gone(m, transfer, lost)
            return
    if (lost or phones.hung_up_by_itself(m, party)) and not call.staff() and call.attempt is None:
        back_to_queue(m, prompt="seat_lost" if lost else "returning")
    elif dropped and not call.staff() and call.attempt is None:
        back_to_queue(m, prompt="transferring")
    else:
        leaving.settle_talk(m, "staff_left")


def _receiver_gone(m: CallMachine, transfer: records.Transfer, lost: bool) -> None:
    caller = m.call.caller
    if transfer.stage == "briefing":
        fail(m, "failed" if lost else "refused")
        return
    if caller is not None:
        m.hold(caller, False)
    finish(m, transfer)
    if lost and not m.call.staff():
        back_to_queue(m, prompt="seat_lost")
    else:
        leaving.settle_talk(m, "staff_left")


def _asker_gone(m: CallMachine, transfer: records.Transfer, lost: bool) -> None:
    """The asker left: what is being sought goes on for whoever remains; the receiver of a consultation has the caller now."""
    call = m.call
    caller = call.caller
    if transfer.stage in _SETTLED:
        _without_asker(m, transfer, "error" if lost else "left")
        return
    transfer.asker_left_at = transfer.asker_left_at or m.now
    others = [p for p in call.staff() if p.id != transfer.receiver]
    if caller is None:
        if not others:
            fail(m, "cancelled")
        return
    m.hold(caller, False)
    if not others and transfer.stage == "seeking":
        m.say(caller, words.clip("transferring"))


def caller_gone(m: CallMachine, cause: str) -> None:
    """The caller left in mid-talk: a one-key or blind transfer is called off, staff in consultation or three-way go on.
    ``cause``: why the call ends in the end."""
    call = m.call
    call.end_cause = cause
    transfer = call.transfer
    if transfer is not None and transfer.stage in ("seeking", "briefing") and transfer.kind in ("one-key", "blind"):
        asker = call.parties[transfer.asker]
        transfer.outcome = "caller_left"
        transfer.went_back_to = "asker" if asker.up else "nobody"
        seeking.drop(m)
        receiver = call.parties.get(transfer.receiver)
        if receiver is not None:
            m.leave(receiver, "cancelled")
        finish(m, transfer)
        if asker.up:
            if transfer.notify:
                phones.refer_failed(m, asker, transfer.outcome)
            m.say(asker, words.clip("caller_left"), then="end" if len(call.staff()) == 1 else "")
            return
    elif transfer is not None and transfer.stage in ("seeking", "briefing"):
        asker = call.parties[transfer.asker]
        if not asker.up and len(call.staff()) < 2:
            m.end(cause)
            return
        if transfer.kind == "consult" and asker.up:
            m.say(asker, words.clip("caller_left"))
    elif transfer is not None and transfer.stage == "consulting":
        transfer.stage = "together"
        for one in (transfer.asker, transfer.receiver):
            m.say(call.parties[one], words.clip("caller_left"))
    leaving.settle_talk(m, cause)
