"""Similar matters among many open ones: how long it takes to add one and to ask, and how much memory they need.

Matters are made up of streets, houses, what happened, and wordings of that, so that words are as unevenly frequent as in a
city's hotline. Asked are: what another caller might say of a matter that is in the index, what nobody told yet, words without a
place, and hostile texts of 8,000 characters. Times are of the processor: nothing here waits, and what else runs on the machine
should not count. ``python -m bench.similar --count 1000000`` measures more than ``make bench`` does.
"""

from __future__ import annotations

import argparse
import dataclasses
import gc
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from bench.figures import Aim, Figure, spread
from bench.run import Run
from classifier.similar import Index, near_duplicates

COUNT, QUICK = 100_000, 20_000
ADD, ASK, MEMORY, PAIRS = Aim(most=0.3), Aim(most=20), Aim(most=600), Aim(most=20)
NEAR = 20_000
DAY = 86_400.0

_SIGNS = (
    "东西南北中新老上下大小金银玉翠锦绣云龙凤鹤虎狮马牛羊鹿松竹梅兰菊桃柳桂榕杨槐枫荷莲春夏秋冬晨曦晓霞虹雪霜露"
    "江河湖海溪泉池塘桥渡港湾山岭峰谷岩石沙田园林森平安康宁福寿祥瑞吉庆和谐仁义礼智信忠孝廉明光辉文武学府书院青白朱紫黄丹碧"
)
_ROADS = ["路"] * 6 + ["街", "街", "大道", "巷", "东路", "西路", "南路", "北路", "中路"]
_ESTATES = ["小区", "花园", "家园", "苑", "新村", "公寓", "城", "广场", "市场", "社区", "村", "大厦", "山庄", "里"]
_OPENERS = ["", "", "", "你好,", "市民来电反映,", "来电人称", "诉求人表示", "我要投诉,", "喂,", "想反映一下,", "群众举报:"]
_ENDS = ["", "", "", ",请尽快处理", ",希望相关部门核实解决", ",派人来看看", ",已经反映过好几次", ",什么时候能解决", ",没人管"]
_WHEN = ["", "", "从昨晚开始", "今天早上", "已经三天了", "每天半夜", "上个月至今", "刚才", "一个多星期了", "长期以来", "周末"]
_WHO = ["", "", "老人小孩都", "整栋楼", "我们业主", "楼上住户", "隔壁", "路过的行人", "店家", "施工队", "物业", "几十户居民"]
_CHATTER = [
    *("说过要来", "的人看到的", "管这个", "不肯负责", "让我打这个电话", "的老板态度很差", "去年也这样", "家的孩子受不了"),
    *("答应了又不算", "那边推来推去说不归他们管", "拍了照片发给社区了", "出门买菜的时候看见的", "打过三次电话都说已经派人了"),
]
_TOLD = """
水管爆了,水流了一地|自来水管破裂,到处是水|路面往外冒水,地下管道漏了|水管爆裂一直喷水
停水了|家里没水|自来水断了没有通知|水压太低上不来水
停电了|家里没电|大面积断电,冰箱里东西都坏了|一直跳闸没人修
夜间施工噪音扰民|工地半夜还在打桩|装修电钻吵得睡不着|凌晨机器轰鸣
广场舞音响太大|跳广场舞放音乐吵到十点|大妈跳舞扰民
烧烤油烟排到我家窗户|油烟扰民开不了窗|餐饮店没装净化器,油烟味重
垃圾堆了一个星期没人清运|垃圾桶满了臭气熏天|苍蝇乱飞,垃圾没人拉
井盖不见了|窨井盖缺失差点摔进去|下水井没盖子
路灯不亮|路灯全灭了,黑漆漆的|晚上没有路灯
红绿灯坏了|信号灯不亮,交通混乱|路口红绿灯故障
流浪狗咬人|野狗追着小孩咬|狗叫扰民,狗主人不牵绳
拖欠工人工资|老板欠薪三个月不发|干了活工钱一直没付
小摊贩占道经营|流动摊贩堵住人行道|路边摆摊车走不动
电梯坏了没人修|电梯停用好几天|电梯老是卡住
有人在打架|几个人打起来了|有人被打得头破血流
着火了|冒浓烟,好像起火了|看到明火,烟很大
两车追尾堵住了路|出了车祸,有人受伤|大货车侧翻
健身房关门跑路,卡里还有钱|预付卡商家倒闭不退费|会费退不了
物业费乱涨价|物业乱收费没有公示|物业不作为
开发商逾期不交房|期房烂尾停工|房子收不了房,违约金也不给
楼顶违章搭建|私自加盖一层是违建|违法建筑没人拆
电动车在楼道充电|消防通道被杂物堵了|飞线充电怕着火
河水发黑发臭|有人偷排污水|水质污染鱼都死了
工厂排放废气刺鼻|空气里异味很重|半夜偷排黄烟
公交车甩站不停|等公交等了一个小时|公交班次太少
出租车拒载不打表|的士宰客乱要价
学校食堂饭菜有虫|孩子吃了食堂拉肚子|学校强制买校服
停车位被占|乱停车堵住出口|停车收费太贵
外墙瓷砖脱落差点砸到人|墙皮掉下来
大树被风刮倒压在车上|树枝断了挂在电线上
老人走失了|独居老人敲门没反应|孩子放学没回家
煤气味很重|燃气泄漏,闻到臭鸡蛋味
小偷撬门|电动车被偷了|店里东西被盗
有人赌博|棋牌室聚众赌钱
积水没过膝盖|一下雨就内涝,水排不出去
低保申请没有答复|社保单位不交|医保报销不了
""".strip().split("\n")
TOLD = [line.split("|") for line in _TOLD]


