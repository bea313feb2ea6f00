"""Similar matters: the same event in other callers' words is found, another one is not, and nothing grows without bound."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz import fuzz

from classifier.errors import ClassifierError
from classifier.similar import Index, Match, SimilarError, candidates, forms, near_duplicates, places, score, shelf
from classifier.similar import index as index_module
from classifier.similar.near import bare

_ANY = st.characters(exclude_categories=())
"""Half of a surrogate pair, too."""
HOUR, DAY = 3_600.0, 86_400.0

TOLD = """
学府路31号|自来水管破了,水柱有两米高
学府路三十一号旁边|人行道下面水管爆裂,哗哗流水,自来水公司电话打不通
学府路31号公交站|地下管道漏水,公交站这里全是水
|学府路31号路边水管爆了,快派人来关阀门

学府路131号|水管爆裂,水漫到车库了
学府路131号地下车库|车库进水,说是外面的自来水管断了

学府路31号|晚上烧烤摊摆到马路上,油烟呛人
学府路31号门口|露天烧烤占道,烟熏得受不了

锦绣花园3栋|电梯困人了,里面有两个孩子
锦绣花园三号楼二单元|电梯卡在五楼六楼之间,有人出不来
锦绣花园3幢|我家小孩被关在电梯里了,快来

锦绣花园8栋|电梯里困了一个老太太,卡在四楼
锦绣花园8号楼|电梯突然停了,我妈困在里面

锦绣花园|物业费从一块二涨到两块,没有征求业主意见
锦绣花园小区|反映物业擅自涨价,没有开业主大会

第三中学|学校强制订校服,一套六百多
三中|反映学校校服价格过高且强制购买
市三中|校服费太贵了,不买还不行

第三中学|食堂饭菜里吃出虫子,孩子拉肚子
三中食堂|学校食堂不卫生,菜里有虫,好几个学生肚子疼

大石桥村2组|村里的路修了一半就停了,坑坑洼洼
大石桥村二组|进村道路施工停工半年,下雨全是泥

小石桥村2组|低保申请交上去半年没有答复
小石桥村二组|诉求人反映申请低保未予答复

万达广场|一楼火锅店后厨起火,浓烟很大
万达广场1号门|商场里火锅店着火了,人都往外跑

北环路与花桥街交叉口|两辆车撞了,占了一条道,没人受伤
北环路花桥街口|轿车和货车追尾,堵住了

南环路与花桥街交叉口|路灯全灭了,黑漆漆的
南环路花桥街口|路灯不亮已经一周

丽景酒店|前台押金不退,说床单弄脏了
丽景大酒店|酒店以床单有污渍为由拒退押金

丽景酒店8楼|隔壁房间有人吸毒
丽景酒店|举报酒店房间聚众吸毒

红星机械厂|工厂夜里排黄烟,气味刺鼻
红星机械厂旁|反映机械厂排放废气异味扰民

水岸新城12栋|我家天花板一直滴水,楼上说不是他家的
水岸新城十二栋1单元|楼上漏水漏到我家客厅,物业协调不了

古城路102号|隔壁麻将馆通宵打麻将,吵得不行
古城路102号2楼|麻将机声音半夜还响

古城路12号|餐馆泔水倒在下水道,污水横流
古城路十二号饭店|饭店乱倒泔水,臭得很

飞鸿驾校|交了五千学费,一年没安排练车
飞鸿驾校|教练推脱不教,学员要求退还学费

黄泥塘村|鱼塘里的鱼一夜之间全死了,怀疑被人下药
黄泥塘|我家养的鱼被人投毒,损失好几万

星光大厦B座|有人站在楼顶要跳楼
星光大厦b座楼下|楼上有个女的坐在天台边上,快来人

星光大厦A座|公司被法院查封了,员工东西拿不出来
星光大厦a座9楼|公司门被封,个人物品取不出

月牙湖公园|公共厕所脏得进不去,没人打扫
月牙湖公园北门厕所|公厕没水冲,又臭又脏

15路公交|司机开车看手机,急刹车把老人摔了
15路|公交司机玩手机,老人摔倒

115路公交|早高峰一个小时才来一班公交
115路|公交间隔太长,希望增加班次
"""
"""Events, a block each: where and in what words several callers tell of it."""
NO_WORD_SHARED = """
枫林绿洲9栋|地下车库的卷帘门坏了,车子出不来
枫林绿洲九栋|车库门升不起来,一早上上班都迟到了

