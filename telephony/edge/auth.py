"""Asks seats for their credentials and judges them, with the guard beside."""

from __future__ import annotations

from typing import Literal

import structlog

from telephony.edge.core import Core
from telephony.edge.digest import Denied, Granted
from telephony.edge.flow import Flow
from telephony.edge.message import Message

log = structlog.get_logger(__name__)


class Auth:
    def __init__(self, core: Core) -> None:
        self._core = core

    def user(self, request: Message, flow: Flow, kind: Literal["registrar", "proxy"]) -> str | None:
        """The seat that a request is proven to come from. Otherwise None, and the request has been answered: 401/407 to one
        without usable credentials, 403 to wrong or banned ones (the same whether the seat exists or not)."""
        core = self._core
        now = core.now()
        header: Literal["authorization", "proxy-authorization"] = (
            "authorization" if kind == "registrar" else "proxy-authorization"
        )
        named = core.digest.username(request, header)
        if named is not None and core.guard.banned(flow.host, named, now):
            core.answer(request, flow, 403, "Too many failures")
            return None
        verdict = core.digest.check(request, header, flow.host, now)
        if isinstance(verdict, Granted):
            if core.plan.knows_seat(verdict.user):
                core.guard.succeeded(flow.host, verdict.user)
                return verdict.user
            verdict = Denied(verdict.user)
        if isinstance(verdict, Denied):
            if core.guard.failed(flow.host, verdict.user, now):
                log.warning("seat banned at an address after wrong secrets", seat=verdict.user, address=flow.host)
            core.answer(request, flow, 403)
            return None
        status, name = (401, "WWW-Authenticate") if kind == "registrar" else (407, "Proxy-Authenticate")
        challenges = core.digest.challenges(flow.host, now, stale=verdict.stale)
        core.answer(request, flow, status, headers=tuple((name, value) for value in challenges))
        return None
