"""Answers with the audio of a recording, or the piece of it that is asked for; journalled before the first byte."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Header, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response, StreamingResponse

from api.auth.identity import SignedIn
from api.calls.core import Lines
from api.kit import errors, state
from api.kit.deps import Now, ReadSession
from api.recordings import files, listening, ranges
from api.recordings.files import Opened, Shelf
from router.access import calls as reach
from router.access.actor import Actor
from router.storage.calls import Recording

PART = "recordings.shelf"
MEDIA = "audio/wav"


class Gone(errors.HttpError):
    status = 410


class Altered(errors.HttpError):
    status = 409


class OutOfRange(errors.HttpError):
    status = 416


def shelf(found: state.State) -> Shelf:
    if PART not in found.parts:
        found.parts[PART] = Shelf(found.settings.data_dir, found.settings.recordings_dir)
    return cast(Shelf, found.parts[PART])


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for audio."""

    request: Request
    session_id: str
    session: AsyncSession
    now: dt.datetime
    where: reach.Lines
    range: str | None
    if_range: str | None
    altered: bool

    async def answer(self, actor: Actor, recording: Recording, action: str) -> Response:
        """The file or its piece. Raise :class:`Gone`, :class:`Altered`, :class:`OutOfRange`."""
        found = state.of(self.request)
        try:
            opened = await shelf(found).open(recording.path)
        except files.Gone:
            raise Gone("recording.gone", recording=recording.id) from None
        try:
            headers, piece = self._piece(recording, opened)
            status = 206 if "Content-Range" in headers else 200
            if self.request.method == "HEAD":
                opened.file.close()
                return Response(status_code=status, headers=headers, media_type=MEDIA)
            await listening.note(found.database, actor, self.session_id, recording.id, recording.call_id, action, self.now)
        except BaseException:
            opened.file.close()
            raise
        return StreamingResponse(files.pieces(opened, piece.first, piece.length), status, headers, MEDIA)

    def _piece(self, recording: Recording, opened: Opened) -> tuple[dict[str, str], ranges.Piece]:
        whole = opened.sha256 == recording.sha256
        if not whole and not self.altered:
            raise Altered("recording.altered", recording=recording.id, recorded=recording.sha256, found=opened.sha256)
        tag = f'"{opened.sha256}"'
        headers = {"ETag": tag, "Accept-Ranges": "bytes", "X-Recording-Integrity": "whole" if whole else "altered"}
        wanted = self.range if self.if_range is None or self.if_range.strip() == tag else None
        try:
            piece = ranges.read(wanted, opened.size)
        except ranges.Unsatisfiable:
            raise OutOfRange("recording.range", headers={"Content-Range": f"bytes */{opened.size}"}, size=opened.size) from None
        if piece is not None:
            headers["Content-Range"] = piece.told
        piece = piece or ranges.Piece(0, opened.size - 1, opened.size)
        headers["Content-Length"] = str(piece.length)
        return headers, piece


async def _asked(
    request: Request,
    who: SignedIn,
    session: ReadSession,
    now: Now,
    where: Lines,
    range_: Annotated[
        str | None, Header(alias="Range", max_length=200, description="一段,如 `bytes=0-65535`;多段时给整个录音")
    ] = None,
    if_range: Annotated[
        str | None, Header(alias="If-Range", max_length=100, description="只在 ETag 相同时给一段,否则给整个录音")
    ] = None,
    altered: Annotated[bool, Query(description="与记录不一致的文件也要听")] = False,
) -> Asked:
    return Asked(request, who.session, session, now, where, range_, if_range, altered)


Hearing = Annotated[Asked, Depends(_asked)]
