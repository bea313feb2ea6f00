"""The danger layer: what must be found, what must not be taken for danger, and what takes a danger's force."""

from __future__ import annotations

import pytest

from classifier.verdict import Verdict
from tests.allocation.parts import engine

URGENT = [
    # words, routes that are right
    ("我老公拿着菜刀追我,我躲在厕所里", "110"),
    ("隔壁两口子打起来了,女的头都流血了", "110"),
    ("店里来了三个人正在打砸", "110"),
    ("有人在撬我家的门", "110"),
    ("刚刚有人抢了我的手机往东跑了", "110"),
    ("男朋友掐我脖子,我跑出来了他在追我", "110"),
    ("她老公天天打她,今天又打,正掐着她脖子", "110"),
    ("看到一个男的拖着一个女孩往面包车里塞", "110"),
    ("孩子被人抱走了,刚跑", "110"),
    ("他扬言今晚要杀我全家", "110"),
    ("公交车上有人抢司机方向盘", "110"),
    ("我被老板关在宿舍里两天了", "110"),
    ("我女儿被传销的人关起来了,不让走", "110"),
    ("我不方便说话,他就在旁边", "110"),
    ("嗯,我要一份外卖,地址是和平路八号,快点送来", "110"),
    ("有人爬到塔吊上说不给工资就跳", "110"),
    ("再不发工资我就点汽油跟他们同归于尽", "110"),
    ("我不想活了,药都买好了", "110"),
    ("我昨晚吃了一整瓶安眠药,现在很难受", "110 120"),
    ("有人在网上直播喝农药", "110 120"),
    ("我爸有老年痴呆,早上出门到现在没回来", "110"),
    ("三岁的孩子在商场走丢了", "110"),
    ("路边有个老人迷路了说不清家在哪", "110"),
    ("有人掉河里了,在扑腾", "110 119"),
    ("家里进水快到床了,奶奶瘫痪动不了", "110 119"),
    ("我妈刚把三万块转给骗子了,能不能拦下来", "110"),
    ("对方自称公安局的,现在要我把钱转到安全账户", "110"),
    ("一百多个工人堵在公司门口拉横幅,要打起来了", "110"),
    ("邻居精神病发作拿着斧头乱砸", "110"),
    ("厨房着火了,火很大", "119"),
    ("楼下电瓶车自燃了全是烟", "119"),
    ("屋里一股煤气味,头有点晕", "119"),
    ("挖掘机把燃气管道挖断了正在漏气", "119"),
    ("电梯卡在五楼里面有四个人", "119"),
    ("孩子把自己反锁在房间里,锅还在火上", "119 110"),
    ("我被困在山上了下不去,天黑了", "119"),
    ("脚手架塌了压着两个人", "119"),
    ("广告牌要掉下来了,下面都是人", "119"),
    ("高压线断了掉在路上还在冒火花", "110"),
    ("马蜂蜇了好几个学生", "119"),
    ("骑电动车的被货车撞了,腿断了", "122 110"),
    ("高架上三车相撞有人卡在里面", "122 119"),
    ("我家老人突然倒在地上没有反应了", "120"),
    ("我爸胸口疼得厉害出冷汗", "120"),
    ("孩子喉咙卡了个硬币喘不上气", "120"),
    ("老婆要生了羊水都破了", "120"),
    ("一家人吃了野生菌都在吐,有一个昏迷", "120"),
    ("客厅里有一条蛇", "110 119"),
    ("一条大狼狗在小区里咬人", "110"),
    ("不是着火,是有人砍人", "110"),
    ("派出所去年管过,现在他又在打我", "110"),
    ("救命啊快来人", "110"),
]
CALM = [
    "没有人受伤,就是两个车蹭了一下",
    "两车刚才追尾了,没有人受伤",
    "电梯停了,没有人被困",
    "昨天邻居打架已经调解好了",
    "去年我被人打伤,派出所一直没有立案",
    "打架斗殴怎么处罚",
    "家暴可以申请保护令吗",
    "我想咨询持刀抢劫判几年",
    "听说前几年这里有人跳楼",
    "这电影里着火的场面很假",
    "小说里的主角被绑架了",
    "新闻里说煤气泄漏爆炸",
    "做梦梦见被人追杀",
    "移动手机信号太差",
    "孩子在培训班打架子鼓太吵",
    "这家店跳楼价骗人",
    "火锅店油烟扰民",
    "砍价砍不下来,商家不退钱",
    "煤气费怎么交",
    "需要打印社保证明去哪里",
    "道德绑架强迫捐款",
    "农民工的血汗钱拿不到",
    "我想死你们这里的米线了",
    "楼上装修噪音太大要被吵死了",
    "汽车打不着火,附近哪里能修",
    "烟囱冒黑烟污染空气",
    "火灾隐患,楼道堆了很多东西",
    "楼道充电可能引发火灾",
    "如果发生地震应该怎么办",
    "希望加强防溺水宣传",
    "怕老人走失,哪里能领定位手环",
    "建议在湖边装护栏防止有人落水",
    "小区电梯坏了三天没人修,里面没有人",
    "没有煤气味,就是想问燃气安检什么时候来",
    "没人打架,就是吵得厉害,晚上休息不了",
    "已经把人救上来了,送医院了",
    "着火了已经扑灭了,没事了",
    "刚才说有人打架,是误会,不用来了",
    "开玩笑的,我没想跳楼",
    "上个月车祸保险公司不赔",
    "工伤骨折了,公司不给报",
    "我的电动车上个月被偷了",
    "手机掉进湖里了能帮我捞吗",
    "我爸去年中风了,想问残疾证怎么办",
    "我想问一下救护车收费标准",
    "水管爆了,路上有积水",
    "工资拖了三个月,老板不给",
    "身份证丢了怎么补办",
    "",
    "   ",
    "喂",
    "abc123",
]


