"""Commands in: reads the stream of commands, each carried out once, each answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
import redis.exceptions
import structlog
from twisted.internet.defer import CancelledError, Deferred, maybeDeferred

from telephony import contract
from telephony.aio import wait

log = structlog.get_logger()

BLOCK = 5000
"""Milliseconds that one read waits for commands."""

RETRY = 1.0
TAKEN_SECONDS = 86400
"""So long a repeated command is recognised."""

KEPT = 100_000
"""Commands kept in the stream at most, all of them read."""


def _taken(command: str) -> str:
    return f"{contract.STREAM_PREFIX}:taken:{command}"


def _stopped(page: str) -> str:
    """Set for a page that need not be made (again)."""
    return f"{contract.STREAM_PREFIX}:page-stopped:{page}"


def _ended(page: str) -> str:
    """How a page has ended."""
    return f"{contract.STREAM_PREFIX}:page-ended:{page}"


async def _nobody(command: contract.AnyCommand) -> None:
    raise RuntimeError("commands came before anybody could take them")


class Intake:
    """One reader of the command stream, under a consumer group of this node so that a restart goes on where it was."""

    def __init__(self, blocking: Any, client: Any, node: str, mine: Callable[[contract.AnyCommand], bool]) -> None:
        self._blocking = blocking
        self._redis = client
        self._group = f"node:{node}"
        self._mine = mine
        self._task: Deferred[Any] | None = None
        self._open: dict[str, bytes] = {}
        """Commands in hand: id to stream entry. An entry is acknowledged when its command is settled, so that one in hand when
        this node dies is carried out by its next life."""
        self._over: dict[str, str] = {}
        """Pages that have ended and of whose end Redis does not know yet: id to outcome."""
        self.handle: Callable[[contract.AnyCommand], Coroutine[Any, Any, None]] = _nobody
        self.stop_page: Callable[[str], object] = lambda page: None
        """A page need not go on, if it is in the hands of this node."""
        self.page_stopped: Callable[[contract.Page], None] = lambda page: None
        """A page came (again) that was stopped before."""
        self.refuse: Callable[[str, str, str], None] = lambda command, code, message: None

    def start(self) -> None:
        self._task = wait(self._run())
        self._task.addErrback(lambda f: f.trap(CancelledError, asyncio.CancelledError) and None)

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        """An asyncio coroutine."""
        away = False
        ready = False
        while True:
            try:
                if not ready:
                    await self._join()
                    await self._read_again()
                    ready = True
                await self._read()
                for page in list(self._over):
                    await self._end(page)
                if away:
                    log.info("intake.back")
                away = False
            except (redis.exceptions.RedisError, OSError) as problem:
                if not away:
                    log.error("intake.away", error=str(problem))
                away, ready = True, False
                await asyncio.sleep(RETRY)

    async def _join(self) -> None:
        try:
            await self._redis.xgroup_create(contract.COMMANDS, self._group, id="$", mkstream=True)
        except redis.exceptions.ResponseError as problem:
            if "BUSYGROUP" not in str(problem):
                raise

    async def _read_again(self) -> None:
        """What was in hand when a former life, or the connection, ended."""
        after = b"0"
        while True:
            found = await self._redis.xreadgroup(self._group, "intake", {contract.COMMANDS: after}, count=100)
            entries = found[0][1] if found else []
            if not entries:
                return
            for number, fields in entries:
                after = number
                if number not in self._open.values():
                    await self._take(number, (fields or {}).get(contract.FIELD.encode(), b""), again=True)

    async def _read(self) -> None:
        found = await self._blocking.xreadgroup(self._group, "intake", {contract.COMMANDS: ">"}, count=100, block=BLOCK)
        for _, entries in found or []:
            for number, fields in entries:
                await self._take(number, fields.get(contract.FIELD.encode(), b""))
            await self._redis.xtrim(contract.COMMANDS, maxlen=KEPT, approximate=True)

    async def _take(self, number: bytes, data: bytes, *, again: bool = False) -> None:
        """Carry out one entry. ``again``: it was in hand before; only what had no answer yet, or a page, is begun anew."""
        try:
            command = contract.decode_command(data)
        except msgspec.MsgspecError as problem:
            if data:
                await self._unreadable(data, problem)
            await self._acknowledge(number)
            return
        if isinstance(command, contract.StopPage):
            # Whoever answers, the page may be in the hands of any node, or of its next life.
            await self._redis.set(_stopped(command.page), b"", ex=TAKEN_SECONDS)
            maybeDeferred(self.stop_page, command.page).addErrback(lambda f: self._failed(command.id, f))
        call = getattr(command, "call", "")
        if call and not self._mine(command) and await self._redis.hexists(contract.LIVE, call):
            await self._acknowledge(number)
            return
        if not await self._redis.set(_taken(command.id), b"", nx=True, ex=TAKEN_SECONDS):
            answer = await self._redis.get(_taken(command.id))
            if not again or (answer and not isinstance(command, contract.Page)):
                if answer:
                    await self.push(command.id, answer)
                if command.id not in self._open:
                    await self._acknowledge(number)
                return
        self._open[command.id] = number
        if isinstance(command, contract.Page) and await self._redis.exists(_stopped(command.id)):
            maybeDeferred(self.page_stopped, command).addErrback(lambda f: self._failed(command.id, f))
            return
        Deferred.fromCoroutine(self.handle(command)).addErrback(lambda f: self._failed(command.id, f))

    def _failed(self, command: str, failure: Any) -> None:
        log.error("command.failed", command=command, error=failure.getTraceback())
        self.refuse(command, "command.failed", "the command could not be carried out: see the log")

    async def _unreadable(self, data: bytes, problem: Exception) -> None:
        """Tell whoever waits, if the id can be read."""
        log.error("command.unreadable", error=str(problem))
        try:
            name = msgspec.json.decode(data).get("id", "")
        except (msgspec.MsgspecError, AttributeError):
            return
        if name:
            self.refuse(str(name), "command.unreadable", str(problem))

    def replied(self, command: str, done: contract.CommandDone) -> None:
        """Keep and deliver an answer."""
        wait(self._answer(command, done)).addErrback(lambda f: log.error("reply.failed", error=str(f.value)))

    async def _answer(self, command: str, done: contract.CommandDone) -> None:
        data = contract.encode(done)
        await self._redis.set(_taken(command), data, ex=TAKEN_SECONDS)
        await self.push(command, data)
        if "page" not in done.result:
            await self._settle(command)

    def settled(self, page: str, outcome: str) -> None:
        """A page is over: nothing is left to do for its command."""
        self._over[page] = outcome
        wait(self._end(page)).addErrback(lambda f: log.error("reply.failed", error=str(f.value)))

    async def _end(self, page: str) -> None:
        """Let Redis know that a page is over. What fails is done when Redis is back: nobody is called twice for an outage."""
        outcome, number = self._over.get(page), self._open.get(page)
        if outcome is None:
            return
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.set(_ended(page), outcome, ex=TAKEN_SECONDS)
            if number is not None:
                pipe.xack(contract.COMMANDS, self._group, number)
            await pipe.execute()
        self._open.pop(page, None)
        self._over.pop(page, None)

    async def ended(self, page: str) -> str:
        """How a page has ended or, once it was stopped, is going to; ``unknown`` for one that nobody has begun."""
        outcome = self._over.get(page) or await self._redis.get(_ended(page))
        if outcome:
            return outcome.decode() if isinstance(outcome, bytes) else outcome
        answer = await self._redis.get(_taken(page))
        if answer is None:
            return "unknown"
        begun = not answer or getattr(contract.decode_event(answer), "ok", False)
        return "stopped" if begun else "unknown"

    async def _settle(self, command: str) -> None:
        number = self._open.pop(command, None)
        if number is not None:
            await self._acknowledge(number)

    async def _acknowledge(self, number: bytes) -> None:
        await self._redis.xack(contract.COMMANDS, self._group, number)

    async def push(self, command: str, data: bytes) -> None:
        key = contract.reply_key(command)
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.rpush(key, data)
            pipe.expire(key, contract.REPLY_SECONDS)
            await pipe.execute()
