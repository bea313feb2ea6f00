"""Bodies and answers of seats from elsewhere."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import Field

from api.kit.fields import MANY_LINES, NOT_BLANK, ONE_LINE, Body, Division, Id, View

State = Literal["proposed", "active", "withdrawn", "declined"]
Reason = Annotated[str, Field(max_length=500), MANY_LINES, NOT_BLANK]
Approver = Annotated[str, Field(max_length=50), ONE_LINE, NOT_BLANK]


class MeasuredView(View):
    """The queue when help was proposed."""

    waiting: int = Field(description="排队人数,含转入")
    longest: float = Field(description="最久等待秒数")
    abandoned_share: float = Field(description="近 15 分钟放弃率,0–1")
    seats_free: int = Field(description="示闲且空闲的座席")


class ReinforcementView(View):
    """异地座席支援"""

    id: str
    rev: int
    centre: str = Field(description="被支援的中心")
    centre_name: str
    event_id: str | None
    state: State
    state_name: str
    seats: list[str] = Field(description="支援座席")
    region: str | None = Field(description="支援座席所在区划")
    region_name: str | None
    reason: str
    measured: MeasuredView | None = Field(description="自动建议所依据的数字;人工提出的为 null")
    proposed_at: dt.datetime
    decided_at: dt.datetime | None
    decided_by: str | None = Field(description="批准人")
    withdrawn_at: dt.datetime | None
    withdrawn_by: str | None = Field(description="撤回人账号 id")


class WholeReinforcement(ReinforcementView):
    """A reinforcement and what came of it."""

    answered: int = Field(description="支援座席为该中心接听的人次")


class CandidateView(View):
    """A seat that may help."""

    seat: str
    name: str
    centre: str = Field(description="座席所属中心")
    centre_name: str
    region: str | None
    free: bool = Field(description="示闲且空闲")
    helps: bool = Field(description="正在支援该中心")


class ProposeBody(Body):
    centre: Id
    reason: Reason
    event_id: Annotated[Id | None, Field(description="为哪个突发事件")] = None


class ApproveBody(Body):
    seats: Annotated[list[Id], Field(min_length=1, max_length=500)]
    region: Annotated[Division | None, Field(description="来源地区,默认取座席所属中心的区划")] = None
    approver: Annotated[Approver | None, Field(description="批准人,默认本人")] = None


class DeclineBody(Body):
    reason: Reason
    approver: Annotated[Approver | None, Field(description="决定人,默认本人")] = None
