"""How one delivery is sent and what comes of it; senders are registered by kind, webhooks are here."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Literal, Protocol

import httpx
from sqlalchemy import select

from router.journal import signing
from router.storage.base import table_of
from router.storage.engine import Database
from router.storage.journal import Subscription

SUBSCRIPTION = table_of(Subscription)
TIMEOUT = 10.0
"""Seconds for a whole attempt."""
LONGEST_ANSWER = 500
"""Characters of an answer that are kept for a person."""
Verdict = Literal["taken", "later", "away", "refused", "held", "gone"]
"""taken: done · later: this event failed · away: the receiver takes nothing now · refused: it will never take this one (a person
must look) · held: we send nothing now, it counts as no attempt · gone: there is no such receiver any more."""
_LATER = {408, 409, 425}
_AWAY = {429, 502, 503, 504}


@dataclass(frozen=True, slots=True)
class Outcome:
    verdict: Verdict
    status: int | None = None
    error: str = ""
    wait: float | None = None
    """Seconds that the receiver asked us to wait."""


@dataclass(frozen=True, slots=True)
class Sending:
    """A delivery that is this process's to send."""

    id: str
    kind: str
    receiver: str
    topic: str
    case: str | None
    order: int
    body: Mapping[str, Any]
    attempts: int


class Sender(Protocol):
    """Sends deliveries of a kind."""

    @property
    def width(self) -> int:
        """So many at once to one receiver, in one process."""

    @property
    def strict(self) -> bool:
        """Whether what was refused holds up what follows about the same case. Order within a case is kept always."""

    async def send(self, sending: Sending) -> Outcome:
        """Try once, within some seconds. What it raises counts as ``later``."""

    async def close(self) -> None:
        """Free what it holds."""


def client() -> httpx.AsyncClient:
    """For webhooks and peers: no redirects, no proxies or credentials out of the environment, the system's own list of
    certificate authorities (a city's own is added there)."""
    limits = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=30)
    context = ssl.create_default_context()
    return httpx.AsyncClient(follow_redirects=False, trust_env=False, timeout=TIMEOUT, limits=limits, verify=context)


async def post(http: httpx.AsyncClient, url: str, body: bytes, headers: Mapping[str, str]) -> Outcome:
    """POST once; every answer and every failure is an outcome."""
    try:
        async with asyncio.timeout(TIMEOUT), http.stream("POST", url, content=body, headers=dict(headers)) as answer:
            status = answer.status_code
            words = "" if answer.is_success else await _beginning(answer)
            return judge(status, words, wait_of(answer.headers.get("retry-after"), time.time()))
    except TimeoutError:
        return Outcome("away", error=f"no answer within {TIMEOUT:g} s")
    except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError) as error:
        return Outcome("away", error=f"{type(error).__name__}: {error}"[:LONGEST_ANSWER])


async def _beginning(answer: httpx.Response) -> str:
    got = b""
    async for piece in answer.aiter_bytes():
        got += piece
        if len(got) >= 4 * LONGEST_ANSWER:
            break
    return got.decode("utf-8", "replace").replace("\0", "�")[:LONGEST_ANSWER].strip()


def judge(status: int, words: str, wait: float | None) -> Outcome:
    """What an HTTP status means. A redirect is refused: an address is changed by a person, not by a receiver."""
    if 200 <= status < 300:
        return Outcome("taken", status)
    verdict: Verdict = "refused"
    if status in _AWAY:
        verdict = "away"
    elif status >= 500 or status in _LATER:
        verdict = "later"
    return Outcome(verdict, status, words, wait)


def wait_of(header: str | None, now: float) -> float | None:
    """Seconds of a Retry-After header (RFC 9110 10.2.3), None without a readable one."""
    if not header:
        return None
    if header.strip().isdecimal():
        return float(header[:9])
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - now)
    except ValueError:
        return None


@dataclass(slots=True)
class Webhooks:
    """Sends to subscriptions, signed."""

    database: Database
    clock: Callable[[], float] = time.time
    http: httpx.AsyncClient = field(default_factory=client)
    width: int = 4
    strict: bool = False

    async def send(self, sending: Sending) -> Outcome:
        query = select(SUBSCRIPTION.c.url, SUBSCRIPTION.c.secret, SUBSCRIPTION.c.active)
        async with self.database.read() as session:
            row = (await session.execute(query.where(SUBSCRIPTION.c.id == sending.receiver))).first()
        if row is None:
            return Outcome("gone")
        if not row.active:
            return Outcome("held", error="the subscription rests")
        body = payload(sending.body)
        headers = signing.headers(row.secret, str(sending.body["id"]), int(self.clock()), body)
        return await post(self.http, row.url, body, headers)

    async def close(self) -> None:
        await self.http.aclose()


def payload(envelope: Mapping[str, Any]) -> bytes:
    """What a webhook says: ``type``, ``timestamp`` and ``data`` as Standard Webhooks have it, and the case with the number by
    which its events are in order."""
    said = {
        "id": envelope["id"],
        "type": envelope["topic"],
        "timestamp": envelope["at"],
        "case": envelope["case"],
        "order": envelope["serial"],
        "data": envelope["body"],
    }
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()
