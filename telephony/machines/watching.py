"""Supervision: who listens, whispers or barges in, beside whom, and until when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telephony import contract
from telephony.machines import effects, inputs, records, words
from telephony.machines.errors import Refused

if TYPE_CHECKING:
    from telephony.machines.call import CallMachine


def comes(m: CallMachine, given: inputs.SupervisorComes) -> None:
    """A supervisor dials into the call. If there is no place, its leg is turned away when it arrives."""
    if m.ending or m.call.full:
        return
    m.add(
        records.Party(
            id=given.leg,
            role="supervisor",
            seat=given.seat,
            centre=_centre(m, given.seat),
            incoming=True,
            mode=given.mode,
            beside=given.beside,
        )
    )


def ask(m: CallMachine, command: contract.Supervise) -> None:
    """Ring a supervisor's seat. Raise :class:`Refused`; else the answer follows when the board has spoken."""
    call = m.call
    rules = m.plan.seats.get(command.seat)
    if rules is None or rules.role != "supervisor":
        raise Refused("seat.role", f"{command.seat} is not a supervisor's seat")
    if any(p.seat == command.seat and p.state != "gone" for p in call.parties.values()):
        raise Refused("party.present", f"seat {command.seat} is in this call already")
    staff = [p for p in call.staff() if p.joined]
    if not staff:
        raise Refused("call.not_talking", "nobody is in a talk that could be supervised")
    if call.full:
        raise Refused("call.full", f"the call has {records.FULL} parties, no more fit in")
    beside = next((p.id for p in staff if p.centre == rules.centre), staff[0].id)
    party = m.add(
        records.Party(
            id=call.next_id("l"),
            role="supervisor",
            seat=command.seat,
            centre=rules.centre or "",
            mode=command.mode,
            beside=beside,
            asked=True,
        )
    )
    call.pending[party.id] = command.id
    m.do(effects.Claim(party.id, command.seat, force=True))


def offered(m: CallMachine, party: records.Party) -> None:
    """The supervisor's seat is reserved."""
    m.answer(party.id, result={"party": party.id})
    m.do(effects.Dial(party.id, seat=party.seat, caller=party.mode, headers=m.headers(party.mode)))
    m.do(effects.Timer(f"ring:{party.id}", m.plan.installation.transfers.ring))


def follow(m: CallMachine) -> None:
    """When the seat that a supervisor stands beside has left, it goes on beside another of that centre. If there is none, a
    hidden supervisor leaves: those who talk now belong to others. One who barged in is heard by all, and stays."""
    call = m.call
    for party in call.parties.values():
        beside = call.parties.get(party.beside)
        if not party.watching or not party.up or beside is None or beside.up:
            continue
        others = [p.id for p in call.staff() if p.joined and p.centre == beside.centre]
        party.beside = others[0] if others else ""
        if not others and party.mode != "barge":
            party.says.clear()
            m.say(party, words.clip("other_left"), then="leave")


def _centre(m: CallMachine, seat: str) -> str:
    rules = m.plan.seats.get(seat)
    return (rules.centre or "") if rules is not None else ""
