"""From the press of ``*1`` to the ring of the other side's phone, through the whole stack with 20 calls up.

Measured: 20 callers from the trunk talk to 20 seats of 12345, all legs with audio both ways and recorded. One seat after another
presses ``*1``; the clock runs from the first RFC 4733 packet of the ``1`` as it leaves the phone to the kernel's arrival time of
the INVITE at the phone of a 110 seat. A room looks at its audio sockets every 20 ms, so 0 to 20 ms of the time are the wait for
that look. Each key is 100 ms long; its end plays no part, for the room takes a key by its first packet. The same is measured with
keys sent by SIP INFO, which the room hears of at once. The 110 seats answer, 12345 leaves, and ten transfers later those callers
hang up and others call.
"""

from __future__ import annotations

from bench.figures import Aim, Figure, spread
from bench.loop import Loop
from bench.media import Media
from bench.phones import Leg
from bench.run import Run
from bench.talks import Talk, Talks

CALLS = 20
BATCH = 10


def measure(run: Run) -> list[Figure]:
    laps = 1 if run.quick else 6
    loop = Loop()
    media = Media(loop)
    talks = Talks(run.crowd, loop, media)
    try:
        run.say(f"keys: {CALLS} calls …")
        talks.fill(CALLS)
        figures: list[Figure] = []
        for by, aim in (("rtp", Aim(50)), ("info", None)):
            run.say(f"keys: {laps * BATCH} times *1 by {by.upper()} …")
            times = [seconds for _ in range(laps) for seconds in _batch(talks, by, BATCH)]
            name = "RFC 4733" if by == "rtp" else "INFO"
            figures += spread(f"keys.{by}", f"*1 ({name}) until the other side's phone rings", times, aim)
        return figures
    finally:
        talks.close()
        media.close()
        loop.close()


def _batch(talks: Talks, by: str, count: int) -> list[float]:
    """Seconds of so many transfers, one after the other; afterwards their callers have hung up and other calls are up."""
    begun = [_press(talks, talk, by) for talk in list(talks.all.values())[:count]]
    for talk, police, _ in begun:
        seat = talk.seat
        talks.loop.until(lambda: police.up and (seat is None or seat.over), "110 has the call, 12345 has left")  # noqa: B023
        talks.finish(talk)
        talks.loop.until(lambda: police.over, "110 is free again")  # noqa: B023
    talks.fill(CALLS)
    return [seconds for _, _, seconds in begun]


def _press(talks: Talks, talk: Talk, by: str) -> tuple[Talk, Leg, float]:
    seen = len(talks.rung)
    loop, seat = talks.loop, talk.seat
    assert seat is not None and seat.stream is not None
    presses = len(seat.stream.pressed_at)
    if by == "rtp":
        seat.stream.press("*1")
    else:
        seat.info_key("*")
        loop.run(0.1)
        pressed = seat.info_key("1")
    loop.until(lambda: len(talks.rung) > seen, "the other side's phone rings")
    if by == "rtp":
        pressed = seat.stream.pressed_at[presses + 1]
    police = talks.rung[seen]
    loop.until(lambda: police.up, "110 answers")
    loop.run(0.1)
    return talk, police, police.times["invited"] - pressed
