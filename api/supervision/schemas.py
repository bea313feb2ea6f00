"""Bodies and answers of supervision."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import Field

from api.kit.fields import MANY_LINES, NOT_BLANK, Body, Id, Text, View

ListKind = Literal["unsigned", "overdue", "returned-again", "pushed-away", "urgent-undispatched", "tracked-disputes"]
Duty = Literal["accept", "sign", "handle", "feedback", "confirm", "answer"]
Demand = Annotated[str, Field(max_length=2000), MANY_LINES, NOT_BLANK]


class ListName(View):
    """一张监管清单"""

    kind: ListKind
    name: str


class FindingView(View):
    """清单中的一条"""

    kind: ListKind
    case_id: str
    number: str = Field(description="事项号")
    unit: str = Field(description="责任单位")
    since: dt.datetime
    detail: dict[str, Any] = Field(description="依据:次数、时限、状态等")


class SupervisionView(View):
    """督办单"""

    id: str
    rev: int
    number: str
    case_id: str
    subject_id: str = Field(description="所督办的工单或警单")
    platform: str = Field(description="督办平台:谁受理、谁督办")
    to_unit: str = Field(description="被督办单位")
    demand: str
    state: str
    state_name: str
    can: list[str]
    issued_at: dt.datetime
    issued_by: str
    answer: str | None
    answered_at: dt.datetime | None
    answered_by: str | None
    closed_at: dt.datetime | None


class IssueBody(Body):
    subject_id: Id = Field(description="工单或警单的 id")
    to_unit: Id | None = Field(default=None, description="被督办单位,默认当前承办单位")
    demand: Demand


class AnswerBody(Body):
    text: Text


class InsistBody(Body):
    text: Demand


class DutyView(View):
    """一项时限"""

    id: str
    case_id: str | None
    case_number: str | None
    subject_id: str
    duty: str
    duty_name: str
    unit: str
    allowed: str
    started_at: dt.datetime
    due_at: dt.datetime
    provisional: bool = Field(description="用到了尚未公布的工作日历")
    overdue: bool
    paused_at: dt.datetime | None
    ended_at: dt.datetime | None


class NoticeView(View):
    """提醒"""

    id: str
    case_id: str | None
    unit: str
    role: str | None = Field(description="只提醒这种角色")
    kind: str
    level: int = Field(description="0 一般,1 紧急,2 声音报警")
    text: str
    at: dt.datetime
    done_at: dt.datetime | None
    done_by: str | None
