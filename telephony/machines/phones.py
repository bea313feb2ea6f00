"""What a member of staff asks with a plain phone: key sequences and REFER."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telephony import contract
from telephony.machines import effects, keys, plan, records, transfers, words
from telephony.machines.errors import Refused

if TYPE_CHECKING:
    from telephony.machines.call import CallMachine

REFER_GRACE = 3.0
"""Seconds within which a hang-up after a failed REFER is the phone's doing and not its person's."""

_FINAL = {
    "refused": "603 Decline",
    "busy": "486 Busy Here",
    "no_answer": "480 Temporarily Unavailable",
    "no_seats": "480 Temporarily Unavailable",
    "cancelled": "487 Request Terminated",
    "caller_left": "487 Request Terminated",
    "unknown": "404 Not Found",
}


def key(m: CallMachine, party: records.Party, meaning: str) -> None:
    """A key sequence is complete. ``*1`` begins a one-key transfer; of one whose receiver is there already it is the end: the
    receiver takes over, or the asker leaves. ``*3`` begins a three-way call or makes one of a consultation."""
    digits = next(sequence for sequence, known in keys.MEANINGS.items() if known == meaning)
    m.do(effects.KeyMeant(party.id, digits, meaning))
    try:
        _obey(m, party, meaning)
    except plan.UnknownTarget:
        m.say(party, words.clip("unknown_target"))
    except Refused as refused:
        m.say(party, words.clip(refused.prompt))


def _obey(m: CallMachine, party: records.Party, meaning: str) -> None:
    transfer = m.call.transfer
    if meaning == "cancel":
        transfers.cancel(m, party)
    elif meaning == "one-key" and transfer is not None and transfers.may_take_over(transfer, party):
        transfers.take_over(m, party)
    elif meaning == "one-key" and transfer is not None and transfers.may_hand_over(m, transfer, party):
        transfers.hand_over(m, transfer, party)
    elif meaning == "three-way" and transfer is not None and transfer.stage == "consulting":
        transfers.together(m)
    else:
        kind: contract.TransferKind = meaning  # type: ignore[assignment]
        transfers.start(m, kind, m.plan.target("", party.centre), party, by="key")


def referred(m: CallMachine, leg: str, target: records.Target | None) -> None:
    """A phone's REFER (RFC 3515): a one-key transfer whose asker is told by NOTIFY how it goes."""
    party = m.call.parties.get(leg)
    if party is None or not party.up:
        return
    try:
        if target is None:
            raise Refused("transfer.target", "the number names nobody", "unknown_target")
        transfer = transfers.start(m, "one-key", target, party, by="refer")
        transfer.notify = True
        m.do(effects.Notify(leg, "SIP/2.0 100 Trying"))
    except Refused as refused:
        refer_failed(m, party, "unknown" if target is None else refused.code)
        m.say(party, words.clip(refused.prompt))


def refer_failed(m: CallMachine, party: records.Party, outcome: str) -> None:
    """Tell a phone that its REFER came to nothing, and remember it: some hang up on any final NOTIFY, whoever still talks."""
    m.do(effects.Notify(party.id, f"SIP/2.0 {_FINAL.get(outcome, '503 Service Unavailable')}", final=True))
    m.call.refer_failed, m.call.refer_failed_at = party.id, m.now


def hung_up_by_itself(m: CallMachine, party: records.Party) -> bool:
    """Was it the phone that hung up just now, because its REFER failed?"""
    return m.call.refer_failed == party.id and m.now - m.call.refer_failed_at <= REFER_GRACE
