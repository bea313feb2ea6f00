"""Names of persons (姓名) where they are introduced: 我叫…, 联系人:…, 姓…的, …先生, …女士, …某某. For folded texts. Pure.

A name that nobody introduces can't be told from a word, so it is not looked for. Where a name ends is told by the word behind it;
what begins like a name and is a word (周边, 高中, 于是) is known by a list.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_COMMON = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林郑谢罗梁宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪"
    "范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤温康施文牛樊葛邢安齐易乔伍庞颜倪"
    "庄聂章鲁岳翟殷詹申欧耿关兰焦俞左柳甘祝包宁尚符舒阮柯纪梅童凌毕单"
)
"""Surnames that are told by a title or a role alone."""
_SINGLE = (
    _COMMON
    + "季裴霍涂成苗谷盛曲翁冉骆蓝路游辛靳管柴蒙鲍华喻祁蒲房滕屈饶解牟艾尤阳时穆农司卓古吉缪简车项连芦麦褚娄窦戚岑景党宫费卜"
    "冷晏席卫米柏宗瞿桂全佟应臧闵苟邬边卞姬师仇栾隋商刁沙荣巫寇桑郎甄丛仲虞敖巩明佘池查麻苑迟邝官封谈匡鞠惠荆乐冀郁胥南班"
    "储原栗燕楚鄢劳谌奚皮粟冼蔺楼盘满闻位厉伊仝区郜海阚花权强帅屠豆朴盖练廉禹井祖漆巴丰支卿国狄平计索宣晋初门云扈晁芮阙浦"
    "戈伏鹿薄邸雍辜羊阿乌母裘亓修邰赫杭况宿鲜印逯隆茹诺战慕危玉银亢嵇公哈湛宾戎勾茅干尉冶斯元束檀衣信展阴昝智幸奉植衡富尧"
    "闭由"
)
"""Besides those that are words as well: told where the name is called a name."""
_COMPOUND = "欧阳|司马|上官|诸葛|皇甫|尉迟|慕容|令狐|司徒|南宫|夏侯|公孙|长孙|轩辕|宇文|呼延|端木|独孤|东郭|百里|申屠"
_DOUBLE = frozenset(_COMPOUND.split("|"))
_WORDS = """
高中 白血 华侨 一位 这位 那位 该位 某位 各位 有位 老先 小先 和 老 那 时 当时 来 都 有 由 于是 原 明 国 平 全 相 门 满 位 班
连 强 官 师 公 战 展 初 居 但 干 利 信 海 花 都是 应该 应 成 单 单位 时间 经常 安全 高级 高考 高速 高校 高层 高新 高铁 高压
高龄 高峰 高度 高空 方便 方面 方向 任何 任课 任意 任职 万一 万科 万达 白天 白领 白酒 马上 马路 钱款 金额 金牌 黄金 黄牌
黄牛 江南 江边 江北 江苏 江西 石头 石材 石油 石家庄 田地 田间 龙头 龙井 周边 周围 周末 周日 周一 周二 周三 周四 周五 周六
周期 周转 周年 谢谢 余额 余款 严重 严格 温州 温馨 温泉 康复 文化 文明 文件 牛奶 牛肉 易燃 关于 关门 关系 关注 关闭 关键
左右 左边 左侧 包括 包工 包工头 包车 包月 包间 包装 包裹 宁波 宁夏 尚未 纪检 纪委 童年 季度 单元 单独 单身 单方 单方面 成立
成员 成年 成功 成都 盛世 曲靖 路口 路边 路过 路面 路灯 路人 游客 管理 管理员 管理处 管道 管委会 华为 华润 房产 房东 房主
房屋 房子 房租 房客 解决 解释 尤其 时候 司机 古城 简单 简直 车主 车辆 车子 车库 车上 车祸 车位 项目 连续 连锁 景区 党员
党委 费用 米线 全部 全体 全家 全国 全市 全省 全职 全县 全村 应当 应届 师傅 师生 商家 商户 商场 商铺 沙子 荣誉 明天 明显
明年 明知 池塘 查询 查看 查处 官方 封闭 封路 谈话 班级 班主任 储户 原来 原因 原告 原价 楼上 楼下 楼道 楼盘 满意 闻到 位于
位置 区域 海南 海口 海边 花园 花费 权益 强制 强烈 强行 盖章 练车 井盖 支付 支持 国家 国庆 平时 平台 平常 平安 计划 计生
相关 相信 门口 门诊 门卫 门店 云南 容易 来电 来到 来自 都市 普通 公司 公安 公交 公园 公共 公寓 公职 修车 修路 银行 利用
利息 呼吸 居民 居住 居委会 干部 干涉 但是 元旦 信息 信用 展开 展示 由于 由此 于今 于昨 农村 农民 农民工 农户 农业 农贸 阳台
阳光 南方 南边 东方 西方 北方 边上 边缘 和谐 和平 和睦 卫生 卫健委 卫生间 武汉 武警 武定 安装 安排 安置 安宁 安徽 安检 安保
向往 康乐 唐山 何时 何人 何种 何况 何必 何处 常住 孙子 孙女 陈述 陈旧 胡乱 胡说 胡同 高兴 高三 高二 高一 林业 林场 林区
罗列 许多 许可 许可证 程序 程序员 程度 任务 金融 石化 贾汪 夏天 夏季 方案 方式 白班 江湖 段路 雷雨 龙岩 陶瓷 毛病 毛坯 万元
严禁 武术 莫名 孔雀 汤圆 温度 施工 施工方 施工队 文山 牛仔 安心 齐全 易发 章程 鲁甸 申请 申诉 申报 欧洲 关心 兰州 甘肃 祝福
符合 舒适 纪念 梅花 凌晨 毕业 毕业生 毕竟 苏州 苏醒 韦博 付款 付费 付钱 熊猫 秦皇岛 尹家 史上 顾客 顾问 钱包 戴口罩 戴头盔
莫非 向日 康养 文艺 牛马 葛根 乔迁 伍万 颜色 庄严 庄稼 庄园 聂荣 章子 岳母 岳父 殷勤 耿马 焦急 焦虑 俞家 柳州 柳树 甘蔗
宁可 尚义 符号 梅雨 童装 凌乱 高血 高烧 高危 向上 向县 向省 向市 向政 方提 曾组 安危 于其 查博 包干 护士 医生 房管 路政
水务 车管 车间 党支 金银 白色 黑色 黄色 万分 严厉 常务 常年 常规 成本 成绩 成品 单价 单车 单号 单据 时常 应有 应急 应聘
平均 平米 平方 国企 国营 国土 区政 区委 相对 相应 相互 相当 初中 初步 初一 初二 初三 居然 信号 海鲜 花销 强拆 强迫 官员
公立 公家 公款 公示 公告 公平 公正 战友 展览 施救 金钱 程先 高个 高价 石板 方才 方形 江堤 江湾 江水 龙湖 史无 文字 文凭
武装 易拉 易碎 乔装 齐心 伍佰 童工 申领 左手 左脚 柳絮 祝愿 包子 包庇 宁愿 尚无
"""
"""What begins like a name and is a word."""
_KNOWN_WORDS = frozenset(_WORDS.split())
_HAN = "[\u3400-\u9fff]"
_FUNCTION = (
    "的了是在和与跟及或也就都我你他她它们吗呢吧啊呀到说有被把给让向从对要想能会不没很个这那哪"
    "电手联打身男女今来去住家因报投反举希请您已还又再称某其些"
)
"""Characters that are in no given name here, so that a name ends before them."""
_TITLE = "先生|女士|小姐|师傅|经理|老师|医生|老板|主任"
_G = f"(?:(?![{_FUNCTION}]|{_TITLE}){_HAN})"
_END = (
    f"(?=$|[^\u3400-\u9fff]|[{_FUNCTION}昨刚于两]|{_TITLE}|号码|性别|年龄|现年|现在|现住|户籍|出生|咨询|本人|昆明|老家"
    "|以前|之前|前天|一直|曾经|以及|等人|同志|夫妇|一家|此人|儿子|老婆|老公|丈夫|妻子)"
)
_KNOWN = f"(?:(?:{_COMPOUND}){_G}{{1,2}}{_END}|[{_COMMON}]{_G}{{2}}{_END}|[{_COMMON}]{_G}{_END})"
_ANY = f"(?:(?:{_COMPOUND}){_G}{{1,2}}|[{_SINGLE}]{_G}{{2}}{_END}|[{_SINGLE}]{_G}{_END}|[{_COMMON}]{_G}{{2}})"
_DOTTED = f"{_HAN}{{1,8}}(?:·{_HAN}{{1,8}}){{1,3}}"
_CALLED = "姓名|联系人|收件人|收货人|寄件人"
_PARTY = (
    "联系人|收件人|收货人|寄件人|户主|申请人|当事人|报警人|报案人|投诉人|举报人|反映人|来电人|诉求人|负责人|经办人|法人代表"
    "|法定代表人|法人|嫌疑人|受害人|患者|车主|业主|司机"
)
_TOLD = re.compile(
    rf"(?:姓名|名字|{_PARTY}|伤者|死者|病人|房东|老板)(?:的?(?:姓名|名字))?\s{{0,2}}(?::|是|为|叫|名叫)\s{{0,2}}(?P<any>{_ANY})"
    rf"|(?:{_CALLED})\s{{0,2}}:\s{{0,2}}(?P<colon>{_HAN}{{1,5}}(?:·{_HAN}{{1,8}}){{0,3}})(?=$|[^\u3400-\u9fff])"
    rf"|(?:{_CALLED}|户主|(?<![喊呼尖哭吼惨狗乱大])叫做?)\s{{0,2}}"
    rf"(?P<called>{_DOTTED}|(?:{_COMPOUND}){_G}{{1,2}}{_END}|[{_SINGLE}]{_G}{{2}}{_END}|[{_SINGLE}]{_G}{_END})"
    rf"|(?:我叫|名字叫|姓名叫|名叫|本名)\s{{0,2}}(?P<mine>{_ANY}|{_G}{{2,3}}(?=$|[^\u3400-\u9fff]))"
    rf"|(?:我是|我就是|本人|{_PARTY}|村民|居民|市民|员工|学生)\s{{0,2}}(?P<role>{_KNOWN})"
)
_SURNAME = re.compile(
    rf"(?<![百同老贵复单])姓(?P<name>{_COMPOUND}|[{_SINGLE}])(?!名[:是为叫字])(?=的|[^\u3400-\u9fff]|$|[是男女叫住先名电手联我他她])"
)
_SIR = re.compile("先生|女士|某人?某?")
_NOT_SOMEBODY = "些一个种日月年天处家地公小路段商单无项次类部"
"""Behind 某: some thing, and nobody."""
_STAFF = re.compile(
    rf"(?<![\u3400-\u9fff于](?<![是的找叫和与跟给由被让请称说问见有位姓]))(?P<name>{_COMPOUND}|[{_COMMON}])"
    "(?=小姐|太太|师傅|大爷|大妈|阿姨|叔叔|大哥|大姐|老师|医生|大夫|护士|警官|经理|老板|校长|院长|主任|书记|局长|队长|站长|所长|科长|同志|律师)"
)
_BEFORE_YU = re.compile("[对关由位属等基至给处终过敢善勇便限介急忠鉴]$")


def names(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of each name, in order; they don't overlap. Titles are left."""
    spans = [_told(found) for found in _TOLD.finditer(text)]
    spans += [found.span("name") for pattern in (_SURNAME, _STAFF) for found in pattern.finditer(text)]
    spans += [_titled(text, found) for found in _SIR.finditer(text)]
    free = 0
    for start, end in sorted(spans, key=lambda one: (one[0], -one[1])):
        if end > start >= free:
            free = end
            yield start, end


