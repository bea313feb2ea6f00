"""Walks the journal and says what was done to it: an entry changed, a tail cut off, a middle removed, a chain replaced or gone.

Three things must agree: the entries of a chain among themselves (each hash is computed anew), the row that remembers the chain's
end, and every head that a signed checkpoint has ever mentioned. So whoever rewrites a whole chain in the database, its end
included, still contradicts the checkpoints. What was written since the last checkpoint is covered by the first two only.

The journal may grow meanwhile. Checkpoints are read first, so what they mention is there already; where a chain seems to end too
early, its end is read before the entries that lead to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Row, and_, exists, func, select, tuple_

from router.journal import chain as links
from router.journal import sealed_heads
from router.journal.findings import Finding, Findings
from router.journal.journal import ENTRY, ERASED, HEAD, SYSTEM
from router.journal.sealed_heads import Mention, SealedHeads
from router.storage.base import table_of
from router.storage.engine import Database
from router.storage.journal import CheckpointBook

MARK = table_of(CheckpointBook)
BATCH = 2000
Progress = Callable[[int, int], None]
"""Told after each batch: entries checked, entries there are."""
Entry = Row[Any]
_NOTES = select(ENTRY.c.detail).where(ENTRY.c.chain == SYSTEM, ENTRY.c.action == ERASED).order_by(ENTRY.c.seq)


async def verify(
    database: Database,
    folders: Sequence[Path],
    *,
    keys: Mapping[str, Ed25519PublicKey] | None = None,
    own_key: str | None = None,
    chain: str | None = None,
    progress: Progress | None = None,
    batch: int = BATCH,
) -> Findings:
    """Check all chains (or one) against each other and the checkpoints in ``folders``.

    ``keys``: public keys that count, by id; by default those beside the checkpoints. ``own_key``: id of the key that this
    installation signs with, which the newest line of the first folder must bear. Memory is bounded; nothing is locked.
    """
    counting = keys if keys is not None else sealed_heads.trusted(folders, ())
    with SealedHeads() as heads:
        walk = _Walk(database, heads, Findings(), chain, progress, batch)
        marks = await walk.marks()  # before the lines, which may grow meanwhile
        for folder in folders:
            before = set(heads.ends)
            sealed_heads.read(folder, heads, walk.findings, counting, only=chain)
            walk.check_key(own_key if folder == folders[0] else None, before)
        walk.check_marks(marks, own_key)
        await walk.read_erased()
        await walk.check_chains()
        await walk.check_heads()
        await walk.check_missing()
        if chain is None:
            await walk.check_totals()
        return walk.findings


@dataclass(slots=True)
class _Chain:
    """The chain at hand."""

    name: str
    mentions: Iterator[Mention]
    mention: Mention | None
    seq: int = 0
    hash: str = links.FIRST
    broken: bool = False


@dataclass(slots=True)
class _Walk:
    database: Database
    heads: SealedHeads
    findings: Findings
    only: str | None
    progress: Progress | None
    batch: int

    # --- checkpoints

    def check_key(self, own_key: str | None, before: set[str]) -> None:
        for name in set(self.heads.ends) - before:
            end = self.heads.ends[name]
            if own_key is not None and end.key != own_key:
                self.findings.add(Finding("checkpoint.foreign", checkpoint=f"number {end.number}", detail=f"key {end.key}"))

    async def marks(self) -> Sequence[Row[Any]]:
        """How far the database remembers each book to reach."""
        async with self.database.read() as session:
            return (await session.execute(select(MARK).order_by(MARK.c.id))).all()

    def check_marks(self, marks: Sequence[Row[Any]], own_key: str | None) -> None:
        """Does each book reach so far?"""
        for mark in marks:
            end = self.heads.ends.get(mark.id)
            if end is None:
                at = f"book {mark.id}, number {mark.number} of {mark.at:%Y-%m-%d %H:%M} UTC"
                if own_key is not None and mark.key == own_key:
                    self.findings.add(Finding("book.removed", detail=at))
                else:
                    self.findings.note(Finding("book.elsewhere", detail=at))
            elif self.heads.line_hash(mark.id, mark.number) != mark.hash and end.number <= mark.number:
                at = f"the last one here is number {end.number}, the database remembers number {mark.number}"
                self.findings.add(Finding("checkpoint.cut", detail=at))
        if not self.heads.ends:
            self.findings.note(Finding("book.none"))

    # --- chains

    async def check_chains(self) -> None:
        total = await self._total()
        last: tuple[str, int] | None = None
        current: _Chain | None = None
        while True:
            query = select(ENTRY).order_by(ENTRY.c.chain, ENTRY.c.seq).limit(self.batch)
            if self.only is not None:
                query = query.where(ENTRY.c.chain == self.only)
            if last is not None:
                query = query.where(tuple_(ENTRY.c.chain, ENTRY.c.seq) > tuple_(*last))
            async with self.database.read() as session:
                rows = (await session.execute(query)).all()
                ends = await self._ends(session, {row.chain for row in rows} | ({current.name} if current else set()))
            for row in rows:
                if current is None or row.chain != current.name:
                    await self._end(current, ends)
                    current = await self._begin(row.chain, row.seq)
                self._check(current, row)
            if self.progress:
                self.progress(self.findings.entries, max(total, self.findings.entries))
            if not rows:
                await self._end(current, ends)
                return
            last = (rows[-1].chain, rows[-1].seq)

    async def _total(self) -> int:
        query = select(func.coalesce(func.sum(HEAD.c.seq), 0))
        if self.only is not None:
            query = query.where(HEAD.c.chain == self.only)
        async with self.database.read() as session:
            return int((await session.execute(query)).scalar_one())

    @staticmethod
    async def _ends(session: Any, chains: set[str]) -> dict[str, tuple[int, str]]:
        query = select(HEAD).where(HEAD.c.chain.in_(sorted(chains)))
        return {row.chain: (row.seq, row.hash) for row in await session.execute(query)}

    async def _begin(self, name: str, first: int) -> _Chain:
        """A chain begins with entry 1, or where it was erased by law."""
        self.findings.chains += 1
        mentions = self.heads.of(name)
        at = _Chain(name, mentions, next(mentions, None))
        note = await self._erased(name) if first > 1 else None
        if note is not None:
            at.seq, at.hash = note
            self._compare(at)
        return at

    def _broken(self, at: _Chain, code: str, seq: int | None, checkpoint: str = "", detail: str = "") -> None:
        """Only the first broken link of a chain is told."""
        if not at.broken:
            at.broken = True
            self.findings.add(Finding(code, chain=at.name, seq=seq, checkpoint=checkpoint, detail=detail))

    def _check(self, at: _Chain, row: Entry) -> None:
        self.findings.entries += 1
        if at.broken:
            return
        if row.seq != at.seq + 1:
            missing = f"{at.seq + 1}" if row.seq == at.seq + 2 else f"{at.seq + 1} to {row.seq - 1}"
            self._broken(at, "entry.missing", at.seq + 1, detail=f"missing: {missing}")
        elif row.hash != _hash(row):
            self._broken(at, "entry.edited", row.seq, detail=f"{row.action} of {row.at:%Y-%m-%d %H:%M:%S} UTC")
        elif row.previous != at.hash:
            self._broken(at, "entry.relinked", row.seq)
        at.seq, at.hash = row.seq, row.hash
        self._compare(at)

    def _compare(self, at: _Chain) -> None:
        """With what checkpoints say of this link; earlier ones that were erased are passed over."""
        while not at.broken and at.mention is not None and at.mention[0] <= at.seq:
            seq, hash_, line = at.mention
            if seq == at.seq and hash_ != at.hash:
                self._broken(at, "chain.rewritten", seq, line)
            at.mention = next(at.mentions, None)

    async def _end(self, at: _Chain | None, ends: Mapping[str, tuple[int, str]]) -> None:
        if at is None:
            return
        if not at.broken and ends.get(at.name) != (at.seq, at.hash):
            await self._settle(at)
        if at.mention is not None:
            seq, _, line = at.mention
            self._broken(at, "tail.cut", at.seq + 1, line, f"the checkpoint mentions entry {seq}, the last one here is {at.seq}")
        self.heads.done(at.name)

    async def _settle(self, at: _Chain) -> None:
        """The chain's end is another than its head says: has it only grown meanwhile?"""
        async with self.database.read() as session:
            head = (await session.execute(select(HEAD).where(HEAD.c.chain == at.name))).first()
            while head is not None and at.seq < head.seq and not at.broken:
                query = select(ENTRY).where(ENTRY.c.chain == at.name, ENTRY.c.seq > at.seq, ENTRY.c.seq <= head.seq)
                rows = (await session.execute(query.order_by(ENTRY.c.seq).limit(self.batch))).all()
                for row in rows:
                    self._check(at, row)
                if not rows:
                    return await self._stops(at, head.seq)
        if head is None:
            return self._broken(at, "head.missing", at.seq)
        if (head.seq, head.hash) != (at.seq, at.hash):
            return self._broken(at, "head.disagrees", at.seq, detail=f"it says entry {head.seq}")
        return None

    async def _stops(self, at: _Chain, end: int) -> None:
        """There is nothing between here and the chain's end. Was it erased while we were walking?"""
        note = await self._erased(at.name, fresh=True)
        if note is not None and note[0] > at.seq:
            at.mention = None
            return
        self._broken(at, "tail.cut", at.seq + 1, detail=f"the chain had {end} entries, the last one here is {at.seq}")

    # --- what is not there

    async def check_heads(self) -> None:
        """Heads whose entries are all gone."""
        last = ""
        while True:
            nothing = ~_any(ENTRY.c.chain == HEAD.c.chain)
            query = select(HEAD).where(HEAD.c.seq > 0, nothing, HEAD.c.chain > last).order_by(HEAD.c.chain).limit(self.batch)
            if self.only is not None:
                query = query.where(HEAD.c.chain == self.only)
            async with self.database.read() as session:
                rows = (await session.execute(query)).all()
            for row in rows:
                if await self._erased(row.chain, fresh=True) == (row.seq, row.hash):
                    continue
                self.findings.add(Finding("tail.cut", row.chain, 1, detail=f"the chain had {row.seq} entries, none is here"))
                self.heads.done(row.chain)
            if len(rows) < self.batch:
                return
            last = rows[-1].chain

    async def check_missing(self) -> None:
        """Sealed chains of which nothing is left: erased by law, or removed."""
        for name in self.heads.left():
            seq, hash_, line = self.heads.last_of(name) or (0, "", "")
            note = await self._erased(name, fresh=True)
            if note is None:
                self.findings.add(Finding("chain.missing", name, 1, line))
            elif note[0] < seq or (note[0] == seq and note[1] != hash_):
                detail = f"it is noted as erased at entry {note[0]}, which the checkpoint contradicts"
                self.findings.add(Finding("chain.rewritten", name, min(note[0], seq), line, detail))

    async def read_erased(self) -> None:
        """What the system's chain notes as erased by law."""
        async with self.database.read() as session:
            async for detail in await session.stream_scalars(_NOTES):
                self._keep_erased(detail)
        self.findings.erased = self.heads.erased_count()

    async def _erased(self, name: str, *, fresh: bool = False) -> tuple[int, str] | None:
        """Where a chain was erased; ``fresh``: it may have been noted since we began."""
        if fresh:
            subject = name.partition(":")[2]
            async with self.database.read() as session:
                for detail in await session.scalars(_NOTES.where(ENTRY.c.subject == subject)):
                    self._keep_erased(detail)
        return self.heads.erased(name)

    def _keep_erased(self, detail: Mapping[str, Any]) -> None:
        try:
            self.heads.keep_erased(str(detail["chain"]), int(detail["seq"]), str(detail["hash"]))
        except (KeyError, TypeError, ValueError):
            pass  # an entry that says nothing excuses nothing

    async def check_totals(self) -> None:
        """A chain that no line here mentions (another folder's book does) is missed in the count."""
        newest = max(self.heads.ends.values(), key=lambda line: line.at, default=None)
        if newest is None or not self.findings.ok:
            return
        await self.read_erased()  # what was erased meanwhile as well
        there = self.findings.chains + self.findings.erased
        if there < newest.totals.get("chains", 0):
            detail = f"{newest.totals['chains']} then, {there} now"
            self.findings.add(Finding("totals.shrunk", checkpoint=f"number {newest.number}", detail=detail))


def _any(condition: Any) -> Any:
    return exists().where(and_(condition)).correlate(HEAD)


def _hash(row: Entry) -> str:
    return links.link(
        chain=row.chain,
        seq=row.seq,
        at=row.at,
        actor=row.actor,
        unit=row.unit,
        desk=row.desk,
        action=row.action,
        subject=row.subject,
        detail=row.detail,
        previous=row.previous,
    )
