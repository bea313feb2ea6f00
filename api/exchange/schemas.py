"""Answers of the exchange, as they are in ``docs/exchange.md``."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal

from pydantic import BaseModel, Field


class Receipt(BaseModel):
    """回执:消息已收下"""

    message: str = Field(description="消息编号")
    status: Literal["taken", "waiting", "repeated"] = Field(
        description="taken 已办;waiting 已存,等待同一事项在前的消息;repeated 先前已收到,未再办理"
    )
    at: dt.datetime
    case: str | None = Field(default=None, description="本系统的事项编号")
    face: str | None = Field(default=None, description="本系统的工单号或警单号")


class Waiting(BaseModel):
    """一条待取消息"""

    cursor: int = Field(description="下次请求的 after")
    message: dict[str, Any] = Field(description="hotline-exchange/1 消息")


class Messages(BaseModel):
    """待取消息,按先后"""

    items: list[Waiting]
    next: int = Field(description="下次请求的 after:本页最后一条的 cursor,没有新消息时不变")


class HandoffStanding(BaseModel):
    """流转单的状态"""

    number: str = Field(description="双方共用的流转单号")
    state: str
    from_centre: str
    to_centre: str
    offered_at: dt.datetime
    accepted_at: dt.datetime | None
    returned_at: dt.datetime | None
    return_reason: str | None
    owner: str | None = Field(description="协商定下的受理中心")
    feedback_at: dt.datetime | None
    feedback: str | None


class CaseStanding(BaseModel):
    """事项在本系统的状态"""

    system: str
    number: str
    case: str = Field(description="本系统的事项编号")
    state: str
    ticket: dict[str, Any] | None = Field(description="工单,字段同 ticket 消息的 body")
    order: dict[str, Any] | None = Field(description="警单,字段同 order 消息的 body;不含警务敏感内容")
    handoffs: list[HandoffStanding]