@dataclass(frozen=True)
class Matter:
    id: str
    text: str
    name: str
    """What the place is called."""
    place: str
    division: str
    at: float
    kind: int
    """Number of what happened."""


@dataclass
class Maker:
    """Makes matters up; the same seed makes the same ones."""

    dice: random.Random = field(default_factory=lambda: random.Random(12345))

    def __post_init__(self) -> None:
        dice = self.dice
        names = ["".join(dice.sample(_SIGNS, 2)) for _ in range(6_000)]
        self.places = [dice.choice(names) + dice.choice(_ROADS) for _ in range(4_000)]
        self.places += [dice.choice(names) + dice.choice(["", dice.choice(_SIGNS)]) + dice.choice(_ESTATES) for _ in range(8_000)]
        self.counties = [f"5301{number:02d}" for number in range(2, 16)]

    def matters(self) -> Iterator[Matter]:
        """Endless."""
        dice, number = self.dice, 0
        while True:
            number += 1
            at = dice.randrange(len(self.places))
            if dice.random() < 0.2:  # some places are told of much more often
                at = min(int(dice.paretovariate(0.6)) - 1, at)
            name, kind = self.places[at], dice.randrange(len(TOLD))
            place, text = self.house(name), self.words(name, kind)
            yield Matter(f"{number:032x}", text, name, place, self.counties[at % 14], number * 30.0, kind)

    def house(self, name: str) -> str:
        dice = self.dice
        house = dice.randrange(1, 30)
        if name[-1] in "路街道巷":
            return f"{name}{dice.randrange(1, 300)}号" + dice.choice(["", "附近", "门口", "二楼", f"{house}栋"])
        return name + dice.choice(["", f"{house}栋", f"{house}号楼{dice.randrange(1, 4)}单元", "东门", "门口"])

    def words(self, name: str, kind: int) -> str:
        dice = self.dice
        where = name + dice.choice(["这里", "", "旁边"]) if dice.random() < 0.4 else ""
        told = dice.choice(TOLD[kind])
        if dice.random() < 0.4:
            told += "," + dice.choice(TOLD[kind])
        more = f",影响{dice.randrange(2, 300)}户" if dice.random() < 0.3 else ""
        who, when = dice.choice(_WHO), dice.choice(_WHEN)
        return f"{dice.choice(_OPENERS)}{where}{when}{who}{told}{more}{self._chatter()}{dice.choice(_ENDS)}"

    def _chatter(self) -> str:
        """What else a caller says: words that nobody else uses in this order."""
        dice = self.dice
        if dice.random() < 0.3:
            return ""
        return "," + "".join(dice.choice(_SIGNS) for _ in range(dice.randrange(2, 5))) + dice.choice(_CHATTER)


def measure(run: Run) -> list[Figure]:
    return figures(QUICK if run.quick else COUNT, run)


