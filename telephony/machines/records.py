"""Everything that is known about a call, as plain records: parties, the search for a seat, transfers."""

from __future__ import annotations

from typing import Literal

import msgspec

from telephony import contract
from telephony.speech import pieces

PartyState = Literal["invited", "ringing", "up", "gone"]
Stage = Literal["arriving", "waiting", "talking", "ending", "ended"]
Purpose = Literal["answer", "return", "ringback", "callback", "transfer"]
TargetKind = Literal["queue", "seat", "line"]
TransferStage = Literal["seeking", "briefing", "consulting", "together", "over"]

STAFF: tuple[contract.Role, ...] = ("operator", "police", "duty", "outside")

FULL = 4
"""Parties that one room holds."""


class Say(msgspec.Struct, frozen=True):
    """One prompt for one ear, and what is done when it has been heard."""

    id: str
    speech: pieces.Speech
    then: Literal["", "brief", "leave", "end"] = ""


class Target(msgspec.Struct, frozen=True):
    """Where a transfer goes: a centre's queue, a seat, or an outside line."""

    kind: TargetKind
    id: str
    centre: str = ""


class Party(msgspec.Struct, kw_only=True):
    """One leg of a call (通话方)."""

    id: str
    role: contract.Role
    seat: str = ""
    number: str | None = None
    centre: str = ""
    home: str = ""
    """Where a seat is that helps ``centre``."""
    state: PartyState = "invited"
    incoming: bool = False
    """This leg called us."""
    owner: str = ""
    """Under which the seat is reserved on the board."""
    asked: bool = False
    """The board was asked for its seat and has not spoken yet: there is no leg so far."""
    joined: bool = False
    """Takes part in the talk (false while waiting or being briefed)."""
    leaving: bool = False
    """We are ending this leg."""
    muted: bool = False
    held: bool = False
    """Put on hold by a command or a consultation."""
    phone_held: bool = False
    """The phone's own hold key."""
    stalled: bool = False
    """Its phone does not answer at the moment; who would hear only it, hears music."""
    held_since: float | None = None
    held_seconds: float = 0
    mode: str = ""
    beside: str = ""
    """A supervisor's party of interest."""
    says: list[Say] = []
    keys: str = ""
    keys_at: float = 0
    invited_at: float = 0
    ringing_at: float | None = None
    joined_at: float | None = None
    left_at: float | None = None
    end_cause: str = ""
    sip_code: int = 0
    via_transfer: str = ""
    talked: bool = False

    @property
    def up(self) -> bool:
        return self.state == "up" and not self.leaving

    @property
    def watching(self) -> bool:
        """A supervisor who listens, whispers or barges in. A supervisor's seat that is simply called is staff like any other."""
        return self.role == "supervisor" and self.mode != ""

    @property
    def staff(self) -> bool:
        return self.role in STAFF or (self.role == "supervisor" and not self.mode)


class Attempt(msgspec.Struct, kw_only=True):
    """The search for somebody who answers: the caller's own, or a transfer's."""

    id: str
    purpose: Purpose
    target: Target
    rank: int
    since: float
    steps: Literal["direct", "transfer"] = "direct"
    tried: list[str] = []
    leg: str = ""
    """The leg that is ringing now."""
    step: int = 0
    prefer: str = ""
    """A seat asked first."""
    picked: str = ""
    """A seat that was given this call by hand and that the board was asked for."""


class Transfer(msgspec.Struct, kw_only=True):
    """One attempt to bring another party in (转接)."""

    id: str
    kind: contract.TransferKind
    by: Literal["key", "refer", "command"]
    asker: str
    asker_seat: str
    from_centre: str
    target: Target
    dangerous: bool = False
    case: str = ""
    stage: TransferStage = "seeking"
    receiver: str = ""
    notify: bool = False
    """The asker's phone sent REFER and is told how it goes."""
    started_at: float = 0
    ringing_at: float | None = None
    answered_at: float | None = None
    answered_by: str = ""
    ended_at: float | None = None
    outcome: str = ""
    asker_left_at: float | None = None
    went_back_to: str = ""
    step: int = 0


class Call(msgspec.Struct, kw_only=True):
    """One call (通话)."""

    id: str
    kind: contract.CallKind
    centre: str
    called: str
    caller_number: str | None
    origin: str
    started_at: float
    sip_call_id: str = ""
    after: str = ""
    case: str = ""
    stage: Stage = "arriving"
    parties: dict[str, Party] = {}
    attempt: Attempt | None = None
    transfers: list[Transfer] = []
    counter: int = 0
    queued_at: float | None = None
    answered_at: float | None = None
    answered_by: str = ""
    waited: float | None = None
    ended_at: float | None = None
    end_cause: str = ""
    overflowed_to: str = ""
    last_centre: str = ""
    """The centre that speaks or last spoke with the caller; of several in the talk, that of the one who came in last."""
    last_seat: str = ""
    """The seat, likewise."""
    pending: dict[str, str] = {}
    """Attempt or party that waits for the board, to the command that asked for it."""
    refer_failed: str = ""
    """Leg whose phone was just told that its REFER failed: some phones hang up on that."""
    refer_failed_at: float = 0
    tape: str = ""
    """Id of the running recording, empty for none."""

    @property
    def caller(self) -> Party | None:
        for party in self.parties.values():
            if party.role == "caller" and party.state != "gone" and not party.leaving:
                return party
        return None

    @property
    def transfer(self) -> Transfer | None:
        """The transfer that is not over."""
        if self.transfers and self.transfers[-1].stage != "over":
            return self.transfers[-1]
        return None

    def present(self, *, supervisors: bool = False) -> list[Party]:
        """Those on the line."""
        return [p for p in self.parties.values() if p.up and (supervisors or not p.watching)]

    @property
    def full(self) -> bool:
        """No further party fits in. Legs that ring count, and the one that a search is going to ring."""
        to_come = self.attempt is not None and not self.attempt.leg
        return sum(p.state != "gone" for p in self.parties.values()) + to_come >= FULL

    def staff(self) -> list[Party]:
        """Members of staff on the line, without supervisors who watch."""
        return [p for p in self.present() if p.staff]

    def find_seat(self, seat: str) -> Party | None:
        for party in self.parties.values():
            if party.seat == seat and party.up:
                return party
        return None

    def next_id(self, letter: str) -> str:
        self.counter += 1
        return f"{self.id}.{letter}{self.counter}"
