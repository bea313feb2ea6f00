"""Bodies and answers of the classifier's endpoint."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from api.cases.schemas import Place
from api.cases.views import CaseView
from api.kit.fields import Body, Division, Id, View, Words
from classifier.extract import Kind
from classifier.verdict import Route, Service

OFFSET = "从 0 起的字符位置(Unicode 码点;JavaScript 中用 `Array.from(text)` 取)"
CHANCE = Field(ge=0, le=1)


class ClassifyBody(Body):
    text: Words = Field(description="原话,0 到 20,000 字")
    city: Division | None = Field(default=None, description="州市代码:按该市的事项清单判别;默认按区划,否则本市")
    division: Division | None = Field(default=None, description="事发地的行政区划代码,也用于相似事项")
    place: Place | None = Field(default=None, description="事发地点,如已另行填写;用于相似事项")
    partial: bool = Field(default=False, description="边输入边判别:省去要素提取")
    found: bool | None = Field(default=None, description="是否提取要素;默认 partial 时不提取")
    similar: bool = Field(default=False, description="是否查找相似的在办事项")
    case_id: Id | None = Field(default=None, description="相似事项中除去这一件")


class SuggestedItem(View):
    code: str
    name: str
    score: float = CHANCE


class SuggestedAgency(View):
    code: str | None = Field(description="统一社会信用代码,模型以其为标签时")
    name: str = Field(description="承办类型,或本市模型的标签")
    about: str | None = Field(description="事项清单对承办类型的说明")
    score: float = CHANCE


class SuggestedClass(View):
    code: str
    name: str


class EvidenceSpan(View):
    """判别依据的文字"""

    start: int = Field(description=OFFSET)
    end: int = Field(description="不含")
    text: str
    rule: str
    weighs: Literal["for", "against"] = Field(description="支持或削弱")


class FoundSpan(View):
    """提取的要素"""

    kind: Kind
    start: int = Field(description=OFFSET)
    end: int = Field(description="不含")
    text: str
    value: str = Field(description="规范的写法:号码、ISO 8601 时间、地点;说不准的为空")


class SimilarParts(View):
    """相似在哪里;null 为不知道"""

    words: float | None
    place: float | None
    time: float | None


class SimilarMatter(View):
    """可能是同一件事的在办事项"""

    id: str
    number: str
    score: float = Field(ge=0, le=1, description="0.5 起值得一看,0.8 起多半是同一件")
    parts: SimilarParts
    case: CaseView = Field(description="按角色脱敏")


class Judgement(View):
    """对一段话的判别。只供参考,不登记、不派单"""

    route: Route = Field(description="归谁:110、119、120、122、12345、guide(引导)、unsure(不确定)")
    urgent: bool = Field(description="须立即处置")
    services: list[Service] = Field(description="应当出动或告知的")
    items: list[SuggestedItem] = Field(description="可能的事项,最像的在前")
    agencies: list[SuggestedAgency] = Field(description="可能的承办单位,最像的在前")
    police_class: SuggestedClass | None = Field(description="警情类别")
    call_back: bool = Field(description="应当回拨核实")
    confidence: float = Field(ge=0, le=1, description="归属的把握")
    urgent_confidence: float = Field(ge=0, le=1, description="急或不急的把握")
    evidence: list[EvidenceSpan]
    found: list[FoundSpan] | None = Field(description="地点、时间、电话、车牌、证件号;没有要求提取时为 null")
    model: str = Field(description="模型及版本")
    catalog: str = Field(description="事项清单版本")
    similar: list[SimilarMatter] | None = Field(description="您可见的相似事项,最像的在前;没有要求时为 null")
    similar_complete: bool | None = Field(description="false:在办事项还没有全部读入,结果可能不全")
