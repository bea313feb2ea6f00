"""Pages of long lists: a signed cursor names the last row seen, so that pages neither skip nor repeat what is added."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Depends, Query, Request
from pydantic import BaseModel, Field
from sqlalchemy import literal, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from api.kit import state
from api.kit.errors import Unprocessable

T = TypeVar("T")
MOST = 200


class Page(BaseModel, Generic[T]):
    """One page of a list (一页)."""

    items: list[T]
    next: str | None = Field(default=None, description="下一页的 cursor;没有更多时为 null")


@dataclass(frozen=True, slots=True)
class Paging:
    """What the caller asked for."""

    limit: int
    cursor: str | None
    key: bytes

    def encode(self, name: str, values: Sequence[Any]) -> str:
        """A cursor after the row with these key values (text, whole numbers, moments) in the list ``name``."""
        plain = [{"t": value.isoformat()} if isinstance(value, dt.datetime) else value for value in values]
        text = json.dumps([name, plain], separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(self._sign(text) + text).rstrip(b"=").decode()

    def decode(self, name: str) -> list[Any] | None:
        """The key values after which the page begins; None: at the start. Raise :class:`Unprocessable`."""
        if self.cursor is None:
            return None
        try:
            raw = base64.b64decode(self.cursor + "=" * (-len(self.cursor) % 4), b"-_", validate=True)
            signature, text = raw[:12], raw[12:]
            if not hmac.compare_digest(signature, self._sign(text)):
                raise ValueError
            found, plain = json.loads(text)
            if found != name:
                raise ValueError
            return [dt.datetime.fromisoformat(value["t"]) if isinstance(value, dict) else value for value in plain]
        except (ValueError, binascii.Error):
            raise Unprocessable("cursor.invalid", field="query.cursor") from None

    def _sign(self, text: bytes) -> bytes:
        return hmac.new(self.key, text, hashlib.sha256).digest()[:12]


def paging(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=MOST, description="每页条数")] = 50,
    cursor: Annotated[str | None, Query(min_length=1, max_length=512, description="上一页返回的 next")] = None,
) -> Paging:
    return Paging(limit, cursor, state.of(request).keys.cursors)


Pages = Annotated[Paging, Depends(paging)]


async def fetch(
    session: AsyncSession,
    query: Any,
    wanted: Paging,
    *,
    name: str,
    keys: Sequence[InstrumentedAttribute[Any]],
    descending: bool = True,
) -> tuple[list[Any], str | None]:
    """One page of ``query``, ordered by ``keys`` (which together are unique, e.g. ``[Ticket.created_at, Ticket.id]``, and
    have an index), and the cursor of the next. Rows are what ``query`` selects: ORM objects if it selects one entity."""
    columns = [key.expression for key in keys]
    after = wanted.decode(name)
    if after is not None:
        if len(after) != len(columns):
            raise Unprocessable("cursor.invalid", field="query.cursor")
        here = tuple_(*columns)
        there = tuple_(*(literal(value, column.type) for value, column in zip(after, columns, strict=True)))
        query = query.where(here < there if descending else here > there)
    order = [column.desc() if descending else column.asc() for column in columns]
    many = list((await session.execute(query.order_by(*order).limit(wanted.limit + 1))).all())
    rows = [row[0] if len(row) == 1 else row for row in many[: wanted.limit]]
    if len(many) <= wanted.limit:
        return rows, None
    last = rows[-1]
    holder = last if not hasattr(last, "_mapping") else last[0]
    return rows, wanted.encode(name, [getattr(holder, key.key) for key in keys])
