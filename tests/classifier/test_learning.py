"""Training, measuring and promoting a city's own model; and the report of it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from classifier import store
from classifier.engine import ModelEngine
from classifier.errors import ClassifierError
from classifier.knowledge import Knowledge
from classifier.learning import agency, data, evaluation, evaluation_page, fit, measure, promotion
from classifier.learning.data import DataError, Row, Table
from classifier.model import Model
from classifier.registry import Registry
from tests.classifier import tiny


def test_the_same_rows_and_seed_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        store.save(agency.train(tiny.table(120)), tmp_path / name)
    assert (tmp_path / "one" / "card.json").read_bytes() == (tmp_path / "two" / "card.json").read_bytes()
    assert store.read_card(tmp_path / "one")["files"]["label.npz"]


def test_labels_with_hardly_an_example_are_left_out_and_named() -> None:
    rare = (Row("电梯里有猫", "动物", None, 1), Row("问个路", "其他", None, 2), Row("问问天气", "其他", None, 3))
    learnt = agency.train(Table((*tiny.rows(120), *rare), 0, "t.csv"))
    assert learnt.card["left_out"] == {"其他": 2, "动物": 1}
    assert learnt.parts[0].labels("label") == tuple(sorted(tiny.MATTERS))
    assert learnt.card["texts"] == 120 and sum(learnt.card["labels"].values()) == 120


@pytest.mark.parametrize("labels", [("甲",) * 9, ("甲", "甲", "甲", "甲", "乙", "乙"), ("甲", "乙", "丙")])
def test_with_fewer_than_two_labels_nothing_is_learnt(labels: tuple[str, ...]) -> None:
    some = tuple(Row(f"第{at}件事", label, None, at) for at, label in enumerate(labels))
    with pytest.raises(DataError, match="at least two labels"):
        agency.train(Table(some, 0, "t.csv"))


def test_progress_grows_to_one() -> None:
    told: list[float] = []
    agency.train(tiny.table(60), progress=lambda _what, share: told.append(share))
    assert told == sorted(told) and told[0] == 0 and told[-1] == 1


def test_a_model_tells_what_it_learnt() -> None:
    found = evaluation.of_model(tiny.model(), tiny.rows(90, seed=8), "held")
    assert found["accuracy"] > 0.95 and found["macro_f1"] > 0.95 and found["texts"] == 90
    assert set(found) == {
        *("texts", "accuracy", "macro_f1", "top_3_accuracy", "calibration_error", "reliability"),
        *("per_class", "confusion", "worst"),
    }
    assert set(found["per_class"]) == set(tiny.MATTERS)
    assert sum(one["support"] for one in found["per_class"].values()) == 90
    assert sum(one["texts"] for one in found["reliability"]) == 90


def test_figures_are_those_of_the_textbook() -> None:
    chances = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.7, 0.3]])
    found = measure.labelled(["a", "b", "c", "d"], ["x", "x", "y", "y"], chances, ["x", "y"])
    assert (found["accuracy"], found["top_3_accuracy"]) == (0.75, 1.0)
    assert found["per_class"]["x"] == {"precision": 0.6667, "recall": 1.0, "f1": 0.8, "support": 2}
    assert found["macro_f1"] == pytest.approx((0.8 + 2 / 3) / 2, abs=1e-3)
    assert found["confusion"] == [{"label": "y", "said": "x", "texts": 1}]
    assert found["worst"] == [{"text": "d", "label": "y", "said": "x", "score": 0.7}]
    assert found["calibration_error"] == pytest.approx((0.1 + 0.4 + 0.2 + 0.7) / 4)
    assert measure.alarms([True, True, False], [True, False, True])["recall"] == 0.5
    assert measure.alarms([False], [False])["precision"] is None


def test_a_label_that_a_model_never_saw_counts_as_missed() -> None:
    found = evaluation.of_model(tiny.model(), (*tiny.rows(20), Row("飞碟", "外星局", None, 1)), "held")
    assert found["per_class"]["外星局"]["recall"] == 0


def test_a_duty_model_is_not_an_agency_model() -> None:
    with pytest.raises(ClassifierError, match="no part that judges danger"):
        ModelEngine(tiny.model(), Knowledge())


def test_maps_with_hardly_an_example_are_calibrated_all_the_same() -> None:
    from scipy import sparse

    x = sparse.csr_matrix(np.eye(12))
    assert fit.choice(x, ["a"] * 12).labels == ("a",)
    few = fit.choice(x, ["a"] * 9 + ["b"] * 3)
    assert few.labels == ("a", "b") and np.isfinite(few.weights).all() and np.isfinite(few.bias).all()
    flags = fit.flags(x, np.array([[True]] * 2 + [[False]] * 10), ["f"])
    assert flags.bias[0] == -10.0


def promote(tmp_path: Path, model: Model, table: Table | None = None) -> dict[str, Any]:
    store.save(model, tmp_path / "candidate")
    return promotion.promote(Registry(tmp_path / "models"), tmp_path / "candidate", table)


def test_only_what_is_better_serves(tmp_path: Path) -> None:
    poor, good, held = tiny.poor(), tiny.model(), tiny.table(60, seed=9)
    with pytest.raises(DataError, match="name its evaluation set"):
        promote(tmp_path, poor)
    first = promote(tmp_path, poor, held)
    assert first["promoted"] and first["serving"] is None
    better = promote(tmp_path, good)
    assert better["promoted"] and better["candidate"]["macro_f1"] > better["serving"]["macro_f1"]
    for no_better in (good, poor):
        found = promote(tmp_path, no_better)
        assert not found["promoted"] and "does not serve" in promotion.told(found)
    pointer = Registry(tmp_path / "models").pointer("agency")
    assert (pointer.serving, pointer.before) == (good.version, (poor.version, ""))


def test_the_first_evaluation_set_is_kept_for_later_ones(tmp_path: Path) -> None:
    promote(tmp_path, tiny.poor(), tiny.table(50, seed=9))
    kept = tmp_path / "models" / "agency" / "evaluation.jsonl"
    assert len(kept.read_text("utf-8").splitlines()) == 50
    assert kept.stat().st_mode & 0o077 == 0  # citizens' words
    kept.write_text("garbage\n")
    with pytest.raises(DataError, match="can't be read"):
        promote(tmp_path, tiny.model())


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


def read(page: str) -> _Page:
    found = _Page()
    found.feed(page)
    found.close()
    assert found.open == []
    return found


def test_the_report_is_one_page_that_fetches_nothing() -> None:
    nasty = Row("<script>alert('x')</script>\ud800&", "<b>局", None, 1)
    found = evaluation.of_model(tiny.model(), (*tiny.rows(40), nasty), "held")
    page = evaluation_page.page({"model": "agency-1", "kind": "agency", "data": "<held>.csv", "left_out": 3, **found})
    page.encode("utf-8")
    seen = read(page)
    assert not {"script", "link", "img", "iframe", "b>局"} & {tag for tag, _ in seen.tags}
    assert not re.search(r"https?://|url\(|@import", page)
    assert sum(tag == "svg" for tag, _ in seen.tags) == 2
    for title in ("总体指标", "各类别 F1", "可靠性曲线", "主要混淆", "最有把握却判错的文本", "人社局", "<script>alert"):
        assert title in seen.words, title
    assert "紧急" not in seen.words
    assert sum(tag == "circle" for tag, _ in seen.tags) == len(found["reliability"])


def test_the_report_tells_what_was_urgent_and_bears_a_perfect_model() -> None:
    chances = np.array([[0.9, 0.1], [0.1, 0.9]])
    found = measure.labelled(["a", "b"], ["x", "y"], chances, ["x", "y"])
    urgent = measure.alarms([True, False], [True, False])
    words = read(evaluation_page.page({"model": "m", "data": "d", "left_out": 0, **found, "urgent": urgent})).words
    assert "紧急警情识别" in words and "召回率100.0%" in words and "没有判错的文本" in words
    none = measure.alarms([False], [False])
    assert "召回率无" in read(evaluation_page.page({"model": "m", "data": "d", "left_out": 0, **found, "urgent": none})).words


def test_tables_of_any_coding_say_the_same(tmp_path: Path) -> None:
    rows = tiny.rows(9)
    for coding in ("utf-8", "utf-8-sig", "gb18030", "utf-16"):
        assert data.read(tiny.write(tmp_path / "t.csv", rows, coding)).rows == rows, coding


def test_a_workbook_says_the_same(tmp_path: Path) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    for line in [("text", "label", "urgent"), ("漏水", "住建", "是"), ("", "住建", None), ("路灯", 5, None)]:
        book.active.append(line)
    book.save(tmp_path / "t.xlsx")
    table = data.read(tmp_path / "t.xlsx")
    assert [(row.text, row.label, row.urgent, row.line) for row in table.rows] == [
        ("漏水", "住建", True, 2),
        ("路灯", "5", None, 4),
    ]
    assert table.empty == 1


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "the table is empty"),
        (b"text,other\na,b\n", "no column 'label'; there are text, other"),
        (b"text,label\n,\n", "no row has a text and a label"),
        (b"text,label\n\xff\xff\xff,b\n", ":2: neither UTF-8 nor GB18030"),
        (b"PK\x03\x04\x00\x00", "not a text file"),
        (b'text,label\n"a,b\n', "not CSV"),
        ("text,label,urgent\n漏水,甲,也许\n".encode(), "column urgent says '也许'"),
        ("text,label\n".encode("utf-16")[:-1], "neither UTF-8 nor GB18030|not"),
    ],
)
def test_a_table_that_cannot_be_read_is_named(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(DataError, match=r"t\.csv.*(" + says + ")"):
        data.read(tmp_path / "t.csv")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", b"text,label\n"])
def test_a_workbook_that_is_none_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t.xlsx").write_bytes(content)
    with pytest.raises(DataError, match="not a workbook"):
        data.read(tmp_path / "t.xlsx")


def test_only_the_rows_that_are_meant(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("text,label,split\na,x,train\nb,y,test\n")
    assert [row.text for row in data.read(tmp_path / "t.csv", where={"split": "test"}).rows] == ["b"]
    with pytest.raises(DataError, match="no column 'part'"):
        data.read(tmp_path / "t.csv", where={"part": "x"})
    with pytest.raises(DataError, match="No such file"):
        data.read(tmp_path / "none.csv")
