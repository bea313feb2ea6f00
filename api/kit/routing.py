"""Routers of features: each request in one unit of work, bodies read strictly, refusals journalled."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from enum import Enum
from typing import Any

import structlog
from fastapi import APIRouter, Request, params
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.responses import Response

from api.auth import identity
from api.kit import errors, idempotency, state
from api.kit.errors import Unauthorized
from api.kit.strict import StrictRequest
from api.kit.work import Answered, Work
from router.access import audit, roles
from router.errors import CaseworkError, Forbidden
from router.journal import kick

log = structlog.get_logger()
PREFIX = "/api/v1"


class Route(APIRoute):
    """Runs an endpoint inside its transaction: committed before the answer is sent, rolled back when it fails.

    Who calls and what the role may do is asked before anything else that could be wrong, and before a file is taken in.
    """

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.dependant.dependencies.sort(key=lambda part: not actions(part))

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        endpoint = super().get_route_handler()
        asked = actions(self.dependant)
        takes_files = self.body_field is not None and isinstance(self.body_field.field_info, params.Form)

        async def handle(request: Request) -> Response:
            request = StrictRequest(request.scope, request.receive)
            found = state.of(request)
            work: Work | None = None
            try:
                async with AsyncExitStack() as stack:
                    work = request.state.work = Work(found, stack)
                    if takes_files:
                        await _admit(request, work, asked)
                    response = await endpoint(request)
                    if work.wrote:
                        await _keep(work, response)
            except Answered as answered:
                return answered.response
            except CaseworkError as error:
                await _journal(request, work, error)
                raise
            if work.wrote:
                work.after(lambda: kick.kick(found.redis))
                await work.finish()
            return response

        return handle


async def _admit(request: Request, work: Work, asked: set[str]) -> None:
    """Who may not do what the endpoint does is told so before a file is read."""
    found = await identity.current(request)
    if found is None:
        raise Unauthorized()
    work.actor = found.actor
    for action in asked:
        roles.require(found.actor, action)


def actions(part: Dependant) -> set[str]:
    """What an endpoint, or a part of it, asks the role for (see :func:`api.kit.deps.allowed`)."""
    own = getattr(part.call, "action", None)
    return {own} if own else set().union(*(actions(one) for one in part.dependencies))


async def _keep(work: Work, response: Response) -> None:
    """Before the commit: an answer of failure undoes the write, one of success is kept for a repetition."""
    if response.status_code >= 400:
        raise Answered(response)
    if work.claim is not None:
        await idempotency.keep(await work.writer(), work.claim, response)


async def _journal(request: Request, work: Work | None, error: CaseworkError) -> None:
    """Write down that somebody was refused, in a transaction of its own (the request's is rolled back)."""
    told = isinstance(error, Forbidden) or getattr(error, "foreign", False)
    if not told or work is None or work.actor is None:
        return
    route = request.scope.get("route")
    subject = str(error.facts.get("subject", "")) or str(next(iter(request.path_params.values()), ""))
    what = {"method": request.method, "path": getattr(route, "path", ""), "code": error.code}
    what["action"] = str(error.facts.get("action", ""))
    try:
        async with work.state.database.write() as session:
            await audit.refused(session, work.actor, subject[:64], what, work.state.clock())
    except Exception as fault:
        log.error("api.refusal_not_journalled", error=type(fault).__name__, account=work.actor.id, **what)


def operation_id(route: APIRoute) -> str:
    """Name of an operation in the OpenAPI document, by which generated clients call it."""
    return f"{route.tags[0]}_{route.name.rstrip('_')}"


def router(prefix: str, tag: str, *, responses: errors.Status | None = None, under: str = PREFIX, **more: Any) -> APIRouter:
    """A router of a feature under ``/api/v1``; its tag is described in :mod:`api.features`."""
    tags: Sequence[str | Enum] = [tag]
    return APIRouter(
        prefix=under + prefix,
        tags=list(tags),
        route_class=Route,
        generate_unique_id_function=operation_id,
        responses={**errors.COMMON, **(responses or {})},
        **more,
    )
