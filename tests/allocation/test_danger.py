"""Danger comes first: who says it, what a "no" is worth, and what the order looks like."""

from __future__ import annotations

import pytest

from classifier.verdict import Evidence, Verdict
from tests.allocation.parts import FIRE, KNIFE, WUHUA, decide, facts, heard, rules


@pytest.mark.parametrize("by", ["person", "peer"])
@pytest.mark.parametrize(
    "said",
    [
        {},
        {"belongs": "12345"},
        {"belongs": "neither"},
        {"negotiation": "12345"},
        {"negotiation": "none"},
        {"item": "SX-001"},
        {"stability": True},
        {"police_complaint": "past"},
        {"withdrawn": True},
        {"side": "110"},
        {"channel": "web"},
    ],
)
def test_danger_named_by_a_person_or_a_peer_is_dispatched_whatever_else_is_said(by: str, said: dict[str, object]) -> None:
    found = decide(facts(danger=True, danger_by=by, **said))
    assert (found.where, found.owner, found.urgency) == ("police-first", "110", "danger")
    assert found.order is not None
    assert (found.order.state, found.order.danger_by, found.order.desk) == ("dispatched", by, "wuhua-110")
    assert rules(found)[0] == f"chain.danger.{by}"


def test_danger_found_by_the_classifier_alone_awaits_confirmation() -> None:
    found = decide(facts(verdict=FIRE))
    assert found.order is not None
    assert (found.order.state, found.order.danger_by, found.order.kind, found.order.lead) == (
        "awaiting-confirmation", "classifier", "assist", "119",
    )  # fmt: skip
    assert found.reasons[0].evidence == ("着火",)
    assert found.handoff is not None and found.handoff.dangerous and found.handoff.mode == "one-key"


def test_words_that_weighed_most_are_shown_where_no_danger_is_named() -> None:
    verdict = Verdict("110", True, ("110",), evidence=(Evidence(0, 3, "不对劲", "model.urgent"),))
    assert decide(facts(verdict=verdict)).reasons[0].evidence == ("不对劲",)


def test_a_person_who_heard_the_caller_may_set_the_finding_aside() -> None:
    found = decide(facts(verdict=FIRE, danger=False, item="SX-022"))
    assert found.order is None
    assert (found.where, found.urgency) == ("own", "normal")
    assert "chain.danger.set-aside" in rules(found)
    assert found.inputs["verdict"]["urgent"] is True  # what was set aside stays on record


@pytest.mark.parametrize("kind", ["danger.violence", "danger.self-harm", "danger.captive", "danger.silent"])
def test_words_of_violence_await_confirmation_against_a_no(kind: str) -> None:
    verdict = Verdict("110", True, ("110",), police_class="1201", evidence=(Evidence(0, 2, "某词", kind),))
    found = decide(facts(verdict=verdict, danger=False))
    assert found.order is not None and found.order.state == "awaiting-confirmation"
    assert rules(found)[0] == "chain.danger.kept"


@pytest.mark.parametrize(("class_", "asked"), [("1203", True), ("1701", True), ("1301", False), ("", False)])
def test_violence_that_no_single_word_names_awaits_confirmation_against_a_no_too(class_: str, asked: bool) -> None:
    verdict = Verdict("110", True, ("110",), police_class=class_, evidence=(Evidence(0, 2, "某词", "model.urgent"),))
    assert (decide(facts(verdict=verdict, danger=False)).order is not None) == asked


def test_a_boundary_of_the_catalog_awaits_confirmation_against_a_no() -> None:
    found = decide(facts("拖欠工资,几十个工人堵门", item="SX-001", danger=False))
    assert found.order is not None and found.order.state == "awaiting-confirmation"


def test_a_no_of_a_peer_lifts_nothing() -> None:
    found = decide(facts(verdict=FIRE, danger=False, danger_by="peer"))
    assert found.order is not None and found.order.state == "awaiting-confirmation"


