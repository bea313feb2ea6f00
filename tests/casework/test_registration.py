"""Registering a matter: faces, reasons, drafts, danger, and what is refused."""

from __future__ import annotations

import datetime as dt

import pytest

from router import errors
from router.allocation.decision import Ticks
from router.casework import allocate, cases
from router.storage.casework import Allocation, Case, CaseCall, Notice, PoliceOrder, Ticket
from tests.casework.parts import DALI, LABOUR, SYSTEM, TOWNSHIP, Desk, operator, police

WAGES = "工地老板拖欠工资三个月,一共两万块,一直不给"


def test_a_matter_of_12345_becomes_a_ticket_at_the_agency_that_is_responsible(desk: Desk) -> None:
    found = desk.register(operator(), WAGES, caller_number="138 0013 8000", place="昆明市五华区人民中路1号", kind="complaint")
    assert found.ticket is not None and found.order is None and not found.handoffs
    assert (found.ticket.state, found.ticket.agency, found.ticket.platform) == ("dispatched", LABOUR, "12345")
    assert (found.case.caller_number, found.case.division, found.case.item) == ("13800138000", "530102", "SX-001")
    assert found.allocation is not None and found.allocation.where == "own"
    reasons = found.allocation.decision["reasons"]
    assert reasons and all(one["rule"] and one["text"] and one["basis"] for one in reasons)
    assert found.allocation.catalog_version == found.case.catalog_version == "530100-1"
    actions = [one.action for one in desk.journal(found.case.id)]
    assert actions[0] == "case.registered"
    assert {"case.allocated", "ticket.opened", "ticket.dispatch"} <= set(actions)
    assert "ticket.dispatched" in desk.news(found.case.id)


def test_the_journal_and_the_outbox_hold_no_personal_data(desk: Desk) -> None:
    found = desk.register(
        operator(), WAGES, caller_number="13800138000", caller_name="欧阳明月", place="五华区人民中路1号", kind="complaint"
    )
    told = str([one.detail for one in desk.journal(found.case.id)])
    for secret in ("13800138000", "欧阳明月", "人民中路", "两万块"):
        assert secret not in told


def test_danger_said_by_a_person_sends_police_at_once_whatever_else_is_undecided(desk: Desk) -> None:
    ticks = Ticks(danger=True, belongs="unclear")
    found = desk.register(operator(), "有人在楼道里拿着刀", place="五华区人民中路1号", ticks=ticks)
    assert found.order is not None
    assert (found.order.state, found.order.danger_by, found.order.platform) == ("dispatched", "person", "110")
    assert found.order.dispatched_at == found.case.created_at


def test_danger_found_by_the_classifier_alone_awaits_confirmation_and_climbs(desk: Desk) -> None:
    found = desk.register(operator(), "我不想活了,我现在站在楼顶上", place="安宁市连然街道", hand_over=False)
    order = found.order
    assert order is not None and (order.state, order.danger_by, order.platform) == ("awaiting", "classifier", "110-anning")
    desk.wait(seconds=59)
    desk.ring()
    assert desk.order(found.case.id).climbs == 0
    desk.wait(seconds=2)
    assert desk.ring() >= 1
    desk.wait(seconds=60)
    desk.ring()
    order = desk.order(found.case.id)
    assert (order.state, order.climbs) == ("awaiting", 2)
    alarms = desk.rows(Notice, Notice.case_id == found.case.id, Notice.kind == "climb", Notice.level == 2)
    assert {one.unit for one in alarms} == {"110-anning", "110"}, "a second time the city's main desk hears it too"
    desk.wait(days=30)
    desk.ring()
    assert desk.order(found.case.id).state == "awaiting", "it never expires silently"


def test_a_county_s_matter_goes_to_the_county_s_110_desk(desk: Desk) -> None:
    ticks = Ticks(danger=True)
    for place, centre in (
        ("安宁市连然街道", "110-anning"),
        ("宜良县匡远街道", "110-yiliang"),
        ("盘龙区北京路", "110"),
        (None, "110"),
    ):
        found = desk.register(operator(), "有人持刀伤人", place=place, ticks=ticks)
        assert found.order is not None and found.order.platform == centre, place


def test_where_119_leads_the_police_order_assists_and_is_not_missing(desk: Desk) -> None:
    found = desk.register(operator(), "楼下着火了,浓烟很大,有人被困", ticks=Ticks(danger=True), place="五华区")
    assert found.order is not None
    assert (found.order.lead, found.order.kind, found.order.state) == ("119", "assist", "dispatched")
    assert {"119", "110"} <= set(found.order.services)


