"""Bodies of the case endpoints."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from api.kit.fields import MANY_LINES, NOT_BLANK, ONE_LINE, STRIP, Body, CreditCode, Division, Id, Moment, Phone, Text, Words
from router.allocation.decision import Ticks

Channel = Literal["phone", "web", "app", "sms", "mail", "other-hotline", "agency"]
TextChannel = Literal["web", "app", "sms", "mail", "other-hotline"]
RequestKind = Literal["consult", "help", "complaint", "report", "suggestion"]
Confidentiality = Literal["open", "caller", "stability"]
Name = Annotated[str, Field(max_length=100), ONE_LINE, NOT_BLANK, STRIP]
Place = Annotated[str, Field(max_length=300), ONE_LINE, NOT_BLANK]
Asked = Annotated[
    dict[Annotated[str, Field(max_length=40), ONE_LINE], Annotated[str, Field(max_length=500), MANY_LINES]], Field(max_length=50)
]


class TicksBody(Body):
    """话务员或对端系统的勾选与选择;未填表示没有表态。"""

    danger: bool | None = Field(default=None, description="危及人身、财产或公共安全:110 立即派警")
    belongs: Literal["12345", "110", "unclear", "neither"] | None = Field(default=None, description="明确归属;unclear 为职责不明")
    agency: CreditCode | None = Field(default=None, description="人工选定的承办单位,可直派乡镇或一线单位")
    stability: bool = Field(default=False, description="影响社会稳定的线索:第一时间转 110")
    escalating: bool = Field(default=False, description="可能引发违法犯罪的矛盾纠纷:先派警,再转 12345")
    police_complaint: Literal["ongoing", "past"] | None = Field(default=None, description="对公安机关及民警的投诉:正在发生或事后")
    complained_of: CreditCode | None = Field(default=None, description="被投诉的公安单位,不会收到该警单")
    police_class: Annotated[str, Field(pattern=r"^[0-9]{2,6}$")] | None = Field(default=None, description="警情类别")

    def ticks(self, item: str | None = None, kind: str | None = None) -> Ticks:
        return Ticks(
            danger=self.danger,
            item=item,
            kind=kind,
            agency=self.agency,
            belongs=self.belongs,
            stability=self.stability,
            police_complaint=self.police_complaint,
            complained_of=self.complained_of,
            police_class=self.police_class,
            escalating=self.escalating,
        )


class Facts(Body):
    """一件诉求的要素。"""

    words: Annotated[Words, NOT_BLANK] = Field(description="诉求内容,原话")
    caller_number: Phone | None = Field(default=None, description="来电号码,入库时归一")
    caller_name: Name | None = None
    place: Place | None = None
    division: Division | None = Field(default=None, description="行政区划代码 GB/T 2260;不填则从地点解析")
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None
    asked: Asked = Field(default={}, description="已问要素")
    item: Id | None = Field(default=None, description="事项清单编码")
    kind: RequestKind | None = None
    confidentiality: Confidentiality = "open"
    ticks: TicksBody = TicksBody()


class RegisterBody(Facts):
    channel: Channel = "phone"
    call: Id | None = Field(default=None, description="通话号:该通话的草稿由本次登记填写")
    dispatch: bool = Field(default=True, description="分配出承办单位时立即派单")
    hand_over: bool = Field(default=True, description="判定属对方时立即发起流转")


class EditBody(Body):
    """只改给出的字段。"""

    words: Annotated[Words, NOT_BLANK] | None = None
    caller_number: Phone | None = None
    caller_name: Name | None = None
    place: Place | None = None
    division: Division | None = None
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None
    asked: Asked | None = None
    confidentiality: Literal["open", "caller", "stability"] | None = None


class OverruleBody(Body):
    """人工改判:按新的勾选重新判定,原判定保留。"""

    item: Id | None = None
    kind: RequestKind | None = None
    ticks: TicksBody = TicksBody()
    reason: Text
    dispatch: bool = True
    hand_over: bool = True


class LinkBody(Body):
    other: Id = Field(description="另一事项的 id")
    kind: Literal["related", "repeat", "duplicate"] = "related"


class MergeBody(Body):
    into: Id = Field(description="并入的事项 id")
    reason: Text


class HoldBody(Body):
    on: bool
    reason: Text


class CallLinkBody(Body):
    call: Id


class InboundBody(Facts):
    """网页、客户端、短信、信件等文字诉求。附件以 multipart/form-data 的 files 提交,本体为 data 字段中的 JSON。"""

    channel: TextChannel
    origin: Id = Field(description="来源网关的名称")
    origin_id: Id = Field(description="来源网关自己的消息编号;重复推送不会重复立案")
    received_at: Moment | None = Field(default=None, description="网关收到的时间;首接时间以此为准")