枫林绿洲2栋|楼上天天往窗外倒水,衣服晒不成
枫林绿洲二栋3楼|晾的被子被上面住户泼下来的脏水弄湿

金马镇政府|办生育登记,前面说要结婚证原件,后面又说要复印件,跑了四趟
金马镇便民服务中心|一个准生证办了半个月,材料反反复复补

红旗水库|水库边上好多人野炊,到处是竹签和塑料袋
红旗水库大坝|周末烧烤的人把坝上弄得一片狼藉

凤凰山隧道|隧道里灯全黑了,开车进去什么都看不见
凤凰山隧道口|隧道照明坏了好几天,太危险

惠民药店|卖给我的感冒药去年就到期了
惠民大药房|买的药已经过保质期,店家不承认

永兴路幼儿园|幼儿园突然通知不办了,学费也不退
永兴路小太阳幼儿园|园长跑了,一百多个娃没地方上学

西郊客运站|大巴半路把人赶下来,说车坏了不退票
西郊汽车客运站|坐到一半让我们下车,钱也不退

白塔路75号|消防通道的门被人锁死了
白塔路七十五号|逃生门用铁链锁着,万一着火怎么跑

白塔路75号|底楼的网吧收留未成年上网
白塔路75号|网吧里坐满了穿校服的小孩

青龙桥头|有个男的拿着刀在追人
青龙桥|看见一个人提着菜刀乱跑

梨园村3组|水渠被人堵了,田里放不进水
梨园村三组|上游把沟填了,我家秧苗都干死了

东湖里小区5栋|出租屋里住了十多个人,半夜吵架摔东西
东湖里5幢|租户太多太闹,晚上没法睡

东湖里小区5栋|单元门的门禁坏了谁都能进
东湖里五栋|楼下大门刷卡没反应,小偷随便进
"""
"""As above, but callers share hardly a word, and nothing was tuned to them."""
EVENTS, UNLIKE = (
    [[line.split("|") for line in block.split("\n")] for block in told.strip().split("\n\n")] for told in (TOLD, NO_WORD_SHARED)
)

HOSTILE = {
    "one character": "水" * 8_000,
    "one word": "水管爆了" * 2_000,
    "digits": "1" * 8_000,
    "numerals": "一二三" * 2_667,
    "houses": "3号" * 4_000,
    "chain of numbers": "1-" * 4_000,
    "lines": "水管\n" * 2_667,
    "letters": "abcdefgh " * 900,
    "what everybody says": "来电人反映,请" * 1_200,
    "every character": "".join(chr(0x4E00 + number) for number in range(8_000)),
    "signs": "!?。" * 2_667,
    "invisible": "\u200b\u202e\ufeff\x00\r\x1f" * 1_300,
    "no characters": "\ud800\udfff\uffff" * 2_667,
    "other planes": "𠮷𡃁😀" * 2_667,
}


def ids(found: Sequence[Match]) -> list[str]:
    return [one.id for one in found]


def filled(*matters: tuple[str, str, str]) -> Index:
    """An index of matters: id, place, text."""
    index = Index()
    for id_, place, text in matters:
        index.add(id_, text, place)
    return index


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages and shelves so small that a few matters fill, join and thin them."""
    monkeypatch.setattr(shelf, "PAGE", 4)
    monkeypatch.setattr(shelf, "SHELF", 16)


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Sequence[forms.Form]]]:
    """What each query compared."""
    seen: list[Sequence[forms.Form]] = []
    words_part = score.words_part

    def spy(one: forms.Form, others: Sequence[forms.Form]) -> score.Values:
        seen.append(others)
        return words_part(one, others)

    monkeypatch.setattr(score, "words_part", spy)
    yield seen


# --- what is found


def test_callers_of_one_event_find_each_other_and_hardly_anything_else() -> None:
    index = Index()
    for event, callers in enumerate(EVENTS):
        for caller, (place, text) in enumerate(callers):
            index.add(f"{event}-{caller}", text, place)
    same = found = wrong = first = 0
    for event, callers in enumerate(EVENTS):
        for caller, (place, text) in enumerate(callers):
            matches = [one for one in index.similar(text, place=place, least=0.5, limit=50) if one.id != f"{event}-{caller}"]
            right = [one for one in matches if one.id.startswith(f"{event}-")]
            same += len(callers) - 1
            found += len(right)
            wrong += len(matches) - len(right)
            first += bool(right) and matches[0] == right[0]
    callers_in_all = sum(map(len, EVENTS))
    assert found / same >= 0.9, (found, same)
    assert wrong / (found + wrong) <= 0.1, (wrong, found)
    assert first / callers_in_all >= 0.9, (first, callers_in_all)