def test_the_other_side_s_matter_is_handed_over_and_both_faces_wait_for_each_other(desk: Desk) -> None:
    found = desk.register(operator(), "有人在楼下聚众赌博", channel="web", origin="网站", origin_id="1", place="盘龙区")
    assert found.handoffs and found.handoffs[0].mode == "online"
    assert found.ticket is not None and found.ticket.state == "waiting" and found.ticket.accepted_at is None
    assert found.order is not None and found.order.accepted_at is None
    assert found.order.state == "registered", "nobody named danger: 110 decides whether somebody sets out"


def test_110_hands_a_matter_of_12345_over(desk: Desk) -> None:
    found = desk.register(police(), WAGES, kind="complaint", place="五华区")
    assert found.handoffs and (found.handoffs[0].from_centre, found.handoffs[0].to_centre) == ("110", "12345")
    assert found.order is not None and found.order.state == "waiting"
    assert found.ticket is not None and (found.ticket.state, found.ticket.platform) == ("registered", "12345")
    assert found.ticket.accepted_at is None


def test_a_dispute_that_may_turn_violent_opens_both_faces_police_first(desk: Desk) -> None:
    found = desk.register(police(), "邻居因为漏水吵得很凶,说要同归于尽", ticks=Ticks(escalating=True), place="五华区")
    assert found.order is not None and found.order.state == "dispatched"
    assert found.ticket is not None
    assert found.order.dispatched_at is not None and found.order.dispatched_at <= found.ticket.created_at


def test_a_clue_about_stability_goes_to_110_and_is_confidential(desk: Desk) -> None:
    found = desk.register(operator(), "听说下周有几百人要去市政府门口", ticks=Ticks(stability=True))
    assert found.case.confidentiality == "stability"
    assert found.order is not None and found.order.platform == "110"


def test_a_front_line_unit_chosen_by_hand_gets_the_ticket_straight(desk: Desk) -> None:
    found = desk.register(operator(), "门口垃圾没人清运", place="五华区", ticks=Ticks(agency=TOWNSHIP))
    assert found.ticket is not None and found.ticket.agency == TOWNSHIP


def test_a_person_overrules_and_both_decisions_are_kept(desk: Desk) -> None:
    found = desk.register(operator(), WAGES, kind="complaint", dispatch=False, place="五华区")
    desk.wait(minutes=1)
    desk.do(operator(), allocate.overrule, found.case.id, Ticks(danger=True), "来电人说对方正在打人")
    rows = sorted(desk.rows(Allocation, Allocation.case_id == found.case.id), key=lambda one: one.at)
    assert [one.overrules for one in rows] == [None, rows[0].id]
    assert rows[1].overrule_reason == "来电人说对方正在打人" and rows[1].by == operator().id
    assert desk.order(found.case.id).state == "dispatched"


def test_overruling_needs_a_reason(desk: Desk) -> None:
    found = desk.register(operator(), WAGES, dispatch=False)
    with pytest.raises(errors.Invalid, match="改判理由"):
        desk.do(operator(), allocate.overrule, found.case.id, Ticks(danger=True), "  ")
    assert not desk.rows(PoliceOrder)


def test_a_new_catalog_holds_for_new_matters_and_old_ones_show_theirs(desk: Desk) -> None:
    from router.catalog import plain, versions

    old = desk.register(operator(), WAGES, dispatch=False)

    async def publish(work):  # type: ignore[no-untyped-def]
        content = plain.dump(await versions.at(work.session, "530100", work.now))
        content["items"]["SX-001"]["deadline"] = {"working-days": 2}
        return await versions.publish(
            work.session, content, city="530100", effective_at=None, actor=SYSTEM, note="节前", now=work.now
        )

    desk.do(SYSTEM, publish)
    desk.wait(seconds=1)
    new = desk.register(operator(), WAGES, dispatch=False)
    assert (desk.case(old.case.id).catalog_version, new.case.catalog_version) == ("530100-1", "530100-2")


def test_cities_have_rules_of_their_own(desk: Desk) -> None:
    from router.catalog import versions

    async def both(work):  # type: ignore[no-untyped-def]
        return [await versions.at(work.session, city, work.now) for city in ("530100", DALI)]

    kunming, dali = desk.do(SYSTEM, both)
    assert kunming.version != dali.version and kunming.items != dali.items


