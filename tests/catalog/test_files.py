"""A catalog's YAML: what is wrong is told with file, line and key; a city's folder is laid over what holds for all."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.catalog import files
from router.catalog.errors import BadCatalog
from tests.catalog.parts import small_folder


def problems(folder: Path, city: str = "530100") -> list[str]:
    with pytest.raises(BadCatalog) as caught:
        files.load(folder, city)
    return [str(problem).replace(f"{folder}/", "") for problem in caught.value.problems]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return small_folder(tmp_path / "catalog")


def spoil(folder: Path, file: str, old: str, new: str) -> None:
    path = folder / file
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_what_is_not_said_has_its_default_and_a_class_takes_it_from_the_one_above(folder: Path) -> None:
    catalog = files.load(folder, "530100")
    assert (catalog.version, catalog.city) == ("530100-0", "530100")
    assert catalog.items["SX-001"].scope == "12345"
    assert catalog.items["SX-001"].boundaries[0].services == ("110",)
    assert catalog.classes["1401"].urgent


def test_plain_data_say_all_of_it(folder: Path) -> None:
    catalog = files.load(folder, "530100")
    again = files.parse(files.dump(catalog), version=catalog.version, city=catalog.city, effective_at=catalog.effective_at)
    assert again == catalog


def test_the_digest_is_of_the_content_whatever_its_order(folder: Path) -> None:
    plain = files.read(folder, "530100")
    turned = {section: dict(reversed(entries.items())) for section, entries in reversed(plain.items())}
    assert files.sha256(turned) == files.sha256(plain)
    turned["guidance"]["YD-01"] += "。"
    assert files.sha256(turned) != files.sha256(plain)


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("items.yaml", "kinds: [complaint]", "kinds: [rant]", "items.yaml:5: items.SX-001.kinds[0]: 'rant' 不在可选范围"),
        ("items.yaml", "    name: 拖欠工资\n", "", "items.yaml:2: items.SX-001.name: 缺少文字"),
        ("items.yaml", "deadline: {working-days: 5}", "deadline: 5", "items.yaml:7: items.SX-001.deadline: 5 不是时限"),
        ("items.yaml", "working-days: 5", "working-days: 0", "不是时限"),
        ("items.yaml", "field: 社会管理", "field: 杂项", "items.yaml:4: items.SX-001.field: '杂项' 不是五个领域之一"),
        ("items.yaml", "agencies: [人社]", "agencies: [人事]", "items.yaml:6: items.SX-001.agencies[0]: 没有承办类型“人事”"),
        ("items.yaml", '"1401"', '"1499"', "items.yaml:10: items.SX-001.boundaries[0].police_class: 没有警情类别 '1499'"),
        ("items.yaml", '"1401"', "1401", "1401 不是文字"),
        ("items.yaml", "    field:", "    feild:", "没有这个键 — 是否要写 field"),
        ("items.yaml", "  SX-001:", "  sx1:", "编码 'sx1' 不合规则"),
        ("items.yaml", "    name: 拖欠工资", "    name: ' 拖欠工资'", "前后有空白"),
        ("items.yaml", "    kinds:", "    replaced_by: SX-009\n    kinds:", "没有事项 SX-009"),
        ("items.yaml", "    kinds:", "    replaced_by: SX-001\n    kinds:", "绕成了圈"),
        ("items.yaml", "    kinds:", "    scope: neither\n    kinds:", "双方都不受理的事项要有引导话术"),
        ("items.yaml", "    kinds:", "    first: '110'\n    kinds:", "归12345的事项不能由110首接"),
        ("items.yaml", "    kinds:", "    words: [工资、工钱]\n    kinds:", "含有分隔符"),
        ("items.yaml", "    kinds:", "    words: [工资, 工资]\n    kinds:", "“工资”重复"),
        ("items.yaml", "[complaint]", "[complaint", "is not valid YAML"),
        ("rest.yaml", "items: [SX-001]", "items: [SX-002]", "rest.yaml:5: rules.JC-01.items[0]: 没有事项 SX-002"),
        ("rest.yaml", "first: '12345'", "first: guide", "引导解释的规则要有引导话术"),
        ("rest.yaml", "items: [SX-001]", "triggers: [打]", "会派警的规则要有警情类别"),
        ("rest.yaml", "  accept: {minutes: 30}\n", "", "limits.accept: 缺少时限"),
        ("rest.yaml", "{name: 堵门}", "{name: 堵门, lead: '119'}", "由119主责的警单不是派警"),
        ("rest.yaml", '"1401": {name: 堵门}', '"1501": {name: 堵门, urgent: true}', "没有大类 15"),
        ("rest.yaml", "urgent: true", "urgent: 是", "'是' 不是真假值"),
        ("rest.yaml", "guidance:", "guidence:", "是否要写 guidance"),
    ],
)
def test_every_mistake_is_told_with_its_place(folder: Path, file: str, old: str, new: str, told: str) -> None:
    spoil(folder, file, old, new)
    found = problems(folder)
    assert any(told in one for one in found), found
    assert any(one.startswith(f"{file}:") for one in found)


def test_all_mistakes_are_told_at_once(folder: Path) -> None:
    spoil(folder, "items.yaml", "kinds: [complaint]", "kinds: [rant]")
    spoil(folder, "rest.yaml", "confirm: {minutes: 1}", "confirm: 60 秒")
    assert len(problems(folder)) == 2


def test_a_code_stands_in_one_file(folder: Path) -> None:
    (folder / "zz.yaml").write_text("items:\n  SX-001: {}\n", encoding="utf-8")
    assert problems(folder) == ["zz.yaml:2: items.SX-001: 在 items.yaml:2 已经有了 — 每个编码只写一次"]


def test_a_city_changes_keys_takes_entries_away_and_adds_its_own(folder: Path) -> None:
    (folder / "530100" / "overrides.yaml").write_text(
        "items:\n"
        "  SX-001: {deadline: {working-days: 2}}\n"
        "  SX-900: {name: 滇池水质, field: 生态环境保护, kinds: [report], agencies: [人社], deadline: {minutes: 60}}\n"
        "rules: {JC-01: null}\n"
        "limits: {accept: {minutes: 5}}\n",
        encoding="utf-8",
    )
    here, elsewhere = files.load(folder, "530100"), files.load(folder, "532900")
    assert here.items["SX-001"].deadline.amount == 2
    assert here.items["SX-001"].name == "拖欠工资"
    assert "SX-900" in here.items
    assert here.rules == {}
    assert here.limits.accept.amount == 5
    assert (elsewhere.items.keys(), elsewhere.limits.accept.amount) == ({"SX-001"}, 30)
    assert files.cities(folder) == ["530100"]


def test_a_mistake_of_a_city_is_told_in_its_own_file(folder: Path) -> None:
    (folder / "530100" / "overrides.yaml").write_text(
        "items:\n  SX-001:\n    agencies: [公安]\n  SX-777: null\n", encoding="utf-8"
    )
    assert problems(folder) == ["530100/overrides.yaml:4: items.SX-777: 要去掉的编码本来就没有 — 检查编码,或者删除这一行"]
    spoil(folder, "530100/overrides.yaml", "  SX-777: null\n", "")
    assert problems(folder)[0].startswith("530100/overrides.yaml:3: items.SX-001.agencies")


def test_no_folder_and_no_file_are_told(tmp_path: Path) -> None:
    assert "没有这个文件夹" in problems(tmp_path / "nowhere")[0]
    assert "没有 *.yaml 文件" in problems(tmp_path)[0]


@pytest.mark.parametrize("data", [None, [], "事项", 5, {"items": []}, {"items": {1: {}}}, {"items": {"SX-001": None}}])
def test_data_of_any_shape_are_refused_with_problems(data: object) -> None:
    with pytest.raises(BadCatalog) as caught:
        files.parse(data, version="x", city="530100", effective_at=files.FIRST)
    assert caught.value.problems
    assert caught.value.facts["problems"][0]["what"]
