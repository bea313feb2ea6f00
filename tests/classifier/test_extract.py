"""What a person tells of where, when and how to be reached, and what of it must not be kept."""

from __future__ import annotations

import datetime as dt
import time
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from classifier import extract
from classifier.extract import lexis, numbers, when
from router.organisation import numbers as directory

CHINA = dt.timezone(dt.timedelta(hours=8))
NOW = dt.datetime(2026, 3, 5, 21, 17, 42, tzinfo=CHINA)
"""A Thursday evening."""


def told(text: str, kind: str, now: dt.datetime | None = NOW) -> list[str]:
    return [found.text for found in extract.find(text, now=now) if found.kind == kind]


def values(text: str, kind: str, now: dt.datetime | None = NOW) -> list[str]:
    return [found.value for found in extract.find(text, now=now) if found.kind == kind]


def identity(body: str) -> str:
    """Seventeen digits and their check character."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return body + "10X98765432"[sum(int(digit) * weight for digit, weight in zip(body, weights, strict=True)) % 11]


# Phones, plates, papers


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("13987654321", "13987654321"),
        ("139 8765 4321", "13987654321"),
        ("139-8765-4321", "13987654321"),
        ("１３９８７６５４３２１", "13987654321"),
        ("+86 139 8765 4321", "13987654321"),
        ("0086-13987654321", "13987654321"),
        ("8613987654321", "13987654321"),
        ("013987654321", "13987654321"),
        ("幺三九八七六五四三二幺", "13987654321"),
        ("一三九,八七六五,四三二一", "13987654321"),
        ("139,嗯,8765,4321", "13987654321"),
        ("幺 三 九 八 七 六 五 四 三 二 幺", "13987654321"),
        ("139八七六五四三二一", "13987654321"),
        ("139\u200b8765\u200b4321", "13987654321"),
        ("17012345678转1234", "17012345678-1234"),
        ("0871-63123456", "087163123456"),
        ("(0871)63123456", "087163123456"),
        ("0871 6312 3456", "087163123456"),
        ("087163123456转801", "087163123456-801"),
        ("0871-63123456-801", "087163123456-801"),
        ("+86-871-63123456", "087163123456"),
        ("零八七幺杠六三一二三四五六", "087163123456"),
        ("010-87654321", "01087654321"),
        ("400-123-4567", "4001234567"),
        ("8008201234", "8008201234"),
        ("+852 2345 6789", "+85223456789"),
    ],
)
def test_a_number_is_found_however_it_is_written(written: str, number: str) -> None:
    text = f"我的电话是{written},麻烦回一下"
    assert values(text, "phone") == [number], extract.find(text)
    assert told(text, "phone")[0].strip("()") in written


def test_a_number_has_the_form_of_the_directory() -> None:
    for written in (
        "139 8765 4321",
        "+86 139-8765-4321",
        "0871-63123456转801",
        "(0871)63123456",
        "400-123-4567",
        "+852 23456789",
    ):
        assert values(f"打{written}找我", "phone") == [directory.normalise(written)]


def digits(pattern: str) -> st.SearchStrategy[str]:
    """Numbers of a shape, ``x`` for any digit."""
    return st.integers(0, 10 ** pattern.count("x") - 1).map(lambda drawn: _filled(pattern, drawn))


def _filled(pattern: str, drawn: int) -> str:
    rest = iter(f"{drawn:0{pattern.count('x')}}")
    return "".join(next(rest) if sign == "x" else sign for sign in pattern)


@given(digits("13xxxxxxxxx") | digits("19xxxxxxxxx") | digits("08716xxxxxxx") | digits("08826xxxxxx") | digits("400xxxxxxx"))
@settings(max_examples=60, deadline=None)
def test_the_directory_gives_any_number_the_same_form(number: str) -> None:
    assert values(f"号码{number}。", "phone") == [directory.normalise(number)]


def test_the_words_beside_a_spelt_number_are_none_of_it() -> None:
    assert values("打幺三九八七六五四三二幺一直没人接", "phone") == ["13987654321"]
    assert values("唯一一三九八七六五四三二一能打通", "phone") == ["13987654321"]
    assert values("13987654321一天打了三遍", "phone") == ["13987654321"]


@pytest.mark.parametrize(
    "text",
    [
        "打12345和110都打不通", "客服95588说要等", "订单20260105123456789没发货", "一共1380元,2019年3月买的", "价格是12800.50元",
        "1、3、5、7、9、11、13、15号楼都停水", "编号139876543210不对", "一二三四五六七八楼都没水", "0.13987654321",
    ],
)  # fmt: skip
def test_short_numbers_and_other_digits_are_no_phones(text: str) -> None:
    assert told(text, "phone") == []


@pytest.mark.parametrize(
    ("written", "plate"),
    [
        ("云A12345", "云A12345"),
        ("云A·D1234", "云AD1234"),
        ("云a 12b45", "云A12B45"),
        ("云AD12345", "云AD12345"),
        ("云A12345F", "云A12345F"),
        ("贵B·3C9K7", "贵B3C9K7"),
        ("云Ａ８８６６８", "云A88668"),
        ("云A幺二三四五", "云A12345"),
        ("云A1234警", "云A1234警"),
        ("云A1234学", "云A1234学"),
        ("川A座12345", ""),
        ("苏州A1", ""),
        ("京东ABCDE", ""),
    ],
)
def test_plates(written: str, plate: str) -> None:
    assert values(f"有辆{written}挡着门", "plate") == ([plate] if plate else [])


def test_identity_numbers_need_a_right_check_character() -> None:
    good = identity("53010219900307123")
    assert values(f"身份证{good[:6]} {good[6:14]} {good[14:]}", "id_number") == [good]
    wrong = good[:-1] + ("1" if good[-1] != "1" else "2")
    assert values(f"身份证{wrong}", "id_number") == [] and values(f"身份证{wrong}", "phone") == []


# Times


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("昨晚八点半", "2026-03-04T20:30:00+08:00"),
        ("昨天晚上11点多", "2026-03-04T23:00:00+08:00"),
        ("昨晚两点", "2026-03-05T02:00:00+08:00"),
        ("今天凌晨", "2026-03-05T00:00:00+08:00/2026-03-05T06:00:00+08:00"),
        ("今早七点一刻", "2026-03-05T07:15:00+08:00"),
        ("中午12点", "2026-03-05T12:00:00+08:00"),
        ("晚上12点", "2026-03-06T00:00:00+08:00"),
        ("刚才", "2026-03-05T21:17:42+08:00"),
        ("十分钟前", "2026-03-05T21:07:42+08:00"),
        ("半个小时前", "2026-03-05T20:47:42+08:00"),
        ("一个半小时以前", "2026-03-05T19:47:42+08:00"),
        ("三天前", "2026-03-02"),
        ("两个月前", "2026-01-01/2026-01-31"),
        ("半个月前", "2026-02-18"),
        ("半年前", "2025-09-01/2025-09-30"),
        ("一年半前", "2024-09-01/2024-09-30"),
        ("两年前", "2024-01-01/2024-12-31"),
        ("大前天", "2026-03-02"),
        ("3月5号下午两点", "2026-03-05T14:00:00+08:00"),
        ("三月二号上午9:05", "2026-03-02T09:05:00+08:00"),
        ("2026年1月2日", "2026-01-02"),
        ("2026-01-02 08:30", "2026-01-02T08:30:00+08:00"),
        ("2026年1月2日星期五上午9点", "2026-01-02T09:00:00+08:00"),
        ("二〇二五年六月", "2025-06-01/2025-06-30"),
        ("18年11月份", "2018-11-01/2018-11-30"),
        ("12月10日", "2025-12-10"),
        ("3月20号", "2026-03-20"),
        ("上个月25号", "2026-02-25"),
        ("2月底", "2026-02-21/2026-02-28"),
        ("上周三", "2026-02-25"),
        ("这周六", "2026-03-07"),
        ("上周", "2026-02-23/2026-03-01"),
        ("去年", "2025-01-01/2025-12-31"),
        ("去年年底", "2025-12-01/2025-12-31"),
        ("前年夏天", "2024-06-01/2024-08-31"),
        ("去年国庆节", "2025-10-01"),
        ("晚上10点到12点", "2026-03-05T22:00:00+08:00/2026-03-06T00:00:00+08:00"),
        ("下午3点到5点半", "2026-03-05T15:00:00+08:00/2026-03-05T17:30:00+08:00"),
        ("22时至次日6时", "2026-03-05T22:00:00+08:00/2026-03-06T06:00:00+08:00"),
        ("3月1日至5日", "2026-03-01/2026-03-05"),
        ("每天晚上10点到12点", "R/T22:00:00/T00:00:00"),
        ("每天早上6点", "R/T06:00:00"),
        ("每晚", "R/P1D"),
        ("每晚十一点半到十二点半", "R/T23:30:00/T00:30:00"),
        ("每晚上9点", "R/T21:00:00"),
        ("每周三", "R/P1W"),
        ("周一到周五", "R/P1W"),
        ("每个月5号", "R/P1M"),
        ("最近", ""),
        ("春节期间", ""),
        ("前几天", ""),
    ],
)
def test_what_a_time_means(written: str, value: str) -> None:
    found = [one for one in extract.find(f"我们这里{written},有人放炮", now=NOW) if one.kind == "time"]
    assert [(one.text, one.value) for one in found] == [(written, value)]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("2026年1月2日", "2026-01-02"), ("去年年底", ""), ("刚才", ""), ("3月5号", ""), ("下午两点", "T14:00:00"),
        ("早上8点到晚上7点", "T08:00:00/T19:00:00"), ("每天15:00-21:00", "R/T15:00:00/T21:00:00"), ("昨晚八点", ""),
    ],
)  # fmt: skip
def test_without_now_only_what_does_not_depend_on_it_is_told(written: str, value: str) -> None:
    assert values(f"{written}停电", "time", None) == [value]


def test_a_naive_now_gives_naive_times() -> None:
    assert values("昨晚八点停电", "time", NOW.replace(tzinfo=None)) == ["2026-03-04T20:00:00"]


def test_a_text_tells_later_times_from_the_day_that_it_told_first() -> None:
    assert values("1月7日23:50上车,当天没到,次日凌晨1点才下车", "time") == [
        "2026-01-07T23:50:00+08:00", "2026-01-07", "2026-01-08T01:00:00+08:00",
    ]  # fmt: skip
    assert values("2019年12月30日交钱,次日关门", "time", None) == ["2019-12-30", "2019-12-31"]


@pytest.mark.parametrize(
    "text",
    [
        "我有三点要求", "一点都不讲理", "以下两点建议,请回复", "一年365天都这样", "三年来没人管", "住15号楼", "坐5号线",
        "国庆路堵车",
        "五一路那边", "周边都是这样", "有一点钱", "百分之六点五", "3号桌没人收", "修了七个月", "两天后再说",
    ],
)  # fmt: skip
def test_what_only_looks_like_a_time(text: str) -> None:
    assert told(text, "time") == []


def test_dates_that_do_not_exist_mean_nothing_and_do_no_harm() -> None:
    assert values("2026年2月30日停电", "time") == [""]
    assert told("13月40日", "time") == []
    for early in (dt.datetime.min, dt.datetime.max):
        for text in (
            "大前天",
            "99年前",
            "9999个月前",
            "上上个月",
            "大后天晚上12点",
            "上周三",
            "去年",
            "明年冬天",
            "12月31日晚上12点",
        ):
            extract.find(text, now=early)


@given(st.integers(0, 9999))
@settings(max_examples=50, deadline=None)
def test_chinese_numbers_are_read(count: int) -> None:
    digits = "零一二三四五六七八九"
    words = ""
    for unit, power in (("千", 1000), ("百", 100), ("十", 10), ("", 1)):
        digit = count // power % 10
        words += digits[digit] + unit if digit else "零"
    assert when.number(words.strip("零") or "零") == count


# Places


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("我住在青石东路128号云溪小区3栋2单元501,楼上漏水", ["青石东路128号云溪小区3栋2单元501"]),
        ("海棠路与枫林大道交叉口有两车相撞", ["海棠路与枫林大道交叉口"]),
        ("海棠路和枫林路的十字路口红绿灯坏了", ["海棠路和枫林路的十字路口"]),
        ("昆楚高速K45+300处追尾了", ["昆楚高速K45+300处"]),
        ("G56高速K12+5有货车着火", ["G56高速K12+5"]),
        ("在213国道翻车", ["213国道"]),
        ("金河区松山街道梨园社区居委会门口有人打架", ["金河区松山街道梨园社区居委会门口"]),
        ("大井县黑龙潭镇小坝村三组停水", ["大井县黑龙潭镇小坝村三组"]),
        ("云南省第九人民医院对面工地太吵", ["云南省第九人民医院对面工地"]),
        ("地铁3号线松山站A口有人晕倒", ["地铁3号线松山站A口"]),
        ("投诉柳营公交站旁边的烧烤摊", ["柳营公交站旁边"]),
        ("火车站旁边有人卖假票", ["火车站旁边"]),
        ("从北苑机场打车到双塔广场", ["北苑机场", "双塔广场"]),
        ("松山大桥堵死了,快派人来", ["松山大桥"]),
        ("我在惠民菜市场门口摆摊", ["惠民菜市场门口"]),
        ("老公在锦绣花园二期8幢幺二零三室打我", ["锦绣花园二期8幢幺二零三室"]),
        ("其是白鹭湾小区的业主,物业不管", ["白鹭湾小区"]),
        ("和平路与建设路交汇处积水", ["和平路与建设路交汇处"]),
        ("他在向阳小学读书,到晨光幼儿园接妹妹", ["向阳小学", "晨光幼儿园"]),
        ("松山派出所对面,盛达网吧有人打架", ["松山派出所对面", "盛达网吧"]),
        ("我 在 青 石 路 128 号", ["青 石 路 128 号"]),
        ("我住在青石東路128號", ["青石東路128號"]),
        ("中山路128号附2号", ["中山路128号附2号"]),
        ("安石公路12公里处有落石", ["安石公路12公里处"]),
        ("3栋2单元电梯困人了", ["3栋2单元"]),
        ("万锦城8栋1单元1701天花板掉了", ["万锦城8栋1单元1701"]),
    ],
)
def test_places_reach_from_their_name_to_the_words_beside_it(text: str, places: list[str]) -> None:
    assert told(text, "place") == places


@pytest.mark.parametrize(
    "text",
    [
        "楼上漏水物业不管", "马路上有积水", "城市管理部门态度差", "小区物业乱收费", "他一路走一路骂", "农村合作医疗怎么交",
        "市民反映堵路",
        "学校乱收费", "坐17路公交车", "我是外地户口", "路灯不亮", "该小区没有电梯", "市场监管局不作为", "我家门口有人吵架",
        "附近医院没有床位",
        "孩子上小学了", "请修路", "线路故障", "有人在桥上", "村民把路堵了", "大学生就业补贴", "中心思想是什么", "一栋楼都停电",
        "请解决",
    ],
)  # fmt: skip
def test_words_without_a_name_are_no_place(text: str) -> None:
    assert told(text, "place") == []


def test_the_verb_before_a_place_is_not_part_of_it() -> None:
    for lead in (
        "我在",
        "我到",
        "其住",
        "我家住",
        "我是",
        "有人从",
        "他们去",
        "位于",
        "关于",
        "投诉",
        "反映",
        "开车经过",
        "请问",
        "堵在",
    ):
        assert told(f"{lead}青石路上", "place") == ["青石路"], lead


def test_a_place_is_written_in_one_form() -> None:
    assert values("青石路一百二十八号", "place") == ["青石路128号"]
    assert values("青石路１２８号Ａ栋三楼", "place") == ["青石路128号A栋3楼"]
    assert values("锦绣花园八幢二零三室", "place") == ["锦绣花园8幢203室"]
    assert values("五一路三号", "place") == ["五一路3号"]


def test_names_that_are_known_besides() -> None:
    text = "我在大润发附近,去斗南花卉那边"
    assert told(text, "place") == []
    known = [found.text for found in extract.find(text, places={"大润发", "斗南花卉", "没说的地方", ""}) if found.kind == "place"]
    assert known == ["大润发附近", "斗南花卉"]
    assert [found.text for found in extract.find("松山区大润发二楼", places=["大润发"])] == ["松山区大润发二楼"]


# All together


def test_a_call_is_read_as_a_whole() -> None:
    text = "昨晚十点,在松山区海棠路3号,云A12345撞了人,我电话幺三九八七六五四三二幺"
    assert [(found.kind, found.value) for found in extract.find(text, now=NOW)] == [
        ("time", "2026-03-04T22:00:00+08:00"),
        ("place", "松山区海棠路3号"),
        ("plate", "云A12345"),
        ("phone", "13987654321"),
    ]


PARTS = st.sampled_from(
    [
        *"路区号楼栋室一二三十点年月日时半前的在和与到,。、 \n-:12380幺零云A\u200b１（·某姓",
        "昨晚", "每天", "下午", "青石路", "小区", "医院", "13987654321", "139 8765 4321", "0871-63123456", "云A12345", "我叫",
        "张伟",
        "先生", "联系人:", "【电话】", "【姓名】", "交叉口", "K45+300", "2026年", "上周", "姓名", "3栋2单元501", "号码",
        "身份证", "微信号",
    ]
)  # fmt: skip
TEXTS = st.one_of(st.text(max_size=60), st.lists(PARTS, max_size=24).map("".join))


@given(TEXTS, st.none() | st.just(NOW) | st.datetimes())
@settings(max_examples=80, deadline=None)
@example("\ud800路\udfff1号", None)
def test_any_text_gives_pieces_in_order_that_are_its_own(text: str, now: dt.datetime | None) -> None:
    last = 0
    for found in extract.find(text, now=now, places=("青石", "路")):
        assert last <= found.start < found.end <= len(text)
        assert text[found.start : found.end] == found.text
        assert found.value or found.kind == "time"
        last = found.end


@given(TEXTS)
@settings(max_examples=80, deadline=None)
def test_what_is_masked_is_masked_once_and_for_all(text: str) -> None:
    masked = extract.mask(text)
    assert extract.mask(masked) == masked
    assert not [found for found in extract.find(masked) if found.kind in ("phone", "plate", "id_number")]


# Masking


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("我叫张伟,电话13987654321", "我叫【姓名】,电话【电话】"),
        ("我叫欧阳志远电话没人接", "我叫【姓名】电话没人接"),
        ("姓名:李雷 地址:青石路12号", "姓名:【姓名】 地址:青石路【门牌】"),
        ("姓名：阿依古丽·买买提，女", "姓名：【姓名】，女"),
        ("联系人王小明幺三九八七六五四三二幺", "联系人【姓名】【电话】"),
        ("我是陈晓红,家住3栋2单元501室", "我是【姓名】,家住【门牌】"),
        ("有个姓赵的打我,老板姓刘", "有个姓【姓名】的打我,老板姓【姓名】"),
        ("市民张先生反映,李女士也在,欧阳先生没来", "市民【姓名】先生反映,【姓名】女士也在,【姓名】先生没来"),
        ("王某某和李某打了赵某人", "【姓名】和【姓名】打了【姓名】"),
        ("找高老师,刘经理不在", "找【姓名】老师,【姓名】经理不在"),
        ("我儿子叫刘子轩,八岁", "我儿子叫【姓名】,八岁"),
        ("报警人张三称被打", "报警人【姓名】称被打"),
        ("负责人:周建国", "负责人:【姓名】"),
        ("青石东路128号云溪小区3栋2单元501漏水", "青石东路【门牌】云溪小区【门牌】漏水"),
        ("云溪小区3-2-501,3#楼1单元1203", "云溪小区【门牌】,【门牌】"),
        ("住幺栋二零三", "住【门牌】"),
        ("1502室和1503房太吵", "【门牌】和【门牌】太吵"),
        ("车牌云A·12345,还有云AD12345", "车牌【车牌】,还有【车牌】"),
        ("卡号6222 0213 1234 5678 901", "卡号【号码】"),
        ("QQ:12345678,微信号tom_cat88,邮箱 tom@example.org", "QQ:【号码】,微信号【号码】,邮箱 【邮箱】"),
        ("护照E12345678丢了", "护照【证件】丢了"),
        ("昨晚8点在青石路12号", "昨晚8点在青石路【门牌】"),
    ],
)
def test_what_points_at_a_person_is_replaced(text: str, masked: str) -> None:
    assert extract.mask(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "我是业主,我是周边居民,我是高中生,我是云南人,我是安徽人,我是单位职工,我是常住人口", "坐地铁3号线到5号窗口拿1号文件",
        "3月5号下午两点,2026-01-02,每天15:00-21:00", "一栋楼停电,两座桥,盖七层楼,三单元都停了水", "打12345、110和95598都没人接",
        "位于某小区,向某部门反映,某年某月", "和先生吵架,一位先生,这位女士,我先生,当时先生在", "对于女士来说不合理",
        "提高老师待遇,班主任老师",
        "损失1000000元,面积1200000平方米,12645.75元", "2017-2018年,价格在1500-1800元", "负责人周末不上班,老百姓同姓的多",
        "姓什么,姓名改了",
        "叫救护车,叫车来接,我叫你不要来,叫我去", "G56高速K45+300处,S101,K4路公交", "每月1200元,住了501天",
        "五一路,三八路,八一广场",
        "业主都同意,车主不在,司机是云南人,患者有高血压", "房东说要涨价,房子3室2厅", "第12条第3款,GB3096",
        "人民路【门牌】,【姓名】先生,姓名:【姓名】",
        "张家村的路坏了,李子园小区没电,王府井百货", "国安办,保安打人,安全带", "一二三四五,上山打老虎",
    ],
)  # fmt: skip
def test_ordinary_words_and_numbers_stay(text: str) -> None:
    assert extract.mask(text) == text


SPELT = dict(zip("0123456789", "零幺二三四五六拐八九", strict=True))


@st.composite
def written_numbers(draw: st.DrawFn) -> tuple[str, str]:
    """A phone or paper number, and one of the ways in which people write it."""
    number = draw(
        st.from_regex(r"1[3-9][0-9]{9}|0871[2-8][0-9]{7}|010[2-8][0-9]{7}|[1-6][0-9]{17}|62[0-9]{14,17}", fullmatch=True)
    )
    cuts = draw(st.sampled_from(((3, 7), (4, 8), (3, 6), ())))
    gap = draw(st.sampled_from(("", " ", "-", "\u200b", "\u3000", "  ", "-\u200b", ".", " - ")))
    groups = [number[low:high] for low, high in zip((0, *cuts), (*cuts, len(number)), strict=True)]
    style = draw(st.sampled_from(("plain", "wide", "spelt", "mixed", "apart")))
    if style == "wide":
        groups = [group.translate({ord(digit): ord(digit) + 0xFEE0 for digit in "0123456789"}) for group in groups]
    if style in ("spelt", "mixed"):
        groups = [
            "".join(SPELT[digit] for digit in group) if style == "spelt" or place % 2 else group
            for place, group in enumerate(groups)
        ]
    return number, (" " if style == "apart" else gap).join(" ".join(group) if style == "apart" else group for group in groups)


AROUND = st.sampled_from(
    ["", "我的电话是", "打", "身份证号:", "卡号", "一直打", ",", "号码", "在501 ", "老王", "一", "联系方式", "昨晚8点打"]
)
BEHIND = st.sampled_from(
    ["", "没人接", ",谢谢", "一直占线", "元", "号", "室", " 13987654321", "转8", "一个", "。2026年", "左右", "路"]
)


@given(written_numbers(), AROUND, BEHIND)
@settings(max_examples=100, deadline=None)
def test_nothing_of_a_number_survives(written: tuple[str, str], before: str, behind: str) -> None:
    number, how = written
    if behind == "元" and len(number) > 12:
        behind = ""
    masked = extract.mask(before + how + behind)
    plain = "".join(unicodedata.normalize("NFKC", character) for character in masked)
    digits = "".join(character for character in numbers.shadow(plain) if character.isdigit())
    assert not any(number[at : at + 5] in digits for at in range(len(number) - 4)), (before + how + behind, masked)


@given(
    st.sampled_from(
        ["{}号", "附{}号", "{}栋2单元", "{}幢", "{}号楼", "3栋{}室", "A{}栋", "2栋{}", "1单元{}房", "{}号院", "3-2-{}"]
    ),
    st.integers(101, 998).map(str),
    st.sampled_from(["住青石路", "家在云溪小区", "青石街", "小坝村"]),
    st.sampled_from(["", ",快来", "门口有人", " 13987654321"]),
)
@settings(max_examples=40, deadline=None)
def test_no_number_of_a_home_survives(shape: str, number: str, before: str, behind: str) -> None:
    masked = extract.mask(before + shape.format(number) + behind)
    assert number not in masked and masked.startswith(before), masked


@given(st.text("ABCDEFGHJK0123456789", min_size=5, max_size=5), st.sampled_from(["", "·", " ", "-"]), st.sampled_from("云贵川京"))
@settings(max_examples=40, deadline=None)
def test_no_plate_survives(serial: str, gap: str, province: str) -> None:
    if sum(sign.isdigit() for sign in serial) < 2:
        serial = "12" + serial[2:]
    assert extract.mask(f"有辆{province}A{gap}{serial}堵门") == "有辆【车牌】堵门"


def test_long_texts_are_masked_to_their_end() -> None:
    text = "物业不管。" * 3_000 + "我叫张伟,13987654321"
    assert extract.mask(text).endswith("我叫【姓名】,【电话】")


# Time


HOSTILE = [
    "路", "一", "1", "1 ", "1-", "138 ", "86", "和", "的", "人民路", "3栋", "12点到", "周一", "路与", "医院", "2026年1月",
    "云A", "号12号", "村",
    "幺三八", "10:00-", "每天", "晚上", "十", "K45+", "东路", "附近", "某", "先生", "我叫", "张", "姓名:", "+86 ", "(010) ",
    "1号附1号", "\u200b",
    "省市县", "G1", "a", "a@", "1.", "我是张", "·", "3-2-",
]  # fmt: skip


def spent(text: str) -> float:
    start = time.process_time()
    extract.find(text, now=NOW)
    extract.mask(text)
    return time.process_time() - start


def test_no_text_takes_longer_than_its_length_allows() -> None:
    spent("热身 13987654321 路")
    took = {unit: spent((unit * 300)[:300]) for unit in HOSTILE}
    for unit in sorted(HOSTILE, key=lambda unit: -took[unit])[:2]:
        short = min(spent((unit * 1_000)[:1_000]) for _ in range(3))
        assert spent((unit * 8_000)[:8_000]) < max(60 * short, 0.2), (
            unit
        )  # sixteen times as long; were it as the square: 256 times


def test_a_sentence_is_read_before_its_speaker_has_drawn_breath() -> None:
    text = "昨晚八点半在松山区海棠路与枫林路交叉口,云A12345撞了人就跑,我姓张,电话13987654321,请快来"
    spent(text)
    assert sorted(spent(text) for _ in range(20))[5] < 0.005


def test_a_lexicon_prefers_earlier_kinds_and_words() -> None:
    found = lexis.Lexicon({"first": "甲乙 [甲丙]?丁 (?:戊|己)[一二]", "second": "甲 \\d{2}"}, {"second": "(?!!)"})
    assert [(start, end, kind) for start, end, kind in found.scan("甲乙丁甲己二12甲!3戊")] == [
        (0, 2, "first"), (2, 3, "first"), (3, 4, "second"), (4, 6, "first"), (6, 8, "second"),
    ]  # fmt: skip
    assert found.at("乙", 0) is None and found.at("", 0) is None