@pytest.mark.parametrize("item", [False, True], ids=["not judged", "judged"])
def test_callers_who_share_no_word_are_found_by_place_and_time(item: bool) -> None:
    index = Index()
    for event, callers in enumerate(UNLIKE):
        place, text = callers[0]
        index.add(f"{event}", text, place, at=event * HOUR, item=f"SX-{event}" if item else "")
    found = [
        index.similar(callers[1][1], place=callers[1][0], at=event * HOUR + 900, item=f"SX-{event}" if item else "")
        for event, callers in enumerate(UNLIKE)
    ]
    assert [one[0].id for one in found if one] == [f"{event}" for event in range(len(UNLIKE))]
    assert sum(one[0].score >= 0.5 for one in found) >= (len(UNLIKE) if item else len(UNLIKE) / 2)


def test_other_words_at_the_same_place_come_before_the_same_words_elsewhere() -> None:
    index = filled(
        ("elsewhere", "桂花路66号", "门口水管爆了,水流了一地"),
        ("same", "翠园路18号", "自来水管破裂,到处是水"),
        ("other matter", "翠园路18号", "楼下烧烤摊半夜吵得睡不着"),
    )
    found = index.similar("门口水管爆了,水流了一地", place="翠园路十八号附近")
    assert found[0].id == "same"
    scores = {one.id: one.score for one in index.similar("门口水管爆了,水流了一地", place="翠园路十八号附近", least=0)}
    assert scores["same"] > 0.7 > 0.4 > max(scores["elsewhere"], scores["other matter"])


def test_the_house_matters_and_the_room_hardly() -> None:
    index = filled(
        ("8", "锦绣花园8栋", "电梯停了,有人困在里面"),
        ("3-501", "锦绣花园3栋501室", "电梯停了,有人困在里面"),
        ("3", "锦绣花园3栋", "电梯停了,有人困在里面"),
        ("none", "锦绣花园", "电梯停了,有人困在里面"),
    )
    found = index.similar("电梯困人", place="锦绣花园三号楼802室")
    assert ids(found)[:3] == ["3", "3-501", "none"]
    assert found[1].score > found[0].score - 0.1
    assert {one.id: one.place for one in index.similar("电梯困人", place="锦绣花园三号楼802室", least=0)}["8"] < 0.5


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("翠园路18号", "翠园路十八号"),
        ("锦绣花园3栋2单元", "锦绣花园三幢二单元"),
        ("锦绣花园三号楼", "锦绣花园3#楼"),
        ("锦绣花园3-2-501", "锦绣花园3栋2单元501室"),
        ("滨江路03栋", "滨江路3栋"),
        ("古城路一百零二号", "古城路102号"),
        ("第三中学", "三中"),
        ("人民路与青年路交叉口", "青年路人民路路口"),
        ("G78高速", "g78高速"),
    ],
)
def test_places_that_are_written_in_other_ways_are_one(one: str, other: str) -> None:
    first, second = forms.form("停水了", one), forms.form("停水了", other)
    assert (first.core, first.marks) == (second.core, second.marks)


def test_a_street_whose_name_is_a_number_stays_one() -> None:
    assert places.core(places.plain("五一路18号")) == "五一路"
    assert places.marks(places.plain("104路公交车")) == "line 104"


def test_a_place_that_is_only_told_in_words_is_found() -> None:
    index = filled(("told", "", "学府路31号路边水管爆了"), ("other", "", "文昌街7号门口水管爆了"))
    found = index.similar("地下管道漏水,全是水", place="学府路31号公交站")
    assert ids(found)[:1] == ["told"] and (found[0].place or 0) >= 0.9


def test_what_is_not_told_is_none() -> None:
    index = filled(("a", "", "单位不交社保"), ("b", "翠园路18号", ""))
    (words_only,) = index.similar("单位不交社保", place="滨江路3号")
    assert (words_only.id, words_only.place, words_only.time) == ("a", None, None)
    (place_only,) = index.similar("有人打架", place="翠园路18号")
    assert (place_only.id, place_only.words) == ("b", None)
    assert index.similar("") == [] and index.similar("", place="!!!") == []


