"""A room is killed in mid-call: how soon its caller rings, and whether other calls notice.

Measured: through the whole stack with ten calls up, audio both ways, all recorded. The room of one call gets SIGKILL; the clock
runs from just before the signal to the kernel's arrival time of the INVITE at the caller's phone (beyond the trunk). Meanwhile,
and for a second after, the gaps between packets at all legs of the other calls are watched. The caller answers and is joined to a
seat again before the next room dies. A spare room takes the call; the new process that fills the pool up again starts beside it.
"""

from __future__ import annotations

import os
import signal
import time

import redis

from bench.figures import Aim, Figure, spread
from bench.loop import Loop
from bench.media import Media
from bench.run import Run
from bench.talks import Talk, Talks
from telephony import contract

CALLS = 10


def measure(run: Run) -> list[Figure]:
    repeats = 5 if run.quick else 20
    loop = Loop()
    media = Media(loop)
    talks = Talks(run.crowd, loop, media)
    with redis.Redis(unix_socket_path=run.crowd.redis) as client:
        try:
            talks.fill(CALLS)
            times, gaps = [], []
            for number in range(repeats):
                run.say(f"death: {number + 1} of {repeats} …")
                seconds, gap = _once(talks, media, client)
                times.append(seconds)
                gaps.append(gap)
        finally:
            talks.close()
            media.close()
            loop.close()
    return [
        *spread("death.ring", "a room's death until its caller rings", times, Aim(100)),
        Figure("death.gap", f"worst gap at any other leg around {repeats} deaths", 1000 * max(gaps), "ms", Aim(60)),
    ]


def _once(talks: Talks, media: Media, client: redis.Redis) -> tuple[float, float]:
    """Seconds until the caller rings, and the worst gap at other calls' legs."""
    loop, talk = talks.loop, talks.longest()
    pid = _room(talks, client, talk)
    others = [leg for other in talks.all.values() if other is not talk for leg in other.legs]
    lost, seen = talk.seat, len(talks.back)
    media.reset()
    killed = time.time()
    os.kill(pid, signal.SIGKILL)
    loop.until(lambda: len(talks.back) > seen, "the caller is rung back")
    rang = talks.back[seen].times["invited"]
    loop.run(1.0)
    gap = max(leg.stream.gap for leg in others if leg.stream is not None)
    loop.until(lambda: talk.up and talk.seat is not lost, "the caller talks to a seat again", 60)
    # to the end of the row, so that the next death is another call's
    talks.all[talk.number] = talks.all.pop(talk.number)
    return rang - killed, gap


def _room(talks: Talks, client: redis.Redis, talk: Talk) -> int:
    """The room process of a talk, as the live snapshot tells it."""
    found: list[int] = []

    def look() -> bool:
        snapshots = client.hvals(contract.LIVE)
        calls = [contract.decode_live(data) for data in snapshots if isinstance(data, bytes)]
        found[:] = [live.room_pid for live in calls if live.call.caller == talk.number and live.room_pid]
        return bool(found)

    talks.loop.until(look, f"the room of {talk.number} is told")
    return found[0]
