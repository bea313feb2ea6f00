"""Drills (演练) as scripts: who calls, what happens when, which telephones play the posts, what is expected. Pure.

A drill runs the same code as an emergency, on an event that is marked. Its posts are rung at the numbers that the script gives
them, and nowhere else: only a drill that says ``real: true`` rings the real posts, who hear first that it is a drill.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from config import documents, explain
from config.documents import Documents
from config.errors import Problem
from config.sentences import CHINESE
from router.linkage.emergency import kinds
from router.linkage.notifying import ladder
from router.linkage.notifying.ladder import Number, Rung
from router.linkage.planning.plans import BadPlan, Model, Name, Short, Text

FORMS = {"table-top": "桌面推演", "live": "实战演练", "no-notice": "双盲演练"}
After = Annotated[float, Field(ge=0, le=86400)]


class Caller(Model):
    """A citizen who calls."""

    after: After
    words: Text
    place: Short


class Happening(Model):
    """Something that is done at a time, since the event was registered."""

    after: After
    do: Literal["start", "raise", "lower", "end", "send-out", "arrive", "feed-back", "report"]
    post: Name | None = None
    level: Annotated[int, Field(ge=1, le=4)] | None = None
    text: str = ""


class Telephone(Model):
    """The telephone that plays a post: what its robot does when it rings."""

    number: Short
    does: Literal["accept", "refuse", "escalate", "listen", "ring", "busy"] = "accept"


class Expectation(Model):
    """What a post must do within a time (seconds since the response started)."""

    post: Name
    state: Literal["accepted", "sent-out", "arrived", "fed-back"] = "accepted"
    within: After
    points: Annotated[int, Field(ge=1, le=100)] = 10


class Scene(Model):
    """What the drill is about, where no caller tells it."""

    kind: Name
    title: Short
    place: Short
    latitude: float | None = None
    longitude: float | None = None
    situation: str = ""
    facts: Annotated[dict[str, float | str], Field(default_factory=dict)]


class Script(Model):
    """One drill."""

    drill: Name
    name: Short
    form: Literal["table-top", "live", "no-notice"]
    real: bool = False
    event: Scene
    callers: Annotated[list[Caller], Field(default_factory=list, max_length=100)]
    happenings: Annotated[list[Happening], Field(default_factory=list, max_length=100)]
    telephones: Annotated[dict[Name, Telephone], Field(default_factory=dict)]
    expect: Annotated[list[Expectation], Field(default_factory=list, max_length=100)]

    @property
    def numbers(self) -> dict[str, str] | None:
        """Post to number; None: the real ones."""
        return None if self.real else {post: one.number for post, one in self.telephones.items()}


def load(file: Path) -> Script:
    """Read a script. Raise :class:`router.linkage.planning.plans.BadPlan` with file, line, key and remedy of each fault."""
    return _parse(documents.read_file(file, CHINESE))


def parse(content: Mapping[str, Any], name: str = "drill") -> Script:
    """A script from plain data."""
    found = Documents(Path(name))
    found.tree = dict(content)
    return _parse(found)


def _parse(found: Documents) -> Script:
    if found.problems:
        raise BadPlan(found.problems)
    try:
        script = Script.model_validate(found.tree)
    except ValidationError as error:
        raise BadPlan(explain.problems(error, found, Script, CHINESE)) from None
    problems = _faults(script, found)
    if problems:
        raise BadPlan(problems)
    return script


def _faults(script: Script, found: Documents) -> list[Problem]:
    told = []
    if script.event.kind not in kinds.KINDS:
        remedy = explain.suggestion(script.event.kind, kinds.KINDS, CHINESE)
        told.append(found.problem(("event", "kind"), f"没有事件类型“{script.event.kind}”", remedy))
    if script.real and script.telephones:
        told.append(found.problem(("real",), "真实电话与替代电话矛盾", "去掉 telephones,或者去掉 real"))
    for at, one in enumerate(script.happenings):
        if one.do in ("send-out", "arrive", "feed-back") and one.post is None:
            told.append(found.problem(("happenings", at, "post"), "没有说明是哪个值班岗", "写上 post"))
        if one.do in ("raise", "lower") and one.level is None:
            told.append(found.problem(("happenings", at, "level"), "没有说明调整到几级", "写上 level"))
    return told


def rehearse(rungs: Sequence[Rung], numbers: Mapping[str, str]) -> tuple[Rung, ...]:
    """A ladder whose posts are rung where the drill says; the others are not rung, and nobody gets a text message."""
    return tuple(Rung(one.post, one.name, (Number(numbers[one.post]),) if one.post in numbers else (), ()) for one in rungs)


@dataclass(frozen=True, slots=True)
class Reached:
    """When a post reached its states."""

    post: str
    at: Mapping[str, dt.datetime | None]


@dataclass(frozen=True, slots=True)
class Mark:
    """How one expectation came out. ``took``: seconds, None: never."""

    post: str
    state: str
    within: float
    took: float | None
    points: int
    kept: bool


def score(expect: Sequence[Expectation], reached: Sequence[Reached], started_at: dt.datetime) -> tuple[list[Mark], float]:
    """Marks, and the share of points that were won (0 to 100). A later state counts for an earlier one."""
    states = [state for _, state in ladder.MOVES]
    marks = []
    for one in expect:
        later = states[states.index(one.state) :]
        moments = [at for post in reached if post.post == one.post for state in later if (at := post.at.get(state)) is not None]
        took = (min(moments) - started_at).total_seconds() if moments else None
        kept = took is not None and took <= one.within
        marks.append(Mark(one.post, one.state, one.within, took, one.points, kept))
    total = sum(one.points for one in marks)
    won = sum(one.points for one in marks if one.kept)
    return marks, round(100 * won / total, 1) if total else 0.0
