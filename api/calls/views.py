"""Turns what records and snapshots say of calls into what a person is shown: numbers masked by role, times as datetimes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from api.calls.schemas import CallDetail, CallView, CaseRef, LiveView, PartyView, RecordingRef, TransferView
from router.access import calls as reach
from router.access import fields
from router.access.actor import Actor
from router.storage.base import moment
from router.storage.call_records import CallRecord, CallSummary
from telephony import contract


def degree(actor: Actor) -> fields.Degree:
    """How much of a caller's number somebody sees: operators and police ring back, supervisors look on."""
    return fields.sight(actor, "open").caller


def _plain(record: msgspec.Struct) -> dict[str, Any]:
    return {name: moment(value) if name.endswith("_at") else value for name, value in msgspec.structs.asdict(record).items()}


def _called(facts: contract.CallFacts, shown: fields.Degree) -> str:
    """A call-back dials the citizen: then the dialled number is the citizen's."""
    return facts.called if facts.kind == "inbound" else fields.number(facts.called, shown) or ""


def state(facts: contract.CallFacts, parties: Sequence[contract.PartyFacts] = ()) -> str:
    if facts.ended_at is not None:
        return "over"
    if facts.answered_at is not None:
        return "talking"
    ringing = any(p.seat and p.role != "caller" and p.joined_at is None and p.left_at is None for p in parties)
    return "ringing" if ringing or facts.queued_at is None else "queued"


def _call(actor: Actor, facts: CallSummary, cases: Sequence[CaseRef], parties: Sequence[contract.PartyFacts]) -> dict[str, Any]:
    shown = degree(actor)
    said = _plain(facts)
    said["caller"] = fields.number(facts.caller, shown)
    said["called"] = _called(facts, shown)
    said["cases"] = list(cases)
    said["state"] = state(facts, parties)
    return {name: said[name] for name in CallView.model_fields}


def call(actor: Actor, facts: CallSummary, cases: Sequence[CaseRef] = ()) -> CallView:
    return CallView(**_call(actor, facts, cases, ()))


def party(actor: Actor, facts: contract.PartyFacts) -> PartyView:
    said = _plain(facts) | {"number": fields.number(facts.number, degree(actor))}
    return PartyView(**{name: said[name] for name in PartyView.model_fields})


def transfer(facts: contract.TransferFacts) -> TransferView:
    said = _plain(facts)
    return TransferView(**{name: said[name] for name in TransferView.model_fields})


def detail(actor: Actor, record: CallRecord, cases: Sequence[CaseRef], playable: frozenset[str]) -> CallDetail:
    """``playable``: ids of the recordings that the actor may hear."""
    assert record.call is not None
    return CallDetail(
        **_call(actor, record.call, cases, record.parties),
        parties=[party(actor, one) for one in record.parties if reach.shows(actor, one)],
        transfers=[transfer(one) for one in record.transfers],
        recordings=[
            RecordingRef(id=one.id, started_at=moment(one.started_at), seconds=one.seconds, playable=one.id in playable)
            for one in record.recordings
        ],
    )


def live(actor: Actor, found: contract.LiveCall, cases: Sequence[CaseRef]) -> LiveView:
    summary = CallSummary(**msgspec.structs.asdict(found.call), live=True)
    return LiveView(
        **_call(actor, summary, cases, found.parties),
        parties=[party(actor, one) for one in found.parties if reach.shows(actor, one)],
        transfers=[transfer(one) for one in found.transfers],
        mine=reach.takes_part(actor, found),
    )
