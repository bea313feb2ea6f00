"""What the interface says and takes about seats."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import Field

from api.kit.fields import Body, Id, View
from telephony import contract


class Person(View):
    """Whose account has this seat (座席人员)."""

    account: str
    name: str
    signed_in: bool = Field(description="浏览器会话有效")


class SeatView(View):
    """A seat (座席)."""

    seat: str
    name: str
    role: Literal["operator", "police", "duty", "supervisor"]
    centre: str | None = Field(description="null:值班点,只接叫应与咨询")
    groups: list[str]
    status: contract.SeatStatus = Field(description="available 示闲 · paused 示忙 · wrap-up 整理 · off 未签入")
    reason: str = Field(description="示忙原因编号")
    since: dt.datetime | None = Field(description="处于这一状态的起始时间")
    state: contract.SeatState = Field(description="idle 空闲 · reserved 预占 · ringing 振铃 · talking 通话")
    call: str | None = Field(description="正在其中的通话(可见者)")
    people: list[Person] = Field(description="本中心和班长可见")


class Reason(View):
    """A reason of a pause (示忙原因)."""

    id: str
    name: str


class SeatCounts(View):
    """How many seats of a centre do what."""

    available: int = Field(description="示闲且空闲")
    talking: int
    paused: int
    wrap_up: int
    off: int


class QueueView(View):
    """A centre's queue now (队列); direct callers and transfers are counted apart."""

    centre: str
    name: str
    side: Literal["12345", "110"]
    direct: int = Field(description="直拨等待数")
    transfers: int = Field(description="转入等待数")
    dangerous: int = Field(description="其中标为危险的转入")
    longest: float = Field(description="最久等待秒数")
    seats: SeatCounts


class StatusBody(Body):
    status: Literal["available", "paused", "off"] = Field(description="available 同时结束整理")
    reason: Annotated[Id | None, Field(description="示忙原因编号,见 `/seats/reasons`")] = None


class StatusView(View):
    """What a seat was set to; :class:`SeatView` shows it a moment later."""

    seat: str
    status: Literal["available", "paused", "off"]
    reason: str
