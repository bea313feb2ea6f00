"""Plans as files: every fault is told with its line and remedy, and nothing that is sent does harm."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import Problem
from router.errors import TooLarge
from router.linkage.emergency import kinds
from router.linkage.notifying import ladder, steps
from router.linkage.planning import plans
from router.linkage.planning.plans import BadPlan, Plan

TEXT = """\
plan: gas-leak
name: 燃气泄漏预案
kinds: [gas-leak]
filing_number: 测试〔2026〕1号
review_by: 2027-06-30
lead: 燃气
basis: 云政办发〔2022〕73号
answer: 已派人处置,请远离现场。
gather:
  words: [煤气味]
  count: 3
steps:
  - key: lead
    name: 堵漏
    posts: [燃气, "119"]
    part: lead
    task: 到场关阀
    sign: 180
    acks: 2
    send_out: 600
    arrive: 1800
  - key: know
    name: 知会
    posts: [供电]
    part: inform
    task: 准备断电
    level: 3
    after: 60
    order: in-turn
    channels: { desk: 0, phone: 120 }
    late: skip
tasks:
  - { posts: [燃气], text: 查明原因, due: 3600 }
reports: { phone: 1800, first: 3600 }
resources:
  - { kind: team, within: 5000 }
"""


def plan(text: str = TEXT) -> Plan:
    return plans.read_upload(text.encode(), "plan.yaml")


def faults(text: str) -> list[Problem]:
    """What is told of a text; each with file, line and remedy."""
    with pytest.raises(BadPlan) as told:
        plan(text)
    error = told.value
    assert (error.code, error.status) == ("plan.invalid", 422)
    assert f"{len(error.problems)}处错误" in error.what
    assert [one["line"] for one in error.facts["problems"]] == [one.line for one in error.problems]
    for one in error.problems:
        assert one.line is None or one.where == "plan.yaml"
        assert one.what and one.remedy
    return list(error.problems)


def edited(old: str, new: str) -> tuple[str, int]:
    """The text with an edit, and the line of the edit."""
    assert TEXT.count(old) == 1, old
    return TEXT.replace(old, new), TEXT[: TEXT.index(old)].count("\n") + 1


def test_a_plan_is_read_with_what_is_left_out_filled_in() -> None:
    found = plan()
    lead, know = found.steps
    assert (lead.level, lead.after, lead.order, lead.late) == (4, 0, "parallel", "run")
    assert lead.rules() == ladder.Rules({"desk": 0, "webhook": 0, "sms": 0, "phone": 0}, 180, 600, 1800, 1800, tries=2)
    assert know.rules() == ladder.Rules({"desk": 0, "phone": 120}, 180, 600, 1800, 1800, tries=2, late="skip")
    assert know.step() == steps.Step("know", after=60, level=3, order="in-turn", acks=None)
    assert lead.step() == steps.Step("lead", acks=2)


def test_a_file_and_an_upload_are_read_alike(tmp_path: Path) -> None:
    (tmp_path / "gas.yaml").write_text(TEXT, encoding="utf-8")
    assert plans.load(tmp_path / "gas.yaml") == plan()


def test_a_plan_survives_being_kept_as_plain_data() -> None:
    content = plans.dump(plan())
    assert plans.parse(content) == plan()
    assert plans.sha256(content) == plans.sha256(plans.dump(plans.parse(content)))
    assert plans.sha256(content) != plans.sha256({**content, "name": "另一个"})


@pytest.mark.parametrize(
    ("old", "new", "key", "words"),
    [
        # what each value alone is wrong in
        ("plan: gas-leak", "plan: Gas leak", "plan", "写法不允许"),
        ("review_by: 2027-06-30", "review_by: 明年", "review_by", "不是日期"),
        ("kinds: [gas-leak]", "kinds: []", "kinds", "至少写 1 项"),
        ("part: lead", "part: leader", "steps[0].part", "'lead', 'assist' or 'inform'"),
        ("sign: 180", "sign: 5", "steps[0].sign", "不小于 30"),
        ("sign: 180", "sign: .nan", "steps[0].sign", "超出范围"),
        ("send_out: 600", "send_out: -1", "steps[0].send_out", "不小于 0"),
        ("send_out: 600", "send_out: soon", "steps[0].send_out", "不是数字"),
        ("posts: [供电]", "posts: 供电", "steps[1].posts", "短横线"),
        ("posts: [供电]", "posts: [120]", "steps[1].posts[0]", '加上引号:"120"'),
        ("level: 3", "level: 5", "steps[1].level", "不大于 4"),
        ("order: in-turn", "order: inturn", "steps[1].order", "'parallel' or 'in-turn'"),
        ("late: skip", "late: never", "steps[1].late", "'run' or 'skip'"),
        ("desk: 0, phone: 120", "desk: 0, fax: 120", "steps[1].channels.fax", "'phone', 'desk', 'sms' or 'webhook'"),
        ("kind: team", "kind: teams", "resources[0].kind", "'team'"),
        ("count: 3", "count: 1", "gather.count", "不小于 2"),
        # slips of the pen
        ("    task: 到场关阀", "    taks: 到场关阀", "steps[0].taks", "是不是想写 task?"),
        ("basis:", "base:", "base", "是不是想写 basis?"),
        ("reports: { phone", "reports: { phones", "reports.phones", "是不是想写 phone?"),
        # what does not fit together
        ("kinds: [gas-leak]", "kinds: [gas-laek]", "kinds[0]", "是不是想写 gas-leak?"),
        ("kinds: [gas-leak]", "kinds: [fire, volcano]", "kinds[1]", "没有事件类型“volcano”"),
        ("acks: 2", "acks: 3", "steps[0].acks", "要 3 个单位签收,但只列了 2 个"),
        ("desk: 0, phone: 120", "desk: 0, phone: 181", "steps[1].channels.phone", "在签收时限(180秒)之后才通知"),
        ("channels: { desk: 0, phone: 120 }", "channels: {}", "steps[1].channels", "没有任何通知方式"),
        ("send_out: 600", "send_out: null", "steps[0].arrive", "要求到场,却不要求出动"),
        ("arrive: 1800", "arrive: 500", "steps[0].arrive", "到场时限早于出动时限"),
        ('posts: [燃气, "119"]', "posts: [燃气, 燃气]", "steps[0].posts[0]", "“燃气”出现了两次"),
        ("phone: 1800", "phone: 3601", "reports.phone", "电话报告的时限晚于书面初报"),
        ("words: [煤气味]", "words: []", "gather", "没有说明哪些事项算同一件事"),
        ("part: lead", "part: assist", "steps", "没有一开始就通知的主责单位"),
        ("sign: 180", "after: 60", "steps", "没有一开始就通知的主责单位"),
        ("sign: 180", "level: 2", "steps", "没有一开始就通知的主责单位"),
    ],
)
def test_a_fault_is_told_with_its_line_and_remedy(old: str, new: str, key: str, words: str) -> None:
    text, line = edited(old, new)
    told = next((one for one in faults(text) if one.key == key), None)
    assert told is not None, faults(text)
    assert words in f"{told.what} {told.remedy}"
    above = {"steps": "steps:", "gather": "gather:", "steps[0].arrive": "    arrive: "}
    if key in above:  # told where the rule stands that the edit breaks
        line = next(at for at, each in enumerate(text.splitlines(), 1) if each.startswith(above[key]))
    assert told.line == line


def test_a_step_named_twice_is_told_at_both_places() -> None:
    text, _ = edited("key: know", "key: lead")
    assert [(one.key, one.line) for one in faults(text)] == [("steps[0].key", 13), ("steps[1].key", 22)]


def test_all_faults_are_told_at_once_and_the_first_ones_shown() -> None:
    text = TEXT.replace("acks: 2", "acks: 9").replace("gas-leak]", "volcano]").replace("words: [煤气味]", "words: []")
    text = text.replace("arrive: 1800", "arrive: 1")
    found = faults(text)
    assert {one.key for one in found} == {"kinds[0]", "steps[0].acks", "steps[0].arrive", "gather"}
    with pytest.raises(BadPlan) as told:
        plan(text)
    assert told.value.what.count("plan.yaml:") == plans.SHOWN


def test_a_missing_key_is_told_where_it_should_stand() -> None:
    text, line = edited("    task: 准备断电\n", "")
    (told,) = faults(text)
    assert (told.key, told.what) == ("steps[1].task", "缺少这一项")
    assert told.line is not None and told.line < line


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (TEXT + "plan: fire\n", 37, "duplicate key"),
        (TEXT.replace("    sign: 180", "    sign: 180\n    sign: 60"), 19, "duplicate key"),
        (TEXT.replace("kinds: [gas-leak]", "kinds: [gas-leak"), 4, "不是有效的 YAML"),
        (TEXT.replace("    part: lead", "\tpart: lead"), 16, "不是有效的 YAML"),
        (TEXT.replace("name: 堵漏", "name: *1"), 14, "别名"),
        ("- a\n- b\n", 1, "不是键值表"),
        ("just words", 1, "不是键值表"),
    ],
)
def test_what_is_no_plan_at_all_is_told_with_its_line(text: str, line: int, words: str) -> None:
    (told,) = faults(text)
    assert (told.line, words in told.what) == (line, True)


def test_an_empty_upload_lacks_everything() -> None:
    with pytest.raises(BadPlan) as told:
        plans.read_upload(b"", "plan.yaml")
    assert {one.key for one in told.value.problems} == {name for name, field in Plan.model_fields.items() if field.is_required()}


@pytest.mark.parametrize("data", [TEXT.encode("gb18030"), b"\xff\xfe\x00", TEXT.encode("utf-16")])
def test_an_upload_in_another_encoding_is_told(data: bytes) -> None:
    with pytest.raises(BadPlan) as told:
        plans.read_upload(data, "plan.yaml")
    assert told.value.problems[0].remedy


def test_an_upload_may_have_so_many_bytes_and_no_more() -> None:
    full = TEXT.encode() + b"#" * (plans.LARGEST - len(TEXT.encode()))
    assert plans.read_upload(full, "plan.yaml") == plan()
    with pytest.raises(TooLarge) as told:
        plans.read_upload(full + b"#", "plan.yaml")
    assert told.value.facts["limit"] == plans.LARGEST


def test_a_bomb_of_aliases_is_refused_before_it_is_opened() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{at}: &a{at} [{', '.join([f'*a{at - 1}'] * 10)}]" for at in range(1, 30)]
    (told,) = faults("\n".join(lines))
    assert (told.line, "别名" in told.what) == (2, True)


def test_a_tower_of_brackets_is_refused() -> None:
    (told,) = faults("plan: " + "[" * 5000 + "]" * 5000)
    assert "嵌套超过" in told.what


def test_tags_make_no_objects() -> None:
    text, line = edited("name: 堵漏", "name: !!python/object/apply:os.getcwd []")
    assert (faults(text)[0].key, faults(text)[0].line) == ("steps[0].name", line)


def test_a_file_that_is_not_there_is_told_by_name(tmp_path: Path) -> None:
    with pytest.raises(BadPlan, match=r"none\.yaml"):
        plans.load(tmp_path / "none.yaml")


PLAIN = plans.dump(plan())
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=20)
    | st.sampled_from([*kinds.KINDS]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def places(content: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in plain data."""
    inner = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    return [path, *(deeper for key, value in inner for deeper in places(value, (*path, key)))][1 if not path else 0 :]


@given(st.lists(st.tuples(st.sampled_from(places(PLAIN)), ANYTHING), min_size=1, max_size=3))
def test_whatever_stands_in_a_plan_is_taken_or_told_with_a_remedy(changes: list[tuple[tuple[Any, ...], Any]]) -> None:
    content = copy.deepcopy(PLAIN)
    for path, value in changes:
        target: Any = content
        try:
            for part in path[:-1]:
                target = target[part]
            target[path[-1]] = value
        except (TypeError, KeyError, IndexError):
            continue  # an earlier change has taken the place away
    try:
        found = plans.parse(content)
    except BadPlan as error:
        assert all(one.what and one.remedy for one in error.problems)
    else:
        assert plans.parse(plans.dump(found)) == found


@given(
    st.text(st.characters(codec="utf-8"), max_size=200)
    | st.lists(st.sampled_from("{}[]:,-?!&*|>'\"%@#\n \tab"), max_size=60).map("".join)
)
def test_whatever_is_uploaded_is_refused_with_a_remedy(text: str) -> None:
    with pytest.raises(BadPlan) as told:
        plans.read_upload(text.encode(), "plan.yaml")
    assert all(one.what and one.remedy for one in told.value.problems)
