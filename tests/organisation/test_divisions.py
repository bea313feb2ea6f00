"""Divisions by code (GB/T 2260) and in a citizen's words."""

from __future__ import annotations

import io
import statistics
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.organisation import division_table, divisions
from router.organisation.division_table import TableMissing

KUNMING = "530100"


def test_codes_are_known_down_to_counties_and_below_them_by_their_first_six() -> None:
    known = ["530000", "530100", "530111", "530111001", "530111001001", "441900", "110105", "429004"]
    unknown = ["539999", "5301", "5301111", "53011100", "", "abcdef", "\uff15\uff1301\uff11\uff11", "000000"]
    assert [code for code in known if not divisions.known(code)] == []
    assert [code for code in unknown if divisions.known(code)] == []


def test_names_parents_and_children() -> None:
    assert divisions.name("530111001") == "官渡区"
    assert divisions.full_name("530111") == "云南省昆明市官渡区"
    assert divisions.full_name("310114") == "上海市嘉定区"
    assert divisions.full_name("429004") == "湖北省仙桃市"
    assert [divisions.parent(code) for code in ("530111001", "530111", "530100", "530000")] == [
        "530111",
        "530100",
        "530000",
        None,
    ]
    assert len(divisions.children(KUNMING)) == 14
    assert divisions.children("530111") == []
    assert [divisions.city_of(code) for code in ("530111", "530100", "310114", "530000")] == [
        "530100",
        "530100",
        "310000",
        "530000",
    ]
    assert divisions.within("530111001", "530000")
    assert not divisions.within("532901", KUNMING)
    assert (divisions.name("539999"), divisions.parent("x"), divisions.city_of("x")) == ("", None, None)


def test_a_whole_province_has_its_counties() -> None:
    cities = divisions.children("530000")
    assert len(cities) == 16
    counties = [county for city in cities for county in divisions.children(city)]
    assert len(counties) == 129 + 1  # the package still has 澄江县, which became 澄江市
    assert divisions.parse_place("澄江抚仙湖", "530400").division == "530481"


@pytest.mark.parametrize(
    ("text", "division", "town", "detail"),
    [
        ("云南省昆明市官渡区关上街道关兴路123号", "530111", "关上街道", "关兴路123号"),
        ("官渡区关兴路123号", "530111", "", "关兴路123号"),
        ("官渡关上关兴路", "530111", "关上街道", "关兴路"),
        ("呈贡大学城聚贤街768号", "530114", "", "大学城聚贤街768号"),
        ("大板桥机场路口", "530111", "大板桥街道", "机场路口"),
        ("安宁市连然街道大屯路", "530181", "连然街道", "大屯路"),
        ("匡远街道中路5号", "530125", "匡远街道", "中路5号"),
        ("石林县长湖镇", "530126", "长湖镇", "石林县"),
        ("翠湖边,五华区", "530102", "", "翠湖边,"),
        # names of roads and markets are no places of that name
        ("北京路与东风路交叉口", KUNMING, "", "北京路与东风路交叉口"),
        ("东川路10号", KUNMING, "", "东川路10号"),
        ("石林大道", KUNMING, "", "石林大道"),
        ("大理市场门口", KUNMING, "", "大理市场门口"),
        ("朝阳小区3栋", KUNMING, "", "朝阳小区3栋"),
        ("盘龙江边", KUNMING, "", "盘龙江边"),
        # other cities are meant only when said so
        ("大理市下关镇西山村", "532901", "", "下关镇西山村"),
        ("成都市武侯区天府大道", "510107", "", "天府大道"),
        ("北京朝阳大悦城", "110105", "", "大悦城"),
        ("四川成都春熙路", "510100", "", "春熙路"),
        ("广东省东莞市虎门镇", "441900", "", "虎门镇"),
        ("成都的老板在官渡区欠我钱", "530111", "", "成都的老板在欠我钱"),
        ("鼓楼区中山路", KUNMING, "", "鼓楼区中山路"),  # four cities have one, this city has none
        ("楼下", KUNMING, "", "楼下"),
        ("", KUNMING, "", ""),
    ],
)
def test_a_place_is_found_as_people_name_it(text: str, division: str, town: str, detail: str) -> None:
    place = divisions.parse_place(text, KUNMING)
    assert (place.division, place.town, place.detail) == (division, town, detail)
    assert place.division_name == divisions.full_name(division)


def test_without_a_city_only_what_is_said_counts() -> None:
    assert divisions.parse_place("东莞市虎门镇").division == "441900"
    assert divisions.parse_place("官渡区关上").division == "530111"
    for text in ("鼓楼区", "北京路", ""):
        place = divisions.parse_place(text)
        assert (place.division, place.division_name) == (None, "")


@given(
    st.text("昆明市官渡区大理成都武侯县路街道东川的,西山a1", max_size=400),
    st.sampled_from(["", KUNMING, "310000", "441900", "x"]),
)
def test_any_words_have_a_known_division_or_none(text: str, city: str) -> None:
    place = divisions.parse_place(text, city)
    assert place.division is None or divisions.known(place.division)
    if divisions.known(city):
        assert place.division is not None


def test_a_place_is_found_within_five_milliseconds() -> None:
    divisions.warm_up()
    texts = ["云南省昆明市官渡区关上街道关兴路123号对面的小区里面", "在路边" * 100, "成都市武侯区" * 50]
    taken = []
    for _ in range(15):
        for text in texts:
            begun = time.perf_counter()
            divisions.parse_place(text, KUNMING)
            taken.append(time.perf_counter() - begun)
    assert statistics.median(taken) < 0.005


def test_the_table_is_read_without_a_word_and_without_writing() -> None:
    code = "import sys; from router.organisation import divisions; divisions.warm_up(); assert 'jionlp' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_the_unpacked_file_does_as_well_and_none_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "云南省\t530000\t云南\n\t昆明市\t530100\t昆明\n\t\t官渡区\t530111\t官渡\n\t\t\t关上街道\n\t\t\t\t关上社区\n"
    package = tmp_path / "jionlp"
    (package / "dictionary").mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('is not to be imported')")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "jionlp", raising=False)
    with pytest.raises(TableMissing):
        division_table.table.__wrapped__()
    (package / "dictionary" / "china_location.txt").write_text(text, encoding="utf-8")
    assert division_table.table.__wrapped__().by_code["530111"].towns == ["关上街道"]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("china_location.txt", text.replace("关上街道", "吴井街道"))
    (package / "dictionary" / "china_location.zip").write_bytes(packed.getvalue())
    assert division_table.table.__wrapped__().by_code["530111"].towns == ["吴井街道"]
