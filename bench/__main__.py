"""``make bench``: measures what call core and casework promise, on 127.0.0.1 only, and says which aims are kept.

Never a test: a figure depends on the machine and on what else runs on it. The exit status is 0 if everything could be measured.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import (
    board,
    death,
    door,
    exports,
    idle,
    judging,
    keys,
    linkage,
    lists,
    live,
    registering,
    rooms,
    setup,
    similar,
    start,
    worker,
)
from bench.figures import Figure
from bench.run import Run

MEASUREMENTS: dict[str, tuple[str, Callable[[Run], list[Figure]]]] = {
    "board": ("Board: seats and waiting calls in Valkey", board.measure),
    "door": ("Front door", door.measure),
    "worker": ("Worker: events into SQLite", worker.measure),
    "start": ("Start", start.measure),
    "judging": ("Judging texts", judging.measure),
    "similar": ("Similar matters", similar.measure),
    "rooms": ("Three-party recorded rooms", rooms.measure),
    "idle": ("Idle rooms", idle.measure),
    "keys": ("Key to ring, 20 calls up", keys.measure),
    "death": ("A room's death", death.measure),
    "lists": ("Lists over many tickets", lists.measure),
    "live": ("Live events", live.measure),
    "register": ("Registering matters", registering.measure),
    "exports": ("Exports", exports.measure),
    "linkage": ("Linkage: posts told, open timers", linkage.measure),
    "setup": ("Two-leg calls through the whole stack", setup.measure),
}
"""In this order: keys, death and setup share an installation, the four of casework another; the roughest comes last."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure what call core and casework promise.")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions, shorter looks")
    parser.add_argument("--only", action="append", choices=list(MEASUREMENTS), help="only this measurement; repeatable")
    parser.add_argument("--keep", action="store_true", help="leave data and logs where they are")
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(143))  # what was started is ended
    folder = Path(tempfile.mkdtemp(prefix="hotline-bench-"))
    run = Run(folder, quick=chosen.quick)
    load = os.getloadavg()[0]
    found: dict[str, list[Figure]] = {}
    broken: dict[str, str] = {}
    try:
        for name, (title, measure) in MEASUREMENTS.items():
            if chosen.only and name not in chosen.only:
                continue
            run.say(f"{title} …")
            try:
                found[name] = measure(run)
            except Exception as problem:
                traceback.print_exc()
                broken[name] = f"{type(problem).__name__}: {problem}"
    finally:
        run.close()
        if chosen.keep or broken:
            run.say(f"data and logs: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    took = time.monotonic() - run.began
    if chosen.json:
        print(json.dumps(as_json(found, broken, load, took), indent=2))
    else:
        show(found, broken, load, took)
    return 1 if broken else 0


def machine(load: float) -> dict[str, object]:
    """What the figures depend on. ``load``: of the machine before the bench."""
    model = ""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    except OSError:
        pass
    cores = len(os.sched_getaffinity(0))
    return {"cores": cores, "model": model, "load_before": round(load, 2), "python": platform.python_version()}


def as_json(found: dict[str, list[Figure]], broken: dict[str, str], load: float, took: float) -> dict[str, object]:
    return {
        "machine": machine(load),
        "seconds": round(took, 1),
        "figures": [figure.as_json() for figures in found.values() for figure in figures],
        "broken": broken,
    }


def show(found: dict[str, list[Figure]], broken: dict[str, str], load: float, took: float) -> None:
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    about = machine(load)
    table = Table(title=f"{about['cores']} cores ({about['model']}), load before {about['load_before']}", title_justify="left")
    table.add_column("measured")
    table.add_column("value", justify="right")
    table.add_column("unit")
    table.add_column("aim", justify="right")
    table.add_column("")
    for name, figures in found.items():
        table.add_section()
        table.add_row(f"[bold]{MEASUREMENTS[name][0]}")
        for figure in figures:
            mark = {None: "", True: "[green]kept", False: "[red]missed"}[figure.kept]
            table.add_row(figure.what, number(figure.value), figure.unit, str(figure.aim or ""), mark)
    console.print(table)
    for name, problem in broken.items():
        console.print(f"[red]{name} could not be measured: {problem}")
    console.print(f"{took:.0f} s")


def number(value: float) -> str:
    """Three figures that count."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


if __name__ == "__main__":
    sys.exit(main())
