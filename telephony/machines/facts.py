"""The rows that a call leaves behind, derived from its record; the session numbers and sends those that changed."""

from __future__ import annotations

from telephony import contract
from telephony.machines import records


def of_call(call: records.Call) -> list[contract.CallFacts | contract.PartyFacts | contract.TransferFacts]:
    """All facts of a call as they are now, with ``rev`` 0."""
    return [
        contract.CallFacts(
            id=call.id,
            rev=0,
            kind=call.kind,
            centre=call.centre,
            called=call.called,
            caller=call.caller_number,
            origin=call.origin,
            started_at=call.started_at,
            queued_at=call.queued_at,
            answered_at=call.answered_at,
            answered_by=call.answered_by,
            ended_at=call.ended_at,
            waited=call.waited,
            end_cause=call.end_cause if call.ended_at is not None else "",
            overflowed_to=call.overflowed_to,
            after=call.after,
            case=call.case,
            sip_call_id=call.sip_call_id,
        ),
        *(of_party(call, p) for p in call.parties.values()),
        *(of_transfer(call, t) for t in call.transfers),
    ]


def of_party(call: records.Call, party: records.Party) -> contract.PartyFacts:
    return contract.PartyFacts(
        id=party.id,
        call=call.id,
        rev=0,
        role=party.role,
        seat=party.seat,
        number=party.number,
        centre=party.centre,
        home=party.home,
        invited_at=party.invited_at,
        ringing_at=party.ringing_at,
        joined_at=party.joined_at,
        left_at=party.left_at,
        held_seconds=round(party.held_seconds, 3),
        end_cause=party.end_cause if party.left_at is not None else "",
        sip_code=party.sip_code,
        via_transfer=party.via_transfer,
        mode=party.mode,
    )


def of_transfer(call: records.Call, transfer: records.Transfer) -> contract.TransferFacts:
    return contract.TransferFacts(
        id=transfer.id,
        call=call.id,
        rev=0,
        kind=transfer.kind,
        dangerous=transfer.dangerous,
        by=transfer.by,
        asker=transfer.asker,
        asker_seat=transfer.asker_seat,
        from_centre=transfer.from_centre,
        target=transfer.target.id,
        to_centre=transfer.target.centre,
        started_at=transfer.started_at,
        ringing_at=transfer.ringing_at,
        answered_at=transfer.answered_at,
        answered_by=transfer.answered_by,
        ended_at=transfer.ended_at,
        outcome=transfer.outcome,
        asker_left_at=transfer.asker_left_at,
        went_back_to=transfer.went_back_to,
        step=transfer.step,
        case=transfer.case,
    )