def test_an_order_that_the_dispatcher_withdrew_is_not_asked_for_again() -> None:
    found = decide(facts("有人拿刀砍人", verdict=KNIFE, withdrawn=True, item="SX-034"))
    assert found.order is None
    assert "chain.danger.withdrawn" in rules(found)


def test_nobody_lets_go_of_a_caller_who_wants_to_die() -> None:
    found = decide(heard("我不想活了,药都买好了"))
    assert found.handoff is not None and found.handoff.mode == "three-way" and found.handoff.dangerous
    assert found.order is not None and found.order.police_class == "1701"


def test_at_110_danger_needs_no_handoff() -> None:
    assert decide(facts(verdict=FIRE, side="110")).handoff is None


def test_text_with_danger_is_handed_over_online() -> None:
    found = decide(facts(verdict=FIRE, channel="web"))
    assert found.handoff is not None and (found.handoff.mode, found.handoff.dangerous) == ("online", True)


def test_an_escalating_dispute_gets_police_first_and_a_ticket() -> None:
    found = decide(facts("两家为了宅基地吵得很凶", side="110", escalating=True, item="SX-034"))
    assert found.order is not None and (found.order.state, found.order.danger_by) == ("dispatched", "person")
    assert found.ticket is not None and found.ticket.desk == "city-12345" and found.ticket.item == "SX-034"
    assert found.handoff is not None and (found.handoff.to_desk, found.handoff.mode, found.handoff.dangerous) == (
        "city-12345",
        "online",
        False,
    )


def test_danger_keeps_the_ticket_of_a_chosen_item() -> None:
    found = decide(facts(danger=True, item="SX-001"))
    assert found.order is not None and found.ticket is not None
    assert (found.ticket.agency, found.owner) == ("rs-wuhua", "110")


@pytest.mark.parametrize(
    ("line", "class_", "kind"), [("119", "1601", "assist"), ("120", "1704", "inform"), ("122", "1301", "assist")]
)
def test_where_another_line_leads_the_order_helps_or_is_told_and_is_never_missing(line: str, class_: str, kind: str) -> None:
    verdict = Verdict(line, True, (line, "110"), police_class=class_, confidence=0.9)  # type: ignore[arg-type]
    found = decide(facts(verdict=verdict))
    assert found.order is not None and (found.order.lead, found.order.kind) == (line, kind)
    assert "chain.lead" in rules(found)


def test_a_line_that_leads_without_urgency_gets_its_order_too() -> None:
    verdict = Verdict("122", False, ("122",), police_class="1302", confidence=0.7)
    for item in (None, "SX-056"):
        found = decide(facts(verdict=verdict, item=item))
        assert found.order is not None and (found.order.lead, found.order.state) == ("122", "registered")


def test_the_line_that_the_words_name_leads_whatever_class_they_name() -> None:
    verdict = Verdict("120", False, ("120",), police_class="1299", confidence=0.7)
    for words in ("老人身体不舒服要人看看", "楼下还在放音响,劝了不听"):
        found = decide(facts(words, verdict=verdict))
        assert found.order is not None and (found.order.lead, found.order.kind) == ("120", "inform")


def test_a_fulfilled_boundary_leads_before_a_line_without_hurry() -> None:
    verdict = Verdict("119", False, ("119",), police_class="1710", confidence=0.7)
    found = decide(facts("拖欠工资,工人堵门", item="SX-001", verdict=verdict))
    assert found.order is not None and (found.order.lead, found.order.police_class) == ("110", "1402")


def test_persons_in_danger_always_bring_110() -> None:
    found = decide(facts(verdict=Verdict("120", True, ("120",), police_class="1704"), danger=True))
    assert found.order is not None and (found.order.services, found.order.kind) == (("120", "110"), "assist")


def test_a_chosen_class_says_who_leads() -> None:
    found = decide(facts(police_class="1501", division=WUHUA))
    assert found.order is not None and (found.order.lead, found.order.kind, found.order.police_class) == ("119", "assist", "1501")


def test_the_class_of_no_police_matter_opens_no_order() -> None:
    found = decide(facts(police_class="1901", belongs="12345", side="110"))
    assert found.order is None and found.ticket is not None
