"""What the OpenAPI document says beyond what the framework reads out of the endpoints' signatures."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from api.kit import errors, routing

SUCCESS = {"200": "成功 / done", "201": "已建立 / made", "202": "已接受 / taken", "204": "成功,没有内容 / done, no content"}
PARAMETERS = {
    "account_id": "账号 id",
    "active": "true 在用,false 已停用",
    "after": "从这一条之后开始",
    "assignment": "承办任务 id",
    "attachment": "附件 id",
    "caller": "来电号码,精确;限能看到完整号码的角色",
    "case": "事项 id",
    "case_id": "事项 id",
    "channel": "渠道,如 phone、web、app、sms、mail",
    "city": "州市代码,默认本市",
    "code": "编码或代码",
    "consultation": "会商 id",
    "contact": "值班联系人 id",
    "desk": "进驻的单位;不填为本单位",
    "danger": "true 只列危险的,false 只列其余的",
    "day": "日期,如 2026-10-01",
    "division": "行政区划代码 GB/T 2260;以 00 结尾时包含下级",
    "from_centre": "转出的受理中心",
    "grant_id": "授权 id",
    "handoff": "流转单 id",
    "event": "突发事件 id",
    "request": "联动请求 id",
    "task": "指令 id",
    "report": "报送 id",
    "improvement": "改进项 id",
    "drill": "演练 id",
    "file": "附件 id",
    "item": "事项清单编码",
    "kind": "类别",
    "level": "层级",
    "limit": "最多几条",
    "mark_id": "骚扰标识 id",
    "mode": "流转方式:call 通话、online 在线、agency 承办单位发起、peer 对接系统",
    "notice": "提醒 id",
    "number": "单号",
    "order": "警单 id",
    "overdue": "true 有超时未完成的时限,false 没有",
    "peer": "对接系统的标识",
    "place": "地点",
    "police_class": "警情类别代码",
    "posting_id": "进驻记录 id",
    "role": "角色",
    "scope": "归属",
    "section": "哪一部分",
    "session_id": "会话 id",
    "since": "时间不早于",
    "state": "状态",
    "supervision": "督办单 id",
    "ticket": "工单 id",
    "to_centre": "接收的受理中心",
    "unit": "单位:中心编号或统一社会信用代码",
    "until": "时间早于",
    "version": "版本",
    "urgency": "紧急程度:normal、urgent、danger",
    "webhook": "订阅 id",
    "words": "诉求内容包含的文字",
    "year": "公历年",
}
"""What a parameter of this name means, where its endpoint says nothing of it."""
PROBES = ("403", "422", "429", "503")
"""Errors of what lies outside of ``/api/v1`` and needs no sign-in."""


def file(*kinds: str) -> errors.Status:
    """For ``responses=``: success is a file of one of these media types."""
    binary = {"type": "string", "format": "binary"}
    content = {kind.partition(";")[0]: {"schema": {} if kind.endswith("yaml") else binary} for kind in kinds}
    return {200: {"description": "文件 / the file", "content": content}}


class Application(FastAPI):
    """An application whose document is complete."""

    def openapi(self) -> dict[str, Any]:
        if not self.openapi_schema:
            self.openapi_schema = refined(super().openapi())
        return self.openapi_schema


def refined(document: dict[str, Any]) -> dict[str, Any]:
    """The document with everything that follows from the rules of all endpoints."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            _parameters(method, operation)
            _responses(path, operation)
    return document


def _parameters(method: str, operation: dict[str, Any]) -> None:
    given = operation.get("parameters", [])
    if method != "post":  # others may be repeated as they are (RFC 9110 9.2.2) or carry If-Match
        given = [one for one in given if one["name"] != "Idempotency-Key"]
    for one in given:
        if one["name"] in PARAMETERS:
            one.setdefault("description", PARAMETERS[one["name"]])
    if given:
        operation["parameters"] = given
    else:
        operation.pop("parameters", None)


def _responses(path: str, operation: dict[str, Any]) -> None:
    found = operation["responses"]
    for status, answer in found.items():
        if answer.get("description") == "Successful Response":
            answer["description"] = SUCCESS.get(status, SUCCESS["200"])
        if status >= "400":  # the framework gives errors the media type of success
            answer["content"] = {"application/json": next(iter(answer["content"].values()))}
    if any(one["name"] == "If-Match" for one in operation.get("parameters", ())):
        common = found["409"]
        for status in (412, 428):
            found.setdefault(str(status), {**common, "description": errors.WHY[status]})
    if "requestBody" not in operation:
        found.pop("415", None)
    elif "multipart/form-data" in operation["requestBody"]["content"]:
        found["507"] = {**found["409"], "description": errors.WHY[507]}
    if not path.startswith(routing.PREFIX):
        for status in [one for one in found if one >= "400" and one not in PROBES]:
            del found[status]
    operation["responses"] = dict(sorted(found.items()))
