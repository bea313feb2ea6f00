"""Frees what dead phones hold: a leg that we ended is gone for us at once, but not for pjsua.

pjsua reports a call as ended the moment it is hung up, and keeps its place (one of four) until the far end has answered BYE or
CANCEL: 64*T1, 32 seconds, if that phone has died. So a while after each hanging up the room says to itself what the phone owes:
a 487 to the INVITE, or a BYE in the dialog. For a dialog that has ended meanwhile both are strays without effect; the real BYE
or CANCEL goes on being repeated in any case.
"""

from __future__ import annotations

import logging
import os
import socket
from collections import deque

from telephony.room import dialogs

log = logging.getLogger("room.farewell")
GIVE_UP = 2.0
"""Seconds a phone gets to react to our BYE or CANCEL."""


def owed(notes: dialogs.Notes, invite: str) -> list[str]:
    """The messages that end a leg in a phone's place. ``invite``: the leg's INVITE while it has had no final answer."""
    if notes.caller and invite.startswith("INVITE "):
        return [dialogs.final_reply(invite, 487, "Given Up", os.urandom(6).hex())]
    if notes.local_tag and notes.remote_tag:
        return [_bye(notes)]
    return []


def _bye(notes: dialogs.Notes) -> str:
    """BYE as the far end would send it; its CSeq is above any that the far end can have used (RFC 3261 8.1.1.5)."""
    lines = [
        f"BYE {notes.local_uri} SIP/2.0",
        f"Via: SIP/2.0/UDP 127.0.0.1:9;rport;branch=z9hG4bK{os.urandom(8).hex()}",
        f"From: <{notes.remote_uri}>;tag={notes.remote_tag}",
        f"To: <{notes.local_uri}>;tag={notes.local_tag}",
        f"Call-ID: {notes.call_id}",
        f"CSeq: {2**31 - 1} BYE",
        "Max-Forwards: 1",
        "Content-Length: 0",
    ]
    return "\r\n".join(lines) + "\r\n\r\n"


class Farewells:
    """``address``: the room's own SIP address."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._due: deque[tuple[float, str]] = deque()

    def after(self, now: float, messages: list[str]) -> None:
        self._due.extend((now + GIVE_UP, message) for message in messages)

    def tick(self, now: float) -> None:
        while self._due and self._due[0][0] <= now:
            _, message = self._due.popleft()
            try:
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
                    out.sendto(message.encode(), self._address)
            except OSError as error:
                log.warning("a phone's farewell could not be said", extra={"error": str(error)})
