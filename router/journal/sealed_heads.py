"""Reads books of checkpoints for verifying: checks the lines, and remembers every head they mention in a temporary file.

Memory stays bounded whatever the journal's size: heads go into a SQLite file that is deleted at the end.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from router.journal import book
from router.journal.book import Line
from router.journal.chain import FIRST
from router.journal.findings import Finding, Findings

Mention = tuple[int, str, str]
"""Sequence number, hash, and the line (``2026-05.jsonl:17``) that mentions them."""


class SealedHeads:
    """Every head that some line mentions, by chain."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="hotline-verify-")
        self._db = sqlite3.connect(Path(self._folder.name) / "heads.db", isolation_level=None)
        self._db.executescript(
            "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;"
            "CREATE TABLE head (chain TEXT, seq INTEGER, hash TEXT, line TEXT, PRIMARY KEY (chain, seq, hash)) WITHOUT ROWID;"
            "CREATE TABLE line (book TEXT, number INTEGER, hash TEXT, PRIMARY KEY (book, number)) WITHOUT ROWID;"
            "CREATE TABLE erased (chain TEXT PRIMARY KEY, seq INTEGER, hash TEXT) WITHOUT ROWID;"
            "BEGIN"
        )
        self.ends: dict[str, Line] = {}
        """The last line of each book."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._db.close()
        self._folder.cleanup()

    def keep(self, line: Line, where: str, only: str | None) -> None:
        self._db.execute("INSERT OR IGNORE INTO line VALUES (?, ?, ?)", (line.book, line.number, line.hash))
        some = line.heads.items() if only is None else [(only, line.heads[only])] if only in line.heads else []
        self._db.executemany(
            "INSERT OR IGNORE INTO head VALUES (?, ?, ?, ?)", ((chain, seq, hash_, where) for chain, (seq, hash_) in some)
        )
        self.ends[line.book] = line

    def line_hash(self, name: str, number: int) -> str | None:
        row = self._db.execute("SELECT hash FROM line WHERE book = ? AND number = ?", (name, number)).fetchone()
        return row[0] if row else None

    def of(self, chain: str) -> Iterator[Mention]:
        """Mentions of a chain, the earliest link first."""
        yield from self._db.execute("SELECT seq, hash, line FROM head WHERE chain = ? ORDER BY seq", (chain,))

    def last_of(self, chain: str) -> Mention | None:
        query = "SELECT seq, hash, line FROM head WHERE chain = ? ORDER BY seq DESC LIMIT 1"
        row: Mention | None = self._db.execute(query, (chain,)).fetchone()
        return row

    def done(self, chain: str) -> None:
        """This chain has been dealt with."""
        self._db.execute("DELETE FROM head WHERE chain = ?", (chain,))

    def left(self) -> Iterator[str]:
        """Chains that have not been dealt with."""
        yield from (row[0] for row in self._db.execute("SELECT DISTINCT chain FROM head ORDER BY chain"))

    def keep_erased(self, chain: str, seq: int, hash_: str) -> None:
        """A note says that this chain was erased by law, and where it ended."""
        self._db.execute("INSERT OR REPLACE INTO erased VALUES (?, ?, ?)", (chain, seq, hash_))

    def erased(self, chain: str) -> tuple[int, str] | None:
        row: tuple[int, str] | None = self._db.execute("SELECT seq, hash FROM erased WHERE chain = ?", (chain,)).fetchone()
        return row

    def erased_count(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM erased").fetchone()[0])


def read(
    folder: Path, heads: SealedHeads, findings: Findings, keys: Mapping[str, Ed25519PublicKey], *, only: str | None = None
) -> None:
    """Check the lines of a folder's book and keep what they mention. A line that can't be trusted mentions nothing."""
    _Reader(heads, findings, keys, only).read(folder)


class _Reader:
    def __init__(self, heads: SealedHeads, findings: Findings, keys: Mapping[str, Ed25519PublicKey], only: str | None) -> None:
        self._heads = heads
        self._findings = findings
        self._keys = keys
        self._only = only
        self._before: Line | None = None
        self._previous = FIRST
        self._spoilt = False
        """The line before is wrong itself: what it says of its place, or its hash, tells nothing about this one."""

    def read(self, folder: Path) -> None:
        files = book.months(folder)
        for file in files:
            for place, raw in enumerate(book.raw_lines(file), 1):
                self._one(file, place, raw, is_last=file == files[-1])

    def _one(self, file: Path, place: int, raw: bytes, *, is_last: bool) -> None:
        where = f"{file.name}:{place}"
        text = raw.rstrip(b"\n")
        if text == raw and is_last:
            self._findings.note(Finding("checkpoint.torn", checkpoint=where))
            return
        self._findings.checkpoints += 1
        try:
            line = book.parse(text)
        except ValueError:
            self._findings.add(Finding("checkpoint.damaged", checkpoint=where))
            self._spoilt = True
            return
        right = self._is_signed(line, where)
        if right:
            self._check_place(line, where)
            self._heads.keep(line, where, self._only)
        self._before, self._previous, self._spoilt = line, line.hash, not right

    def _is_signed(self, line: Line, where: str) -> bool:
        if line.key not in self._keys:
            self._findings.add(Finding("checkpoint.unsigned", checkpoint=where, detail=f"key {line.key}"))
            return False
        if not book.verified(line, self._keys):
            self._findings.add(Finding("checkpoint.edited", checkpoint=where))
            return False
        return True

    def _check_place(self, line: Line, where: str) -> None:
        before = self._before
        expected = before.number + 1 if before else 1
        wrong = line.number != expected or line.previous != self._previous or (before is not None and line.book != before.book)
        if wrong and not self._spoilt:
            detail = f"number {expected} should be here, not {line.number}" if line.number != expected else ""
            self._findings.add(Finding("checkpoint.removed", checkpoint=where, detail=detail))
        if before and line.key != before.key:
            self._findings.note(Finding("checkpoint.key_changed", checkpoint=where, detail=f"{before.key} to {line.key}"))
        if line.repaired:
            cut = f"{line.repaired.get('bytes')} bytes"
            self._findings.note(Finding("checkpoint.repaired", checkpoint=where, detail=cut))


def trusted(folders: Sequence[Path], given: Sequence[Path]) -> dict[str, Ed25519PublicKey]:
    """The keys that count: those given, else those beside the checkpoints."""
    found: dict[str, Ed25519PublicKey] = {}
    for folder in given or folders:
        found |= book.public_keys(folder)
    return found
