"""Commands of the contract that are about one call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telephony import contract
from telephony.machines import effects, plan, records, transfers
from telephony.machines.errors import Refused

if TYPE_CHECKING:
    from telephony.machines.call import CallMachine


def handle(m: CallMachine, command: contract.AnyCommand) -> None:
    """Carry out a command; the effect :class:`effects.Reply` tells how it went (at once, or when the board has spoken)."""
    try:
        if m.call.stage in ("ending", "ended"):
            raise Refused("call.over", "the call is over")
        done = _carry_out(m, command)
    except Refused as refused:
        m.do(effects.Reply(command.id, False, refused.code, refused.message))
    except plan.UnknownTarget as unknown:
        m.do(effects.Reply(command.id, False, "transfer.target", str(unknown)))
    else:
        if done is not None:
            m.do(effects.Reply(command.id, True, result=done))


def _carry_out(m: CallMachine, command: contract.AnyCommand) -> dict[str, str] | None:
    match command:
        case contract.StartTransfer():
            asker = _asker(m, command.asker)
            target = m.plan.target(command.target, asker.centre)
            transfer = transfers.start(m, command.kind, target, asker, "command", dangerous=command.dangerous, case=command.case)
            return {"transfer": transfer.id}
        case contract.CancelTransfer():
            transfers.cancel(m)
        case contract.JoinTransfer():
            transfers.together(m)
        case contract.TakeOver(seat=seat):
            transfers.take_over(m, _at_seat(m, seat))
        case contract.HangUpCall():
            m.end("completed")
        case contract.DropParty(party=name):
            _drop(m, _party(m, name))
        case contract.MuteParty(party=name, on=on):
            _party(m, name).muted = on
        case contract.HoldParty(party=name, on=on):
            m.hold(_party(m, name), on)
        case contract.Supervise():
            _supervise(m, command)
            return None
        case contract.PickWaiting(seat=seat):
            _pick(m, command.id, seat)
            return None
        case _:
            raise Refused("command.unknown", f"{type(command).__name__} is not about a call")
    return {}


def _party(m: CallMachine, name: str) -> records.Party:
    """A party by its id or its seat, or ``caller``."""
    party = m.call.caller if name == "caller" else m.call.parties.get(name) or m.call.find_seat(name)
    if party is None or not party.up:
        raise Refused("party.unknown", f"{name} is not on the line in this call")
    return party


def _at_seat(m: CallMachine, seat: str) -> records.Party:
    party = m.call.find_seat(seat)
    if party is None:
        raise Refused("party.unknown", f"seat {seat} is not on the line in this call")
    return party


def _asker(m: CallMachine, seat: str) -> records.Party:
    if seat:
        return _at_seat(m, seat)
    staff = [p for p in m.call.staff() if p.seat and p.joined]
    if len(staff) != 1:
        raise Refused("transfer.asker", f"{len(staff)} seats are in this call: say which one asks")
    return staff[0]


def _drop(m: CallMachine, party: records.Party) -> None:
    if party.role == "caller":
        m.leave(party, "dropped")
        transfers.caller_gone(m)
        return
    m.leave(party, "dropped")
    if party.staff:
        transfers.staff_gone(m, party, lost=False)


def _supervise(m: CallMachine, command: contract.Supervise) -> None:
    rules = m.plan.seats.get(command.seat)
    if rules is None or rules.role != "supervisor":
        raise Refused("seat.role", f"{command.seat} is not a supervisor's seat")
    if m.call.find_seat(command.seat) is not None:
        raise Refused("party.present", f"seat {command.seat} is in this call already")
    if sum(p.state != "gone" for p in m.call.parties.values()) >= transfers.FULL:
        raise Refused("call.full", f"the call has {transfers.FULL} parties, no more fit in")
    staff = m.call.staff()
    beside = next((p.id for p in staff if p.centre == rules.centre), staff[0].id if staff else "")
    party = m.add(
        records.Party(
            id=m.call.next_id("l"),
            role="supervisor",
            seat=command.seat,
            centre=rules.centre or "",
            mode=command.mode,
            beside=beside,
        )
    )
    party.owner = party.id
    m.call.pending[party.id] = command.id
    m.do(effects.Claim(party.id, command.seat, force=True))


def supervisor_offered(m: CallMachine, party: records.Party) -> None:
    _answer(m, party, True)
    m.do(effects.Dial(party.id, seat=party.seat, caller=party.mode, headers=m.headers(party.mode)))
    m.do(effects.Timer(f"ring:{party.id}", m.plan.installation.transfers.ring))


def supervisor_denied(m: CallMachine, party: records.Party, why: str) -> None:
    party.state = "gone"
    party.left_at = m.now
    party.end_cause = why
    party.owner = ""
    _answer(m, party, False, why)


def _answer(m: CallMachine, party: records.Party, ok: bool, why: str = "") -> None:
    command = m.call.pending.pop(party.id, "")
    if command:
        m.do(
            effects.Reply(
                command,
                ok,
                "" if ok else f"seat.{why}",
                "" if ok else f"seat {party.seat} can't be rung: {why}",
                {"party": party.id} if ok else {},
            )
        )


def _pick(m: CallMachine, command: str, seat: str) -> None:
    attempt = m.call.attempt
    if attempt is None or attempt.target.kind != "queue" or attempt.leg:
        raise Refused("call.not_waiting", "the call is not waiting in a queue")
    if seat not in m.plan.seats:
        raise Refused("seat.unknown", f"there is no seat {seat}")
    m.call.pending[attempt.id] = command
    m.do(effects.Claim(attempt.id, seat, force=True))
