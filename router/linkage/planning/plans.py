"""Plans (预案) as data: who leads, who joins, tasks with deadlines, reports, standard answers, resources to look for. Pure.

A plan is one YAML file. What is wrong with it is told all at once, each with its line and remedy. When an event starts, the
plan's content is copied into it (:func:`dump`), so that editing a plan changes nothing that runs.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from config import documents, explain
from config.documents import Documents, KeyPath
from config.errors import Problem
from config.sentences import CHINESE
from router.errors import Invalid, TooLarge
from router.linkage.emergency import kinds
from router.linkage.notifying import ladder, steps

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,47}$")]
Text = Annotated[str, Field(min_length=1, max_length=2000)]
Short = Annotated[str, Field(min_length=1, max_length=100)]
Seconds = Annotated[float, Field(ge=0, le=30 * 86400)]
Posts = Annotated[list[Short], Field(min_length=1, max_length=30)]
LARGEST = 256 * 1024
"""Bytes of a plan that is uploaded."""
SHOWN = 3


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Step(Model):
    """Posts that are told, when, and how it goes on until they have signed."""

    key: Name
    name: Short
    posts: Posts
    """Kinds of posts (燃气, 应急, 119 …), or ``post:<id>`` for a certain one."""
    part: Literal["lead", "assist", "inform"]
    task: Text
    after: Seconds = 0
    """Since the response began."""
    level: Annotated[int, Field(ge=1, le=4)] = 4
    """Only if the response is of this level or a graver one."""
    order: Literal["parallel", "in-turn"] = "parallel"
    acks: Annotated[int, Field(ge=1, le=30)] | None = None
    """So many posts are enough, then the others are called off; left out: all must sign."""
    channels: dict[ladder.Channel, Seconds] = {"desk": 0, "webhook": 0, "sms": 0, "phone": 0}
    sign: Annotated[float, Field(ge=30, le=86400)] = 180
    send_out: Seconds | None = 600
    arrive: Seconds | None = 1800
    feedback: Seconds | None = 1800
    tries: Annotated[int, Field(ge=1, le=10)] = 2
    late: Literal["run", "skip"] = "run"

    def rules(self) -> ladder.Rules:
        return ladder.Rules(
            dict(self.channels), self.sign, self.send_out, self.arrive, self.feedback, tries=self.tries, late=self.late
        )

    def step(self) -> steps.Step:
        return steps.Step(self.key, self.after, self.level, self.order, self.acks)


class Task(Model):
    """An order that goes out when the response starts (指令)."""

    posts: Posts
    text: Text
    due: Seconds | None = None
    """Since it was sent."""
    level: Annotated[int, Field(ge=1, le=4)] = 4


class Reports(Model):
    """Reports to the higher level that the plan asks for, besides what the level asks for; seconds since it happened."""

    phone: Seconds | None = None
    first: Seconds | None = None
    follow_up: Annotated[float, Field(ge=600, le=7 * 86400)] | None = None
    """Between two follow-up reports."""
    final: Seconds | None = None
    """Since the end of the response."""


class Gather(Model):
    """How many matters about one thing propose an event by themselves."""

    items: list[Short] = []
    """Items of the catalog."""
    classes: list[Short] = []
    """Classes of police orders, or the beginnings of their codes."""
    words: list[Short] = []
    count: Annotated[int, Field(ge=2, le=1000)] = 5
    within: Annotated[float, Field(ge=60, le=7 * 86400)] = 600
    radius: Annotated[float, Field(ge=50, le=100_000)] = 1000
    """Metres; without coordinates the place's words must be alike."""


class Find(Model):
    """Resources to look for around the place."""

    kind: Literal["team", "material", "expert", "shelter", "hazard", "protected"]
    sorts: list[Short] = []
    within: Annotated[float, Field(ge=100, le=500_000)] = 10_000
    most: Annotated[int, Field(ge=1, le=50)] = 5


class Plan(Model):
    """One plan."""

    plan: Name
    name: Short
    kinds: Annotated[list[Name], Field(min_length=1)]
    """Types of events that it is for."""
    filing_number: Short
    review_by: dt.date
    lead: Short
    """Kind of agency that leads (牵头责任部门)."""
    basis: Text
    answer: Text
    """What callers are told (统一答复口径)."""
    gather: Gather | None = None
    steps: Annotated[list[Step], Field(min_length=1, max_length=40)]
    tasks: Annotated[list[Task], Field(max_length=60)] = []
    reports: Reports = Reports()
    resources: Annotated[list[Find], Field(max_length=20)] = []


