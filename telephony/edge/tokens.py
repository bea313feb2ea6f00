"""Signed words that make the door's state travel in the messages: room tokens, flow tokens, branches and tags.

All are keyed with the installation's server secret, so that they stay true over a restart and nobody else can mint them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from functools import lru_cache

from telephony.edge.flow import SIDES, Flow, Party

MAGIC = "z9hG4bK"
OURS = MAGIC + "hl"
"""Every branch of ours begins so."""
_ROOM = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_SIGN = 20
_KINDS: dict[str, str] = {"s": "seat", "t": "trunk"}


class Signer:
    """Mints and checks the tokens. ``secret``: the server secret, at least 16 bytes."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) < 16:
            raise ValueError("a server secret has at least 16 bytes")
        self._key = hashlib.blake2b(secret, person=b"hotline edge").digest()
        # The same few tokens come again with every message of a call.
        self.room_of = lru_cache(maxsize=4096)(self._room_of)
        self.flow_of = lru_cache(maxsize=8192)(self._flow_of)

    def _sign(self, kind: bytes, text: str) -> str:
        data = text.encode("utf-8", "surrogateescape")
        return hashlib.blake2b(data, key=self._key, digest_size=_SIGN // 2, person=kind).hexdigest()

    def room(self, room: str) -> str:
        """User part of a room's Contact. Raises ValueError if the name can't stand in a URI."""
        if not _ROOM.fullmatch(room):
            raise ValueError(f"a room is named with letters, digits, dot, dash and underscore, not {room!r}")
        return f"r-{self._sign(b'room', room)}-{room}"

    def _room_of(self, token: str) -> str | None:
        """The room that a token was minted for, None for anything else."""
        if token[:2] != "r-" or len(token) < _SIGN + 4:
            return None
        room = token[_SIGN + 3 :]
        return room if hmac.compare_digest(self._sign(b"room", room).encode(), _bytes(token[2 : _SIGN + 2])) else None

    def flow(self, flow: Flow, party: Party) -> str:
        """User part of a Record-Route that leads back through this flow to this party (RFC 5626 5.2)."""
        text = f"{flow.face}|{flow.host}|{flow.port}|{flow.conn}|{party.kind[0]}{party.id}"
        return f"f-{self._sign(b'flow', text)}-{base64.urlsafe_b64encode(text.encode()).decode().rstrip('=')}"

    def _flow_of(self, token: str) -> tuple[Flow, Party] | None:
        """The flow and party of a token, None for anything that was not minted here."""
        if token[:2] != "f-":
            return None
        text = unveil(token[_SIGN + 3 :])
        if text is None or not hmac.compare_digest(self._sign(b"flow", text).encode(), _bytes(token[2 : _SIGN + 2])):
            return None
        face, host, port, conn, party = text.split("|")
        if face not in SIDES:
            return None
        kind = _KINDS[party[0]]
        return Flow(face, host, int(port), int(conn)), Party("seat" if kind == "seat" else "trunk", party[1:])

    def branch(self, branch: str, sent_by: str, call_id: str, cseq: int, attempt: int = 0) -> str:
        """Branch of a forwarded request (RFC 3261 16.11): the same for its retransmissions, its CANCEL and the ACK of its
        failure; another for each ``attempt`` to bring a kept INVITE to another room."""
        text = f"{branch}\n{sent_by}\n{call_id}\n{cseq}\n{attempt}"
        return OURS + self._sign(b"branch", text)

    def tag(self, call_id: str, from_tag: str, branch: str) -> str:
        """To tag of an answer by the door itself: an ACK that carries it is for the door and ends here."""
        return "d" + self._sign(b"tag", f"{call_id}\n{from_tag}\n{branch}")


def veil(text: str) -> str:
    """Text as one Via parameter value."""
    return base64.urlsafe_b64encode(text.encode("utf-8", "surrogateescape")).decode().rstrip("=")


def unveil(text: str) -> str | None:
    """What was veiled, None if it never was."""
    try:
        return base64.urlsafe_b64decode(_bytes(text) + b"=" * (-len(text) % 4)).decode("utf-8", "surrogateescape")
    except (binascii.Error, ValueError):
        return None


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
