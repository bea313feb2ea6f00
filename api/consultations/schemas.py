"""Bodies and answers of consultations."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from pydantic import Field

from api.cases.views import OpinionView
from api.kit.fields import MANY_LINES, NOT_BLANK, Body, CreditCode, Division, Id, Moment, Text, View


class DisputedView(View):
    """有争议的事项"""

    item: str
    item_name: str
    cases: int = Field(description="期间登记的工单数")
    returned: int = Field(description="退单次数")
    handoffs_returned: int = Field(description="流转被退回次数")
    negotiated: int = Field(description="进入协商次数")
    overruled: int = Field(description="人工改判次数")


class ConsultationView(View):
    """会商"""

    id: str
    rev: int
    number: str
    city: str
    subject: str
    item: str | None
    case_id: str | None = Field(description="处置中会商所关联的事项")
    agencies: list[str] = Field(description="受邀单位或中心")
    state: str
    state_name: str
    minutes: str | None
    conclusion: str | None
    catalog_version: str | None = Field(description="结论形成的清单版本")
    created_at: dt.datetime
    created_by: str
    concluded_at: dt.datetime | None
    concluded_by: str | None


class WholeConsultation(ConsultationView):
    opinions: list[OpinionView]


class ConsultationBody(Body):
    city: Division | None = Field(default=None, description="州市代码,默认本市")
    subject: Annotated[str, Field(max_length=500), MANY_LINES, NOT_BLANK] = Field(description="议题")
    item: Id | None = Field(default=None, description="事项编码;结论要写入清单时必填")
    case: Id | None = Field(default=None, description="处置中会商:关联的事项;纪要和结论进入其时间线")
    agencies: Annotated[list[Id], Field(min_length=1, max_length=50)] = Field(description="受邀承办单位代码或中心编号")


class ConsultationOpinionBody(Body):
    text: Text
    owner: Id | None = Field(default=None, description="认为应归哪个单位或中心")


class MinutesBody(Body):
    minutes: Annotated[str, Field(max_length=20_000), MANY_LINES, NOT_BLANK] = Field(description="会商纪要")


class ConcludeBody(Body):
    conclusion: Text
    change: dict[str, Any] | None = Field(
        default=None,
        description='对该事项的修改,键同清单,如 `{"agencies": ["城管"], "scope": "12345"}`;填写即同时发布新版清单',
        max_length=20,
    )
    effective_at: Moment | None = Field(default=None, description="新版生效时间,默认立即")
    tasks: Annotated[list[CreditCode], Field(max_length=20)] = Field(
        default=[], description="结论转为任务:把关联事项的工单派给这些单位,第一个牵头"
    )


class CancelBody(Body):
    reason: Annotated[str, Field(max_length=1000), MANY_LINES, NOT_BLANK]
