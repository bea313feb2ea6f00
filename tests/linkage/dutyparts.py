"""What tests of duty are made of: a town whose gas company has people on its books, and a clock on which timers ring."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

from sqlalchemy import select

from router.access.actor import Actor
from router.casework.work import Work
from router.linkage.duty import dutytests, posts, rostering, watch
from router.linkage.duty.posts import Details
from router.linkage.duty.rostering import OnDuty, Turns
from router.linkage.duty.rosters import Roster, Slice
from router.organisation import contacts
from router.storage.duty import DutyPost, DutyTest
from router.timers import timers
from router.timers.runner import Handle
from tests.casework.parts import HOUSING, KUNMING, SYSTEM, unit
from tests.linkage.parts import ADMIN, POSTS, Station

OURS = unit(HOUSING)
"""Somebody of the gas company's unit."""
DAY = dt.timedelta(days=1)
PHONES = {"赵一": "13900000101", "钱二": "13900000102", "孙三": "13900000103"}


class Crew(Station):
    """A station whose duty is kept. ``people``: ids of the gas company's contacts by name."""

    people: dict[str, str]
    dice = random.Random(7)

    @classmethod
    def of(cls, station: Station) -> Crew:
        found = cls(station.database, station.town.attachments.folder.parent, station.now)
        found.people = found.do(ADMIN, _hire)
        return found

    def handlers(self) -> dict[str, Handle]:
        return {**super().handlers(), **watch.handlers(self.town), **dutytests.handlers(self.town, self.dice)}

    def arm(self, *plans: timers.Plan) -> None:
        """Set standing timers, as a worker does at its start."""

        async def ensure(work: Work) -> None:
            await timers.ensure(work.session, plans, work.now)

        self.do(SYSTEM, ensure)

    def contact(self, name: str, phone: str, of: str = HOUSING) -> str:
        """The new contact's id."""
        return self.do(ADMIN, _add, name, phone, of)

    def remove(self, name: str) -> None:
        async def go(work: Work) -> None:
            await contacts.remove(work.session, self.people[name], actor=ADMIN, now=work.now)

        self.do(ADMIN, go)

    def post(self, post: str) -> DutyPost:
        return self.rows(DutyPost, DutyPost.id == post)[0]

    def put(self, post: str, actor: Actor = ADMIN, **more: Any) -> DutyPost:
        given = {**POSTS.get(post, {"unit": HOUSING, "name": post, "kind": "燃气"}), **more}
        return self.do(actor, posts.put, post, Details(**given), city=KUNMING)

    # --- rosters

    def turns(
        self, *names: str, first: dt.date, last: dt.date | None = None, times: tuple[dt.time, ...] = (dt.time(8),)
    ) -> Turns:
        return Turns([self.people[name] for name in names], first, last, times)

    def rotate(self, *names: str, first: str = "2026-11-01", last: str | None = None, post: str = "gas") -> str:
        """The rotation's id."""
        turns = self.turns(*names, first=dt.date.fromisoformat(first), last=dt.date.fromisoformat(last) if last else None)
        return self.do(OURS, rostering.add_rotation, post, turns).id

    def shift(self, name: str, since: dt.datetime, until: dt.datetime, post: str = "gas") -> str:
        return self.do(OURS, rostering.add_shift, post, self.people[name], since, until).id

    def stand_in(self, name: str, since: dt.datetime, until: dt.datetime, post: str = "gas") -> str:
        return self.do(OURS, rostering.add_override, post, self.people[name], since, until, "探亲").id

    def timeline(self, since: dt.datetime, until: dt.datetime, post: str = "gas") -> list[Slice]:
        async def look(work: Work) -> list[Slice]:
            return await rostering.timeline(work.session, await posts.get(work.session, post), since, until)

        return self.do(SYSTEM, look)

    def shown(self, since: dt.datetime, until: dt.datetime, post: str = "gas") -> list[str]:
        """``12-01 08:00 赵一``: who has the post from when, on the clock of the town; ``-``: nobody."""
        names = {id_: name for name, id_ in self.people.items()}
        zone = since.tzinfo
        return [f"{one.since.astimezone(zone):%m-%d %H:%M} {names.get(one.contact or '', '-')}"
                for one in self.timeline(since, until, post)]  # fmt: skip

    def gaps(self, days: int, post: str = "gas") -> list[Slice]:
        async def look(work: Work) -> list[Slice]:
            return await rostering.gaps(work.session, await posts.get(work.session, post), work.now, days)

        return self.do(SYSTEM, look)

    def book(self, post: str = "gas") -> Roster:
        async def look(work: Work) -> Roster:
            return await posts.roster(work.session, await posts.get(work.session, post), work.now)

        return self.do(SYSTEM, look)

    def on_duty(self, post: str = "gas") -> OnDuty:
        async def look(work: Work) -> OnDuty:
            return (await rostering.on_duty(work.session, [await posts.get(work.session, post)], work.now))[0]

        return self.do(SYSTEM, look)

    def findings(self, of: str | None = HOUSING) -> list[watch.Finding]:
        async def look(work: Work) -> list[watch.Finding]:
            return await watch.of_city(work.session, KUNMING, work.now, unit=of)

        return self.do(SYSTEM, look)

    # --- whom an emergency reaches

    def rungs(self, post: str = "gas") -> tuple[list[list[str]], set[str]]:
        """Numbers of the ladder, rung by rung; posts that have a gap."""

        async def look(work: Work) -> tuple[list[list[str]], set[str]]:
            ladders = posts.Ladders(work.session, work.now)
            found = await ladders.of(post)
            return [[one.number for one in rung.numbers] for rung in found], ladders.gaps

        return self.do(SYSTEM, look)

    # --- tests

    def tests(self, post: str | None = None) -> list[DutyTest]:
        async def look(work: Work) -> list[DutyTest]:
            query = select(DutyTest).order_by(DutyTest.due_at, DutyTest.id)
            return list((await work.session.scalars(query if post is None else query.where(DutyTest.post_id == post))).all())

        return self.do(SYSTEM, look)


async def _add(work: Work, name: str, phone: str, of: str) -> str:
    details = contacts.Details(name, phone, "值班员")
    row = await contacts.add(work.session, of, details, actor=work.actor, now=work.now, city=KUNMING)
    return row.id


async def _hire(work: Work) -> dict[str, str]:
    return {name: await _add(work, name, phone, HOUSING) for name, phone in PHONES.items()}


def at(text: str) -> dt.datetime:
    """``12-01 08:00`` of 2026, on the clock of the town."""
    return dt.datetime.fromisoformat(f"2026-{text}:00+08:00")
