"""What verifying the journal finds, in words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

MOST = 1000
"""So many findings are named; the rest is counted."""

WORDS = {
    "entry.edited": "the entry was changed after it was written",
    "entry.missing": "entries were removed from the middle of the chain",
    "entry.relinked": "the entry does not follow the one before it: a part of the chain was replaced",
    "tail.cut": "entries were cut off the end of the chain",
    "chain.rewritten": "the chain was rewritten after it was sealed: its links fit each other, but not the checkpoint",
    "chain.missing": "the whole chain was removed, and no note says that it was erased",
    "head.disagrees": "the row that remembers the chain's end says something else than the entries",
    "head.missing": "the row that remembers the chain's end was removed",
    "totals.shrunk": "the journal holds fewer chains than at the last checkpoint, more than were erased",
    "checkpoint.edited": "the checkpoint was changed after it was signed",
    "checkpoint.unsigned": "the checkpoint is not signed with a key that counts here",
    "checkpoint.damaged": "the line is no checkpoint",
    "checkpoint.removed": "checkpoints were removed before this one",
    "checkpoint.cut": "checkpoints were cut off the end: the database remembers later ones",
    "checkpoint.torn": "the last line was not written to its end (power cut); the next checkpoint repairs it",
    "checkpoint.repaired": "before this checkpoint a torn line was cut off",
    "checkpoint.foreign": "the newest checkpoint is not signed with this installation's own key",
    "checkpoint.key_changed": "from here on another key signs",
    "book.removed": "a whole book of checkpoints signed with this machine's key is not here (on another machine? --checkpoints)",
    "book.elsewhere": "a book of checkpoints that is not here also seals this journal: verify with its folder too",
    "book.none": "there are no checkpoints here: only the chains themselves were checked",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, or (in notes) that should be known."""

    code: str
    chain: str = ""
    seq: int | None = None
    """First link of the chain that is broken."""
    checkpoint: str = ""
    """File and number of a line."""
    detail: str = ""

    def as_json(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "what": WORDS[self.code],
            "chain": self.chain or None,
            "seq": self.seq,
            "checkpoint": self.checkpoint or None,
            "detail": self.detail or None,
        }

    def __str__(self) -> str:
        where = [part for part in (self.chain, f"entry {self.seq}" if self.seq else "", self.checkpoint) if part]
        tail = f" ({self.detail})" if self.detail else ""
        return f"{', '.join(where)}{': ' if where else ''}{WORDS[self.code]}{tail} [{self.code}]"


@dataclass(slots=True)
class Findings:
    """The result of a walk."""

    chains: int = 0
    entries: int = 0
    checkpoints: int = 0
    erased: int = 0
    """Chains that are rightly gone."""
    broken_count: int = 0
    broken: list[Finding] = field(default_factory=list)
    notes: list[Finding] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return self.broken_count == 0

    def add(self, finding: Finding) -> None:
        self.broken_count += 1
        if len(self.broken) < MOST:
            self.broken.append(finding)

    def note(self, finding: Finding) -> None:
        if len(self.notes) < MOST:
            self.notes.append(finding)

    def as_json(self) -> dict[str, Any]:
        return {
            "ok": self.ok,
            "chains": self.chains,
            "entries": self.entries,
            "checkpoints": self.checkpoints,
            "erased": self.erased,
            "broken_count": self.broken_count,
            "broken": [one.as_json() for one in self.broken],
            "notes": [one.as_json() for one in self.notes],
        }
