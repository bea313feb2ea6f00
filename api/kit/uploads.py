"""Tables that people upload, read away from the event loop: at most so many bytes, and never a file name with a path in it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import File, UploadFile

from api.kit import messages
from router.errors import TooLarge

T = TypeVar("T")
LARGEST = 5 * 1024 * 1024
LONGEST_NAME = 100
Table = Annotated[UploadFile, File(description="CSV(UTF-8 或 GB18030)或 XLSX,5MB 以内 / a table")]
Document = Annotated[UploadFile, File(description="YAML,1MB 以内")]


async def take(file: UploadFile, largest: int = LARGEST) -> tuple[bytes, str]:
    """Content and name; raise :class:`TooLarge`."""
    data = await file.read(largest + 1)
    if len(data) > largest:
        text, remedy = messages.text("upload.too_large", limit=largest), messages.text("upload.too_large.remedy")
        raise TooLarge(text, remedy, field="body.file", limit=largest)
    name = (file.filename or "").replace("\\", "/").rpartition("/")[2]
    return data, "".join(one for one in name if one.isprintable())[-LONGEST_NAME:]


async def aside(work: Callable[[], T]) -> T:
    """Do what takes the processor long in a thread, so that others are served meanwhile."""
    return await asyncio.to_thread(work)
