"""Asks seats for their credentials and judges them, with the guard beside."""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import Literal

import structlog

from telephony.edge import uri
from telephony.edge.core import Core
from telephony.edge.digest import Denied, Granted
from telephony.edge.flow import Flow
from telephony.edge.message import Message

log = structlog.get_logger(__name__)


_MD5_ONLY = re.compile(r"baresip v[01]\.|SIPp\b", re.IGNORECASE)
"""User agents seen to give up when SHA-256 is among the challenges: libre before its own SHA-256 (baresip 1.0 answers
``Function not implemented``), and sipp, which looks at the first challenge only."""
UNANSWERED = 300.0
"""Seconds for which a challenge that was not answered counts."""
_REMEMBERED = 10000


class Auth:
    def __init__(self, core: Core) -> None:
        self._core = core
        self._unanswered: OrderedDict[tuple[str, str], float] = OrderedDict()

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
                self._unanswered.pop((flow.host, verdict.user), None)
                return verdict.user
            verdict = Denied(verdict.user)
        if isinstance(verdict, Denied):
            if core.guard.failed(flow.host, verdict.user, now):
                log.warning("seat banned at an address after wrong secrets", seat=verdict.user, address=flow.host)
            core.answer(request, flow, 403)
            return None
        status, name = (401, "WWW-Authenticate") if kind == "registrar" else (407, "Proxy-Authenticate")
        simple = not verdict.stale and self._wants_md5(request, flow, now)
        challenges = core.digest.challenges(flow.host, now, stale=verdict.stale, md5_only=simple)
        core.answer(request, flow, status, headers=tuple((name, value) for value in challenges))
        return None

    def _wants_md5(self, request: Message, flow: Flow, now: float) -> bool:
        """Whether this phone is to be offered MD5 alone: it is known to stumble over SHA-256, or it has left a challenge of
        both unanswered and asks again. Nothing is given away: MD5 would be accepted anyway."""
        if _MD5_ONLY.search(request.get("user-agent") or ""):
            return True
        sender = uri.address(request.get("from") or "")
        named = uri.parse(sender.uri) if sender else None
        key = (flow.host, named.user if named else "")
        before = self._unanswered.pop(key, None)
        self._unanswered[key] = now
        if len(self._unanswered) > _REMEMBERED:
            self._unanswered.popitem(last=False)
        return before is not None and now - before < UNANSWERED
