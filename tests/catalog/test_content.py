"""The catalog that is shipped says what the policy asks for (云政办发〔2022〕73号 二; requirements B2, B3, B11)."""

from __future__ import annotations

import itertools

import pytest

from router.catalog import files
from router.catalog.checks import FIELDS
from router.catalog.model import KINDS, Catalog, Limit
from tests.catalog.parts import DALI, FOLDER, KUNMING


@pytest.fixture(scope="module")
def kunming() -> Catalog:
    return files.load(FOLDER, KUNMING)


@pytest.fixture(scope="module")
def dali() -> Catalog:
    return files.load(FOLDER, DALI)


def test_all_64_items_of_the_draft_are_there(kunming: Catalog) -> None:
    assert {f"SX-{number:03}" for number in range(1, 65)} <= kunming.items.keys()


def test_each_field_has_an_item_for_each_kind_of_request(kunming: Catalog) -> None:
    found = {(item.field, kind) for item in kunming.items.values() for kind in item.kinds}
    assert found >= set(itertools.product(FIELDS, KINDS))


def test_each_matter_of_110_has_its_class_and_its_entry(kunming: Catalog) -> None:
    names = {code: kunming.classes[code].name for code in ("11", "12", "13", "14", "1299", "15", "16", "17", "18", "19")}
    assert names["1299"] == "其他与违法犯罪有关"
    assert [kunming.items[f"SX-10{number}"].scope for number in range(1, 9)] == ["110"] * 8
    assert kunming.classes["18"].kind == "complaint"
    assert all(kunming.classes[code].kind == "complaint" for code in kunming.classes if code.startswith("18"))


def test_where_another_line_leads_police_assist_or_are_told(kunming: Catalog) -> None:
    led_by = {code: (entry.lead, entry.kind) for code, entry in kunming.classes.items()}
    assert led_by["1601"] == ("119", "assist")
    assert led_by["1704"] == ("120", "inform")
    assert led_by["1301"] == ("122", "assist")
    assert led_by["1605"] == ("110", "dispatch")
    assert all(kind in ("assist", "inform") for lead, kind in led_by.values() if lead != "110")


def test_all_19_cross_case_rules_are_there(kunming: Catalog) -> None:
    assert sorted(kunming.rules) == [f"JC-{number:02}" for number in range(1, 20)]
    assert [code for code, rule in kunming.rules.items() if rule.always] == ["JC-12", "JC-13"]
    assert kunming.rules["JC-11"].first == "guide"


def test_limits_are_those_of_the_table(kunming: Catalog) -> None:
    assert kunming.items["SX-053"].deadline == Limit(10, "minutes")
    assert kunming.items["SX-024"].deadline == Limit(240, "minutes")
    assert kunming.items["SX-064"].deadline == Limit(30, "minutes")
    assert kunming.items["SX-059"].deadline == Limit(10, "working-days")
    assert kunming.items["SX-012"].urgent_deadline == Limit(120, "minutes")
    assert kunming.items["SX-001"].urgent_deadline == Limit(2, "working-days")


def test_every_item_of_12345_is_named_by_callers_and_answered(kunming: Catalog) -> None:
    poor = [item.code for item in kunming.items.values() if item.field and (len(item.words) < 5 or not item.answer)]
    assert poor == []
    assert all(item.guidance in kunming.guidance for item in kunming.items.values() if item.scope == "neither")


def test_a_word_names_one_item_and_one_class_only(kunming: Catalog) -> None:
    for entries in (kunming.items, kunming.classes):
        words = [word for entry in entries.values() for word in entry.words]  # type: ignore[attr-defined]
        assert len(words) == len(set(words))


def test_noise_of_social_life_is_whose_it_reaches_first(kunming: Catalog) -> None:
    noise = kunming.items["SX-014"]
    assert (noise.scope, noise.first) == ("both", "first-receiver")


def test_two_cities_have_different_rules_and_share_the_rest(kunming: Catalog, dali: Catalog) -> None:
    assert kunming.rules["JC-07"].first == "12345"
    assert dali.rules["JC-07"].first == "110"
    assert kunming.items["SX-062"].agencies[0] == "公安"
    assert dali.items["SX-062"].agencies[0] == "城管"
    assert dali.items["SX-062"].words == kunming.items["SX-062"].words
    assert "SX-053" not in dali.items
    assert dali.limits.accept != kunming.limits.accept
    assert dali.limits.confirm == kunming.limits.confirm
    assert dali.items["SX-001"] == kunming.items["SX-001"]
