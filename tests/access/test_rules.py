"""Who may do what, and who sees which rows: one table of expectations for every kind of person."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import select

from router.access import grants, roles, rules
from router.access.actor import Actor, system
from router.errors import Forbidden, NotFound
from router.storage.base import Base
from router.storage.casework import Attachment, Case, Consultation, Handoff, Notice, PoliceOrder, SupervisionOrder, Ticket
from router.storage.engine import Database
from tests.access import world
from tests.access.world import AGENCY, EVERYBODY, NOW, OTHER
from tests.storage.parts import run

ALL_OF_12345 = {"plain", "handled", "joint", "both", "offered", "from-peer", "from-gateway", "supervised"}
ALL_OF_110 = {"hot", "both", "offered", "clue", "complaint"}
CITY = ALL_OF_12345 | ALL_OF_110 | {"anning"}
SEEN = {
    "operator": ALL_OF_12345,
    "taker": ALL_OF_12345 | {"clue"},
    "police": ALL_OF_110,
    "anning": {"anning", "hot", "both", "clue", "complaint"},
    "officer": {"hot", "complaint"},
    "officer2": set(),
    "staff": {"handled", "joint"},
    "other-staff": {"joint"},
    "supervisor": ALL_OF_12345 | {"clue"},
    "inspector": ALL_OF_110,
    "city": CITY,
    "administrator": set(),
    "peer": {"from-peer"},
    "gateway": {"from-gateway"},
    "posted": ALL_OF_110,
}


@pytest.fixture(autouse=True)
def data_keys() -> Iterator[None]:
    with world.keys():
        yield


def ask(url: str, queries: Callable[[Actor], Any], *more: Base) -> dict[str, set[str]]:
    """What each person gets of a query in the world."""

    async def go() -> dict[str, set[str]]:
        database = Database(url)
        try:
            async with database.write() as session:
                await world.fill(session)
                session.add_all(more)
                await session.flush()
            async with database.read() as session:
                return {name: set((await session.scalars(queries(actor))).all()) for name, actor in EVERYBODY.items()}
        finally:
            await database.close()

    return run(go())


def test_everybody_sees_their_own_cases_and_no_others(migrated_url: str) -> None:
    found = ask(migrated_url, lambda actor: select(Case.id).where(rules.visible_cases(actor, NOW)))
    assert found == SEEN


def test_tickets_orders_and_handoffs_follow_their_cases(migrated_url: str) -> None:
    tickets = ask(migrated_url, lambda actor: select(Ticket.case_id).where(rules.visible_tickets(actor, NOW)))
    with_ticket = {"handled", "joint", "both", "clue", "elsewhere"}
    assert tickets == {name: cases & with_ticket for name, cases in SEEN.items()}


def test_orders_are_between_the_lines_and_never_for_agencies(migrated_url: str) -> None:
    orders = ask(migrated_url, lambda actor: select(PoliceOrder.case_id).where(rules.visible_orders(actor, NOW)))
    with_order = {"hot", "both", "clue", "complaint"}
    expected = {name: cases & with_order for name, cases in SEEN.items()} | {"staff": set(), "other-staff": set()}
    assert orders == expected


def test_handoffs_are_one_truth_for_both_sides(migrated_url: str) -> None:
    found = ask(migrated_url, lambda actor: select(Handoff.case_id).where(rules.visible_handoffs(actor, NOW)))
    handed = {"offered", "from-peer"}
    assert found == {name: cases & handed for name, cases in SEEN.items()} | {"staff": set(), "other-staff": set()}


def test_a_grant_opens_cases_while_it_lasts(migrated_url: str) -> None:
    day = dt.timedelta(days=1)
    given = [
        world.grant("named", "12345", AGENCY, "plain"),
        world.grant("all", "110-anning", "12345", None),
        world.grant("early", "12345", OTHER, "plain", since=NOW + day, until=NOW + 2 * day),
        world.grant("late", "12345", OTHER, "both", since=NOW - 2 * day, until=NOW),
        world.grant("back", "12345", OTHER, "offered", revoked_at=NOW - day),
        world.grant("clue", "12345", OTHER, "clue"),
        world.grant("agencies", OTHER, AGENCY, None),
    ]
    found = ask(migrated_url, lambda actor: select(Case.id).where(rules.visible_cases(actor, NOW)), *given)
    expected = {name: set(cases) for name, cases in SEEN.items()}
    expected["staff"] |= {"plain"}
    for name in ("operator", "taker", "supervisor"):
        expected[name] |= {"anning"}
    expected["other-staff"] |= {"clue"}
    assert found == expected


def test_grants_tell_which_fields_they_show(migrated_sqlite_url: str) -> None:
    async def go() -> None:
        database = Database(migrated_sqlite_url)
        async with database.write() as session:
            await world.fill(session)
            session.add(world.grant("one", "12345", AGENCY, "handled", fields=["caller"]))
            session.add(world.grant("two", "12345", AGENCY, None, fields=["recordings"]))
            session.add(world.grant("three", "110", AGENCY, None, fields=["place"]))
            session.add(world.grant("four", "12345", OTHER, "handled", fields=["attachments"]))
            await session.flush()
            handled = await session.get(Case, "handled")
            assert handled is not None
            assert await grants.fields_of(session, world.STAFF, handled, NOW) == {"caller", "recordings"}
        await database.close()

    run(go())


def attachment(id: str, of: str, police_only: bool) -> Attachment:
    return Attachment(
        id=id, case_id=of, name="a.jpg", media_type="image/jpeg", size=1, sha256="0", police_only=police_only, at=NOW, by="x"
    )


def test_police_only_attachments_stay_with_police(migrated_sqlite_url: str) -> None:
    files = [attachment("open", "both", False), attachment("secret", "both", True)]
    found = ask(migrated_sqlite_url, lambda actor: select(Attachment.id).where(rules.visible_attachments(actor, NOW)), *files)
    whole = {name for name, seen in found.items() if seen == {"open", "secret"}}
    assert whole == {"police", "anning", "inspector", "posted"}
    assert {name for name, seen in found.items() if seen == {"open"}} == {"operator", "taker", "supervisor", "city"}


def test_notices_reach_a_desk_and_a_role(migrated_sqlite_url: str) -> None:
    def notice(id: str, unit: str, role: str | None) -> Notice:
        return Notice(id=id, case_id=None, unit=unit, role=role, kind="overdue", level=0, text="超时", at=NOW, done_at=None)

    rows = [notice("all", "12345", None), notice("chiefs", "12345", "supervisor"), notice("police", "110", None)]
    found = ask(migrated_sqlite_url, lambda actor: select(Notice.id).where(rules.visible_notices(actor, NOW)), *rows)
    assert found["operator"] == {"all"}
    assert found["supervisor"] == {"all", "chiefs"}
    assert found["police"] == found["posted"] == {"police"}
    assert found["staff"] == found["administrator"] == set()


def test_consultations_are_for_the_lines_and_those_invited(migrated_url: str) -> None:
    meeting = Consultation(
        id="c1", number="c1", city="530100", subject="油烟", agencies=[AGENCY], state="open", created_at=NOW, created_by="x"
    )
    found = ask(migrated_url, lambda actor: select(Consultation.id).where(rules.visible_consultations(actor, NOW)), meeting)
    assert {name for name, seen in found.items() if seen} >= {"operator", "police", "staff", "supervisor"}
    assert found["other-staff"] == found["administrator"] == found["gateway"] == set()


def test_supervision_orders_reach_whom_they_demand_of(migrated_sqlite_url: str) -> None:
    found = ask(migrated_sqlite_url, lambda actor: select(SupervisionOrder.id).where(rules.visible_supervisions(actor, NOW)))
    assert found["other-staff"] == found["operator"] == {"s-supervised"}
    assert found["staff"] == found["police"] == set()


def test_a_row_of_others_is_told_as_missing_and_known_as_foreign(migrated_sqlite_url: str) -> None:
    async def go() -> None:
        database = Database(migrated_sqlite_url)
        async with database.write() as session:
            await world.fill(session)
            assert (await rules.load(session, world.STAFF, Case, "handled", NOW)).id == "handled"
            with pytest.raises(rules.Foreign) as foreign:
                await rules.load(session, world.STAFF, Case, "plain", NOW)
            with pytest.raises(NotFound) as missing:
                await rules.load(session, world.STAFF, Case, "nothing", NOW)
            assert not isinstance(missing.value, rules.Foreign)
            assert (foreign.value.what, foreign.value.code) == (missing.value.what, missing.value.code)
            assert (await rules.load(session, system("test"), Ticket, "t-handled", NOW, lock=True)).agency == AGENCY
        await database.close()

    run(go())


def test_roles_may_do_their_own_work_only() -> None:
    may = {role: {action for action in roles.ACTIONS if roles.may(actor, action)} for role, actor in _one_of_each().items()}
    assert {"order.confirm", "order.withdraw", "order.notes"} <= may["police"]
    assert not any(action.startswith("order.") and action != "order.read" for action in may["operator"])
    assert {"ticket.sign", "ticket.handle", "ticket.request_police"} <= may["agency"]
    assert not any(action.startswith(("order.", "call.", "recording.", "account.", "journal.")) for action in may["agency"])
    assert not any(action.startswith(("case.", "ticket.", "order.", "handoff.")) for action in may["administrator"])
    assert {"account.manage", "catalog.publish", "peer.manage"} <= may["administrator"]
    assert {"inbound.push", "exchange.push"} <= may["integration"] and "recording.read" not in may["integration"]
    assert {"supervision.issue", "recording.read", "case.hold"} <= may["supervisor"]
    assert "account.manage" in roles.ACTIONS and roles.may(system("test"), "account.manage")


def _one_of_each() -> dict[str, Actor]:
    return {actor.role: actor for actor in EVERYBODY.values()}


def test_a_refusal_names_what_was_refused() -> None:
    with pytest.raises(Forbidden) as caught:
        roles.require(world.STAFF, "account.manage")
    assert caught.value.facts == {"action": "account.manage", "role": "agency"}
    roles.require(world.STAFF, "ticket.sign")
    with pytest.raises(KeyError):
        roles.may(world.STAFF, "no.such.action")


def test_somebody_posted_from_the_station_complained_of_does_not_see_it_either(migrated_sqlite_url: str) -> None:
    posted = world.person("police", world.STATION_2, desk="110", id="posted-from-the-station")
    found = ask(migrated_sqlite_url, lambda _: select(Case.id).where(rules.visible_cases(posted, NOW)))
    assert found["police"] == ALL_OF_110 - {"complaint"}


def test_no_grant_opens_a_complaint_about_the_own_unit(migrated_sqlite_url: str) -> None:
    whole = world.grant("whole", "110", world.STATION_2, None)
    found = ask(migrated_sqlite_url, lambda actor: select(Case.id).where(rules.visible_cases(actor, NOW)), whole)
    assert found["officer2"] == ALL_OF_110 - {"complaint", "offered"}
