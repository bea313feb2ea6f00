"""Fetches attachments that a peer gave by address: each a delivery, so that it is tried until it is there."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

import httpx
import msgspec

from router.exchange import message
from router.exchange.casework import Casework, Visit
from router.exchange.incoming import actor_of
from router.journal import sending
from router.journal.sending import Outcome, Sending
from router.storage.base import moment
from router.storage.engine import Database
from router.storage.organisation import Peer

PATIENCE = 120.0
"""Seconds for one file."""


@dataclass(slots=True)
class Fetcher:
    """A sender of deliveries that, in truth, fetches."""

    database: Database
    casework: Casework
    http: httpx.AsyncClient = field(default_factory=sending.client)
    clock: Callable[[], float] = time.time
    width: int = 2
    strict: bool = False

    async def send(self, one: Sending) -> Outcome:
        async with self.database.read() as session:
            peer = await session.get(Peer, str(one.body.get("peer")))
        if peer is None:
            return Outcome("gone")
        if not peer.active:
            return Outcome("held", error="the peer rests")
        wanted = msgspec.convert(one.body["attachment"], message.Attachment)
        url = address(peer, wanted.url or "")
        if url is None:
            return Outcome("refused", error="the attachment's address is not the peer's own")
        outcome, content = await self._get(url, peer.token, wanted)
        if content is None:
            return outcome
        now: dt.datetime = moment(self.clock())
        async with self.database.write() as session:
            visit = Visit(session, peer, actor_of(peer), now, str(one.body["centre"]))
            await self.casework.attach(visit, str(one.body["case"]), wanted, content)
        return Outcome("taken", 200)

    async def _get(self, url: str, token: str | None, wanted: message.Attachment) -> tuple[Outcome, bytes | None]:
        """The bytes, if they are those that the message told of."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        content = bytearray()
        try:
            async with asyncio.timeout(PATIENCE), self.http.stream("GET", url, headers=headers) as answer:
                if not answer.is_success:
                    return sending.judge(answer.status_code, "", None), None
                async for piece in answer.aiter_bytes():
                    content += piece
                    if len(content) > wanted.size:
                        return Outcome("refused", answer.status_code, "more bytes than the message says"), None
        except TimeoutError:
            return Outcome("away", error=f"not within {PATIENCE:g} s"), None
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError) as error:
            return Outcome("away", error=f"{type(error).__name__}: {error}"[:500]), None
        if len(content) != wanted.size or hashlib.sha256(content).hexdigest() != wanted.sha256:
            return Outcome("refused", 200, "other bytes than the message says"), None
        return Outcome("taken", 200), bytes(content)

    async def close(self) -> None:
        await self.http.aclose()


def address(peer: Peer, url: str) -> str | None:
    """Where an attachment is; None unless it is at the peer's own server: nothing else is asked on its word."""
    if peer.transport != "rest" or not peer.url:
        return None
    whole = urljoin(peer.url, url)
    mine, theirs = urlsplit(peer.url), urlsplit(whole)
    same = (mine.scheme, mine.hostname, mine.port) == (theirs.scheme, theirs.hostname, theirs.port)
    return whole if same and not theirs.username else None
