"""Whose a matter is: clear, unclear, negotiated, nobody's; and what the special matters come with."""

from __future__ import annotations

from dataclasses import replace

import pytest

from classifier.verdict import Evidence, Suggestion, Verdict
from router.allocation.decision import Decision
from tests.allocation.parts import CITY, catalog, decide, facts, heard, rules


def test_an_item_of_12345_stays_at_12345() -> None:
    found = decide(facts(item="SX-001"))
    assert (found.where, found.owner, found.order, found.handoff) == ("own", "12345", None, None)
    assert found.ticket is not None and (found.ticket.desk, found.ticket.agency, found.ticket.helpers) == (
        "city-12345",
        "rs-wuhua",
        (),
    )
    assert found.reasons[0].basis == "SX-001"


@pytest.mark.parametrize(("channel", "mode"), [("phone", "one-key"), ("web", "online"), ("sms", "online"), ("mail", "online")])
def test_12345_hands_a_matter_of_110_over(channel: str, mode: str) -> None:
    found = decide(facts(item="SX-102", channel=channel))
    assert (found.where, found.owner, found.ticket) == ("other-side", "110", None)
    assert found.order is not None and (found.order.state, found.order.desk) == ("registered", "wuhua-110")
    assert found.handoff is not None
    assert (found.handoff.to_desk, found.handoff.mode, found.handoff.dangerous) == ("wuhua-110", mode, False)


@pytest.mark.parametrize(("channel", "mode"), [("phone", "one-key"), ("app", "online")])
def test_110_hands_a_matter_of_12345_over(channel: str, mode: str) -> None:
    found = decide(facts(item="SX-055", side="110", channel=channel))
    assert (found.where, found.owner, found.order) == ("other-side", "12345", None)
    assert found.ticket is not None and found.ticket.desk == "city-12345"
    assert found.handoff is not None and (found.handoff.to_desk, found.handoff.mode) == ("city-12345", mode)


@pytest.mark.parametrize("side", ["12345", "110"])
def test_who_gets_an_item_of_both_first_keeps_it(side: str) -> None:
    found = decide(facts(item="SX-014", side=side))
    assert (found.where, found.owner) == ("own", side)


@pytest.mark.parametrize(("channel", "mode"), [("phone", "three-way"), ("web", "online")])
def test_what_is_unclear_is_talked_over_before_anybody_owns_it(channel: str, mode: str) -> None:
    found = decide(facts(belongs="unclear", channel=channel))
    assert (found.where, found.owner, found.order, found.ticket) == ("three-way", None, None, None)
    assert found.handoff is not None and (found.handoff.mode, found.handoff.to_desk) == (mode, "wuhua-110")


def test_what_is_unsure_is_talked_over() -> None:
    assert decide(facts("那边有点情况说不清楚")).where == "three-way"


def test_where_item_and_words_cross_each_other_it_is_unclear() -> None:
    verdict = Verdict("110", False, items=(Suggestion("SX-001", 0.8),), confidence=0.8)
    found = decide(facts("说不清楚的一件事情", verdict=verdict))
    assert found.where == "three-way" and "chain.unclear.crossed" in rules(found)


def test_danger_that_was_taken_back_is_talked_over() -> None:
    verdict = Verdict(
        "unsure", False, items=(Suggestion("SX-001", 0.9),), call_back=True,
        evidence=(Evidence(0, 2, "着火", "danger.fire.withdrawn", "against"),),
    )  # fmt: skip
    assert decide(facts("着火了,没事了", verdict=verdict)).where == "three-way"


def test_the_result_of_a_negotiation_holds() -> None:
    ours, theirs = decide(facts(negotiation="12345", item="SX-102")), decide(facts(negotiation="110"))
    assert (ours.where, ours.owner, ours.order) == ("own", "12345", None)
    assert (theirs.where, theirs.owner) == ("other-side", "110")
    assert theirs.reasons[0].rule == "chain.negotiated"


def test_without_a_result_the_first_receiver_takes_it() -> None:
    here = decide(facts(negotiation="none"))
    assert (here.where, here.owner, here.handoff) == ("first-receiver", "12345", None)
    there = decide(facts(negotiation="none", first_side="110", first_centre="city-110"))
    assert (there.where, there.owner) == ("first-receiver", "110")
    assert there.order is not None and there.order.desk == "city-110"
    assert there.handoff is not None and there.handoff.to_desk == "city-110"


def test_what_is_nobodys_is_explained_with_a_standard_answer() -> None:
    by_item = decide(facts(item="SX-202"))
    assert (by_item.where, by_item.owner, by_item.guidance) == ("guide", None, "YD-02")
    by_tick = decide(facts(belongs="neither"))
    assert by_tick.where == "guide" and by_tick.guidance in catalog().guidance
    assert (by_tick.order, by_tick.ticket, by_tick.handoff) == (None, None, None)


