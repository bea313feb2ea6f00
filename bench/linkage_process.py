"""A worker's timers alone in a process, with the handlers of linkage: for the figures of many open timers.

``python -m bench.linkage_process URL FOLDER COUNT SECONDS`` prints one line when it is ready, and when COUNT timers have run, or
after SECONDS, a JSON line: for each timer the seconds from its time until its event was gone through; processor time in seconds,
memory (PSS) in MB.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import os
import sys
import time
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncSession

from bench import linkage_town, processes
from router import job, worker
from router.linkage.notifying import engine
from router.timers.runner import Due, Handle, Handlers, Runner


async def serve(url: str, folder: Path, count: int, seconds: float) -> dict[str, object]:
    found = await linkage_town.opened(url, folder)
    lags: list[float] = []
    all_run = asyncio.Event()

    def measured(handle: Handle) -> Handle:
        async def run(session: AsyncSession, timer: Due, now: dt.datetime) -> None:
            await handle(session, timer, now)
            lags.append(time.time() - timer.due_at.timestamp())
            if len(lags) >= count:
                all_run.set()

        return run

    handlers = Handlers()
    handlers.register_all({kind: measured(handle) for kind, handle in engine.handlers(found.here).items()})
    stop = asyncio.Event()
    runner = Runner(found.database, "bench", handlers)
    running = asyncio.create_task(runner.run(stop))
    await runner.running.wait()
    print("ready", flush=True)
    used = processes.cpu(os.getpid())
    await job.until(all_run, seconds)
    stop.set()
    await running
    used = processes.cpu(os.getpid()) - used
    await found.close()
    return {"lags": lags, "cpu": used, "memory": processes.pss(os.getpid())}


def main() -> None:
    worker.log_to_stderr("warning")
    url, folder, count, seconds = sys.argv[1:]
    print(json.dumps(asyncio.run(serve(url, Path(folder), int(count), float(seconds)))), flush=True)


if __name__ == "__main__":
    main()
