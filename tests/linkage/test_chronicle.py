"""An event's journal as sentences: every action that the source writes has one, and no number of a telephone gets through."""

from __future__ import annotations

import ast
import datetime as dt
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.journal.journal import Entry
from router.linkage import machines
from router.linkage.review import chronicle
from router.linkage.review.chronicle import Names
from router.linkage.review.discreet import HIDDEN, without_numbers
from router.reports.document import Happening

ROOT = Path(__file__).parents[2]
NOW = dt.datetime(2026, 12, 1, 0, 5, 30, tzinfo=dt.UTC)
NAMES = Names({"110": "110指挥中心", "gas": "燃气公司"}, {"chief": "燃气经理"}, {"r": "燃气抢修", "t": "燃气公司指令 Z-1 "})


def entry(action: str, subject: str = "r", actor: str = "u-1", **detail: Any) -> Entry:
    return Entry("event:e", 1, NOW, actor, "gas", "gas", action, subject, detail, "")


def told(action: str, subject: str = "r", actor: str = "u-1", **detail: Any) -> Happening:
    return chronicle.happenings([entry(action, subject, actor, **detail)], NAMES)[0]


# --- every action has a sentence


def written(source: str, module: str) -> set[str]:
    """Actions that a module writes into the journal of an event. What stands in a variable comes from the machine's steps."""
    return {action for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call) for action in _of_call(node, module)}


def _of_call(node: ast.Call, module: str) -> Iterator[str]:
    name = ast.unparse(node.func)
    if len(node.args) < 3:
        return
    if name == "events.note" or (name == "note" and module == "events"):
        yield from _actions(node.args[2], "")
    elif name == "_note" and module == "requests":
        yield from _actions(node.args[2], "linkage_request.")


def _actions(node: ast.expr, prefix: str) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield prefix + node.value
    elif isinstance(node, ast.IfExp):
        yield from _actions(node.body, prefix)
        yield from _actions(node.orelse, prefix)
    else:
        if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
            prefix = str(node.values[0].value)
        machine = machines.MACHINES.get(prefix.removesuffix("."))
        assert machine is not None, f"{ast.unparse(node)}: which actions are these? Name them, or begin with a machine's name"
        yield from (f"{prefix}{step}" for _, step in machine.steps)


def sources() -> list[Path]:
    return [file for folder in ("router", "api", "hotline") for file in sorted((ROOT / folder).rglob("*.py"))]


def test_every_action_that_is_journalled_of_an_event_has_a_sentence() -> None:
    found = {action: file.stem for file in sources() for action in written(file.read_text(), file.stem)}
    assert len(found) > 50, "the search itself finds something"
    missing = {action: module for action, module in found.items() if action not in chronicle.SENTENCES}
    assert not missing, f"router/linkage/review/chronicle.py has no sentence for {missing}"
    assert not chronicle.SENTENCES.keys() - found.keys(), "sentences for what nobody writes"
    assert found.keys() >= chronicle.FOLLOWING


def test_the_search_sees_an_action_that_somebody_adds() -> None:
    source = """
events.note(work, row.id, "event.flooded", row.id)
events.note(work, row.id, f"event_task.{name}", row.id)
events.note(work, row.id, "event.a" if late else "event.b", row.id)
"""
    found = written(source, "new")
    assert {"event.flooded", "event.a", "event.b", "event_task.finish"} <= found
    assert not found <= chronicle.SENTENCES.keys()
    with pytest.raises(AssertionError, match="which actions"):
        written("events.note(work, row.id, action, row.id)", "new")


@pytest.mark.parametrize("action", sorted(chronicle.SENTENCES))
def test_a_sentence_is_chinese_and_stands_without_details_too(action: str) -> None:
    said = told(action)
    assert re.search(r"[\u4e00-\u9fff]", said.title) and said.kind
    for text in (said.title, said.detail, said.late):
        assert "None" not in text and "linkage" not in text


def test_an_unknown_action_is_shown_by_its_name_and_not_left_out() -> None:
    assert (told("event.flooded").kind, told("event.flooded").title) == ("记录", "event.flooded")


# --- what sentences say


