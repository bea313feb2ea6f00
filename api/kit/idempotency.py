"""A write with an ``Idempotency-Key`` happens once: its repetition gets the first answer.

The key is claimed at the start of the write's transaction and the answer is kept in it, so that both are there or neither.
A repetition that comes while the first one runs waits for it: on the row (PostgreSQL) or for the writer's turn (SQLite).
Answers are kept encrypted, for they may hold personal data, and for :data:`KEPT`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from dataclasses import dataclass

from fastapi import Request
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.datastructures import UploadFile
from starlette.responses import Response

from api.kit.errors import Unprocessable
from router.storage import sealed, upsert
from router.storage.base import table_of
from router.storage.organisation import IdempotencyKey

KEY = table_of(IdempotencyKey)
KEPT = dt.timedelta(hours=24)
REPLAYED = "Idempotency-Replayed"
_VISIBLE = re.compile(r"[!-~]{1,128}")
_KEPT_HEADERS = ("content-type", "location", "etag")


@dataclass(frozen=True, slots=True)
class Claim:
    key: str
    request: str


async def fingerprint(request: Request) -> str:
    """Hash of everything that makes two requests the same."""
    digest = hashlib.sha256(f"{request.method}\0{request.url.path}\0{request.url.query}\0".encode())
    form = getattr(request, "_form", None)
    if form is None:
        digest.update(await request.body())
        return digest.hexdigest()
    for name, value in form.multi_items():
        digest.update(f"\0{name}\0".encode())
        if isinstance(value, UploadFile):
            digest.update(f"{value.filename}\0{value.content_type}\0".encode())
            position = value.file.tell()
            await value.seek(0)
            while chunk := await value.read(1 << 20):
                digest.update(chunk)
            await value.seek(position)
        else:
            digest.update(value.encode())
    return digest.hexdigest()


async def claim(session: AsyncSession, request: Request, account: str, key: str, now: dt.datetime) -> Claim | Response:
    """Claim the key for this request; return the kept answer if it has been used for the same one.

    A claim that was committed without an answer (of something outside of the database, which may be under way) is given again:
    whoever does that sort of thing makes it the same thing, by an id. Raise
    :class:`Unprocessable` if it has been used for another.
    """
    if not _VISIBLE.fullmatch(key):
        raise Unprocessable("idempotency.invalid", field="header.Idempotency-Key")
    hashed = hashlib.sha256(f"{account}\0{key}".encode()).hexdigest()
    wanted = Claim(hashed, await fingerprint(request))
    await session.execute(delete(KEY).where(KEY.c.key == hashed, KEY.c.at < now - KEPT))
    row = {"key": hashed, "request": wanted.request, "status": 0, "headers": {}, "body": b"", "at": now}
    if await upsert.insert_new(session, KEY, [row]):
        return wanted
    kept = (await session.execute(select(KEY).where(KEY.c.key == hashed))).one()
    if kept.request != wanted.request:
        raise Unprocessable("idempotency.reused", field="header.Idempotency-Key")
    if kept.status == 0:
        return wanted
    return Response(sealed.open_(kept.body.decode()).encode(), kept.status, {**kept.headers, REPLAYED: "true"})


async def keep(session: AsyncSession, claimed: Claim, response: Response) -> None:
    """Keep the answer, in the transaction of the write."""
    headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
    body = sealed.seal(bytes(response.body).decode()).encode()
    change = update(KEY).where(KEY.c.key == claimed.key)
    await session.execute(change.values(status=response.status_code, headers=headers, body=body))


async def forget(session: AsyncSession, now: dt.datetime) -> None:
    """Delete what is kept no longer."""
    await session.execute(delete(KEY).where(KEY.c.at < now - KEPT))