def test_cities_know_streets_of_one_name() -> None:
    index = Index()
    index.add("there", "水管爆了", "人民路1号", "530111")
    index.add("here", "水管爆了", "人民路1号", "530102003")
    index.add("somewhere", "水管爆了", "人民路1号")
    found = {one.id: one for one in index.similar("水管爆裂", place="人民路1号", division="530102")}
    assert found["here"].place == found["somewhere"].place == 1.0
    assert found["there"].place == 0.6 and found["there"].score < found["here"].score
    city = {one.id: one.place for one in index.similar("水管爆裂", place="人民路1号", division="530100")}
    assert set(city.values()) == {1.0}


def test_the_item_stands_for_words_that_differ() -> None:
    index = Index()
    index.add("judged", "一楼把花园圈进去了", "滨江花园5栋", item="SX-020")
    index.add("not judged", "一楼把花园圈进去了", "滨江花园5栋")
    found = index.similar("有户人家焊了个棚子", place="滨江花园5栋", item="SX-020", least=0)
    assert ids(found) == ["judged", "not judged"] and found[0].score > found[1].score + 0.3


def test_who_calls_soon_comes_first() -> None:
    index = Index()
    for id_, at in (("today", 0.0), ("last month", -30 * DAY), ("yesterday", -DAY)):
        index.add(id_, "垃圾堆在门口", "碧水湾小区", at=at)
    found = index.similar("门口垃圾没人清运", place="碧水湾小区", at=HOUR)
    assert ids(found) == ["today", "yesterday", "last month"]
    assert found[1].time == pytest.approx(0.5, abs=0.02)
    assert found[2].score > 0.7


def test_only_matters_within_a_time() -> None:
    index = Index()
    for day in range(40):
        index.add(f"{day:02}", "垃圾堆在门口", "碧水湾小区", at=day * DAY)
    assert ids(index.similar("垃圾堆在门口", place="碧水湾小区", at=20 * DAY, within=2.5 * DAY)) == ["20", "21", "19", "22", "18"]
    with pytest.raises(SimilarError):
        index.similar("垃圾", within=5)


def test_equal_ones_come_newest_first_then_by_id() -> None:
    index = Index()
    for id_, at in (("b", 5.0), ("c", 9.0), ("a", 5.0)):
        index.add(id_, "停电了", "西苑小区", at=at)
    assert ids(index.similar("停电了", place="西苑小区")) == ["c", "a", "b"]
    assert ids(index.similar("停电了", place="西苑小区", limit=2)) == ["c", "a"]
    assert index.similar("停电了", place="西苑小区", limit=0) == []


def test_the_middle_of_a_long_letter_finds_its_matter() -> None:
    index = filled(*((f"{number}", f"清源路{number}号", "路灯不亮") for number in range(1, 60)), ("it", "", "翠屏山庄围墙倒塌"))
    letter = (
        "尊敬的领导,我是一名普通居民,写信是想说说我们这里的情况。" * 30 + "翠屏山庄围墙倒塌了。" + "希望领导重视,给个说法。" * 60
    )
    assert "it" in ids(index.similar(letter, least=0))


# --- what is kept and forgotten


def test_what_is_removed_is_not_found_and_what_is_added_again_is_replaced() -> None:
    index = filled(("a", "翠园路18号", "水管爆了"), ("b", "翠园路18号", "水管漏水"))
    assert len(index) == 2 and "a" in index
    assert index.remove("a") and not index.remove("a") and not index.remove("never")
    assert ids(index.similar("水管爆了", place="翠园路18号")) == ["b"] and "a" not in index
    index.add("b", "有人打架", "老街口")
    assert len(index) == 1
    assert index.similar("水管爆了", place="翠园路18号") == []
    assert ids(index.similar("打架", place="老街口")) == ["b"]


def test_a_change_keeps_what_it_does_not_name() -> None:
    index = Index()
    index.add("a", "水管爆了", "翠园路18号", "530102", 5.0, item="SX-028")
    assert index.update("a", place="桂花路66号") and not index.update("b", text="停电")
    (found,) = index.similar("水管爆了", place="桂花路66号", division="530111", at=5.0)
    assert (found.place, found.time) == (0.6, 1.0)
    assert index.update("a", text="着火了", division="", at=5.0 + DAY, item="")
    (found,) = index.similar("着火了", place="桂花路66号", division="530111", at=5.0)
    assert (found.place, found.time) == (1.0, 0.5)
    assert index.similar("水管爆了", place="翠园路18号") == []


