"""Matters that come as text (网页、客户端、短信、信件): registered as they come; dangerous ones alert a person to ring back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from router.casework import attachments, cases
from router.casework.cases import Registered, Registration
from router.casework.work import Work, operation
from router.errors import Invalid
from router.supervision import notices

TEXT_CHANNELS = ("web", "app", "sms", "mail", "other-hotline")


@dataclass(frozen=True, slots=True)
class File:
    name: str
    content: bytes


@operation
async def receive(work: Work, given: Registration, files: Sequence[File] = ()) -> Registered:
    """Register a citizen's text with its files.

    ``given.origin`` is the gateway, ``origin_id`` its own id of the message: sent again, it makes no second case. The centre
    is the one that the gateway's account belongs to (a web alarm of 110 goes to a 110 desk). Words that speak of danger raise
    an alarm at both sides: somebody rings back now.
    """
    if given.channel not in TEXT_CHANNELS:
        raise Invalid(f"“{given.channel}”不是文字渠道", "请使用列出的渠道", field="channel", allowed=list(TEXT_CHANNELS))
    if not given.origin or not given.origin_id:
        raise Invalid("缺少来源系统的消息编号", "请给出 origin_id,重复推送才不会重复立案", field="origin_id")
    checked = [attachments.check(one.name, one.content) for one in files]
    found = await cases.register(work, given)
    if found.again:
        return found
    for file, media_type in zip(files, checked, strict=True):
        await attachments.add(work, found.case.id, file.name, file.content, media_type=media_type)
    if needs_call_back(found):
        units = {found.case.first_centre, *(face.platform for face in (found.ticket, found.order) if face)}
        for unit in sorted(units):
            await notices.raise_(
                work,
                unit=unit,
                kind="call-back-now",
                text=f"{found.case.number} 文字中有危险信号,请立即电话回拨",
                level=notices.ALARM,
                case=found.case.id,
            )
    return found


def needs_call_back(found: Registered) -> bool:
    """Whether somebody should ring the citizen now."""
    if found.case.urgency == "danger":
        return True
    decision = found.allocation.decision if found.allocation else {}
    verdict = decision.get("inputs", {}).get("verdict", {})
    return bool(verdict.get("call_back"))