def test_a_draft_opened_by_a_call_is_filled_in_by_the_registration(desk: Desk) -> None:
    at = desk.now
    draft = desk.do(SYSTEM, cases.open_draft, call="c-1", centre="12345", caller="13800138000", answered_at=at, seat="8001")
    again = desk.do(SYSTEM, cases.open_draft, call="c-1", centre="12345", caller="13800138000", answered_at=at, seat="8001")
    assert again.id == draft.id
    desk.wait(minutes=3)
    found = desk.register(operator(), WAGES, call="c-1", kind="complaint")
    assert found.case.id == draft.id and found.case.first_answered_at == at
    assert found.case.caller_number == "13800138000", "the number was known from the call"
    assert [one.call_id for one in desk.rows(CaseCall, CaseCall.case_id == draft.id)] == ["c-1"]
    assert len(desk.rows(Case)) == 1


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"words": "  "}, "words"),
        ({"words": "字" * 20_001}, "words"),
        ({"channel": "传真"}, "channel"),
        ({"item": "SX-999"}, "item"),
        ({"kind": "吵架"}, "kind"),
        ({"division": "999999"}, "division"),
        ({"place": "地" * 301}, "place"),
        ({"latitude": 25.0}, "longitude"),
        ({"latitude": 95.0, "longitude": 102.0}, "latitude"),
        ({"caller_number": "一二三"}, "number"),
        ({"confidentiality": "绝密"}, "confidentiality"),
        ({"asked": {str(one): "" for one in range(51)}}, "asked"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_kept(desk: Desk, more: dict[str, object], field: str) -> None:
    with pytest.raises(errors.Invalid) as told:
        desk.register(operator(), **{"words": WAGES, **more})  # type: ignore[arg-type]
    assert told.value.facts["field"] == field and told.value.remedy
    assert not desk.rows(Case) and not desk.rows(Ticket)


def test_one_line_does_not_register_in_the_other_s_name(desk: Desk) -> None:
    with pytest.raises(errors.Forbidden):
        desk.register(operator(), WAGES, centre="110")
    posted = operator("110", home="12345")
    found = desk.register(posted, WAGES, kind="complaint")
    entry = desk.journal(found.case.id)[0]
    assert (entry.unit, entry.desk) == ("12345", "110"), "staff posted to the other side act under their home unit"


def test_an_edit_on_old_knowledge_is_refused(desk: Desk) -> None:
    found = desk.register(operator(), WAGES, dispatch=False)
    rev = desk.case(found.case.id).rev
    desk.do(operator(), cases.edit, found.case.id, cases.Change(place="盘龙区北京路"), rev)
    with pytest.raises(errors.Stale):
        desk.do(operator(), cases.edit, found.case.id, cases.Change(place="五华区"), rev)
    case = desk.case(found.case.id)
    assert (case.place, case.division) == ("盘龙区北京路", "530103")
    assert desk.journal(found.case.id)[-1].detail == {"fields": ["place", "division"]}


def test_numbers_names_and_places_lie_encrypted(desk: Desk, town_url: str) -> None:
    import sqlalchemy

    from router.storage import engine

    desk.register(operator(), WAGES, caller_number="13800138000", caller_name="欧阳明月", place="五华区人民中路1号")
    opened = sqlalchemy.create_engine(engine.parse(town_url, sync=True))
    with opened.connect() as connection:
        raw = str(connection.exec_driver_sql("SELECT caller_number, caller_name, place FROM case_file").all())
    opened.dispose()
    assert "13800138000" not in raw and "欧阳明月" not in raw and "人民中路" not in raw and raw.count("gAAAA") == 3


def test_a_preview_keeps_nothing(desk: Desk) -> None:
    given = cases.Registration(channel="phone", words="楼下着火了", ticks=Ticks(danger=True))
    decision = desk.do(operator(), cases.preview, given)
    assert decision.where == "police-first" and decision.order is not None
    assert not desk.rows(Case)


def test_the_end_of_a_working_day_counts_not_the_clock(desk: Desk) -> None:
    from router.storage.casework import Deadline

    desk.now = dt.datetime(2026, 11, 27, 2, 0, tzinfo=dt.UTC)  # Friday 10:00 in Kunming
    found = desk.register(operator(), WAGES, kind="complaint", place="五华区")
    [sign] = desk.rows(Deadline, Deadline.case_id == found.case.id)
    assert sign.duty == "sign" and sign.due_at.date() == dt.date(2026, 11, 30), "one working day after a Friday is Monday"
