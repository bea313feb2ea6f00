"""Bringing another party in: one-key, three-way, consult, blind; what happens when it fails or when somebody leaves meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telephony import contract
from telephony.machines import effects, plan, records, seeking, words
from telephony.machines.errors import Refused

if TYPE_CHECKING:
    from telephony.machines.call import CallMachine

FULL = 4
"""Parties that one room holds."""

_FINAL = {
    "refused": "SIP/2.0 603 Decline",
    "busy": "SIP/2.0 486 Busy Here",
    "no_answer": "SIP/2.0 480 Temporarily Unavailable",
    "cancelled": "SIP/2.0 487 Request Terminated",
    "no_seats": "SIP/2.0 480 Temporarily Unavailable",
}


def key(m: CallMachine, party: records.Party, meaning: str) -> None:
    """A member of staff pressed a key sequence."""
    call = m.call
    m.do(effects.KeyMeant(party.id, next(k for k, v in _KEYS.items() if v == meaning), meaning))
    transfer = call.transfer
    try:
        if meaning == "cancel":
            cancel(m)
        elif meaning == "one-key" and transfer and transfer.stage == "together" and transfer.receiver == party.id:
            take_over(m, party)
        elif meaning == "three-way" and transfer and transfer.stage == "consulting":
            together(m)
        else:
            kind: contract.TransferKind = meaning  # type: ignore[assignment]
            start(m, kind, m.plan.target("", party.centre), party, by="key")
    except plan.UnknownTarget:
        m.say(party, words.clip("unknown_target"))
    except Refused as refused:
        m.say(party, words.clip(refused.prompt))


_KEYS = {"*1": "one-key", "*3": "three-way", "*7": "consult", "*0": "cancel"}


def referred(m: CallMachine, leg: str, target: records.Target | None) -> None:
    """A phone's REFER: a one-key transfer whose asker is told by NOTIFY how it goes."""
    party = m.call.parties.get(leg)
    if party is None or not party.up:
        return
    try:
        if target is None or not party.staff:
            raise Refused("transfer.target", "the number names nobody", "unknown_target")
        transfer = start(m, "one-key", target, party, by="refer")
        transfer.notify = True
        m.do(effects.Notify(leg, "SIP/2.0 100 Trying"))
    except Refused as refused:
        m.do(effects.Notify(leg, "SIP/2.0 503 Service Unavailable", final=True))
        m.call.refer_failed = leg
        m.say(party, words.clip(refused.prompt))


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
    if call.stage != "talking" or not asker.up or not asker.joined:
        raise Refused("call.not_talking", "the call is not in a talk that could be transferred", "transfer_failed")
    if call.attempt is not None or (call.transfer is not None and call.transfer.stage != "together"):
        raise Refused("transfer.pending", "another transfer of this call is not settled yet", "transfer_pending")
    if sum(p.state != "gone" for p in call.parties.values()) >= FULL:
        raise Refused("call.full", f"the call has {FULL} parties, no more fit in", "call_full")
    if target.kind == "seat" and call.find_seat(target.id) is not None:
        raise Refused("transfer.self", f"seat {target.id} is in this call already", "transfer_failed")
    if call.transfer is not None:
        finish(m, call.transfer)
    if dangerous and kind in ("one-key", "blind"):
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
        if caller is not None:
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
    if transfer.notify:
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
    m.settle_talk("staff_left")


def together(m: CallMachine) -> None:
    """A consultation becomes a three-way call."""
    transfer = m.call.transfer
    if transfer is None or transfer.stage != "consulting":
        raise Refused("transfer.none", "there is no consultation that could become a three-way call", "transfer_none")
    transfer.stage = "together"
    if m.call.caller is not None:
        m.hold(m.call.caller, False)


def take_over(m: CallMachine, receiver: records.Party) -> None:
    """The receiver takes the matter; the asker leaves."""
    transfer = m.call.transfer
    if transfer is None or transfer.stage not in ("together", "consulting") or transfer.receiver != receiver.id:
        raise Refused("transfer.none", "this seat has no three-way transfer to take over", "transfer_none")
    if m.call.caller is not None:
        m.hold(m.call.caller, False)
    transfer.asker_left_at = transfer.asker_left_at or m.now
    m.leave(m.call.parties[transfer.asker], "taken_over")
    finish(m, transfer)


