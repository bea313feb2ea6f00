"""Exports: 100,000 tickets as CSV and as XLSX, on PostgreSQL and on SQLite, through HTTP, masked; and what it costs in memory.

Measured: from the request to the last byte, and how much more memory the HTTP process holds at its highest than before. Meanwhile
a second client asks the same process for pages of a list, one after the other: an export must not stand in others' way.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from bench import processes
from bench.casework import Casework, Person
from bench.figures import Aim, Figure
from bench.loop import Late
from bench.run import Run

ROWS = 100_000
AIM = Aim(most=60)


def measure(run: Run) -> list[Figure]:
    town = run.casework
    figures: list[Figure] = []
    count = min(ROWS, town.matters.count)
    since = town.matters.at(town.matters.count - count).isoformat().replace("+", "%2B")
    figures += _both(run, town.casework, "PostgreSQL", count, f"&since={since}")
    rows = ROWS // 10 if run.quick else ROWS
    with _on_sqlite(run, rows) as casework:
        figures += _both(run, casework, "SQLite", rows, "")
    return figures


@contextlib.contextmanager
def _on_sqlite(run: Run, rows: int) -> Iterator[Casework]:
    folder: Path = run.folder / "exports"
    casework = Casework(folder, f"sqlite:///{folder / 'hotline.db'}")
    try:
        casework.prepare()
        casework.fill(rows)
        casework.start()
        yield casework
    finally:
        casework.close()


def _both(run: Run, casework: Casework, where: str, rows: int, more: str) -> list[Figure]:
    inspector, operator = casework.sign_in("supervisor", ""), casework.sign_in("operator", "12345")
    pid = casework.apis[0][1]
    operator.get("/api/v1/tickets")
    alone = median(operator.get("/api/v1/tickets").seconds for _ in range(20))
    figures = []
    for form in ("csv", "xlsx"):
        run.say(f"exports: {rows} rows as {form} on {where} …")
        took, size, memory, beside = _one(inspector, operator, pid, f"/api/v1/exports/tickets?format={form}{more}")
        name = f"exports.{where.lower()}.{form}"
        figures += [
            Figure(name, f"{rows:,} tickets as {form.upper()} on {where}, {size / 1e6:.0f} MB", took, "s", AIM),
            Figure(f"{name}.memory", "more memory at its highest (PSS)", memory, "MB"),
            Figure(f"{name}.beside", f"a list beside it, median (alone {1000 * alone:.0f} ms)", 1000 * beside, "ms"),
        ]
    return figures


def _one(inspector: Person, operator: Person, pid: int, path: str) -> tuple[float, int, float, float]:
    before = highest = processes.pss(pid)
    over = threading.Event()
    beside: list[float] = []

    def others() -> None:
        nonlocal highest
        while not over.is_set():
            beside.append(operator.get("/api/v1/tickets").seconds)
            highest = max(highest, processes.pss(pid))
            time.sleep(0.1)

    thread = threading.Thread(target=others)
    thread.start()
    answer = inspector.get(path)
    over.set()
    thread.join()
    if answer.status != 200:
        raise Late(f"{path}: {answer.status} {answer.body[:300]!r}")
    return answer.seconds, len(answer.body), highest - before, median(beside)
