"""Three-party recorded rooms: what one costs at 10, 20 and 40 of them, and how steady its audio is.

Measured: processor time (all threads, kernel time included) and memory of the room processes alone, driven over their unix
sockets as the switchboard would. Each room dials three phones, all hear all, and both tapes are written. The phones are sockets
of this process that send a ready-made tone as PCMA every 20 ms; rate and gaps are what arrives back at them, timed by the
kernel. Not measured: the front door and the switchboard (their share of a standing call is next to nothing), other codecs,
the time of the phones themselves.
"""

from __future__ import annotations

import time
from statistics import median

from bench import processes
from bench.figures import Aim, Figure
from bench.loop import Loop
from bench.media import Media
from bench.phones import Leg, Phones
from bench.room_process import Room, Rooms
from bench.run import Run
from telephony.ipc import messages

TONES = (440, 660, 880)
SIZES = (10, 20, 40)
SETTLE = 2.0
AFTER = 6.0
"""Seconds: by then the bridge has stopped."""


def measure(run: Run) -> list[Figure]:
    loop = Loop()
    media = Media(loop)
    phones = Phones(loop, media=media)
    phones.on_invite = lambda leg: phones.accept(leg, TONES[int(leg.user.rpartition("-")[2])])
    rooms = Rooms(loop, run.folder / "rooms", phones.address)
    figures: list[Figure] = []
    try:
        for size in SIZES:
            run.say(f"rooms: {size} with three parties and a recording …")
            for room in rooms.grow(size):
                _begin(run, loop, room)
            loop.run(SETTLE)
            figures += _look(loop, media, phones.legs, rooms, 3 if run.quick else 12)
        figures += _afterwards(run, loop, rooms)
    finally:
        rooms.close()
        phones.close()
        media.close()
        loop.close()
    return figures


def _begin(run: Run, loop: Loop, room: Room) -> None:
    legs = [f"{room.name}-{number}" for number in range(len(TONES))]
    tapes = run.folder / "tapes" / room.name
    for leg in legs:
        room.send(messages.Dial(leg=leg, uri=f"sip:{leg}@seats.hotline.invalid", caller="13900001111"))
    loop.until(lambda: len(room.up) == len(legs), f"three parties in room {room.name}: {room.trouble}")
    room.send(
        messages.Mix(hears={leg: tuple(other for other in legs if other != leg) for leg in legs}),
        messages.Tape(
            recording=f"{room.name}-1",
            caller_file=str(tapes / "caller.wav"),
            staff_file=str(tapes / "staff.wav"),
            caller=(legs[0],),
            staff=tuple(legs[1:]),
        ),
    )


def _look(loop: Loop, media: Media, legs: list[Leg], rooms: Rooms, seconds: float) -> list[Figure]:
    size = len(rooms.all)
    media.reset()
    before, began = {pid: processes.cpu(pid) for pid in rooms.pids}, time.monotonic()
    loop.run(seconds)
    took = time.monotonic() - began
    shares = [100 * (processes.cpu(pid) - before[pid]) / took for pid in rooms.pids]
    media.fetch()
    streams = [leg.stream for leg in legs if leg.stream is not None]
    deaf = sum(stream.loud < 10 for stream in streams)
    if deaf:
        raise RuntimeError(f"{deaf} of {len(streams)} phones hear nothing: the rooms do not do what is measured")
    rates = [stream.rate for stream in streams]
    name, these = f"rooms.{size}", f"{size} rooms"
    share, memory = sum(shares) / size, median(map(processes.pss, rooms.pids))
    gap = 1000 * max(stream.gap for stream in streams)
    steady = Aim(least=49.5, most=50.5)
    return [
        Figure(f"{name}.cpu", f"{these}: processor time of one (mean)", share, "% of a core", Aim(1.6) if size == 40 else None),
        Figure(f"{name}.memory", f"{these}: memory of one (PSS, median)", memory, "MB"),
        Figure(f"{name}.slowest", f"{these}: packets to the slowest of {len(streams)} legs", min(rates), "/s", steady),
        Figure(f"{name}.fastest", f"{these}: packets to the fastest leg", max(rates), "/s", steady),
        Figure(f"{name}.gap", f"{these}: worst gap between packets at any leg", gap, "ms", Aim(60)),
    ]


def _afterwards(run: Run, loop: Loop, rooms: Rooms) -> list[Figure]:
    """The same rooms just after their calls: SIP timers still run for 32 s, and the bridge stops after 5 s."""
    for room in rooms.all:
        room.send(messages.Clear())
    loop.until(lambda: all(room.cleared for room in rooms.all), "all rooms are clear")
    run.say("rooms: the same just after their calls …")
    loop.run(AFTER)
    seconds = 3.0 if run.quick else 10.0
    before, began = processes.cpu_of(rooms.pids), time.monotonic()
    loop.run(seconds)
    share = 100 * (processes.cpu_of(rooms.pids) - before) / (time.monotonic() - began)
    what = f"{len(rooms.all)} rooms {AFTER:.0f} to {AFTER + seconds:.0f} s after their calls, together"
    return [Figure("rooms.after", what, share, "% of a core")]