def _told(found: re.Match[str]) -> tuple[int, int]:
    group = found.lastgroup or "any"
    name = found[group]
    return (
        (0, 0)
        if group != "colon" and (name in _KNOWN_WORDS or name[:2] in _KNOWN_WORDS or name[:3] in _KNOWN_WORDS)
        else found.span(group)
    )


def _titled(text: str, found: re.Match[str]) -> tuple[int, int]:
    """The name before 先生, 女士, 某: the shortest that begins with a surname after a pause, else the longest."""
    at = found.start()
    somebody = found.group().startswith("某")
    if found.group() == "某" and text[found.end() : found.end() + 1] in (*_NOT_SOMEBODY,):
        return 0, 0
    best = 0, 0
    for start in range(at - 1, max(at - 5, -1), -1):
        name = text[start:at]
        if not "\u3400" <= name[0] <= "\u9fff" or any(one in _FUNCTION for one in name[1:]):
            break
        surname = name[:2] in _DOUBLE if len(name) in (2, 4) else len(name) < 4 and name[0] in _COMMON
        if not surname and not (len(name) == 2 and name[0] in _COMMON):
            continue
        if (
            name in _KNOWN_WORDS
            or name[:2] in _KNOWN_WORDS
            or (name[0] == "于" and _BEFORE_YU.search(text, max(0, start - 1), start))
        ):
            continue
        best = start, found.end() if somebody else at
        if (
            start == 0
            or text[start - 1] in _FUNCTION + "民主人机东板长户客友员工方位名"
            or not "\u3400" <= text[start - 1] <= "\u9fff"
        ):
            break
    return best
