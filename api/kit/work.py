"""The database work of one request: at most one reading session and one transaction, committed before the answer is sent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import structlog
from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from api.kit.errors import Unavailable
from api.kit.idempotency import Claim
from api.kit.state import State
from router.access.actor import Actor

log = structlog.get_logger()


class Answered(Exception):
    """The request has its answer already; its transaction is rolled back."""

    def __init__(self, response: Response) -> None:
        super().__init__("answered")
        self.response = response


class Work:
    """Opened by :class:`api.kit.routing.Route` around the endpoint, used through the dependencies of :mod:`api.kit.deps`."""

    def __init__(self, state: State, stack: AsyncExitStack) -> None:
        self.state = state
        self.actor: Actor | None = None
        """Who asks, once that is known."""
        self.claim: Claim | None = None
        self._stack = stack
        self._reader: AsyncSession | None = None
        self._writer: AsyncSession | None = None
        self._after: list[Callable[[], Awaitable[object]]] = []

    @property
    def wrote(self) -> bool:
        return self._writer is not None

    def check_ready(self) -> None:
        if not self.state.migrated.is_set():
            raise Unavailable()

    async def reader(self) -> AsyncSession:
        self.check_ready()
        if self._reader is None:
            self._reader = await self._stack.enter_async_context(self.state.database.read())
        return self._reader

    async def writer(self) -> AsyncSession:
        self.check_ready()
        if self._writer is None:
            self._writer = await self._stack.enter_async_context(self.state.database.write())
        return self._writer

    def after(self, call: Callable[[], Awaitable[object]]) -> None:
        """Have something done when the transaction is committed; what fails is logged, for the change stands."""
        self._after.append(call)

    async def finish(self) -> None:
        """What is done after the commit."""
        for call in self._after:
            try:
                await call()
            except Exception as error:
                log.warning("api.after_commit_failed", error=type(error).__name__)


def of(request: Request) -> Work:
    """The work of a request that a :class:`api.kit.routing.Route` serves."""
    found = getattr(request.state, "work", None)
    assert isinstance(found, Work), "make routers with api.kit.routing.router(), so that a request has its transaction"
    return found