def test_of_more_than_the_most_the_first_are_forgotten(small: None) -> None:
    index = Index(most=30)
    for number in range(100):
        index.add(f"{number}", "停电了", "西苑小区", at=number)
    assert len(index) == 30
    found = ids(index.similar("停电了", place="西苑小区", limit=100))
    assert found == [f"{number}" for number in range(99, 69, -1)]
    with pytest.raises(SimilarError):
        Index(most=0)


@pytest.mark.parametrize("at", [float("nan"), float("inf")])
def test_a_moment_is_a_number(at: float) -> None:
    index = Index()
    with pytest.raises(ClassifierError):
        index.add("a", "停电", at=at)
    with pytest.raises(ClassifierError):
        index.similar("停电", at=at)
    assert len(index) == 0


_PLACES = st.sampled_from(["翠园路18号", "翠园路20号", "锦绣花园3栋", "锦绣花园8栋", "老街口", ""])
_TEXTS = st.sampled_from(["水管爆了", "到处漏水", "电梯停了", "有人打架", "夜间施工噪音", "停水了没有通知", ""])
_MATTERS = st.lists(st.tuples(st.integers(0, 30), _PLACES, _TEXTS), max_size=40)


@given(kept=_MATTERS, passing=_MATTERS, data=st.data())
@settings(max_examples=10, deadline=None)
def test_what_was_added_and_removed_leaves_no_trace(
    kept: list[tuple[int, str, str]], passing: list[tuple[int, str, str]], data: st.DataObject
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shelf, "PAGE", 4)
        patch.setattr(shelf, "SHELF", 16)
        plain, mixed = Index(), Index()
        steps = [("keep", *one) for one in kept] + [("pass", *one) for one in passing]
        order = data.draw(st.permutations(range(len(steps))))
        for step in order:
            what, number, place, text = steps[step]
            id_ = f"{what}-{number}"
            mixed.add(id_, text, place, at=number)
            if what == "keep":
                plain.add(id_, text, place, at=number)
        for _, number, *_rest in (one for one in steps if one[0] == "pass"):
            mixed.remove(f"pass-{number}")
        assert len(plain) == len(mixed)
        for place, text in itertools.product(("翠园路18号", "锦绣花园三栋", ""), ("水管漏水", "电梯", "")):
            asked = {"place": place, "at": 3.0, "limit": 100, "least": 0.0}
            assert plain.similar(text, **asked) == mixed.similar(text, **asked)


def test_many_shelves_find_what_one_page_finds(small: None) -> None:
    def fill() -> Index:
        index = Index()
        for number in range(150):
            place, text = EVENTS[number % len(EVENTS)][0]
            index.add(f"{number}", text, place, at=number)
            if number % 3 == 0:
                index.remove(f"{number // 2}")
        return index

    many = fill()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shelf, "PAGE", 1_000)
        one = fill()
    assert len(many._shelves) > 2 and not one._shelves
    assert sum(map(len, many._shelves)) < 2 * len(many) + shelf.PAGE
    for place, text in (callers[-1] for callers in EVENTS):
        asked = {"place": place, "at": 150.0, "limit": 100, "least": 0.0}
        assert many.similar(text, **asked) == one.similar(text, **asked)


