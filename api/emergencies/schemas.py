"""Bodies of requests about emergency events."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import Field

from api.emergencies import views
from api.kit.fields import MANY_LINES, ONE_LINE, Body, Division, Id, Line, Moment, Text, View

Long = Annotated[str, Field(max_length=8000), MANY_LINES]
Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
Level = Annotated[int, Field(ge=1, le=4)]
Metres = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]
Fact = Annotated[str, Field(max_length=40), ONE_LINE]
Cases = Annotated[list[Id], Field(max_length=200)]


class ApprovalBody(Body):
    """每一步都有理由和批准人"""

    reason: Annotated[str, Field(max_length=1000), MANY_LINES]
    approver: Annotated[str, Field(max_length=50), ONE_LINE] = Field(description="批准人")


class EventBody(Body):
    """事件要素"""

    kind: Id = Field(description="事件类型,见 GET /emergencies/kinds")
    title: Line
    place: Line
    happened_at: Moment = Field(description="事发时间;报送时限由此起算")
    division: Division | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    radius: Metres | None = Field(default=None, description="影响半径,米")
    situation: Long = ""
    answer: Annotated[str, Field(max_length=2000), MANY_LINES] = Field(default="", description="统一答复口径;留空用预案的")
    facts: dict[Id, float | Fact] = Field(default={}, description="定级数据,见 GET /emergencies/kinds")
    sensitive: list[Literal["time", "place", "people"]] = Field(default=[], description="敏感时间、地区、人群")
    level: Level | None = Field(default=None, description="留空用建议级别")
    without_level: bool = Field(default=False, description="社会安全事件可不定级")
    level_reason: Annotated[str, Field(max_length=1000), MANY_LINES] = ""


class EventRegisterBody(EventBody):
    """登记突发事件"""

    city: Division | None = Field(default=None, description="州市,默认本市")
    cases: Cases = Field(default=[], description="源事项")
    parent: Id | None = Field(default=None, description="原生事件:本事件是它的次生、衍生事件")


class StartBody(ApprovalBody):
    """启动响应"""

    plan: Id | None = Field(default=None, description="预案版本;留空用该类型现行预案")
    level: Level | None = Field(default=None, description="响应级别;留空同事件级别")


class ResponseBody(ApprovalBody):
    """调整响应级别"""

    level: Level


class CasesBody(Body):
    cases: Annotated[Cases, Field(min_length=1)]


class AskBody(Body):
    """请某值班岗联动"""

    post: Id
    task: Text
    part: Literal["lead", "assist", "inform"] = "assist"


class ReasonBody(Body):
    reason: Text


class RequestProgressBody(Body):
    """出动、到场、反馈"""

    step: Literal["send-out", "arrive", "feed-back"]
    text: Annotated[str, Field(max_length=4000), MANY_LINES] = ""
    at: Moment | None = Field(default=None, description="实际时间;断网后补报时填写")


class TaskBody(Body):
    """下达指令"""

    text: Text
    unit: Id | None = None
    post: Id | None = None
    due_at: Moment | None = None


class TaskStepBody(Body):
    """指令的一步"""

    step: Literal["sign", "set-out", "arrive", "finish", "refuse"]
    text: Annotated[str, Field(max_length=4000), MANY_LINES] = ""
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    accuracy: Metres | None = Field(default=None, description="定位精度,米")
    at: Moment | None = Field(default=None, description="实际时间;断网后补报时填写")


class PhoneBody(Body):
    """已先电话报告"""

    to: Line = Field(description="接听的单位和人员")
    at: Moment | None = None


class SubmitBody(Body):
    """书面报送"""

    fields: dict[str, Annotated[str, Field(max_length=4000), MANY_LINES]]


class WriteBody(Body):
    kind: Literal["first", "follow-up", "final"] = "follow-up"


class ConclusionsBody(Body):
    conclusions: Annotated[str, Field(max_length=20000), MANY_LINES]


class ImproveBody(Body):
    """改进项"""

    text: Text
    unit: Id
    due_on: dt.date


class ImprovementStepBody(Body):
    step: Literal["finish", "drop", "reopen"]
    text: Text


class PlanBody(Body):
    """发布预案"""

    city: Division | None = None
    note: Line = Field(description="修订说明")
    content: dict[str, Any] = Field(description="预案内容,同 YAML 文件")


class WholeEvent(View):
    """事件及其全部"""

    event: views.EventView
    steps: list[StepView]
    requests: list[views.RequestView]
    mutual: list[views.MutualView]
    tasks: list[views.TaskView]
    reports: list[views.ReportView]
    cases: list[str]
    secondary: list[views.EventView] = Field(description="次生、衍生事件")


class StepView(View):
    """启动、调整、终止"""

    step: str
    level: int | None
    reason: str
    approver: str
    by: str
    at: dt.datetime


class KindsView(View):
    kinds: list[views.KindView]
    facts: list[views.FactView]


class MoveView(View):
    """过程记录的一条"""

    seq: int
    at: dt.datetime
    actor: str
    unit: str
    action: str
    subject: str
    detail: dict[str, Any]


WholeEvent.model_rebuild()
