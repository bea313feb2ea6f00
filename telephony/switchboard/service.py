"""``hotline telephony``: front door, rooms and switchboard as one Twisted service."""

from __future__ import annotations

import json
import signal
import sys
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from config.settings import Settings

log = structlog.get_logger()

DRAIN_PATIENCE = 2.0
"""Seconds that the end waits for Redis to take the last events."""


def main(settings: Settings) -> int:
    """Run until SIGTERM or SIGINT; returns the exit status. Says in one JSON line on standard output when calls can come."""
    from twisted.internet import asyncioreactor, error

    try:
        asyncioreactor.install()
    except error.ReactorAlreadyInstalledError:
        pass
    from twisted.internet import reactor
    from twisted.internet.defer import Deferred

    telephony = Telephony(reactor, settings)
    status = [0]

    def failed(failure: Any) -> None:
        status[0] = 1
        _explain(failure)
        end()

    def end(*_: Any) -> None:
        Deferred.fromCoroutine(telephony.stop()).addErrback(_explain).addBoth(lambda _: _halt(reactor))

    def begin() -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: reactor.callFromThread(end))
        Deferred.fromCoroutine(telephony.start()).addErrback(failed)

    reactor.callWhenRunning(begin)
    reactor.run(installSignalHandlers=True)
    return status[0]


def _halt(reactor: Any) -> None:
    if reactor.running:
        reactor.stop()


def _explain(failure: Any) -> None:
    """Expected troubles in one line, with what to do; the rest with its traceback."""
    code = getattr(failure.value, "code", None)
    if code is not None:
        print(f"error: {failure.value}", file=sys.stderr, flush=True)
    else:
        log.error("telephony.failed", error=failure.getTraceback())