def test_threads_wait_for_each_other(small: None) -> None:
    index = Index()

    def work(thread: int) -> None:
        for number in range(40):
            index.add(f"{thread}-{number}", "停电了", "西苑小区", at=number)
            index.similar("停电了", place="西苑小区")
            if number % 2:
                index.remove(f"{thread}-{number}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert len(index) == 80
    assert len(index.similar("停电了", place="西苑小区", limit=100)) == 80


def test_an_index_that_is_emptied_holds_nothing(small: None) -> None:
    index = Index()
    for number in range(50):
        index.add(f"{number}", "停电了", "西苑小区")
    for number in range(50):
        assert index.remove(f"{number}")
    assert len(index) == 0 and not index._shelves
    assert not index._frequency.any()
    assert index.similar("停电了", place="西苑小区", least=0) == []


# --- bounds


def test_no_more_than_the_candidates_are_compared(compared: list[Sequence[forms.Form]]) -> None:
    index = Index()
    for number in range(1_000):
        index.add(f"{number:04}", "停电了", "西苑小区", at=number)
    assert ids(index.similar("停电了", place="西苑小区", limit=3)) == ["0999", "0998", "0997"]
    assert [len(others) for others in compared] == [candidates.MOST] and candidates.MOST <= 300


def test_of_long_texts_fewer_are_compared(compared: list[Sequence[forms.Form]]) -> None:
    index = Index()
    long = "".join(chr(0x4E00 + number) for number in range(500))
    for number in range(150):
        index.add(f"{number}", long[number % 50 :], "西苑小区")
    index.similar(long, place="西苑小区")
    (others,) = compared
    assert index_module.FEWEST <= len(others) < 100
    assert sum(len(forms.words(long)) * len(other.words) for other in others) <= index_module.WORK
    assert all(len(other.words) <= forms.MOST_WORDS for other in others)


def test_a_term_that_all_have_keeps_its_newest_rows(small: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "MOST_ROWS", 2)
    index = Index()
    for number in range(16):
        index.add(f"{number:02}", "停电了", "西苑小区", at=number)
    assert len(index._shelves) == 1
    assert ids(index.similar("停电了", place="西苑小区", limit=100)) == ["15", "14"]


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_texts_are_matters_like_others(text: str) -> None:
    index = filled(*((f"{number}", text, text[number:]) for number in range(15)), ("calm", "翠园路18号", "水管爆了"))
    for place in (text, ""):
        found = index.similar(text, place=place, limit=100, least=0)
        assert all(0 <= one.score <= 1 for one in found)
    kept = forms.form(text, text)
    assert len(kept.words) <= forms.MOST_WORDS and len(kept.place) <= places.MOST
    assert ids(index.similar("水管爆裂", place="翠园路18号"))[:1] == ["calm"]
    for number in range(15):
        index.remove(f"{number}")
    assert len(index) == 1


@given(text=st.text(), place=st.text(), item=st.text(_ANY), id_=st.text(_ANY))
@settings(max_examples=25, deadline=None)
def test_any_text_is_kept_as_it_was_compared(text: str, place: str, item: str, id_: str) -> None:
    form = forms.form(text, place, item)
    assert shelf.unpacked(shelf.packed(form)) == form
    index = Index()
    index.add(id_, text, place, item=item)
    assert id_ in index
    assert {one.id for one in index.similar(text, place=place, item=item, least=0)} <= {id_}
    assert index.remove(id_) and not index._frequency.any()


@given(
    one=st.sampled_from([caller for event in EVENTS for caller in event]), other=st.text(max_size=60), place=st.text(max_size=20)
)
@settings(max_examples=25, deadline=None)
def test_parts_and_scores_are_chances(one: list[str], other: str, place: str) -> None:
    first, second = forms.form(one[1], one[0]), forms.form(other, place)
    words, where = score.words_part(first, [second]), score.place_part(first, [second])
    for value in (*words, *where, *score.chances(words, where, None)):
        assert np.isnan(value) or 0 <= value <= 1


# --- near duplicates


def _each_with_each(texts: Sequence[str], threshold: float) -> list[tuple[int, int]]:
    plain = [bare(text) for text in texts]
    return [
        (earlier, later)
        for later in range(len(plain))
        for earlier in range(later)
        if plain[earlier] and plain[later] and fuzz.ratio(plain[earlier], plain[later]) >= 100 * threshold - 1e-6
    ]


def test_near_duplicates_are_told_with_their_likeness() -> None:
    texts = ["楼上三号楼漏水,物业不管", "停电了", "楼上3号楼漏水,物业不管!", "楼上3号楼漏水,物业也不管", "!!!", "???", "", "停电"]
    found = list(near_duplicates(texts))
    assert [(earlier, later) for earlier, later, _ in found] == [(0, 2), (0, 3), (2, 3)]
    assert found[0][2] == 1.0 and 0.85 <= found[1][2] < 1


@given(
    texts=st.lists(st.text("水管爆漏电梯停", max_size=14), max_size=30),
    threshold=st.sampled_from([0.2, 0.5, 0.7, 0.85, 0.95, 1.0]),
)
@settings(max_examples=25, deadline=None)
def test_no_near_duplicate_is_missed(texts: list[str], threshold: float) -> None:
    assert [one[:2] for one in near_duplicates(texts, threshold)] == _each_with_each(texts, threshold)


@pytest.mark.parametrize("threshold", [0.0, -1.0, 1.01, float("nan")])
def test_a_likeness_is_between_zero_and_one(threshold: float) -> None:
    with pytest.raises(ClassifierError):
        list(near_duplicates(["a"], threshold))
