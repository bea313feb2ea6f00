"""ETag and If-Match (RFC 9110 8.8.3, 13.1.1): two people who edit the same row don't overwrite one another."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import Depends, Header
from starlette.responses import Response

from api.kit import messages
from api.kit.errors import PreconditionRequired, Unprocessable
from router.errors import Stale

_TAG = re.compile(r'\s*"(\d{1,9})"\s*')


def tag(rev: int) -> str:
    return f'"{rev}"'


def put(response: Response, rev: int) -> None:
    """Tell the row's version with the answer."""
    response.headers["ETag"] = tag(rev)


def if_match(
    if_match_header: Annotated[
        str | None, Header(alias="If-Match", description='读取时得到的 ETag,如 `"3"`;缺少时 428,过时时 412', max_length=64)
    ] = None,
) -> int:
    """The version that the caller has seen."""
    if if_match_header is None:
        raise PreconditionRequired("etag.required")
    match = _TAG.fullmatch(if_match_header)
    if match is None:
        raise Unprocessable("etag.invalid", field="header.If-Match")
    return int(match[1])


IfMatch = Annotated[int, Depends(if_match)]


def check(seen: int, current: int) -> None:
    """Raise :class:`router.errors.Stale` if the row has changed since."""
    if seen != current:
        raise Stale(messages.text("etag.stale"), messages.text("etag.stale.remedy"), seen=seen, current=current)