def test_a_retired_item_leads_to_what_took_its_place() -> None:
    old = replace(catalog().items["SX-001"], code="SX-901", name="旧事项", replaced_by="SX-001")
    list_ = replace(catalog(), items={**catalog().items, "SX-901": old})
    found = decide(facts(item="SX-901"), list_)
    assert found.item == "SX-001" and "item.retired" in rules(found)


def test_an_unknown_item_is_said_and_not_used() -> None:
    found = decide(facts(item="SX-999"))
    assert found.item is None and "item.unknown" in rules(found) and "item" in found.missing


def test_a_stability_clue_goes_to_110_at_once_and_stays_confidential() -> None:
    for side, handed in (("12345", True), ("110", False)):
        found = decide(facts(stability=True, side=side, belongs="12345"))
        assert (found.where, found.owner, found.confidential, found.urgency) == ("police-first", "110", True, "urgent")
        assert found.order is not None and (found.order.state, found.order.police_class) == ("registered", "14")
        assert (found.handoff is not None) is handed


def test_a_dispute_that_police_came_to_twice_is_both_sides() -> None:
    found = decide(heard("邻居又在闹,为了楼上漏水的事", repeat_disputes=2))
    assert found.where == "police-first" and found.order is not None and found.ticket is not None
    assert found.order.state == "registered" and rules(found)[0] == "chain.repeat"
    assert decide(heard("邻居又在闹,为了楼上漏水的事", repeat_disputes=1)).order is None
    assert decide(heard("路灯不亮了希望来修", repeat_disputes=5)).order is None


def _complaint(**given: object) -> Decision:
    return decide(facts("警察现在就在现场,不出示证件", police_complaint="ongoing", **given))


def test_a_complaint_about_police_that_goes_on_is_110s_and_kept_apart() -> None:
    for side, where in (("12345", "other-side"), ("110", "own")):
        found = _complaint(side=side, complained_of="ga-wuhua")
        assert (found.where, found.owner, found.urgency) == (where, "110", "urgent")
        assert found.order is not None
        assert (found.order.kind, found.order.complained_of, found.order.unit) == ("complaint", "ga-wuhua", "dc-city")
        assert found.order.desk == "city-110"  # the county's desk lies within the unit complained of


def test_a_complaint_is_given_to_nobody_who_may_be_the_one_complained_of() -> None:
    at_the_top = _complaint(complained_of="ga-city").order
    assert at_the_top is not None and at_the_top.unit is None
    unknown = _complaint().order
    assert unknown is not None and unknown.unit == "dc-city"
    chosen = _complaint(complained_of="ga-wuhua", agency="pcs-town").order
    assert chosen is not None and chosen.unit == "dc-city"


def test_danger_and_a_complaint_at_once_are_one_order_that_avoids_the_unit() -> None:
    found = _complaint(danger=True, complained_of="pcs-town", division="530102001")
    assert found.order is not None
    assert (found.order.state, found.order.kind, found.order.unit) == ("dispatched", "complaint", "dc-city")
    assert "chain.complaint.with-danger" in rules(found)


def test_a_complaint_of_the_past_is_12345s_with_the_way_to_12389() -> None:
    found = decide(facts(police_complaint="past", complained_of="ga-wuhua"))
    assert (found.where, found.owner, found.order, found.guidance) == ("own", "12345", None, "YD-04")
    assert found.ticket is not None and found.ticket.agency not in ("ga-wuhua", "pcs-town")


def test_the_chosen_kind_goes_before_the_items_first() -> None:
    assert decide(facts(item="SX-001", kind="help")).kind == "help"
    assert decide(facts("我想举报老板不发工资", item="SX-001")).kind == "report"
    assert decide(facts("老板不发工资", item="SX-001")).kind == "complaint"


def test_inputs_hold_neither_words_nor_quotes() -> None:
    verdict = Verdict("119", True, ("119",), evidence=(Evidence(3, 5, "着火", "danger.fire"),))
    told = str(decide(facts("我家着火", verdict=verdict)).inputs)
    assert "着火" not in told and "danger.fire" in told


def test_what_is_missing_is_named() -> None:
    assert decide(facts("喂", division=None)).missing == ("place", "item", "words")
    assert decide(facts("工资不发好几个月了", item="SX-001")).missing == ()


def test_cities_have_rules_of_their_own() -> None:
    words = "楼下施工的噪音太吵"
    here = decide(facts(words, verdict=Verdict("unsure", False)))
    there = decide(facts(words, verdict=Verdict("unsure", False)), catalog("532900"))
    assert (here.owner, there.owner) == ("12345", "110")
    assert CITY in here.catalog_version and "532900" in there.catalog_version