def cancel(m: CallMachine) -> None:
    """Stop a transfer that is not settled; the receiver of a consultation is let go."""
    transfer = m.call.transfer
    if transfer is None or transfer.stage == "together":
        raise Refused("transfer.none", "there is no transfer to cancel", "transfer_none")
    if transfer.stage == "consulting":
        receiver = m.call.parties[transfer.receiver]
        finish(m, transfer)
        if m.call.caller is not None:
            m.hold(m.call.caller, False)
        m.leave(receiver, "cancelled")
    else:
        fail(m, "cancelled")


def timed_out(m: CallMachine) -> None:
    transfer = m.call.transfer
    if transfer is not None and transfer.stage == "seeking":
        rang = any(p.via_transfer == transfer.id for p in m.call.parties.values())
        fail(m, "no_answer" if rang else "busy")


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
    if asker.up:
        transfer.went_back_to = "asker"
        m.say(asker, words.clip(words.OUTCOMES[transfer.outcome]))
        if transfer.notify:
            m.do(effects.Notify(asker.id, _FINAL.get(transfer.outcome, "SIP/2.0 503 Service Unavailable"), final=True))
            call.refer_failed = asker.id
        m.settle_talk("staff_left")
    else:
        back_to_queue(m, transfer)


def back_to_queue(m: CallMachine, transfer: records.Transfer | None = None, prompt: str = "returning") -> None:
    """A caller whom nobody speaks with any more, and who has not hung up."""
    call = m.call
    caller = call.caller
    if caller is None or call.staff():
        m.settle_talk("staff_left")
        return
    centre = call.last_centre or call.centre
    if centre not in m.plan.centres:
        m.end("staff_left")
        return
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


def staff_gone(m: CallMachine, party: records.Party, lost: bool) -> None:
    """A member of staff who had answered left (or, ``lost``, was cut off)."""
    call = m.call
    transfer = call.transfer
    if transfer is not None and transfer.stage != "over":
        if party.id == transfer.receiver:
            _receiver_gone(m, transfer, lost)
            return
        if party.id == transfer.asker:
            _asker_gone(m, transfer)
            return
    if (lost or call.refer_failed == party.id) and not call.staff() and call.attempt is None:
        back_to_queue(m, prompt="seat_lost" if lost else "returning")
    else:
        m.settle_talk("staff_left")


def _receiver_gone(m: CallMachine, transfer: records.Transfer, lost: bool) -> None:
    caller = m.call.caller
    if transfer.stage == "briefing":
        fail(m, "refused")
        return
    if caller is not None:
        m.hold(caller, False)
    finish(m, transfer)
    if lost and not m.call.staff():
        back_to_queue(m, prompt="seat_lost")
    else:
        m.settle_talk("staff_left")


def _asker_gone(m: CallMachine, transfer: records.Transfer) -> None:
    call = m.call
    transfer.asker_left_at = transfer.asker_left_at or m.now
    caller = call.caller
    if transfer.stage in ("seeking", "briefing"):
        if caller is None:
            fail(m, "cancelled")
            return
        m.hold(caller, False)
        if not call.staff() and not caller.says:
            m.say(caller, words.clip("transferring"))
        return
    if caller is not None:
        m.hold(caller, False)
    finish(m, transfer)
    if caller is not None and transfer.kind == "consult":
        seeking.announce(m, caller, call.parties[transfer.receiver])
    m.settle_talk("staff_left")


def caller_gone(m: CallMachine) -> None:
    """The caller hung up in mid-talk: a one-key or blind transfer is called off, staff in consultation go on."""
    call = m.call
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
                m.do(effects.Notify(asker.id, _FINAL["cancelled"], final=True))
            m.say(asker, words.clip("caller_left"), then="end" if len(call.staff()) == 1 else "")
            return
    elif transfer is not None and transfer.stage in ("seeking", "briefing") and not call.parties[transfer.asker].up:
        m.end("caller_left")
        return
    elif transfer is not None and transfer.stage == "consulting":
        transfer.stage = "together"
    m.settle_talk("caller_left")
