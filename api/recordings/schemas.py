"""What the interface says about recordings."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from pydantic import Field

from api.kit.fields import View


class RecordingView(View):
    """A recording (录音)."""

    id: str
    call: str
    started_at: dt.datetime
    seconds: float
    size: int = Field(description="字节")
    sha256: str
    repaired: bool = Field(description="录音中断后修复过")
    caller_silent: bool = Field(description="来电人一侧无声")
    playable: bool = Field(description="当前角色可否收听;民警通话只限公安与110班长")


class RecordingDetail(RecordingView):
    integrity: Literal["whole", "altered", "missing"] = Field(description="whole 完整 · altered 与记录不一致 · missing 文件不在")
