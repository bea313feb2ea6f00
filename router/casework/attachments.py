"""Attachments (附件): files on disk under their hash, checked by what they are, not by what they are called."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from config import private
from router import ids
from router.casework.work import Work, operation
from router.errors import CaseworkError, Conflict, Invalid, NotFound, TooLarge
from router.storage.casework import Attachment

LARGEST = 20 * 1024 * 1024
"""Bytes of one file."""
MOST = 20
"""Files of one case."""

_MAGIC: tuple[tuple[bytes, int, str, tuple[str, ...]], ...] = (
    (b"\xff\xd8\xff", 0, "image/jpeg", (".jpg", ".jpeg")),
    (b"\x89PNG\r\n\x1a\n", 0, "image/png", (".png",)),
    (b"GIF8", 0, "image/gif", (".gif",)),
    (b"WEBP", 8, "image/webp", (".webp",)),
    (b"ftyphei", 4, "image/heic", (".heic", ".heif")),
    (b"ftypmif1", 4, "image/heic", (".heic", ".heif")),
    (b"ftyp", 4, "video/mp4", (".mp4", ".m4a", ".mov", ".3gp")),
    (b"WAVE", 8, "audio/wav", (".wav",)),
    (b"ID3", 0, "audio/mpeg", (".mp3",)),
    (b"\xff\xfb", 0, "audio/mpeg", (".mp3",)),
    (b"#!AMR", 0, "audio/amr", (".amr",)),
    (b"%PDF-", 0, "application/pdf", (".pdf",)),
)
"""Signature, its offset, media type, and the endings that may carry it. Office files are left out: they carry programs."""
KINDS = (*dict.fromkeys(kind for _, _, kind, _ in _MAGIC), "text/plain")
"""Media types that are taken."""
ENDINGS = tuple(sorted({ending for *_, endings in _MAGIC for ending in endings} | {".txt"}))


class StoreFull(CaseworkError):
    """The disk has no room; nothing of the matter is kept half."""

    code = "attachment.no_room"
    status = 507


def check(name: str, content: bytes) -> str:
    """The media type of a file; raise :class:`Invalid` for a forbidden kind or a name that lies, :class:`TooLarge`."""
    if len(content) > LARGEST:
        raise TooLarge(f"附件“{name[:60]}”超过{LARGEST // 1024 // 1024}MB", "请压缩或分开上传", field="file", limit=LARGEST)
    if not content:
        raise Invalid(f"附件“{name[:60]}”是空的", "请重新选择文件", field="file")
    ending = Path(name).suffix.lower()
    for magic, offset, media_type, endings in _MAGIC:
        if content[offset : offset + len(magic)] == magic and ending in endings:
            return media_type
    if ending == ".txt" and b"\0" not in content:
        try:
            content.decode()
        except UnicodeDecodeError:
            raise Invalid(f"附件“{name[:60]}”不是 UTF-8 文本", "请另存为 UTF-8", field="file") from None
        return "text/plain"
    raise Invalid(
        f"不接收附件“{name[:60]}”", f"只接收 {' '.join(ENDINGS)},且内容与扩展名相符", field="file", allowed=list(ENDINGS)
    )


def clean(name: str) -> str:
    """A file's name without folders, control characters and what else a file system or browser could stumble over."""
    base = unicodedata.normalize("NFC", name).replace("\\", "/").rsplit("/", 1)[-1]
    base = "".join("_" if unicodedata.category(char)[0] == "C" or char in '<>:"|?*' else char for char in base)
    base = re.sub(r"^[.\s]+", "", base).strip() or "附件"
    stem, dot, ending = base.rpartition(".")
    return base if len(base) <= 120 else (stem if dot else base)[: 110 - len(ending)] + dot + ending if dot else base[:120]


@dataclass(frozen=True, slots=True)
class Store:
    """Bytes below one folder, named by their SHA-256: the same file is kept once."""

    folder: Path

    def path(self, sha256: str) -> Path:
        return self.folder / sha256[:2] / sha256

    def write(self, content: bytes) -> str:
        """Keep bytes, whole and on the disk before this returns; return their hash. Raise :class:`StoreFull`."""
        name = hashlib.sha256(content).hexdigest()
        target = self.path(name)
        if target.exists():
            return name
        part = target.with_name(f".{name}.{os.getpid()}.{ids.new()}")
        try:
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with part.open("xb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            part.replace(target)
            private.sync_folder(target.parent)
        except OSError as error:
            with contextlib.suppress(OSError):
                part.unlink()
            raise StoreFull(f"附件无法保存({error.strerror})", "请管理员检查磁盘空间后重试") from error
        return name

    def read(self, sha256: str) -> bytes:
        """Raise :class:`Conflict` if the bytes are gone or changed."""
        try:
            content = self.path(sha256).read_bytes()
        except OSError as error:
            raise Conflict("附件文件缺失", "请管理员从备份恢复", sha256=sha256) from error
        if hashlib.sha256(content).hexdigest() != sha256:
            raise Conflict("附件文件已损坏", "请管理员从备份恢复", sha256=sha256)
        return content


@operation
async def add(
    work: Work, case: str, name: str, content: bytes, *, media_type: str | None = None, police_only: bool = False
) -> Attachment:
    """Keep a file with a case; ``police_only`` ones are seen by police alone."""
    kind = media_type or check(name, content)
    row = await work.hold(case)
    there = (await work.session.scalars(select(Attachment).where(Attachment.case_id == case))).all()
    if len(there) >= MOST:
        raise Conflict(f"一个事项最多{MOST}个附件", "请合并文件", limit=MOST)
    if work.town.attachments is None:
        raise Conflict("未配置附件存储", "请管理员检查数据目录")
    digest = await asyncio.to_thread(work.town.attachments.write, content)
    known = next((one for one in there if one.sha256 == digest and one.police_only == police_only), None)
    if known is not None:
        return known
    made = Attachment(
        id=ids.new(),
        case_id=row.id,
        name=clean(name),
        media_type=kind,
        size=len(content),
        sha256=digest,
        police_only=police_only,
        at=work.now,
        by=work.actor.id,
    )
    work.session.add(made)
    work.note(row.id, "attachment.added", made.id, sha256=digest, size=len(content), media_type=kind)
    return made


async def of_case(work: Work, case: str) -> list[Attachment]:
    query = select(Attachment).where(Attachment.case_id == case).order_by(Attachment.at, Attachment.id)
    return list((await work.session.scalars(query)).all())


async def content(work: Work, case: str, attachment: str) -> tuple[Attachment, bytes]:
    """A file and its bytes."""
    row = await work.session.get(Attachment, attachment)
    if row is None or row.case_id != case:
        raise NotFound("没有这个附件", "请刷新列表", attachment=attachment)
    return row, await asyncio.to_thread(work.town.attachments.read, row.sha256)