def figures(count: int, run: Run) -> list[Figure]:
    run.say(f"similar: taking in {count:,} matters …")
    maker, process = Maker(), psutil.Process()
    index = Index(most=count + 10_000)
    index.add("first", "水管爆了", "翠园路18号")
    index.similar("水管爆了", place="翠园路18号")
    gc.collect()
    before = process.memory_info().rss
    adds, told, peak = [], [], before
    letters = 0
    for number, matter in enumerate(islice(maker.matters(), count)):
        begin = time.thread_time()
        index.add(matter.id, matter.text, matter.place, matter.division, matter.at)
        adds.append(time.thread_time() - begin)
        letters += len(matter.text) + len(matter.place)
        if number % max(1, count // 1_000) == 0:
            told.append(matter)
            peak = max(peak, process.memory_info().rss)
    gc.collect()
    memory = process.memory_info().rss - before
    run.say("similar: asking …")
    return [
        *_adds(adds),
        Figure("similar.all", "take all in", sum(adds), "s"),
        Figure("similar.letters", "characters of text and place, mean", letters / count, ""),
        Figure("similar.memory", f"memory of {count:,} matters", memory / 2**20, "MiB", MEMORY),
        Figure("similar.peak", "memory while they are taken in, at most", (peak - before) / 2**20, "MiB"),
        *_asked(index, maker, told, count),
        *_changed(index, told),
        *_near(maker),
    ]


def _adds(seconds: list[float]) -> list[Figure]:
    middle, *rest = spread("similar.add", "take a matter in", seconds, None)
    return [dataclasses.replace(middle, aim=ADD), *rest]


def _asked(index: Index, maker: Maker, told: list[Matter], count: int) -> list[Figure]:
    dice = random.Random(7)
    again, found = [], 0
    for one in told:
        seconds, ids = _took(index, maker.words(one.name, one.kind), one.place, one.division, one.at + 600)
        again.append(seconds)
        found += one.id in ids
    fresh = [_took(index, one.text, one.place, one.division, one.at)[0] for one in islice(maker.matters(), 500)]
    bare = [_took(index, maker.words("", dice.randrange(len(TOLD))), "", "", None)[0] for _ in range(300)]
    long = [
        "".join(maker.words("", dice.randrange(len(TOLD))) for _ in range(400))[:8_000],
        "".join(chr(0x4E00 + dice.randrange(20_000)) for _ in range(8_000)),
        *("水" * 8_000, "水管爆了" * 2_000, "1" * 8_000, "a b" * 2_667, "一二三" * 2_667),
    ]
    hostile = [_took(index, text, text, "", None)[0] for text in long for _ in range(5)]
    return [
        *spread("similar.again", f"another caller of a matter that is known, among {count:,}", again, ASK),
        Figure("similar.found", "… whose matter is among the first 20", 100 * found / len(told), "%"),
        *spread("similar.fresh", "a matter that is new", fresh, ASK),
        *spread("similar.bare", "words without a place", bare, ASK),
        *spread("similar.hostile", "text and place of 8,000 characters", hostile, None),
    ]


def _took(index: Index, text: str, place: str, division: str, at: float | None) -> tuple[float, set[str]]:
    """How long it took, and who is among the first 20."""
    begin = time.thread_time()
    matches = index.similar(text, place=place, division=division, at=at, limit=20)
    return time.thread_time() - begin, {one.id for one in matches}


def _changed(index: Index, told: list[Matter]) -> list[Figure]:
    removals, updates = [], []
    for at, one in enumerate(told):
        begin = time.thread_time()
        if at % 2:
            index.remove(one.id)
            removals.append(time.thread_time() - begin)
        else:
            index.update(one.id, division="530102")
            updates.append(time.thread_time() - begin)
    forget, change = (
        spread("similar.remove", "forget a matter", removals, None),
        spread("similar.update", "change one", updates, None),
    )
    return [*forget, *change]


def _near(maker: Maker) -> list[Figure]:
    texts = [one.text for one in islice(maker.matters(), NEAR)]
    begin = time.thread_time()
    pairs = sum(1 for _ in near_duplicates(texts))
    took = time.thread_time() - begin
    return [Figure("similar.near", f"all near duplicates of {NEAR:,} texts ({pairs:,} pairs)", took, "s", PAIRS)]


def main() -> int:
    from bench.__main__ import number

    parser = argparse.ArgumentParser(prog="python -m bench.similar", description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=COUNT, help="matters in the index")
    chosen = parser.parse_args()
    with TemporaryDirectory() as folder:
        for one in figures(max(1_000, chosen.count), Run(Path(folder))):
            mark = {None: "", True: "kept", False: "missed"}[one.kept]
            print(f"{one.what:70} {number(one.value):>10} {one.unit:4} {one.aim or ''!s:>8} {mark}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
