"""The drift report: what it says of weeks that are like training, of weeks that are not, and of too few texts."""

from __future__ import annotations

import datetime as dt
import json
import math
import random
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from classifier.corpus import files
from classifier.features import Lexicon, Space
from classifier.learning import drift, drift_page
from classifier.learning.drift import REST, Seen, Training
from classifier.model import Head, Model, Part
from classifier.text.normalise import normalise

NOW = dt.datetime(2026, 6, 29, 9, 0, tzinfo=dt.UTC)
TRAINED = {"SX-001": 300, "SX-002": 200, "SX-003": 100, "SX-004": 400}
NAMES = {"SX-001": "噪声", "SX-002": "欠薪", "SX-009": "<新事项>"}


def seen(item: str, *, days: float = 1, route: str = "12345", model: str = "duty-a", **more: Any) -> Seen:
    given: dict[str, Any] = {"urgent": False, "confidence": 0.8, "agency": "", "overruled": False} | more
    return Seen(NOW - dt.timedelta(days=days), route, item=item, model=model, **given)


def like_training(many: int, days: float, mix: dict[str, int] = TRAINED) -> list[Seen]:
    chance = random.Random(f"{many}{days}")
    return [seen(item, days=days) for item in chance.choices(list(mix), list(mix.values()), k=many)]


def trained(**more: Any) -> Training:
    given: dict[str, Any] = {
        "what": "corpus/train",
        "texts": 1000,
        "items": TRAINED,
        "routes": {"12345": 900, "110": 100},
        "urgent": 50,
    }
    return Training(**(given | more))


def report(texts: list[Seen], weeks: int = 4, then: Training | None = None, **more: Any) -> dict[str, Any]:
    return drift.report(texts, NOW, weeks, then or trained(), models=["duty-a"], names=NAMES, **more)


def test_the_index_is_that_of_the_books() -> None:
    found = drift.stability({"a": 50_000, "b": 50_000}, {"a": 60_000, "b": 40_000})
    assert found is not None
    assert found.psi == pytest.approx(0.1 * math.log(0.6 / 0.5) - 0.1 * math.log(0.4 / 0.5), rel=1e-3)
    assert sum(found.parts.values()) == pytest.approx(found.psi)
    assert drift.stability({}, {"a": 1}) is None and drift.stability({"a": 1}, {}) is None
    same = drift.stability(TRAINED, TRAINED)
    assert same is not None and same.psi == 0 and same.reading == "stable"


@pytest.mark.parametrize(
    ("psi", "chance", "reading"),
    [
        (0.05, 0.0, "stable"),
        (0.1, 0.0, "watch"),
        (0.25, 0.0, "watch"),
        (0.26, 0.0, "changed"),
        (0.3, 0.2, "too-few"),
        (0.9, 0.2, "changed"),
    ],
)
def test_readings_are_the_usual_ones_unless_chance_alone_explains_them(psi: float, chance: float, reading: str) -> None:
    assert drift.read(psi, chance) == reading


def test_an_item_that_training_never_saw_makes_a_finite_index_and_rare_ones_are_taken_together() -> None:
    found = drift.stability(TRAINED, {"SX-009": 1000})
    assert found is not None and math.isfinite(found.psi) and found.reading == "changed"
    many = {f"SX-{number}": 1 for number in range(1000, 1500)}
    found = drift.stability({**TRAINED, **many}, {**TRAINED, **dict(list(many.items())[:250])})
    assert found is not None and set(found.parts) == {*TRAINED, REST}


def test_weeks_like_training_are_stable_and_one_that_changed_is_told() -> None:
    calm = [one for week in range(4) for one in like_training(600, week * 7 + 2)]
    found = report(calm)
    assert found["items"]["reading"] == "stable"
    assert [week["against_training"]["reading"] for week in found["weeks"]] == ["stable"] * 4
    flood = [one for one in calm if one.at < NOW - dt.timedelta(days=7)] + like_training(600, 2, {"SX-001": 1, "SX-009": 9})
    found = report(flood)
    assert [week["against_training"]["reading"] for week in found["weeks"]] == ["stable"] * 3 + ["changed"]
    assert found["weeks"][-1]["against_week_before"]["reading"] == "changed"
    assert found["moved"][0]["item"] == "SX-009" and found["moved"][0]["trained"] == 0 and found["moved"][0]["name"] == "<新事项>"
    assert found["moved"][0]["now"] == pytest.approx(0.225, abs=0.02)


def test_a_handful_of_texts_is_no_change() -> None:
    items = {f"SX-{number:03}": 50 for number in range(40)}
    found = report(like_training(60, 1, items), weeks=1, then=trained(items=items))
    assert found["items"]["psi"] > drift.CHANGED and found["items"]["reading"] == "too-few"


def test_weeks_end_now_and_what_lies_before_them_is_left_out() -> None:
    edges = [0, 6.99, 7.01, 13.99, 14.01, 27.99, 28.01, -1]
    found = report([seen("SX-001", days=days) for days in edges])
    assert [week["texts"] for week in found["weeks"]] == [1, 1, 2, 2]
    assert found["weeks"][0]["from"] == (NOW - dt.timedelta(days=28)).isoformat() and found["texts"] == 6


