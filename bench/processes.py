"""What processes cost: processor time and memory of given ids; and how the bench ends what it has started."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

END_WITHIN = 5.0


def cpu(pid: int) -> float:
    """Processor time that a process with all its threads has used so far, in seconds, to the nanosecond; 0 if it is gone.

    The clock of a process id is ``~pid << 3 | 2`` (clock_getcpuclockid): exact, where ``/proc/<pid>/stat`` counts ticks of 10 ms.
    """
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return 0.0


def cpu_of(pids: Iterable[int]) -> float:
    return sum(cpu(pid) for pid in pids)


def pss(pid: int) -> float:
    """Memory in MB; pages shared with other processes are counted in proportion (``smaps_rollup``). 0 if it is gone."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    for line in text.splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def end(processes: Iterable[subprocess.Popen[bytes]]) -> None:
    """Ask all to leave, and kill those that don't."""
    left = [process for process in processes if process.poll() is None]
    for process in left:
        process.terminate()
    limit = time.monotonic() + END_WITHIN
    for process in left:
        try:
            process.wait(max(0.05, limit - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