class BadPlan(Invalid):
    """The content of a plan is wrong; ``problems`` holds everything that was found."""

    code = "plan.invalid"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        shown = ";".join(str(one) for one in self.problems[:SHOWN])
        super().__init__(
            f"预案有{len(self.problems)}处错误:{shown}",
            "按各处说明改正后重新提交",
            problems=[
                {"where": one.where, "line": one.line, "key": one.key, "what": one.what, "remedy": one.remedy}
                for one in self.problems
            ],
        )


def load(file: Path) -> Plan:
    """Read a plan's file. Raise :class:`BadPlan` with file, line, key and remedy of each fault."""
    return _parse(documents.read_file(file, CHINESE))


def read_upload(data: bytes, name: str) -> Plan:
    """A plan that somebody sent as YAML. Raise :class:`BadPlan`, :class:`router.errors.TooLarge`."""
    if len(data) > LARGEST:
        raise TooLarge(f"文件超过{LARGEST // 1024}KB", "请去掉多余的内容", limit=LARGEST)
    return _parse(documents.read_strange(data, name, CHINESE))


def parse(content: Mapping[str, Any], name: str = "plan") -> Plan:
    """A plan from plain data, e.g. of a row or a request. Raise :class:`BadPlan`."""
    found = Documents(Path(name))
    found.tree = dict(content)
    return _parse(found)


def dump(plan: Plan) -> dict[str, Any]:
    """The plan as plain data, complete."""
    return plan.model_dump(mode="json")


def sha256(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _parse(found: Documents) -> Plan:
    if found.problems:
        raise BadPlan(found.problems)
    try:
        plan = Plan.model_validate(found.tree)
    except ValidationError as error:
        raise BadPlan(explain.problems(error, found, Plan, CHINESE)) from None
    problems = [found.problem(path, what, remedy) for path, what, remedy in _faults(plan)]
    if problems:
        raise BadPlan(problems)
    return plan


Fault = tuple[KeyPath, str, str]


def _faults(plan: Plan) -> Iterator[Fault]:
    for at, kind in enumerate(plan.kinds):
        if kind not in kinds.KINDS:
            yield ("kinds", at), f"没有事件类型“{kind}”", explain.suggestion(kind, kinds.KINDS, CHINESE)
    twice = [key for key, count in Counter(one.key for one in plan.steps).items() if count > 1]
    for at, step in enumerate(plan.steps):
        yield from _step_faults(at, step, step.key in twice)
    if not any(one.part == "lead" and one.level == 4 and one.after == 0 for one in plan.steps):
        yield ("steps",), "没有一开始就通知的主责单位", "加一个 part: lead 的步骤,不设 level 和 after"
    if plan.reports.phone is not None and plan.reports.first is not None and plan.reports.phone > plan.reports.first:
        yield ("reports", "phone"), "电话报告的时限晚于书面初报", "先电话后书面"
    if plan.gather is not None and not (plan.gather.items or plan.gather.classes or plan.gather.words):
        yield ("gather",), "没有说明哪些事项算同一件事", "写上 items、classes 或 words"


def _step_faults(at: int, step: Step, twice: bool) -> Iterator[Fault]:
    path: KeyPath = ("steps", at)
    if twice:
        yield (*path, "key"), f"步骤名“{step.key}”出现了两次", "每个步骤用自己的名字"
    if not step.channels:
        yield (*path, "channels"), "没有任何通知方式", "至少写一种:desk、phone、sms、webhook"
    if step.acks is not None and step.acks > len(step.posts):
        yield (*path, "acks"), f"要 {step.acks} 个单位签收,但只列了 {len(step.posts)} 个", "减少 acks 或增加单位"
    for one in [channel for channel, after in step.channels.items() if after > step.sign]:
        yield (*path, "channels", one), f"在签收时限({step.sign:g}秒)之后才通知", "提早,或者放宽 sign"
    if step.arrive is not None and step.send_out is None:
        yield (*path, "arrive"), "要求到场,却不要求出动", "写上 send_out,或者去掉 arrive"
    if step.arrive is not None and step.send_out is not None and step.arrive < step.send_out:
        yield (*path, "arrive"), "到场时限早于出动时限", "放宽 arrive 或收紧 send_out"
    posts = Counter(step.posts)
    for place, post in enumerate(step.posts):
        if posts[post] > 1:
            yield (*path, "posts", place), f"“{post}”出现了两次", "只写一次"
