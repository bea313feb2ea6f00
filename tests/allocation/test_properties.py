"""What holds for any facts: the promises of the chain, tried on thousands of random ones."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from classifier.verdict import ROUTES, Evidence, Suggestion, Verdict
from router.allocation import units
from router.allocation.decision import Decision, Facts, Negotiation, Ticks
from router.catalog.model import KINDS
from tests.allocation.parts import CITY, PANLONG, TOWN, UNITS, WUHUA, catalog, decide

LINES = ("119", "120", "122")
CODES = [*sorted(catalog().items), "SX-999", ""]
CLASSES = [*sorted(catalog().classes), "9999"]
WORDS = [
    "", "工资", "拖欠工资", "邻居", "动手", "没有", "去年", "正在", "拿刀", "着火", "自杀", "诈骗", "警察", "投诉民警", "扰民",
    "孩子", "走失", "煤气味", "开锁", "狗", "咬人", ",", "。", "怎么处理", "小说", "谢谢", "\x00", "😀", "ａ", "噪音", "还在现场",
]  # fmt: skip


@st.composite
def verdicts(draw: Callable[..., object]) -> Verdict:
    urgent = draw(st.booleans())
    route = draw(st.sampled_from([one for one in ROUTES if not urgent or one not in ("unsure", "guide")]))
    kinds = st.sampled_from(["danger.fire", "danger.violence", "danger.silent", "danger.fire.withdrawn", "model.urgent"])
    evidence = draw(
        st.lists(
            st.builds(Evidence, st.just(0), st.just(2), st.just("某词"), kinds, st.sampled_from(["for", "against"])), max_size=2
        )
    )
    services = draw(st.lists(st.sampled_from(["110", "119", "120", "122", "utility"]), unique=True, max_size=3))
    items = draw(st.lists(st.builds(Suggestion, st.sampled_from(CODES), st.floats(0, 1)), max_size=3))
    return Verdict(
        route, urgent, tuple(services), tuple(items), police_class=draw(st.sampled_from(["", *CLASSES])),
        confidence=draw(st.floats(0, 1)), urgent_confidence=0.5, call_back=draw(st.booleans()), evidence=tuple(evidence),
        engine="test",
    )  # type: ignore[arg-type]  # fmt: skip


TICKS = st.builds(
    Ticks,
    danger=st.sampled_from([None, None, True, False]),
    danger_by=st.sampled_from(["person", "peer"]),
    item=st.none() | st.sampled_from(CODES),
    kind=st.none() | st.sampled_from(sorted(KINDS)),
    agency=st.none() | st.sampled_from([*(one.code for one in UNITS), "nobody"]),
    belongs=st.sampled_from([None, None, "12345", "110", "unclear", "neither"]),
    stability=st.sampled_from([False, False, False, True]),
    police_complaint=st.sampled_from([None, None, "ongoing", "past"]),
    complained_of=st.none() | st.sampled_from([*(one.code for one in UNITS if one.level == "police"), "nobody"]),
    police_class=st.none() | st.sampled_from(CLASSES),
    escalating=st.sampled_from([False, False, False, True]),
    repeat_disputes=st.integers(0, 4),
    withdrawn=st.sampled_from([False, False, False, True]),
)
SIDES = st.sampled_from(["12345", "110"])
CENTRE = {"12345": ["city-12345"], "110": ["city-110", "wuhua-110"]}


@st.composite
def facts(draw: Callable[..., object]) -> Facts:
    side, first = draw(SIDES), draw(SIDES)
    return Facts(
        city=CITY,
        side=side,  # type: ignore[arg-type]
        centre=draw(st.sampled_from(CENTRE[side])),  # type: ignore[index, arg-type]
        first_side=first,  # type: ignore[arg-type]
        first_centre=draw(st.sampled_from(CENTRE[first])),  # type: ignore[index, arg-type]
        channel=draw(st.sampled_from(["phone", "web", "sms", "peer"])),  # type: ignore[arg-type]
        words="".join(draw(st.lists(st.sampled_from(WORDS), max_size=6))),  # type: ignore[arg-type]
        division=draw(st.sampled_from([None, CITY, WUHUA, PANLONG, TOWN, "310101", "x"])),  # type: ignore[arg-type]
        verdict=draw(verdicts()),  # type: ignore[arg-type]
        ticks=draw(TICKS),  # type: ignore[arg-type]
        negotiation=draw(st.none() | st.builds(Negotiation, st.sampled_from([None, "12345", "110"]))),  # type: ignore[arg-type]
    )


@settings(max_examples=400, deadline=None)
@given(facts())
def test_the_promises_hold_for_any_facts(of: Facts) -> None:
    found = decide(of)
    _danger_comes_first(of, found)
    _something_happens(found)
    _the_owner_fits(of, found)
    _who_is_complained_of_keeps_out(of, found)
    _no_line_is_forgotten(of, found)
    assert found.reasons and all(one.rule and one.text and one.basis for one in found.reasons)
    assert found == decide(of)
    assert found.as_dict()["where"] == found.where


def _danger_comes_first(of: Facts, found: Decision) -> None:
    if of.ticks.danger or of.ticks.escalating:
        assert found.where == "police-first" and found.order is not None and found.order.state == "dispatched"
        assert found.order.danger_by == (of.ticks.danger_by if of.ticks.danger else "person")
        assert "110" in found.order.services and found.urgency == "danger"
    elif of.verdict.urgent and of.ticks.danger is not False and not of.ticks.withdrawn:
        assert found.where == "police-first" and found.order is not None and found.order.state == "awaiting-confirmation"
    if found.order is not None:
        assert (found.order.danger_by is None) == (found.order.state == "registered")
        assert found.order.danger_by is None or found.where == "police-first"
        assert found.handoff is None or found.handoff.dangerous == (found.order.state != "registered" and of.side == "12345")
    if of.ticks.escalating:
        assert found.ticket is not None


def _something_happens(found: Decision) -> None:
    assert (
        found.order
        or found.ticket
        or (found.where == "guide" and found.guidance)
        or (found.where == "three-way" and found.handoff)
    )


def _the_owner_fits(of: Facts, found: Decision) -> None:
    other = "110" if of.side == "12345" else "12345"
    expected = {
        "police-first": "110",
        "own": of.side,
        "other-side": other,
        "first-receiver": of.first_side,
        "three-way": None,
        "guide": None,
    }
    assert found.owner == expected[found.where]
    if found.owner == "12345":
        assert found.ticket is not None
    if found.owner == "110":
        assert found.order is not None
    assert (found.handoff is not None) == (
        found.where in ("other-side", "three-way")
        or (found.where == "first-receiver" and of.first_side != of.side)
        or (found.where == "police-first" and (of.side == "12345" or found.ticket is not None))
    )
    assert found.item is None or found.item in catalog().items


def _who_is_complained_of_keeps_out(of: Facts, found: Decision) -> None:
    about = of.ticks.complained_of
    given_to = [found.order.unit if found.order else None]
    given_to += [found.ticket.agency, *found.ticket.helpers] if found.ticket else []
    for unit in UNITS:
        if unit.code in given_to:
            assert not units.must_keep_out(unit, about, UNITS)
    if of.ticks.police_complaint == "ongoing" and found.order is not None and found.order.lead == "110":
        assert found.order.kind == "complaint"


def _no_line_is_forgotten(of: Facts, found: Decision) -> None:
    if found.order is not None:
        assert (found.order.lead in LINES) <= (found.order.kind in ("assist", "inform"))
        assert found.order.lead in found.order.services
    told = of.ticks.danger is False or of.ticks.withdrawn or of.ticks.belongs or of.negotiation
    if of.verdict.route in LINES and not told:
        assert found.order is not None
