"""How ``hotline calls`` shows what it found: tables for people, JSON for programs."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from config.settings import Settings
from hotline.calls_ask import ShownCall
from router.storage.call_records import CallList, CallSummary
from telephony import contract

_WIDE = 200
"""Columns when the output is no terminal."""


def plain(value: Any) -> Any:
    """Records as what JSON knows."""
    return msgspec.to_builtins(value)


def as_json(value: Any) -> None:
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


def _console() -> Console:
    return Console(highlight=False, width=None if sys.stdout.isatty() else _WIDE)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, no_wrap=number == 0, overflow="fold")
    return table


def _print(table: Table, rows: Sequence[Sequence[str]]) -> None:
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))  # as it is: numbers and names are no markup
    _console().print(table)


def when(seconds: float | None, *, date: bool = True) -> str:
    """Local time."""
    if seconds is None:
        return "–"
    return dt.datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M:%S" if date else "%H:%M:%S")


def lasted(start: float | None, end: float | None) -> str:
    return "–" if start is None or end is None else f"{max(0.0, end - start):.0f} s"


def centre_name(settings: Settings, id: str) -> str:
    centre = settings.centres.get(id)
    return f"{id} {centre.name}" if centre else id or "–"


def seat_name(settings: Settings, id: str) -> str:
    seat = settings.seats.get(id)
    return f"{id} {seat.name}".strip() if seat else id or "–"


def state(call: CallSummary) -> str:
    """What a call is doing, or why it ended."""
    if call.ended_at is None:
        if call.answered_at is not None:
            return "talking"
        return "waiting" if call.queued_at is not None else "ringing"
    marks = [name for name, is_so in (("abandoned", call.abandoned), ("silent", call.silent)) if is_so]
    words = [] if call.abandoned and call.end_cause == "abandoned" else [call.end_cause or "ended"]
    return ", ".join([*words, *marks])


def calls(settings: Settings, found: CallList) -> None:
    table = _table("", "call", "started", "kind", "centre", "caller", "state", "waited", "talked", "answered by")
    _print(
        table,
        [
            (
                one.id,
                when(one.started_at),
                one.kind,
                centre_name(settings, one.centre),
                one.caller or "anonymous",
                state(one),
                "–" if one.waited is None else f"{one.waited:.0f} s",
                lasted(one.answered_at, one.ended_at),
                seat_name(settings, one.answered_by),
            )
            for one in found.calls
        ],
    )
    print(f"{len(found.calls)} of {found.total} calls, page {found.page}")


def call(settings: Settings, id: str, record: ShownCall) -> None:
    if record.call is None:
        print(f"call {id}: its own facts have not arrived yet")
    else:
        where = " ".join(f"{name}={value}" for name, value in (record.running or {}).items() if name != "at")
        rows = [*_facts(settings, record.call), ("runs on", where)]
        _print(_table("", "call", id), [row for row in rows if row[1]])
    _section(
        "parties",
        record.parties,
        ("party", "role", "who", "invited", "joined", "left", "talked", "on hold", "ended"),
        lambda one: _party(settings, one),
    )
    _section(
        "transfers",
        record.transfers,
        ("transfer", "kind", "asked by", "target", "started", "answered by", "outcome", "back to"),
        lambda one: _transfer(settings, one),
    )
    _section(
        "recordings",
        record.recordings,
        ("recording", "file", "length", "notes"),
        lambda one: (
            one.id,
            str(settings.data_dir / one.path),
            f"{one.seconds:.1f} s",
            ", ".join(word for word, is_so in (("repaired", one.repaired), ("caller silent", one.caller_silent)) if is_so),
        ),
    )
    _section(
        "pages",
        record.pages,
        ("page", "to", "outcome", "key", "answered", "ended"),
        lambda one: (one.id, one.number, one.outcome, one.digit, when(one.answered_at), when(one.ended_at)),
    )
    _section(
        "keys and notes",
        record.notes,
        ("at", "what", "detail"),
        lambda one: (when(one.at), one.kind, " ".join(f"{name}={value}" for name, value in one.detail.items())),
    )


def _section(title: str, records: Sequence[Any], columns: tuple[str, ...], row: Callable[[Any], Sequence[str]]) -> None:
    if records:
        print()
        _print(_table(title, *columns), [row(one) for one in records])


def _facts(settings: Settings, one: CallSummary) -> list[tuple[str, str]]:
    return [
        ("kind", one.kind),
        ("centre", centre_name(settings, one.centre)),
        ("called", one.called),
        ("caller", one.caller or "anonymous"),
        ("came from", one.origin),
        ("started", when(one.started_at)),
        ("queued", when(one.queued_at) if one.queued_at else ""),
        ("answered", when(one.answered_at) if one.answered_at else ""),
        ("answered by", seat_name(settings, one.answered_by) if one.answered_by else ""),
        ("waited", "" if one.waited is None else f"{one.waited:.1f} s"),
        ("ended", when(one.ended_at) if one.ended_at else ""),
        ("state", state(one)),
        ("overflowed to", centre_name(settings, one.overflowed_to) if one.overflowed_to else ""),
        ("takes up", one.after),
        ("case", one.case),
        ("SIP Call-ID", one.sip_call_id),
    ]


def _party(settings: Settings, one: contract.PartyFacts) -> Sequence[str]:
    return (
        one.id,
        f"{one.role} ({one.mode})" if one.mode else one.role,
        (seat_name(settings, one.seat) if one.seat else one.number or "anonymous") + (f", from {one.home}" if one.home else ""),
        when(one.invited_at, date=False),
        when(one.joined_at, date=False),
        when(one.left_at, date=False),
        lasted(one.joined_at, one.left_at),
        f"{one.held_seconds:.0f} s" if one.held_seconds else "–",
        one.end_cause + (f" ({one.sip_code})" if one.sip_code not in (0, 200) else ""),
    )


def _transfer(settings: Settings, one: contract.TransferFacts) -> Sequence[str]:
    return (
        one.id,
        one.kind + (", dangerous" if one.dangerous else ""),
        seat_name(settings, one.asker_seat),
        one.target or centre_name(settings, one.to_centre),
        when(one.started_at, date=False),
        seat_name(settings, one.answered_by),
        one.outcome or "under way",
        one.went_back_to,
    )