@pytest.mark.parametrize(
    ("action", "detail", "title", "more"),
    [
        ("event.raise", {"level_before": 4, "level": 2}, "响应升为Ⅱ级", "原为Ⅳ级"),
        ("event.amended", {"before": {"level": 4}, "level": 3}, "更新事件要素", "级别由Ⅳ级(一般)改为Ⅲ级(较大)"),
        ("event.cases", {"cases": ["a", "b"], "how": "gathered"}, "归集2个事项", "自动归集"),
        ("mutual_notice.sent", {"from": "gas", "to": "110"}, "燃气公司向110指挥中心通报", ""),
        ("linkage_request.accept", {"via": "phone", "rung": 1}, "燃气抢修签收", "经电话,第1级上级"),
        ("linkage_request.climb", {"rung": 1, "to": "chief", "why": "refused"}, "燃气抢修:转燃气经理(第1级上级)", "被拒绝"),
        ("linkage_request.climb", {"rung": 1, "to": "chief", "why": "begin", "chasing": "arrive"}, "转燃气经理", "督促到场"),
        ("linkage_request.climb", {"rung": 0, "to": "gas", "why": "again"}, "燃气抢修:从本岗再次通知", "再次通知"),
        ("linkage_request.late", {"duty": "arrive"}, "燃气抢修未按时到场", ""),
        ("linkage_request.refused", {"reason": "无车,问 13812345678"}, "燃气抢修拒绝", f"理由:无车,问 {HIDDEN}"),
        ("attempt.ended", {"post": "chief", "outcome": "no_answer", "call": "c-1"}, "呼叫燃气经理:无人接听", "通话 c-1"),
        ("situation_report.submit", {"to": ["省应急办", "国务院"]}, "已书面报送", "报:省应急办、国务院"),
        ("resource.stock", {"amount": -200.0, "left": 800.0}, "出库200", "结存800"),
    ],
)  # fmt: skip
def test_what_a_sentence_says(action: str, detail: dict[str, Any], title: str, more: str) -> None:
    said = told(action, **detail)
    assert title in said.title and more in said.detail


def test_what_was_written_down_afterwards_says_when_it_really_was() -> None:
    early = (NOW - dt.timedelta(minutes=12)).isoformat()
    assert "实际时间2026年12月1日 07:53:30,事后补记" in told("linkage_request.arrive", at=early).detail
    assert "补记" not in told("linkage_request.arrive", at=NOW.isoformat()).detail


def test_who_did_it_is_told_by_unit_and_account_and_the_service_is_nobody() -> None:
    assert told("linkage_request.accept").detail.endswith("经办:燃气公司(账号 u-1)")
    assert "经办" not in told("linkage_request.accept", actor="system:linkage").detail
    assert "经办" not in told("linkage_request.late", duty="sign").detail, "nobody does that"


def test_lateness_stands_at_the_step_that_was_late() -> None:
    found = chronicle.happenings(
        [entry("linkage_request.accept"), entry("linkage_request.arrive")], NAMES, {("r", "linkage_request.arrive"): "超时3分"}
    )
    assert [one.late for one in found] == ["", "超时3分"]


# --- no numbers


MOBILES = ["13912345678", "139 1234 5678", "139-1234-5678", "+8613912345678", "0086 13912345678", "１３９１２３４５６７８"]
LANDLINES = ["0871-63123456", "087163123456", "(0871)63123456", "0871 6312 3456", "010-62345678", "63123456", "6312-3456"]
OTHERS = ["400-880-1234", "8008801234", "+14155550123", "53010219900101123X", "530102199001011234"]
NO_NUMBERS = [
    "12345、110、119、96333",
    "于20261125发生",
    "2026-11-25 10:05",
    "2026-2027年",
    "损失2345678元",
    "转移 20000 人",
    "沙袋 3000000 个",
    "坐标102.7123456,25.0456789",
    "T261125-00042-7、Z261125-00003-1",
    "云政办发〔2022〕73号",
    "DN300管道压力0.4兆帕",
]


@pytest.mark.parametrize("number", MOBILES + LANDLINES + OTHERS)
def test_numbers_of_telephones_and_people_are_hidden_wherever_they_stand(number: str) -> None:
    for text in (
        number,
        f"请打{number}找值班员",
        f"电话:{number}。",
        f"tel{number}转3" if number[0] != "6" else f"拨{number}转3",
    ):
        assert without_numbers(text) == text.replace(number, HIDDEN)


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_dates_amounts_and_numbers_of_papers_stay(text: str) -> None:
    assert without_numbers(text) == text


@given(st.text(max_size=40), st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True), st.text(max_size=40))
def test_no_mobile_number_gets_through_between_any_words(before: str, number: str, after: str) -> None:
    if re.search(r"[0-9.]$", before) or re.match(r"[0-9]", after):
        return  # part of a longer number
    assert number not in without_numbers(f"{before}{number}{after}")
