"""Puts back music and ringback whose files have gone (a cleaned cache, a clip taken away) while calls need them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from twisted.internet.threads import deferToThread

from telephony.speech import library
from telephony.speech.errors import SpeechError

if TYPE_CHECKING:
    from telephony.switchboard.kit import Kit

log = structlog.get_logger()


async def restore(kit: Kit) -> None:
    """Make what is missing anew; a city's own music that has gone is replaced by ours until the next start. Raise
    :class:`SpeechError` if the disk takes nothing."""
    cache = kit.data_dir / "cache"
    own = kit.sounds.music if not kit.sounds.music.is_relative_to(cache) else None
    try:
        kit.sounds = await deferToThread(library.ensure, cache, own)
    except SpeechError as problem:
        if own is None:
            raise
        log.error("music.missing", error=str(problem), remedy="put the file back; until the next start our own music is played")
        kit.sounds = await deferToThread(library.ensure, cache)
