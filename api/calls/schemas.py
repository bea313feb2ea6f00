"""What the interface says and takes about calls."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import Field

from api.kit.fields import Body, Id, Phone, Text, View
from telephony import contract

Outcome = Literal["answered", "unanswered", "abandoned", "silent", "live"]
"""answered 人工接通 · unanswered 未接通 · abandoned 来电人先挂断 · silent 无声 · live 进行中."""
Seat = Annotated[str, Field(pattern=r"^[0-9]{3,8}$", description="座席号,如 `8001`")]


class CaseRef(View):
    """A matter of a call (关联事项)."""

    id: str
    number: str
    state: str


class CallView(View):
    """One call (通话)."""

    id: str
    kind: contract.CallKind = Field(description="inbound 呼入 · internal 内部 · callback 回拨 · page 叫应 · ringback 中断后回呼")
    state: Literal["queued", "ringing", "talking", "over"]
    centre: str
    called: str = Field(description="所拨号码")
    caller: str | None = Field(description="来电号码,按角色脱敏;null:匿名")
    started_at: dt.datetime
    queued_at: dt.datetime | None
    answered_at: dt.datetime | None = Field(description="人工接通时间")
    answered_by: str = Field(description="首先接通的座席或外线")
    ended_at: dt.datetime | None
    waited: float | None = Field(description="排队秒数")
    end_cause: str
    abandoned: bool = Field(description="人工接通前来电人挂断")
    silent: bool = Field(description="录音中来电人一侧无声")
    overflowed_to: str
    after: str = Field(description="所接续的通话(回拨、回呼)")
    cases: list[CaseRef] = Field(description="关联事项(可见者)")


class PartyView(View):
    """One party of a call (通话方)."""

    id: str
    role: contract.Role
    seat: str
    number: str | None
    centre: str
    home: str = Field(description="异地支援座席的来源地区;其余为空")
    invited_at: dt.datetime
    ringing_at: dt.datetime | None
    joined_at: dt.datetime | None
    left_at: dt.datetime | None
    held_seconds: float
    end_cause: str
    via_transfer: str
    mode: str = Field(description="监听方式:listen、whisper、barge")


class TransferView(View):
    """One transfer (转接)."""

    id: str
    kind: contract.TransferKind
    dangerous: bool
    by: str = Field(description="key 按键 · refer 话机 · command 界面")
    asker_seat: str
    from_centre: str
    target: str
    to_centre: str
    started_at: dt.datetime
    ringing_at: dt.datetime | None
    answered_at: dt.datetime | None
    answered_by: str
    ended_at: dt.datetime | None
    outcome: str = Field(description="空:进行中;answered、refused、busy、no_answer、unreachable、no_seats、cancelled …")
    asker_left_at: dt.datetime | None
    went_back_to: str


class RecordingRef(View):
    """A recording of a call (录音)."""

    id: str
    started_at: dt.datetime
    seconds: float
    playable: bool = Field(description="当前角色可否收听")


class CallDetail(CallView):
    """A call with all that belongs to it."""

    parties: list[PartyView]
    transfers: list[TransferView]
    recordings: list[RecordingRef]


class LiveView(CallView):
    """A call in progress (进行中的通话)."""

    parties: list[PartyView]
    transfers: list[TransferView]
    mine: bool = Field(description="本人座席在此通话中")


class DraftHandoff(View):
    """A handoff of the call's matter (流转)."""

    id: str
    number: str
    state: str
    to_centre: str
    transfer_id: str | None
    offered_at: dt.datetime
    rung_at: dt.datetime | None
    answered_at: dt.datetime | None


class CaseOfCall(View):
    """The matter that a call opened, a draft until somebody registers it (登记草稿)."""

    id: str
    rev: int
    number: str
    state: str
    channel: str
    caller_number: str | None
    first_centre: str
    first_answered_at: dt.datetime | None
    created_at: dt.datetime
    handoffs: list[DraftHandoff]


# --- commands


class TransferBody(Body):
    """Bring another party in; at most one of ``centre``, ``seat``, ``line``; none: the other side's default centre."""

    kind: contract.TransferKind = Field(
        default="one-key", description="one-key 一键 · three-way 三方 · consult 先咨询 · blind 直转"
    )
    centre: Id | None = Field(default=None, description="受理中心编号或服务号码,如 `110`")
    seat: Seat | None = None
    line: Id | None = Field(default=None, description="外线编号,如 `120`")
    dangerous: bool = Field(default=False, description="危及人身财产安全:三方通话,优先接通,即时派警")
    case: Id | None = Field(default=None, description="事项编号;缺省用本次通话的草稿")
    asker: Seat | None = Field(default=None, description="发起转接的座席;班长代为发起时填写")
    reason: Text | None = Field(default=None, description="转交理由,记入流转单")


class TakeOverBody(Body):
    seat: Seat | None = Field(default=None, description="接手的座席;缺省为本人座席")


class PartySwitch(Body):
    on: bool = True


class SuperviseBody(Body):
    mode: contract.SupervisionMode = Field(description="listen 监听 · whisper 耳语 · barge 插话")
    seat: Seat | None = Field(default=None, description="班长席;缺省为本人座席")


class PickBody(Body):
    seat: Seat | None = Field(default=None, description="接听的座席;缺省为本人座席")


class RingBackBody(Body):
    """Ring a seat, then the citizen. Without ``number`` that of ``about``'s caller, else of the case."""

    number: Phone | None = None
    about: Id | None = Field(default=None, description="所回拨的通话")
    case: Id | None = Field(default=None, description="事项编号;缺省用 about 的事项")
    seat: Seat | None = Field(default=None, description="先呼叫的座席;缺省为本人座席")


class HandoffRef(View):
    id: str
    number: str
    state: str


class Done(View):
    """The call core has done, or begun, what was asked."""

    command: str = Field(description="指令编号")
    transfer: str | None = Field(default=None, description="转接编号,其进展见 transfer.changed 事件")
    party: str | None = None
    call: str | None = None
    case: str | None = Field(default=None, description="所关联的事项")
    handoff: HandoffRef | None = Field(default=None, description="转对方热线时的流转单")