class Telephony:
    """The parts of a node, built in the order of need and taken down in reverse."""

    def __init__(self, reactor: Any, settings: Settings) -> None:
        self._reactor = reactor
        self._settings = settings
        self._stopping = False
        self._undo: list[Any] = []

    async def start(self) -> None:
        import redis.asyncio
        from twisted.internet.threads import deferToThread

        from config.secrets import Secrets
        from telephony import contract
        from telephony.aio import wait
        from telephony.machines.plan import Plan
        from telephony.queues.board import Board
        from telephony.queues.scripts import connect
        from telephony.speech import library, phrases
        from telephony.speech.studio import Studio
        from telephony.switchboard import leftovers, tapes
        from telephony.switchboard.exchange import Exchange
        from telephony.switchboard.intake import Intake
        from telephony.switchboard.kit import Kit, new_ids
        from telephony.switchboard.live import Live, closing
        from telephony.switchboard.pool import Pool
        from telephony.switchboard.relay import Relay, Spool
        from telephony.switchboard.seating import Seating
        from telephony.switchboard.session import tell_facts

        settings, reactor = self._settings, self._reactor
        node = f"{settings.advertise}:{settings.sip_port}"
        plan = Plan(settings.installation)
        secrets = Secrets.stored(settings)
        settings.run_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        cache = settings.data_dir / "cache"

        client = redis.asyncio.from_url(settings.redis_url, socket_timeout=5)
        blocking = redis.asyncio.from_url(settings.redis_url, socket_timeout=None)
        seats = connect(settings.redis_url)
        self._undo.append(lambda: wait(client.aclose()))
        self._undo.append(lambda: wait(blocking.aclose()))
        self._undo.append(lambda: wait(seats.aclose()))

        voice = settings.installation.voice
        music = settings.prompts_dir / voice.music if voice.music else None
        sounds = await deferToThread(library.ensure, cache, music)
        studio = Studio.configured(settings.installation, settings.prompts_dir, cache)
        problems = await deferToThread(studio.prepare, phrases.everything(settings.installation))
        for problem in problems:
            log.error("prompt.unfit", error=str(problem.error))

        spool = Spool(settings.spool_dir / "events.sqlite")
        self._undo.append(spool.close)
        relay = Relay(reactor, client, spool)
        self._undo.append(lambda: _within(reactor, relay.drained(), DRAIN_PATIENCE))

        new_id = new_ids()
        kit = Kit(
            reactor=reactor,
            node=node,
            plan=plan,
            studio=studio,
            sounds=sounds,
            relay=relay,
            data_dir=settings.data_dir,
            recording=settings.installation.limits.recording,
            new_id=new_id,
        )
        kit.live = Live(client, node, kit.now)
        kit.seating = Seating(kit, Board(seats, contract.STREAM_PREFIX, kit.now))
        exchange = Exchange(kit)
        intake = Intake(blocking, client, node, lambda command: getattr(command, "call", "") in exchange.calls)
        intake.handle = exchange.command
        intake.refuse = lambda command, code, message: exchange.answer(command, False, code, message)
        intake.stop_page, intake.page_stopped = exchange.paging.stop, exchange.page_stopped
        kit.replied, kit.settled = intake.replied, intake.settled
        kit.ended = lambda page: wait(intake.ended(page))

        door = self._open_door(exchange, secrets)
        kit.door = door
        self._undo.append(door.stopService)
        await leftovers.retire(reactor, settings.run_dir, door.open_room, door.close_room)
        for snapshot in await wait(kit.live.clear()):
            tell_facts(kit, snapshot.call.id, closing(snapshot, kit.now()))
        await kit.seating.start()
        door.restore()
        pool = Pool(
            reactor,
            settings.installation.limits,
            (settings.rtp_ports.low, settings.rtp_ports.high),
            (settings.bind, settings.advertise),
            settings.run_dir,
            settings.spool_dir / "rooms",
            open_door=lambda room: door.open_room(room.name, *room.address),
            close_door=lambda room: door.close_room(room.name),
            token=door.room_token,
            door=lambda: door.rooms_address,
        )
        kit.pool = pool
        self._undo.append(pool.stop)
        await pool.start()
        self._undo.append(kit.seating.stop)
        self._undo.append(exchange.stop)
        adopted = await tapes.adopt_orphans(kit)
        if adopted:
            log.info("recordings.adopted", count=adopted)
        intake.start()
        self._undo.append(intake.stop)
        ready = {"ready": True, "node": node, "ports": door.ports, "rooms": pool.idle}
        print(json.dumps(ready), flush=True)
        log.info("telephony.ready", ports=door.ports, rooms=pool.idle)

    def _open_door(self, exchange: Any, secrets: Any) -> Any:
        """The front door, where rooms of a former life look for it if that port can be had."""
        import dataclasses

        from telephony.edge import door as doors
        from telephony.edge import settings as door_settings
        from telephony.edge.errors import PortInUse
        from telephony.switchboard import leftovers

        run_dir = self._settings.run_dir
        wanted = door_settings.of(self._settings)
        former = leftovers.remembered_port(run_dir)
        for port in (former, 0) if former else (0,):
            chosen = dataclasses.replace(wanted, rooms_port=port)
            door = doors.Door(self._reactor, chosen, exchange, secrets.ha1, secrets.server)
            try:
                door.startService()
            except PortInUse as problem:
                if port == 0 or str(port) not in str(problem):
                    raise
                continue
            break
        leftovers.remember_port(run_dir, door.rooms_address[1])
        return door

    async def stop(self) -> None:
        if self._stopping:
            return
        self._stopping = True
        while self._undo:
            step = self._undo.pop()
            try:
                result = step()
                if result is not None:
                    await result
            except Exception as problem:
                log.error("telephony.stop_failed", error=repr(problem))


async def _within(reactor: Any, work: Any, seconds: float) -> None:
    """Give work some time, then go on without it."""
    from twisted.internet.defer import CancelledError, Deferred

    deferred = Deferred.fromCoroutine(work)
    late = reactor.callLater(seconds, deferred.cancel)
    try:
        await deferred
    except CancelledError:
        log.warning("telephony.stopped_early", remedy="the rest is on disk and goes out after the next start")
    finally:
        if late.active():
            late.cancel()
