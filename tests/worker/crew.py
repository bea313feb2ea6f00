"""``hotline worker`` with jobs, as a program: URLs and a folder are its arguments. Its handlers leave traces to be counted.

Each timer of kind ``trace`` writes a journal entry and an event. A file named ``slow`` in the folder makes its handler stop
there, with its work half done, for ever.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import sys
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncSession

from router import jobs, worker
from router.access.actor import system
from router.consumer import Rules
from router.job import Rules as JobRules
from router.jobs import Crew
from router.journal import journal, outbox
from router.journal.journal import Note
from router.journal.outbox import News
from router.storage.base import moment
from router.timers.runner import Due


def crew(data: Path) -> Crew:
    async def trace(session: AsyncSession, timer: Due, now: dt.datetime) -> None:
        await journal.write(session, journal.of_case(timer.subject), system("trace"), [Note("traced", timer.id)], now)
        await outbox.write(session, [News("trace.done", {"timer": timer.id}, case=timer.subject)], now)
        (data / "entered").touch()
        if (data / "slow").exists():
            await asyncio.Event().wait()

    made = Crew(data, rules=JobRules(poll=0.1, block=0.1, longest_wait=0.4))
    jobs.foundations(made, moment(0.0))
    made.handlers.register("trace", trace)
    return made


if __name__ == "__main__":
    redis_url, database_url, folder = sys.argv[1:]
    worker.log_to_stderr("info")
    quick = Rules(block=0.1, claim_after=0.5, longest_wait=0.4)
    sys.exit(worker.serve(redis_url, database_url, rules=quick, crew=crew(Path(folder))))