def judge(text: str) -> Verdict:
    return engine().judge(text)


@pytest.mark.parametrize(("words", "routes"), URGENT)
def test_danger_is_found_and_the_line_that_leads_is_named(words: str, routes: str) -> None:
    found = judge(words)
    assert found.urgent, found.evidence
    assert found.route in routes.split(), found.evidence
    assert "110" in found.services
    assert any(one.weighs == "for" and one.rule.startswith("danger.") for one in found.evidence)


@pytest.mark.parametrize("words", CALM)
def test_what_is_no_danger_now_is_not_taken_for_one(words: str) -> None:
    found = judge(words)
    assert not found.urgent, found.evidence


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("没有人打架", "negated"),
        ("孩子要打架子鼓,正在打架子鼓", "trap"),
        ("去年这里着火,烧了两间房", "past"),
        ("我被人打伤,派出所立案以后没有下文", "handled"),
        ("有人打架是误会,不用来了", "withdrawn"),
        ("仓库起火已经扑灭", "over"),
        ("持刀抢劫判几年", "question"),
        ("万一着火怎么跑", "hypothetical"),
        ("电影里有人被绑架", "fiction"),
        ("听说那边有人打架", "hearsay"),
    ],
)
def test_what_takes_a_dangers_force_stands_in_the_evidence(words: str, why: str) -> None:
    found = judge(words)
    assert not found.urgent
    against = [one.rule.rsplit(".", 1)[1] for one in found.evidence if one.weighs == "against"]
    assert why in against, found.evidence


@pytest.mark.parametrize("words", ["着火了,看错了,是烧烤", "有人打架,是误会,不用来了", "我要跳楼,开玩笑的"])
def test_danger_taken_back_asks_for_a_call_back(words: str) -> None:
    found = judge(words)
    assert (found.urgent, found.route, found.call_back) == (False, "unsure", True)


def test_danger_that_comes_back_after_it_was_over_counts() -> None:
    assert judge("火灭了一次,现在又着火了").urgent


def test_a_clause_that_is_denied_does_not_cover_the_next_one() -> None:
    assert judge("没有着火,有人拿刀砍人").urgent
    assert not judge("没有着火,没有人拿刀").urgent
