"""Every boundary of every item and every cross rule of the shipped list, word by word."""

from __future__ import annotations

import pytest

from router.catalog.model import Boundary, CrossRule, Item
from tests.allocation.parts import catalog, decide, facts, heard, rules

ITEMS = list(catalog().items.values())
BOUNDARIES = [pytest.param(item, one, id=f"{item.code}-{number}") for item in ITEMS for number, one in enumerate(item.boundaries)]
RULES = [pytest.param(one, id=one.code) for one in catalog().rules.values()]


def test_the_list_is_complete() -> None:
    numbered = {f"SX-{number:03d}" for number in range(1, 65)}
    assert numbered <= set(catalog().items)
    assert len(catalog().rules) >= 19


@pytest.mark.parametrize("item", ITEMS, ids=[one.code for one in ITEMS])
def test_an_item_that_a_person_chose_goes_where_the_list_says(item: Item) -> None:
    for side in ("12345", "110"):
        found = decide(facts(item=item.code, side=side))
        first = item.first if item.scope == "both" else item.scope
        if first == "neither":
            assert (found.where, found.guidance) == ("guide", item.guidance)
        else:
            owner = side if first == "first-receiver" else first
            assert (found.owner, found.where) == (owner, "own" if owner == side else "other-side")
            assert (found.order is not None, found.ticket is not None) == (owner == "110", owner == "12345")
        assert found.item == item.code and found.urgency == "normal"


@pytest.mark.parametrize(("item", "boundary"), BOUNDARIES)
def test_each_word_of_a_boundary_brings_110(item: Item, boundary: Boundary) -> None:
    for word in boundary.triggers:
        found = decide(facts(f"{item.name},{word}", item=item.code))
        assert found.order is not None, word
        urgent = catalog().classes[boundary.police_class].urgent
        complaint = boundary.police_class.startswith("18")
        if urgent:
            assert (found.where, found.order.state) == ("police-first", "awaiting-confirmation"), word
        elif complaint:
            assert (found.owner, found.order.kind) == ("110", "complaint"), word
        else:
            assert found.owner == "110", word
        if boundary.then == "both":
            assert found.ticket is not None, word
        assert set(boundary.services) <= set(found.order.services) or complaint, word
        assert any(word in one.evidence and one.basis == item.code for one in found.reasons), word


@pytest.mark.parametrize(("item", "boundary"), BOUNDARIES)
def test_a_boundary_that_is_denied_does_not_hold(item: Item, boundary: Boundary) -> None:
    for word in boundary.triggers:
        found = decide(facts(f"没有{word}", item=item.code))
        assert not any(one.rule.startswith("chain.boundary") for one in found.reasons), word


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_without_a_trigger_goes_to_whom_it_names(rule: CrossRule) -> None:
    for word in rule.words:
        if any(trigger in word for other in catalog().rules.values() for trigger in other.triggers):
            continue
        others = {one.first for one in catalog().rules.values() if one is not rule and any(named in word for named in one.words)}
        if others - {rule.first}:
            continue
        found = decide(facts(f"有一件事想说:{word}"))
        if rule.always:
            assert found.owner == "110", word
        elif rule.first == "guide":
            assert (found.where, found.guidance) == ("guide", rule.guidance), word
        else:
            assert found.owner == rule.first, word
        assert any(one.basis == rule.code for one in found.reasons), word


@pytest.mark.parametrize("rule", RULES)
def test_each_trigger_of_a_rule_brings_110(rule: CrossRule) -> None:
    named = next((word for word in rule.words if "投诉" not in word), rule.words[0])
    for trigger in rule.triggers:
        found = decide(facts(f"{named},{trigger}"))
        assert found.order is not None, trigger
        if catalog().classes[rule.police_class].urgent:
            assert (found.where, found.order.state) == ("police-first", "awaiting-confirmation"), trigger
        assert any(one.basis == rule.code and trigger in one.evidence for one in found.reasons), trigger


@pytest.mark.parametrize("rule", RULES)
def test_a_trigger_of_the_past_brings_nobody(rule: CrossRule) -> None:
    if rule.always or rule.police_class == "1703" or rule.police_class.startswith("18"):
        return
    for trigger in (one for one in rule.triggers if "正在" not in one and "现在" not in one):
        found = decide(facts(f"去年的事情,{rule.words[0]},{trigger},派出所已经立案"))
        assert "chain.rule.trigger" not in rules(found), trigger


CASES = [
    # words, side, where, owner
    ("老板拖欠工资三个月了", "12345", "own", "12345"),
    ("老板拖欠工资,工人爬塔吊要跳下来", "12345", "police-first", "110"),
    ("健身房关门了,卡里的钱退不了", "110", "other-side", "12345"),
    ("楼上漏水,邻居不肯修", "12345", "own", "12345"),
    ("楼上漏水,邻居拿刀出来了", "12345", "police-first", "110"),
    ("身份证丢了怎么补办身份证", "110", "other-side", "12345"),
    ("钥匙忘带了,锁在门外,帮我开锁", "12345", "guide", None),
    ("锁在门外,孩子在屋里,火没关", "12345", "police-first", "110"),
    ("我家闻到很浓的煤气味", "12345", "police-first", "110"),
    ("停水两天了什么时候来水", "12345", "own", "12345"),
    ("电梯坏了没人修", "12345", "own", "12345"),
    ("电梯坏了,我妈困在电梯里", "12345", "police-first", "110"),
    ("三岁孩子走丢了", "12345", "police-first", "110"),
    ("没有人打架,就是邻居太吵", "12345", "own", "12345"),
    ("有人在里面赌博,我要举报", "12345", "other-side", "110"),
    ("刚把钱转给骗子了,能不能拦住", "12345", "police-first", "110"),
]


@pytest.mark.parametrize(("words", "side", "where", "owner"), CASES)
def test_what_callers_say_goes_where_it_belongs(words: str, side: str, where: str, owner: str | None) -> None:
    found = decide(heard(words, side=side))
    assert (found.where, found.owner) == (where, owner), rules(found)
