"""What duty officers hear and read. Pure; sentences are kept together here."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from router.linkage.notifying import ladder

HERE = ZoneInfo("Asia/Shanghai")
LEVELS = {1: "特别重大", 2: "重大", 3: "较大", 4: "一般"}
ROMAN = {1: "Ⅰ", 2: "Ⅱ", 3: "Ⅲ", 4: "Ⅳ"}
DUTIES: dict[str, str] = {"sign": "签收", "send-out": "出动", "arrive": "到场", "feedback": "反馈"}
CHANNELS = {"phone": "电话", "desk": "工作台", "sms": "短信", "webhook": "接口"}
PARTS = {"lead": "主责", "assist": "配合", "inform": "知会"}
OUTCOMES = {
    "accepted": "按1签收",
    "refused": "按2拒绝",
    "escalated": "按3上报",
    "no_key": "接听后未按键",
    "no_answer": "无人接听",
    "busy": "占线",
    "rejected": "拒接",
    "unreachable": "无法接通",
    "failed": "呼叫失败",
    "lost": "结果未知",
    "delivered": "已送达",
}
LONGEST = 600
"""Characters that one call may speak."""
SPOKEN = 3
"""So many matters are spoken in one call; of more, only the number is told."""
NAMED = 60
"""Characters of a place, where several long things are told."""
MORE = "其余请看工作台"
STOPS = "。!?;,、"
DRILL = "这是演练,不是真实事件。"


@dataclass(frozen=True, slots=True)
class Matter:
    """What of an event and a request is told."""

    kind: str
    """Name of the type of event."""
    place: str
    level: int | None
    happened_at: dt.datetime
    part: str
    task: str
    title: str = ""
    drill: bool = False
    chasing: str | None = None
    rung: int = 0
    post: str = ""
    """Name of the post that it was asked of first."""


def level(value: int | None) -> str:
    return "未定级" if value is None else f"{ROMAN[value]}级({LEVELS[value]})"


def clock(at: dt.datetime) -> str:
    local = at.astimezone(HERE)
    return f"{local.hour}点{local.minute:02d}分" if local.minute else f"{local.hour}点整"


def spoken(matters: Sequence[Matter]) -> str:
    """What a telephone says, at most :data:`LONGEST` characters; keys are explained by the call core.

    What is too long is cut in its tasks, at the end of a sentence: where it is and what the keys are for is always told.
    """
    told = _all(matters)
    if len(told) <= LONGEST:
        return told
    bare = _all([replace(one, place=cut(one.place, NAMED), task="") for one in matters])
    share = (LONGEST - len(bare)) // min(len(matters), SPOKEN)
    return _all([replace(one, place=cut(one.place, NAMED), task=cut(one.task, share, MORE)) for one in matters])


def cut(text: str, most: int, more: str = "") -> str:
    """At most so many characters, up to the last stop that fits; ``more`` tells that something is missing."""
    if len(text) <= most:
        return text
    kept = text[: max(0, most - len(more) - 1)]
    stop = max(kept.rfind(mark) for mark in STOPS)
    return (kept[:stop] if stop > 0 else kept) + (f"。{more}" if more else "")


def _all(matters: Sequence[Matter]) -> str:
    if len(matters) == 1:
        return _one(matters[0])
    told = "".join(f"第{count}项,{_short(one)}。" for count, one in enumerate(matters[:SPOKEN], 1))
    more = f"其余{len(matters) - SPOKEN}项请看工作台。" if len(matters) > SPOKEN else ""
    drill = DRILL if all(one.drill for one in matters) else ""
    return f"{drill}应急联动通知,您有{len(matters)}项任务。{told}{more}按键对全部任务有效。"


def _one(one: Matter) -> str:
    grave = f",{LEVELS[one.level]}级别" if one.level is not None and one.level < 4 else ""
    head = f"{DRILL if one.drill else ''}应急联动通知。{clock(one.happened_at)},{one.place}发生{one.kind}{grave}。"
    if one.chasing is not None:
        return f"{head}{one.post}已签收,但超时未{DUTIES[one.chasing]},请您督促。任务是:{_stop(one.task)}"
    if one.rung:
        return f"{head}{one.post}无人签收,请您处理。任务是:{_stop(one.task)}"
    return f"{head}请你单位{_stop(one.task)}"


def _short(one: Matter) -> str:
    return f"{'演练,' if one.drill else ''}{one.place}{one.kind},{one.task.rstrip('。')}"


def _stop(text: str) -> str:
    return text if text.endswith(("。", "!", "?")) else f"{text}。"


def written(one: Matter, number: str) -> str:
    """A text message, and what a desk shows."""
    drill = "【演练】" if one.drill else ""
    chase = f"(超时未{DUTIES[one.chasing]})" if one.chasing else f"({one.post}无人签收)" if one.rung else ""
    return f"{drill}【应急联动】{number} {one.place}{one.kind} {level(one.level)}{chase}。{PARTS[one.part]}:{_stop(one.task)}"


def mutual(centre: str, kind: str, place: str, happened_at: dt.datetime, situation: str) -> str:
    """What one line tells the other."""
    more = f"{situation.strip()[:300]}" if situation.strip() else "详情正在核实。"
    return f"{centre}通报:{clock(happened_at)},{place}发生{kind}。{_stop(more)}"


def duties_done(state: str) -> Sequence[str]:
    """Names of the duties that a state has behind it."""
    reached = [name for _, name in ladder.MOVES]
    return [DUTIES[duty] for duty, name in ladder.MOVES if state in reached and reached.index(name) <= reached.index(state)]
