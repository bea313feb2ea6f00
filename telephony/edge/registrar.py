"""REGISTER (RFC 3261 10.3) with Path (RFC 3327): where each seat's phone is."""

from __future__ import annotations

from typing import Literal

import structlog

from telephony.edge import uri
from telephony.edge.auth import Auth
from telephony.edge.bindings import Binding
from telephony.edge.core import Core
from telephony.edge.flow import Flow
from telephony.edge.message import Message

log = structlog.get_logger(__name__)

KEEPALIVE = 25.0
"""Seconds between keepalives to phones behind address translation (below the shortest UDP timeouts seen)."""
_EXTENSIONS = {"path", "outbound"}


class Registrar:
    def __init__(self, core: Core, auth: Auth) -> None:
        self._core = core
        self._auth = auth
        self._alive_at = 0.0

    def register(self, request: Message, flow: Flow) -> None:
        core = self._core
        target = uri.parse(request.uri)
        if target is None or not core.names_us(target):
            core.guard.counts["relay"] += 1
            core.answer(request, flow, 404, "Not this domain")
            return
        missing = [name for value in request.values("require") for name in [value.lower()] if name not in _EXTENSIONS]
        if missing:
            core.answer(request, flow, 420, headers=(("Unsupported", ", ".join(missing)),))
            return
        seat = self._auth.user(request, flow, "registrar")
        if seat is None:
            return
        to = uri.address(request.get("to") or "")
        aor = uri.parse(to.uri) if to else None
        if aor is None or aor.user != seat:
            core.answer(request, flow, 403, "Not your own address of record")
            return
        before = core.bindings.newest(seat)
        old = (before.contact, before.flow) if before else None
        if not self._apply(request, flow, seat):
            return
        self._accept(request, flow, seat)
        newest = core.bindings.newest(seat)
        if newest is None:
            if old is not None:
                core.switchboard.seat_gone(seat, "unregistered")
        elif old != (newest.contact, newest.flow):
            core.switchboard.seat_registered(seat, newest.flow.host)

    def _apply(self, request: Message, flow: Flow, seat: str) -> bool:
        """Take over the contacts; False if the request was refused (and answered)."""
        core = self._core
        contacts = request.values("contact")
        known = core.bindings.of(seat)
        if any(b.call_id == request.call_id and b.cseq > request.cseq for b in known):
            core.answer(request, flow, 500, "Out of order")
            return False
        if contacts == ["*"]:
            if request.get("expires") != "0":
                core.answer(request, flow, 400, "Contact * needs Expires 0")
                return False
            core.bindings.remove(seat)
            return True
        found: list[tuple[str, int, str]] = []
        for value in contacts:
            address = uri.address(value)
            contact = uri.parse(address.uri) if address else None
            if address is None or contact is None or contact.scheme not in ("sip", "sips") or value == "*":
                core.answer(request, flow, 400, "Bad Contact")
                return False
            seconds = _seconds(address.param("expires"), request.get("expires"), core.settings.max_expires)
            if 0 < seconds < core.settings.min_expires:
                core.answer(request, flow, 423, headers=(("Min-Expires", str(core.settings.min_expires)),))
                return False
            instance = (address.param("+sip.instance") or "").strip('"')
            found.append((address.uri, min(seconds, core.settings.max_expires), instance))
        path = tuple(request.values("path"))
        for text, seconds, instance in found:
            if not seconds:
                core.bindings.remove(seat, text)
                continue
            until = core.now() + seconds
            core.bindings.put(Binding(seat, text, flow, path, until, request.call_id, request.cseq, instance, order=0))
        return True

    def _accept(self, request: Message, flow: Flow, seat: str) -> None:
        core = self._core
        now = core.now()
        headers = [
            ("Contact", f"<{binding.contact}>;expires={max(1, round(binding.expires - now))}")
            for binding in core.bindings.of(seat)
        ]
        path = request.values("path")
        headers += [("Path", value) for value in path]
        if path:
            headers.append(("Supported", "path"))
        core.answer(request, flow, 200, headers=tuple(headers))

    def connection_lost(self, flow: Flow) -> None:
        self._gone(self._core.bindings.connection_lost(flow.conn), "connection lost")

    def sweep(self) -> None:
        """Drop what has run out, and keep the way open to phones behind address translation."""
        core = self._core
        now = core.now()
        self._gone(core.bindings.expired(now), "expired")
        if now - self._alive_at < KEEPALIVE:
            return
        self._alive_at = now
        for binding in core.bindings.all():
            contact = uri.parse(binding.contact)
            if not binding.flow.conn and contact is not None and contact.host != binding.flow.host:
                core.wire.send(binding.flow, b"\r\n\r\n")

    def _gone(self, bindings: list[Binding], why: Literal["expired", "connection lost"]) -> None:
        core = self._core
        for seat in dict.fromkeys(binding.seat for binding in bindings):
            newest = core.bindings.newest(seat)
            if newest is None:
                core.switchboard.seat_gone(seat, why)
            elif all(newest.order < binding.order for binding in bindings if binding.seat == seat):
                core.switchboard.seat_registered(seat, newest.flow.host)


def _seconds(param: str | None, header: str | None, default: int) -> int:
    """Expiry asked for; what can't be read means the default (RFC 3261 10.2.1.1)."""
    for text in (param, header):
        if text is not None:
            return min(int(text), 1 << 31) if text.isascii() and text.isdigit() and len(text) < 12 else default
    return default