def test_shares_rates_and_confidence_are_counted_by_week_item_and_model() -> None:
    texts = [
        seen("SX-001", confidence=0.9, overruled=True),
        seen("SX-001", confidence=0.5, model="duty-b"),
        seen("SX-002", route="110", urgent=True, confidence=0.7),
        seen("", route="unsure", confidence=0.3),
    ]
    found = report(texts, weeks=1, unknown=[0.125])
    [week] = found["weeks"]
    assert week["routes"] == {"12345": 0.5, "110": 0.25, "unsure": 0.25}
    assert (week["urgent"], week["unsure"], week["overruled"], week["confidence"]) == (0.25, 0.25, 0.25, 0.6)
    assert week["items"] == {"SX-001": 2, "SX-002": 1} and week["unknown_terms"] == 0.125
    assert found["overruled_by_item"][0] == {"label": "SX-001", "name": "噪声", "texts": 2, "overruled": 1, "rate": 0.5}
    assert {one["label"]: one["rate"] for one in found["overruled_by_model"]} == {"duty-a": 0.3333, "duty-b": 0.0}


def test_a_city_s_agencies_are_compared_with_its_model_s_card() -> None:
    then = trained(agencies={"城管局": 500, "人社局": 500})
    assert report([seen("SX-001", agency="城管局")] * 500, then=then)["agencies"]["reading"] == "changed"
    assert report([seen("SX-001")], then=then)["agencies"] is None


def test_nothing_judged_and_a_card_that_tells_nothing_are_no_error() -> None:
    for found in (report([]), report(like_training(20, 1), then=trained(items={}, routes={}, urgent=None, texts=0))):
        assert found["items"] is None and found["moved"] == []
        assert "nothing to compare with" in drift.told(found)
        assert "无从比较" in drift_page.page(json.loads(json.dumps(found)))


def model(known: list[str], **card: Any) -> Model:
    """One that knows the terms of some texts, and weighs nothing."""
    lexicon = Lexicon(tuple({word for text in known for word in Lexicon().cut(normalise(text).full)}))
    space = Space.learn(lexicon.terms([normalise(text).full for text in known]), 1)
    heads = (Head("item", "choice", ("SX-001",)),)
    part = Part("matter", "full", heads, space, np.zeros((space.size, 1), np.float32), np.zeros(1, np.float32))
    return Model({"kind": "duty", "version": "duty-test", **card}, lexicon, (part,))


def test_words_that_training_never_had_are_unknown_terms() -> None:
    known = ["楼下烧烤店油烟很大", "工地半夜施工吵得睡不着"]
    one = model(known)
    assert drift.unknown_terms(one, known) == 0.0
    new = drift.unknown_terms(one, ["元宇宙盲盒跑路退款"])
    mixed = drift.unknown_terms(one, [known[0], "元宇宙盲盒跑路退款"])
    assert new is not None and mixed is not None and 0.8 < new <= 1.0 and 0.2 < mixed < new
    assert drift.unknown_terms(one, []) is None


def test_training_is_read_from_the_corpus_or_from_the_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["楼下烧烤店油烟很大"]
    for part in ("train", "dev"):
        (tmp_path / part).mkdir()
        corpus = f"@ route=12345 urgent=no item=SX-001\n{texts[0]}\n{part}\n@ route=110 urgent=yes services=110\n有人持刀\n"
        (tmp_path / part / "a.txt").write_text(corpus, "utf-8")
    monkeypatch.setattr(files, "HERE", tmp_path)
    found = drift.training(model(texts, trained_on={"what": "classifier/corpus/train", "sha256": files.digest("train")}))
    assert (found.texts, found.routes, found.items, found.urgent) == (3, {"12345": 2, "110": 1}, {"SX-001": 2}, 1)
    assert found.unknown_terms is not None and 0 < found.unknown_terms < 1
    own = {
        "trained_on": {"what": "own.csv", "sha256": "0"},
        "texts": 9,
        "items": {"SX-001": 9},
        "routes": {"12345": 9},
        "urgent": 0,
    }
    found = drift.training(model(texts, **own), model(texts, labels={"城管局": 3}))
    assert (found.what, found.texts, found.items, found.urgent, found.agencies) == ("own.csv", 9, {"SX-001": 9}, 0, {"城管局": 3})
    assert drift.training(model(texts)).items == {}


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name in ("src", "href") or (tag == "script")]
        assert tag not in ("script", "link", "img")


def test_the_report_is_one_page_in_chinese_with_charts_and_nothing_from_elsewhere() -> None:
    texts = [one for week in range(6) for one in like_training(50, week * 7 + 1)] + [seen("SX-009", days=2)] * 60
    found = json.loads(json.dumps(report(texts, weeks=6, unknown=[0.1, None, 0.2, 0.2, 0.3, 0.3])))
    page = drift_page.page(found)
    reader = _Page()
    reader.feed(page)
    assert reader.links == [] and "<新事项>" not in page and "&lt;新事项&gt;" in page
    for title in ("模型漂移报告", "每周各去向占比", "变化最大的事项", "按事项的人工改判", "按模型版本的人工改判"):
        assert title in page
    charts = page.split("<svg")[1:]
    assert len(charts) == 3
    for chart in charts:
        ElementTree.fromstring("<svg" + chart.split("</svg>")[0] + "</svg>")  # whole, or it raises
    assert page == drift_page.page(found)
    told = drift.told(found)
    assert "moved  SX-009" in told and f"{texts[0].model}" in told
