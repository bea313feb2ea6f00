"""Bodies and answers of duty posts and rosters."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import Field

from api.kit.fields import NOT_BLANK, ONE_LINE, Body, Division, Id, Line, Moment, Phone, View

Name = Annotated[str, Field(max_length=50), ONE_LINE, NOT_BLANK]
Kind = Annotated[str, Field(max_length=20), ONE_LINE, NOT_BLANK]
Reason = Annotated[Line, Field(description="原因")]
Clock = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", max_length=5)]
Month = Annotated[str, Field(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$", max_length=7)]
Source = Literal["rotation", "shift", "override", "swap"]
FindingKind = Literal["gap", "contact-gone", "running-out", "post-stale", "contact-stale"]


class DutyNowView(View):
    """现在谁值班"""

    rostered: bool = Field(description="有排班;没有排班的岗由值班电话直接应答")
    gap: bool = Field(description="有排班而此刻无人值班:应显示红色")
    contact: str | None = Field(description="值班联系人 id")
    name: str | None
    phone: str | None
    backup_phone: str | None
    kind: Source | None = Field(description="依据:rotation 轮班、shift 排班、override 替班、swap 换班")
    until: dt.datetime | None = Field(description="值到何时;无人值班时为何时有人,一周内没有则为 null")


class PostView(View):
    """值班岗;号码按角色脱敏"""

    id: str
    rev: int
    city: str
    unit: str
    name: str
    kind: str
    divisions: list[str]
    main: str | None = Field(description="值班电话")
    reserve: str | None = Field(description="备用电话")
    sms: str | None = Field(description="接收短信的手机")
    leader: str | None = Field(description="无人签收时上报的值班岗")
    fallback: str | None = Field(description="无人值班时替代的值班岗")
    zone: str
    active: bool
    verified_at: dt.datetime
    stale: bool = Field(description="电话久未核实:应显示红色")
    updated_at: dt.datetime
    duty: DutyNowView


class PostDetails(Body):
    unit: Id = Field(description="承办单位代码、受理中心或外部线路编号")
    name: Name
    kind: Kind = Field(description="单位类别(与事项清单一致)、外部线路编号、领导或指挥长")
    main: Phone = Field(description="值班电话或座席号")
    reserve: Phone | None = None
    sms: Phone | None = Field(default=None, description="接收短信的手机号")
    divisions: Annotated[list[Division], Field(max_length=200)] = Field(default_factory=list, description="服务区划,空为全市")
    leader: Id | None = Field(default=None, description="上级值班岗")
    fallback: Id | None = Field(default=None, description="替代值班岗")
    zone: Annotated[str, Field(max_length=40), ONE_LINE, NOT_BLANK] = Field(default="Asia/Shanghai", description="排班所用的时区")


class PostBody(PostDetails):
    id: Id = Field(description="预案中使用的短名,如 gas")
    city: Division | None = Field(default=None, description="州市代码,默认本市")


class RotationView(View):
    """轮班:依次接替,每天在同样的时刻交接"""

    id: str
    rev: int
    post: str
    contacts: list[str]
    names: list[str | None] = Field(description="与 contacts 一一对应;null:该联系人已不在")
    first_day: dt.date
    last_day: dt.date | None
    handovers: list[str]
    by: str
    at: dt.datetime
    ended_at: dt.datetime | None = Field(description="未开始即撤销的时间")


class RotationBody(Body):
    contacts: Annotated[list[Id], Field(min_length=1, max_length=100)] = Field(description="值班联系人 id,按接替顺序")
    first_day: dt.date
    last_day: dt.date | None = Field(default=None, description="最后一个开始值班的日子;null 为长期")
    handovers: Annotated[list[Clock], Field(min_length=1, max_length=24)] = Field(
        default_factory=lambda: ["08:00"], description="每天交接班的当地时刻,从早到晚"
    )


class RotationEndBody(Body):
    last_day: dt.date | None = Field(default=None, description="null:值完正在值的班;尚未开始的整个撤销")


class ShiftView(View):
    """班次、替班,或换班的一半"""

    id: str
    post: str
    contact: str
    name: str | None = Field(description="null:该联系人已不在")
    kind: Literal["shift", "override", "swap"]
    since: dt.datetime
    until: dt.datetime
    swap: str | None = Field(description="同一次换班的两半相同")
    reason: str | None
    by: str
    at: dt.datetime
    cancelled_at: dt.datetime | None


class ShiftBody(Body):
    kind: Literal["shift", "override"] = Field(default="shift", description="shift 排班、override 替班")
    contact: Id
    since: Moment
    until: Moment
    reason: Reason | None = Field(default=None, description="替班原因,替班必填")


class TurnBody(Body):
    """一个人现有的一段值班"""

    contact: Id
    since: Moment
    until: Moment


class SwapBody(Body):
    first: TurnBody
    second: TurnBody
    reason: Reason


class SliceView(View):
    """时间线上的一段"""

    since: dt.datetime
    until: dt.datetime
    contact: str | None
    name: str | None
    kind: Source | None
    source: str | None = Field(description="轮班或班次的 id")
    gap: bool = Field(description="无人值班:应显示红色")


class TimelineView(View):
    """谁在何时值班,没有遗漏的时间"""

    post: str
    zone: str
    rostered: bool
    slices: list[SliceView]


class RosterImported(View):
    """导入结果;试算时什么也没有保存"""

    created: int
    same: int = Field(description="已有的,没有变化")
    dry_run: bool


class PostFindingView(View):
    """值守检查发现的问题:都应显示红色"""

    kind: FindingKind
    kind_name: str
    urgent: bool
    unit: str
    post: str | None
    contact: str | None
    contact_name: str | None
    text: str
    since: dt.datetime | None
    until: dt.datetime | None


class DutyTestView(View):
    """一次拨测;号码按角色脱敏"""

    id: str
    post: str
    post_name: str
    unit: str
    month: str
    due_at: dt.datetime
    called_at: dt.datetime | None
    number: str | None
    contact: str | None = Field(description="当班的值班联系人 id")
    outcome: str | None
    outcome_name: str | None
    waited: float | None = Field(description="几秒后接听")
    ended_at: dt.datetime | None
    ordered: bool = Field(description="由人抽查,不是每月随机的一次")


class TestBody(Body):
    post: Id


class TallyView(View):
    """拨测统计"""

    made: int = Field(description="次数;本方未能拨出的不计")
    accepted: int = Field(description="接听并按键确认的")
    rate: float | None = Field(description="应答率,0 至 1;没有拨测时为 null")
    waited: float | None = Field(description="平均几秒接听")
    outcomes: dict[str, int]


class PostTallyView(TallyView):
    """一个值班岗的拨测统计"""

    post: str
    post_name: str
    unit: str


class TestResultsView(View):
    """一个月的拨测结果"""

    month: str
    whole: TallyView
    posts: list[PostTallyView]
