"""Commands of the contract that are about one call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telephony import contract
from telephony.machines import effects, plan, records, transfers, watching
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
            _drop(m, _party(m, name), by=command.by)
        case contract.MuteParty(party=name, on=on):
            _party(m, name).muted = on
        case contract.HoldParty(party=name, on=on):
            _hold(m, _party(m, name), on)
        case contract.Supervise():
            watching.ask(m, command)
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
    """A member of staff by its seat; a citizen who calls from a seat is none."""
    party = m.call.find_seat(seat)
    if party is None or not party.staff:
        raise Refused("party.unknown", f"seat {seat} is not on the line as staff in this call")
    return party


def _asker(m: CallMachine, seat: str) -> records.Party:
    if seat:
        return _at_seat(m, seat)
    staff = [p for p in m.call.staff() if p.seat and p.joined]
    if len(staff) != 1:
        raise Refused("transfer.asker", f"{len(staff)} seats are in this call: say which one asks")
    return staff[0]


def _drop(m: CallMachine, party: records.Party, by: str) -> None:
    """Put a party out. A caller whose last member of staff was put out by somebody else goes to the head of the queue."""
    m.leave(party, "dropped")
    if party.role == "caller":
        transfers.caller_gone(m, "completed")
    elif party.staff:
        transfers.staff_gone(m, party, lost=False, dropped=by != party.seat)


def _hold(m: CallMachine, party: records.Party, on: bool) -> None:
    transfer = m.call.transfer
    if not on and party.role == "caller" and transfer is not None and transfer.kind == "consult" and transfer.stage != "together":
        raise Refused("transfer.consulting", "the caller waits for a consultation: cancel it, or join both")
    m.hold(party, on)


def _pick(m: CallMachine, command: str, seat: str) -> None:
    attempt = m.call.attempt
    if attempt is None or attempt.target.kind != "queue" or attempt.leg:
        raise Refused("call.not_waiting", "the call is not waiting in a queue")
    if seat not in m.plan.seats:
        raise Refused("seat.unknown", f"there is no seat {seat}")
    if attempt.picked:
        raise Refused("call.picked", f"the call is being given to seat {attempt.picked}")
    m.call.pending[attempt.id] = command
    attempt.picked = seat
    m.do(effects.Claim(attempt.id, seat, force=True))
