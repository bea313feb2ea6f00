"""Requests that the door makes itself (BYE and CANCEL in a dead room's name): repeated over UDP until answered.

Timers E and F of RFC 3261 17.1.2."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

import structlog

from telephony.edge import uri
from telephony.edge.core import Core
from telephony.edge.flow import Flow
from telephony.edge.message import Message, split_list
from telephony.edge.relay import Relay
from telephony.edge.settings import KEEP, T1, T2
from telephony.edge.tokens import OURS
from telephony.ipc import messages

log = structlog.get_logger(__name__)

CSEQ_AHEAD = 1000
"""Added to the last CSeq known: what the dead room may have sent beyond it stays below."""


@dataclass(slots=True)
class _Request:
    flow: Flow
    data: bytes
    wait: float
    until: float
    timer: Any = None


class Client:
    def __init__(self, core: Core, relay: Relay) -> None:
        self._core = core
        self._relay = relay
        self._requests: dict[tuple[str, str], _Request] = {}

    def send(self, message: Message, flow: Flow, branch: str) -> None:
        """Send a request whose top Via has this branch, and repeat it until a final answer is taken."""
        data = message.encode()
        self._core.wire.send(flow, data)
        key = (branch, message.method)
        request = self._requests[key] = _Request(flow, data, T1, self._core.now() + KEEP)
        self._wait(key, request)

    def take(self, response: Message, branch: str) -> bool:
        """True if the response answers a request of ours."""
        key = (branch, response.method)
        request = self._requests.get(key)
        if request is None:
            return False
        if response.status < 200:
            request.wait = T2
            return True
        del self._requests[key]
        if request.timer is not None and request.timer.active():
            request.timer.cancel()
        if response.status >= 300:
            log.info("own request refused", method=response.method, status=response.status)
        return True

    def close(self) -> None:
        for request in self._requests.values():
            if request.timer is not None and request.timer.active():
                request.timer.cancel()
        self._requests.clear()

    def end_dialog(self, dialog: messages.Dialog) -> bool:
        """Send BYE in a dead room's name; False if the other end can't be reached."""
        bye = Message("BYE", dialog.target or _bare(dialog.remote_uri))
        for value in dialog.routes:
            for route in split_list(value):
                bye.add("Route", route)
        bye.add("From", f"{_address(dialog.local_uri)};tag={dialog.local_tag}")
        bye.add("To", _address(dialog.remote_uri) + (f";tag={dialog.remote_tag}" if dialog.remote_tag else ""))
        bye.add("Call-ID", dialog.call_id)
        bye.add("CSeq", f"{dialog.cseq + CSEQ_AHEAD} BYE")
        bye.add("Max-Forwards", "70")
        bye.add("Reason", 'SIP;cause=500;text="Media lost"')
        bye.add("Content-Length", "0")
        token, _ = self._relay.take_routes(bye)
        way = self._relay.way(token, uri.parse(bye.uri))
        if way is None:
            log.warning("a dead room's dialog can't be ended: its far end is not known", sip_call_id=dialog.call_id)
            return False
        self.start(bye, way[0])
        return True

    def start(self, message: Message, flow: Flow) -> None:
        """Send a request without a Via by this flow, under a fresh branch."""
        branch = f"{OURS}u{secrets.token_hex(10)}"
        face = self._core.faces[flow.face]
        message.first("Via", f"SIP/2.0/{face.transport} {face.sent_by};branch={branch};rport")
        self.send(message, flow, branch)

    def _wait(self, key: tuple[str, str], request: _Request) -> None:
        request.timer = self._core.clock.callLater(request.wait, self._repeat, key, request)

    def _repeat(self, key: tuple[str, str], request: _Request) -> None:
        if self._core.now() >= request.until:
            self._requests.pop(key, None)
            log.warning("own request never answered", method=key[1])
            return
        if not request.flow.conn:
            self._core.wire.send(request.flow, request.data)
        request.wait = min(2 * request.wait, T2)
        self._wait(key, request)


def _bare(text: str) -> str:
    address = uri.address(text)
    return address.uri if address else text


def _address(text: str) -> str:
    return text if "<" in text else f"<{text}>"
