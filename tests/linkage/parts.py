"""What tests of linkage are made of: posts, a short plan, and phones that answer as the test says."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import select, update

from router import ids
from router.access.actor import Actor
from router.casework.work import Work
from router.linkage.duty import posts
from router.linkage.emergency import events
from router.linkage.emergency.events import Approval, Draft
from router.linkage.notifying import answers, attempts, engine
from router.linkage.planning import plan_versions, plans
from router.storage.casework import Notice
from router.storage.emergencies import EmergencyEvent, EventTask, MutualNotice, SituationReport
from router.storage.journal import JournalEntry, Outbox
from router.storage.notifying import LinkageAttempt, LinkageRequest
from router.timers.runner import Handle
from telephony import contract
from tests.casework.parts import HOUSING, KUNMING, LABOUR, SYSTEM, URBAN, Desk, operator, police

ADMIN = Actor(id="admin", role="administrator", unit="", desk="", city=KUNMING)
CHIEF = Actor(id="chief", role="supervisor", unit="", desk="", city=KUNMING)
APPROVED = Approval("按预案处置", "值班主任")
POSTS: dict[str, dict[str, Any]] = {
    "mayor": {"unit": "12345", "name": "市指挥长", "kind": "指挥长", "main": "13900000009"},
    "gas-chief": {"unit": HOUSING, "name": "燃气公司经理", "kind": "领导", "main": "13900000008"},
    "gas": {
        "unit": HOUSING, "name": "燃气抢修", "kind": "燃气", "main": "087163100001", "reserve": "087163100002",
        "sms": "13900000001", "leader": "gas-chief",
    },
    "fire": {"unit": "119", "name": "消防指挥中心", "kind": "119", "main": "119"},
    "power": {"unit": URBAN, "name": "供电值班", "kind": "供电", "main": "087163100003"},
    "labour": {"unit": LABOUR, "name": "人社值班", "kind": "人社", "main": "087163100004"},
    "police": {"unit": "110", "name": "110指挥长席", "kind": "110", "main": "087163100005"},
    "hotline": {"unit": "12345", "name": "12345值班长", "kind": "12345", "main": "087163100006"},
}  # fmt: skip
PLAN: dict[str, Any] = {
    "plan": "gas-leak",
    "name": "燃气泄漏预案",
    "kinds": ["gas-leak"],
    "filing_number": "测试〔2026〕1号",
    "review_by": "2027-06-30",
    "lead": "燃气",
    "basis": "云政办发〔2022〕73号",
    "answer": "已派人处置,请远离现场,不要开灯。",
    "steps": [
        {"key": "lead", "name": "堵漏", "posts": ["燃气", "119"], "part": "lead", "task": "到场关阀"},
        {
            "key": "know", "name": "知会", "posts": ["供电"], "part": "inform", "task": "准备断电",
            "channels": {"desk": 0, "phone": 180}, "send_out": None, "arrive": None, "feedback": None,
        },
    ],
}  # fmt: skip


def draft(**more: Any) -> Draft:
    given = {
        "kind": "gas-leak",
        "title": "人民路燃气泄漏",
        "place": "盘龙区人民路12号",
        "happened_at": dt.datetime(2026, 11, 25, 1, 55, tzinfo=dt.UTC),
    }
    return Draft(**{**given, **more})


class Station(Desk):
    """A desk of linkage. Phones are answered by :meth:`answer`; nothing is dialled."""

    def furnish(self) -> None:
        for id_, given in POSTS.items():
            self.do(ADMIN, posts.put, id_, posts.Details(**given), city=KUNMING)
        self.publish(PLAN)

    def publish(self, content: dict[str, Any]) -> None:
        self.do(ADMIN, plan_versions.publish, plans.parse(content), city=KUNMING, note="修订")

    def handlers(self) -> dict[str, Handle]:
        return {**super().handlers(), **engine.handlers(self.town)}

    def register(self, actor: Actor | None = None, words: str = "", **more: Any) -> Any:  # type: ignore[override]
        """An event of 12345's (or a matter, with ``words``)."""
        if words:
            return super().register(actor or operator(), words, **more)
        who = actor or operator()
        return self.do(who, events.register, draft(**more), city=KUNMING, centre=who.desk)

    def start(self, event: str, **more: Any) -> EmergencyEvent:
        return self.do(CHIEF, events.start, event, APPROVED, **more)

    def started(self, **more: Any) -> EmergencyEvent:
        return self.start(self.register(**more).id)

    # --- what is there

    def event(self, event: str) -> EmergencyEvent:
        return self.rows(EmergencyEvent, EmergencyEvent.id == event)[0]

    def requests(self, event: str) -> dict[str, LinkageRequest]:
        """By post; the last one of each."""
        found = self.rows(LinkageRequest, LinkageRequest.event_id == event)
        return {one.post_id: one for one in sorted(found, key=lambda each: each.asked_at)}

    def request(self, event: str, post: str) -> LinkageRequest:
        return self.requests(event)[post]

    def attempts(self, event: str, channel: str = "phone") -> list[LinkageAttempt]:
        found = self.rows(LinkageAttempt, LinkageAttempt.event_id == event, LinkageAttempt.channel == channel)
        return sorted(found, key=lambda one: (one.at, one.id))

    def ringing(self, event: str | None = None) -> list[str]:
        """Numbers that are to be rung or ring now."""
        found = self.rows(LinkageAttempt, LinkageAttempt.channel == "phone", LinkageAttempt.state.in_(attempts.AT_WORK))
        return sorted(str(one.number) for one in found if event in (None, one.event_id))

    def notices(self, unit: str, kind: str) -> list[Notice]:
        return self.rows(Notice, Notice.unit == unit, Notice.kind == kind, Notice.done_at.is_(None))

    def mutual(self, event: str) -> list[MutualNotice]:
        return self.rows(MutualNotice, MutualNotice.event_id == event)

    def tasks(self, event: str) -> list[EventTask]:
        return self.rows(EventTask, EventTask.event_id == event)

    def reports(self, event: str) -> list[SituationReport]:
        found = self.rows(SituationReport, SituationReport.event_id == event)
        return sorted(found, key=lambda one: (("first", "follow-up", "final").index(one.kind), one.serial))

    def written(self, event: str) -> list[str]:
        """Actions of the event's journal in their order."""
        found = self.rows(JournalEntry, JournalEntry.chain == events.chain(event))
        return [one.action for one in sorted(found, key=lambda each: each.seq)]

    def told(self, topic: str) -> list[dict[str, Any]]:
        return [one.body for one in sorted(self.rows(Outbox, Outbox.topic == topic), key=lambda each: each.serial or 0)]

    # --- what phones do

    def dial(self, *numbers: str) -> dict[str, str]:
        """Let queued attempts ring, as the caller would have it: number to page."""

        async def mark(work: Work) -> dict[str, str]:
            pages: dict[str, str] = {}
            query = select(LinkageAttempt).where(LinkageAttempt.channel == "phone", LinkageAttempt.state == "queued")
            for row in (await work.session.scalars(query)).all():
                if not numbers or row.number in numbers:
                    page = pages.setdefault(str(row.number), ids.new())
                    change = update(attempts.ATTEMPT).where(attempts.ATTEMPT.c.id == row.id)
                    await work.session.execute(change.values(state="sent", page_id=page, sent_at=work.now))
            return pages

        return self.do(SYSTEM, mark)

    def answer(self, number: str, outcome: str, page: str | None = None, *, turn: bool = True) -> str:
        """A phone rings and its call ends so; then whatever is due follows. Return the page."""
        on = page or self.dial(number)[number]
        self.tell(on, number, outcome)
        if turn:
            self.ring()
        return on

    def tell(self, page: str, number: str, outcome: str) -> None:
        at = self.now.timestamp()
        digit = {"accepted": "1", "refused": "2", "escalated": "3"}.get(outcome, "")
        done = contract.PageDone(
            id=ids.new(), at=at, node="n", call=f"c-{page}", page=page, to=number, outcome=outcome, digit=digit,
            rang_at=at, answered_at=at if digit else None, ended_at=at,
        )  # fmt: skip
        self.do(SYSTEM, answers.page_done, done)

    def later(self, **time: float) -> None:
        """Time goes by; whatever is due follows."""
        self.wait(**time)
        self.ring()


__all__ = ["ADMIN", "APPROVED", "CHIEF", "PLAN", "POSTS", "Station", "draft", "operator", "police"]
