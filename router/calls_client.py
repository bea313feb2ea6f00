"""Asks the call core to do something and brings its answer; the API and the command line use it alike."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import redis.exceptions
import structlog
from redis.asyncio import Redis

from telephony import contract

log = structlog.get_logger()

ANSWER_SECONDS = 10.0
_BLOCK_SECONDS = 5.0
"""One blocking read, below the client's own limit; a longer wait takes several."""


class CallCoreError(Exception):
    """Base: a stable ``code``, what went wrong, and what to do."""

    code = "calls.failed"

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what} — {remedy}")
        self.what = what
        self.remedy = remedy


class NoAnswer(CallCoreError):
    """The call core did not answer in time."""

    code = "calls.no_answer"

    def __init__(self, command: str, seconds: float) -> None:
        super().__init__(
            f"the call core did not answer within {seconds:g} s; the command is withdrawn unless it was under way",
            "see that `hotline telephony` runs, and look at the call before you try again",
        )
        self.command = command


class StillGoing(CallCoreError):
    """A page was taken on and had not ended in time; it goes on."""

    code = "calls.still_going"

    def __init__(self, page: str, seconds: float) -> None:
        super().__init__(f"the page had not ended after {seconds:g} s and goes on", f"its end will be recorded as page {page}")
        self.page = page


class Unreachable(CallCoreError):
    """Redis is away, so nothing was asked (or the answer could not be fetched)."""

    code = "calls.unreachable"

    def __init__(self, error: Exception) -> None:
        super().__init__(f"Redis can't be reached ({error})", "start `hotline up`, or run `hotline doctor`")


def new_id() -> str:
    return uuid.uuid4().hex


class CallsClient:
    """Commands in, answers out, over a Redis that :func:`router.bus.connect` has opened. Raises :class:`CallCoreError`."""

    def __init__(self, client: Redis) -> None:
        self._redis: Any = client  # its annotations name every shape of both protocols; ours is RESP 2 in bytes

    async def send(self, command: contract.AnyCommand, *, within: float = ANSWER_SECONDS) -> contract.CommandDone:
        """Give a command and wait up to ``within`` seconds for its answer; ``ok`` says whether it was done.

        Raise :class:`NoAnswer`, after taking the command back so that nobody acts on it late.
        """
        try:
            entry = await self._redis.xadd(contract.COMMANDS, {contract.FIELD: contract.encode(command)})
            answer = await self._answer(command.id, within)
            if answer is None:
                await self._redis.xdel(contract.COMMANDS, entry)
                # It may have come while we were taking the command back.
                answer = await self._redis.lpop(contract.reply_key(command.id))
        except (redis.exceptions.RedisError, OSError) as error:
            raise Unreachable(error) from error
        if answer is None:
            raise NoAnswer(command.id, within)
        try:
            done = contract.decode_event(answer)
        except msgspec.MsgspecError as error:
            raise CallCoreError(f"the answer can't be read ({error})", "see that all services are of one release") from error
        if not isinstance(done, contract.CommandDone):
            raise CallCoreError(
                f"the answer to {command.id} is no CommandDone but {type(done).__name__}",
                "see that all services are of one release",
            )
        return done

    async def _answer(self, command: str, within: float) -> bytes | None:
        end = time.monotonic() + within
        while (left := end - time.monotonic()) > 0:
            # A list that is there already is popped at once, so an answer is never missed between two reads.
            found = await self._redis.blpop([contract.reply_key(command)], timeout=min(left, _BLOCK_SECONDS))
            if found:
                return bytes(found[1])
        return None

    async def page(
        self, command: contract.Page, *, within: float, answer_within: float = ANSWER_SECONDS
    ) -> tuple[contract.CommandDone, contract.PageDone | None]:
        """Page somebody and wait up to ``within`` seconds for how it ended; None if the page was refused.

        Raise :class:`StillGoing` when the page does not end in time.
        """
        after = await self.newest_event()
        done = await self.send(command, within=answer_within)
        if not done.ok:
            return done, None
        async for event in self.events(after, within=within):
            if isinstance(event, contract.PageDone) and event.page == command.id:
                return done, event
        raise StillGoing(command.id, within)

    async def newest_event(self) -> str:
        """Position in the event stream from which :meth:`events` brings only what is new."""
        try:
            newest = await self._redis.xrevrange(contract.EVENTS, count=1)
        except (redis.exceptions.RedisError, OSError) as error:
            raise Unreachable(error) from error
        return newest[0][0].decode() if newest else "0-0"

    async def events(self, after: str, *, within: float) -> AsyncIterator[contract.AnyEvent]:
        """Events after a position, for ``within`` seconds; what can't be decoded is passed over."""
        end = time.monotonic() + within
        while (left := end - time.monotonic()) > 0:
            try:
                block = max(1, int(min(left, _BLOCK_SECONDS) * 1000))
                answer = await self._redis.xread({contract.EVENTS: after}, count=200, block=block)
            except (redis.exceptions.RedisError, OSError) as error:
                raise Unreachable(error) from error
            for key, fields in answer[0][1] if answer else []:
                after = key.decode()
                try:
                    yield contract.decode_event(fields.get(contract.FIELD.encode(), b""))
                except msgspec.MsgspecError:
                    continue  # the worker keeps it as a dead letter, with the reason

    async def live_calls(self) -> list[contract.LiveCall]:
        """Calls in progress as their nodes wrote them last, the oldest first."""
        try:
            found = await self._redis.hgetall(contract.LIVE)
        except (redis.exceptions.RedisError, OSError) as error:
            raise Unreachable(error) from error
        calls = [call for call in map(self._live, found.values()) if call]
        return sorted(calls, key=lambda call: (call.call.started_at, call.call.id))

    async def live_call(self, call: str) -> contract.LiveCall | None:
        try:
            found = await self._redis.hget(contract.LIVE, call)
        except (redis.exceptions.RedisError, OSError) as error:
            raise Unreachable(error) from error
        return self._live(found) if found else None

    @staticmethod
    def _live(data: bytes) -> contract.LiveCall | None:
        try:
            return contract.decode_live(data)
        except msgspec.MsgspecError as error:
            log.warning("calls.bad_snapshot", error=str(error))
            return None
