"""Duty contacts: numbers in one form and sealed, verified or stale (E5), on both databases."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from router.errors import Invalid, NotFound, Stale
from router.organisation import contacts
from router.organisation.contacts import Details
from router.storage.organisation import DutyContact
from tests.catalog.parts import ADMIN, KUNMING, NOW, Desk

DAY = dt.timedelta(days=1)
WHO = Details("王值班", "63123456", "值班室", "138 1234 5678")


def add(desk: Desk, unit: str, details: Details = WHO, now: dt.datetime = NOW) -> DutyContact:
    return desk.do(lambda session: contacts.add(session, unit, details, actor=ADMIN, now=now, city=KUNMING))


def test_numbers_are_kept_in_one_form_and_not_in_clear(desk: Desk) -> None:
    row = add(desk, "unit-1")
    assert (row.phone, row.backup_phone) == ("087163123456", "13812345678")

    async def raw(session: AsyncSession) -> str:
        found = await session.execute(
            text("SELECT name || phone || backup_phone FROM duty_contact WHERE id = :id"), {"id": row.id}
        )
        return str(found.scalar_one())

    kept = desk.do(raw)
    assert not any(secret in kept for secret in ("王值班", "63123456", "13812345678"))
    assert desk.journal(row.id) == ["contact.added"]
    assert all("phone" not in body for body in desk.news("contact.added"))


def test_a_contact_that_nobody_verified_for_long_is_stale_until_somebody_does(desk: Desk) -> None:
    old = add(desk, "unit-2", now=NOW - 90 * DAY)
    older = add(desk, "unit-2", now=NOW - 120 * DAY)
    fresh = add(desk, "unit-2", now=NOW - 89 * DAY)

    def stale() -> list[str]:
        return [row.id for row in desk.do(lambda session: contacts.stale(session, NOW)) if row.unit == "unit-2"]

    assert stale() == [older.id, old.id]
    assert (contacts.is_stale(old, NOW), contacts.is_stale(fresh, NOW)) == (True, False)
    assert desk.do(lambda session: contacts.verify(session, old.id, actor=ADMIN, now=NOW)).rev == 2
    assert stale() == [older.id]
    listed = desk.do(lambda session: contacts.of_units(session, ["unit-2"]))
    assert [row.id for row in listed] == [old.id, fresh.id, older.id]


def test_a_change_needs_the_state_that_was_seen(desk: Desk) -> None:
    row = add(desk, "unit-3")
    other = Details("李值班", "119", "班长")
    changed = desk.do(lambda session: contacts.change(session, row.id, other, actor=ADMIN, now=NOW, rev=1))
    assert (changed.phone, changed.backup_phone, changed.rev) == ("119", None, 2)
    with pytest.raises(Stale):
        desk.do(lambda session: contacts.change(session, row.id, other, actor=ADMIN, now=NOW, rev=1))
    desk.do(lambda session: contacts.remove(session, row.id, actor=ADMIN, now=NOW))
    with pytest.raises(NotFound):
        desk.do(lambda session: contacts.verify(session, row.id, actor=ADMIN, now=NOW))
    assert desk.journal(row.id) == ["contact.added", "contact.changed", "contact.removed"]


@pytest.mark.parametrize(
    ("details", "field"),
    [
        (Details("", "119", "值班室"), "name"),
        (Details("王", "119", " "), "post"),
        (Details("王\x00", "119", "值班室"), "name"),
        (Details("王", "匿名", "值班室"), "phone"),
        (Details("王", "13", "值班室"), "number"),
        (Details("王", "63123456", "值班室", "0871 63123456"), "backup_phone"),
    ],
)
def test_wrong_details_are_refused(desk: Desk, details: Details, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        add(desk, "unit-4", details)
    assert caught.value.facts["field"] == field
