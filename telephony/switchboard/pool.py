"""The pool of room processes: started ahead of need, reused, recycled, watched."""

from __future__ import annotations

import os
import random
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import structlog
from twisted.internet.defer import Deferred, DeferredList

from config import model
from telephony.ipc import messages
from telephony.switchboard.room import Process, Room, RoomFailed, Tenant

log = structlog.get_logger()

Purpose = Literal["110", "12345", "page"]

REST = 0.04
"""Seconds a room rests between two calls: PJSIP frees the old call's handles in that time."""

PING_EVERY = 2.0
PING_PATIENCE = 10.0
"""A room that is silent so long (seconds) is frozen, and killed."""

CLEAR_PATIENCE = 5.0
QUIT_PATIENCE = 3.0


class Pool:
    """Rooms for calls. ``take`` and ``give_back``; deaths reach the tenant as ``room_lost``."""

    def __init__(
        self,
        reactor: Any,
        limits: model.Limits,
        rtp: tuple[int, int],
        media: tuple[str, str],
        run_dir: Path,
        spool_dir: Path,
        open_door: Callable[[Room], None],
        close_door: Callable[[Room], None],
        token: Callable[[str], str],
        door: Callable[[], tuple[str, int]],
    ) -> None:
        """``rtp``: the range of ports; ``media``: address that audio binds to, and the one that phones are told."""
        self._reactor = reactor
        self._media = media
        self._limits = limits
        self._run_dir = run_dir
        self._spool_dir = spool_dir
        self._open_door, self._close_door, self._token, self._door = open_door, close_door, token, door
        self._life = os.urandom(2).hex()
        self._count = 0
        self.rooms: dict[str, Room] = {}
        self._waiting: list[tuple[Purpose, Deferred[Room | None]]] = []
        self._stopping = False
        self._ended: Deferred[None] | None = None
        self._processes: set[Room] = set()
        self._slices = _slices(rtp, limits.room_ports)
        self._resting: dict[tuple[int, int], float] = {}
        self._failures = 0

    # --- life

    async def start(self) -> None:
        """Start the spare rooms and wait until they are ready."""
        wanted = min(self._limits.rooms_spare, self._limits.rooms)
        await DeferredList([self._spawn().ready for _ in range(wanted)])
        if not self.idle:
            raise RoomFailed("no room process could be started: see the log for what it said")
        self._reactor.callLater(PING_EVERY, self._watch)

    async def stop(self) -> None:
        """Let all rooms leave; those that don't are killed."""
        self._stopping = True
        for room in list(self.rooms.values()):
            room.tenant = None
            self._retire(room)
        if self._processes:
            self._ended = Deferred()
            late = self._reactor.callLater(QUIT_PATIENCE, self._kill_all)
            await self._ended
            if late.active():
                late.cancel()

    def _kill_all(self) -> None:
        for room in list(self._processes):
            room.kill()

    # --- use

    @property
    def busy(self) -> int:
        return sum(room.state == "busy" for room in self.rooms.values())

    @property
    def idle(self) -> int:
        return sum(room.state == "idle" for room in self.rooms.values())

    def _allowed(self, purpose: Purpose) -> bool:
        kept = {"110": 0, "12345": self._limits.rooms_for_110, "page": self._limits.rooms_for_110 + self._limits.rooms_spare}
        return self.busy < self._limits.rooms - kept[purpose]

    async def take(self, purpose: Purpose, tenant: Tenant, patience: float) -> Room | None:
        """A room for a call, or None if there is none within ``patience`` seconds. 110 may have them all."""
        if self._stopping:
            return None
        if self._allowed(purpose):
            room = self._pick()
            if room is not None:
                return self._occupy(room, tenant)
        elif patience <= 0:
            return None
        waiter: Deferred[Room | None] = Deferred()
        entry: tuple[Purpose, Deferred[Room | None]] = (purpose, waiter)
        self._waiting.append(entry)
        self._waiting.sort(key=lambda waiting: waiting[0] != "110")
        self._top_up()
        timer = self._reactor.callLater(max(patience, 2.0) if self._allowed(purpose) else patience, self._give_up, entry)
        room = await waiter
        if timer.active():
            timer.cancel()
        return None if room is None else self._occupy(room, tenant)

    def _give_up(self, entry: tuple[Purpose, Deferred[Room | None]]) -> None:
        if entry in self._waiting:
            self._waiting.remove(entry)
            entry[1].callback(None)

    def _pick(self) -> Room | None:
        now = self._reactor.seconds()
        rested = [r for r in self.rooms.values() if r.state == "idle" and now - r.idle_since >= REST]
        return min(rested, key=lambda r: r.idle_since, default=None)

    def _occupy(self, room: Room, tenant: Tenant) -> Room:
        room.state = "busy"
        room.tenant = tenant
        room.calls += 1
        self._top_up()
        return room

    def give_back(self, room: Room) -> None:
        """The call is over: the room clears itself and is free again, or is replaced when it is used up."""
        if room.state != "busy":
            return
        room.send(messages.Clear())
        late = self._reactor.callLater(CLEAR_PATIENCE, self._not_cleared, room)

        def cleared(_: Room) -> None:
            room.on_cleared = lambda _: None
            if late.active():
                late.cancel()
            if room.state != "busy":
                return
            room.tenant = None
            worn = room.calls >= self._limits.room_calls or room.rss_kb > self._limits.room_memory_mb * 1024
            if worn or self._stopping:
                log.info("room.recycled", room=room.name, calls=room.calls, rss_kb=room.rss_kb)
                self._retire(room)
                self._top_up()
                return
            room.state = "idle"
            room.idle_since = self._reactor.seconds()
            self._reactor.callLater(REST, self._serve)

        room.on_cleared = cleared

    def _not_cleared(self, room: Room) -> None:
        if room.state == "busy":
            log.error("room.stuck", room=room.name)
            room.tenant = None
            room.kill()

    def _serve(self) -> None:
        for entry in list(self._waiting):
            room = self._pick()
            if room is None:
                return
            if entry in self._waiting and self._allowed(entry[0]):
                self._waiting.remove(entry)
                room.state = "busy"
                entry[1].callback(room)

    # --- processes

    def _top_up(self) -> None:
        """Keep spare rooms ready, within the limit."""
        if self._stopping or self._failures > 5:
            return
        coming = sum(r.state in ("idle", "starting") for r in self.rooms.values())
        wanted = max(self._limits.rooms_spare, len(self._waiting)) - coming
        space = self._limits.rooms - len(self.rooms)
        for _ in range(min(wanted, space)):
            self._spawn()

    def _spawn(self) -> Room:
        self._count += 1
        name = f"r{self._life}-{self._count}"
        room = Room(name, self._run_dir / f"{name}.sock", self._take_ports(), self._spool_dir / name)
        room.spool.mkdir(parents=True, exist_ok=True, mode=0o700)
        room.on_lost = self._lost
        room.on_ended = self._gone
        host, port = self._door()
        command = [
            sys.executable, "-m", "telephony.room",
            "--name", name,
            "--socket", str(room.socket),
            "--door", f"{host}:{port}",
            "--contact", self._token(name),
            "--media-bind", self._media[0],
            "--media-advertise", self._media[1],
            "--rtp", f"{room.ports[0]}-{room.ports[1]}",
            "--spool", str(room.spool),
        ]  # fmt: skip
        self.rooms[name] = room
        self._processes.add(room)
        room.process = self._reactor.spawnProcess(Process(room, self._reactor), command[0], command, env=None)
        room.ready.addCallbacks(self._ready, self._failed)
        return room

    def _ready(self, room: Room) -> Room:
        self._failures = 0
        room.state = "idle"
        room.idle_since = self._reactor.seconds() - REST
        self._open_door(room)
        self._serve()
        return room

    def _failed(self, failure: Any) -> None:
        self._failures += 1
        delay = min(0.2 * 2**self._failures, 10)
        if not self._stopping:
            log.error("room.start_failed", error=str(failure.value), again_in=delay)
            self._reactor.callLater(delay, self._retry)

    def _retry(self) -> None:
        self._failures = min(self._failures, 5)
        self._top_up()

    def _retire(self, room: Room) -> None:
        if room.state in ("leaving", "dead"):
            return
        self._close_door(room)
        room.state = "leaving"
        room.send(messages.Quit())
        if room.process is not None:
            self._reactor.callLater(QUIT_PATIENCE, room.kill)

    def _lost(self, room: Room) -> None:
        """Connection or process gone: nothing new is given to it; a process that still runs without us is ended."""
        self.rooms.pop(room.name, None)
        self._resting[room.ports] = self._reactor.seconds() + self._limits.port_rest
        room.kill()
        self._top_up()

    def _gone(self, room: Room) -> None:
        self._processes.discard(room)
        room.socket.unlink(missing_ok=True)
        shutil.rmtree(room.spool, ignore_errors=True)
        if self._ended is not None and not self._processes and not self._ended.called:
            self._ended.callback(None)

    def _watch(self) -> None:
        """Ping every room; a frozen one is killed, a swollen idle one replaced."""
        if self._stopping:
            return
        now = self._reactor.seconds()
        for room in list(self.rooms.values()):
            if room.state not in ("idle", "busy"):
                continue
            if room.pinged_at is not None and now - room.pinged_at > PING_PATIENCE:
                log.error("room.frozen", room=room.name, pid=room.pid)
                room.kill()
                continue
            if room.pinged_at is None:
                room.pinged_at = now
                room.send(messages.Ping(nonce=room.calls))
            if room.state == "idle" and room.rss_kb > self._limits.room_memory_mb * 1024:
                self._retire(room)
        self._trim(now)
        self._top_up()
        self._reactor.callLater(PING_EVERY, self._watch)

    def _trim(self, now: float) -> None:
        """After a rush, let surplus rooms go, one at a time."""
        idle = [r for r in self.rooms.values() if r.state == "idle" and now - r.idle_since > 60]
        if len(idle) > 2 * self._limits.rooms_spare:
            self._retire(max(idle, key=lambda r: r.calls))

    def _take_ports(self) -> tuple[int, int]:
        """A random slice of the RTP range that nobody has and that has rested."""
        now = self._reactor.seconds()
        self._resting = {s: t for s, t in self._resting.items() if t > now}
        taken = {room.ports for room in self.rooms.values()} | {room.ports for room in self._processes}
        free = [s for s in self._slices if s not in taken]
        rested = [s for s in free if s not in self._resting]
        return random.choice(rested or free or self._slices)


def _slices(rtp: tuple[int, int], size: int) -> list[tuple[int, int]]:
    low, high = rtp
    low += low % 2
    return [(start, start + size - 1) for start in range(low, high - size + 2, size)]
