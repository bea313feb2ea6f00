"""What stands around a dangerous word and takes its force: negation, the past, hearsay, questions, fiction, metaphor, traps.

Pure. A :class:`Reading` is made once per text and asked about places in it. Windows are counted in characters and bounded, so
that a text of any length is read in time that grows with its length and no faster.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

Against = Literal[
    "trap",
    "negated",
    "withdrawn",
    "over",
    "past",
    "habit",
    "hearsay",
    "question",
    "hypothetical",
    "fiction",
    "metaphor",
    "handled",
    "letter",
]

# Words that hold a dangerous word by accident.
TRAPS = re.compile(
    "(?:手机|钥匙|钱包|戒指|眼镜|球|鞋|帽子|无人机|耳机|证|项链).{0,3}掉(?:进|到|下|入|在)?了?.{0,6}|(?:业主|股民|大家|老百姓|家长|人)们?都(?:快)?(?:想|要|得)跳楼|自杀(?:干预|率|式|预防)|防自杀|(?:怕|防止?|预防|避免)(?:老人|孩子|小孩).{0,3}走失|想死(?:我|你|他|她)|救命(?:钱|稻草|粮|药|恩)|道德.{0,6}绑架|定时炸弹|(?:令|让|使)人窒息|压得.{0,6}喘不过|冒着生命|电梯井|(?:砖厂|水泥厂|炭厂|碳厂|炼油|烟囱|焚烧|锅炉|作坊|排放|生产时)[^。]{0,25}(?:浓烟|冒.{0,3}烟|大火)|浓烟(?:滚滚)?.{0,8}(?:环境|污染|飘|笼罩)|渗水.{0,10}漏电|盲道|州官放火|(?:打|点)不着火|道德绑架|难产假|明火(?:经营|作业|烧烤|做饭)|草(?:坪|地|皮).{0,10}踩踏|踩踏(?:草|绿)|(?:菜|水果)刀切|刀.{0,2}(?:切菜|剁)|热线也?打(?:我|他|她)|移动手机|流动手|活动手|运动手|自动手|主动手|手动手|互动手|启动手|动手(?:能力|操作|术|续|册|做|写|指|脚|机)|打架子|打火机|跳楼(?:价|大甩|甩|清仓|机|促销)|"
    "火锅|火车|火爆|火灾(?:保险|险|报警|自动|隐患)|消防火|防火|灭火(?:器|演|毯)|明火(?:锅|灶|煮)|烽火|焰火|烟火气|山火腿|自燃险|涉水险|"
    "爆炸(?:性|头|式|糖|鸡|优惠)|(?:信息|人口|知识)爆炸|砍价|砍单|砍(?:一)?刀(?:助力|免费)|拼多多|杀(?:价|毒|菌|虫|青|鸡|猪(?!盘)|鱼|羊)|抢(?:购|票|单|跑|红包|课|号|修|险|建|收|种|注)|"
    "打(?:死结|死也不|死都不|死不)|打(?:我|他|她)?(?:们)?的?(?:电话|手机|热线)|(?:要|需|想)打(?:印|卡|车|折|开|包|听|扫|疫苗|针|电话)|"
    "打(?:我|他|她|你)(?:卡|款|钱|账户|工资|招呼|针|折|分|热线|举报)|"
    "煤气(?:费|表|卡|公司|开户|安装|改造|站|缴费)|(?:燃气|天然气|液化气)(?:费|表|卡|公司|开户|安装|改造|缴费|报装|初装|开通|价格)|"
    "(?:车胎|轮胎|气球|游泳圈|门窗|空调|冰箱|轮子|水管|暖气)漏气|漏电(?:保护|开关|断路)|"
    "跳水(?:运动|比赛|馆|队|冠军|训练)|(?:价格|股价|房价)跳水|被困(?:扰|惑|难)|困(?:难|扰|惑|境)|(?:网页|页面|系统|软件|手机|电脑|程序|业务|手续|流程|材料|审批)(?:.{0,3})卡(?:住|在)|"
    "(?:气|累|热|急|烦|吓|笑|冷|忙|穷|臭|吵|美|爱|恨|苦|困|渴|羞|晒|堵|坑|拖|郁闷|闷)死(?:我|人|了|个人)?|"
    "血(?:汗|压|糖|型|统|本|脂|缘|检|站|管|液科|库|亏)|献血|热血|心血|(?:冷|贫|高|抽|验|输|鸡)血|心脏(?:地带|位置)|烧(?:烤|饼|水|香|纸|菜|钱|开水)|发烧友|"
    "抽烟|吸烟|香烟|油烟|烟花|烟草|烟酒|卖烟|禁烟|控烟|戒烟|(?:烟囱|工厂|锅炉|砖厂|尾气|排气管|饭店|餐馆|烧烤店?|烧烤摊).{0,8}冒(?:出)?.{0,2}烟(?!.{0,8}(?:着|烧|火|爆|快))|(?:渣土车|货车|公交车|车辆?|汽车)(?:一直|经常|都)?冒黑烟|"
    "枪(?:战|手游|版|口|毙|支管理)|水枪|玩具枪|射钉枪|电焊枪|焊枪|加油枪|手枪腿|撞(?:衫|脸|名|色|期|车险|库|击测试)|翻车鱼|碰撞险|"
    "(?:口|嘴)里?炸|炸(?:鸡|串|油条|酱|薯|街|锅店|锅了吗)|打工|打扰|打压|打算|打听|打击|打理|打扫|打通|打桩|打井|打水|打药|打麻药|打地基|打游戏|打麻将|打牌|打球|打孔|打车|打招呼|打交道|打雷|打烊|挨打折|雷打不动|没精打采|"
    "蛇(?:年|口|形|皮|羹|胆酒|矛)|狗(?:粮|证|牌|肉)|落水(?:管|槽|洞)|坠落(?:网|试验)|中毒(?:软件|电脑)|电脑中毒|手机中毒|血洗|刀(?:削面|具店|片嗓)|菜刀店|"
    "走失(?:率|的?(?:狗|猫|宠物|犬))|(?:狗|猫|宠物|鹦鹉|手机|钱包|快递|包裹|身份证|钥匙).{0,3}(?:走失|走丢|失踪|不见了|丢了|找不到)"
)
_NEGATED = re.compile(
    r"(?:没有?|未|无|不是|并非|不存在|并没|从没|没见|不会|不至于|谈不上|别再?|不要|不能|不许|禁止|严禁|请勿)"
    r"(?:任何|人员?|发生|出现|造成|看到|看见|闻到|闻见|发现|再|被|什么|明显|大|有|受|怎么|真的?|在|过|他|她|我|要|想|打算|去|说|谁|因此|过于|随意|互相|到|给|着|跟|和|人家){0,4}$"
)
_NEGATED_WITHIN = re.compile(r"(?:没有?|无)(?:任何)?人员?(?!应|救|管|在家|知道|来|回)|未造成|没有?(?:发生|伤|受伤|出现|看到)")
WITHDRAWN = re.compile(
    r"(?:现在|已经?|都|又|人|就|目前)?没事了|虚惊一场|误报|误会一场|(?:是)?(?:搞|看|弄|听|闻)错了|开(?:个)?玩笑|逗你玩|骗你的|随便说说|(?:是)?(?:气话|吓唬.{0,3}的)|说着玩|不用(?:来|派|出警|麻烦|管)了?|"
    r"不(?:需要|必)(?:来|派|出警)?了|不要来了|(?:算|撤)了(?!吗)|当我没说|取消报警|原来是|其实(?:是|没|不)|后来(?:发现|才知道|一看)|才发现(?:是|只)|结果是"
)
_OVER = re.compile(
    r"(?:已经?|都|被|就|刚刚?|全部|及时|后来|最后)(?:经|被|全部|都|把.{0,4})*(?:扑灭|灭了|熄灭|控制住|救(?:出|起|上|下)|获救|脱险|送(?:到|往|去|进|至)?(?:了)?(?:医院|急诊|派出所)|送医|出院|处理(?:好|完|过|了)|解决|修好|排除|疏散完|抢修|恢复|散(?:了|去|开|场)|平息|和好|走了|离开|回家了|回来了|找到|劝(?:下|开|住|回)|拉(?:下来|开|上来)|抓(?:走|到|获)|带走|关(?:了|上|好)(?:阀|总阀)|醒(?:了|过来)|退烧|缓过来|没事|报(?:过)?警(?:处理|了))|"
    r"火(?:是|现在|刚刚?|自己)?灭了|找(?:到了|回来了)|救(?:出来|上来|下来)了|有惊无险|平安(?:无事|回来)|(?:消防|医生|救护车|交警|民警|警察|救援)(?:员|人员|队)?(?:已经?|都|刚刚?)(?:经)?(?:到|来|在)(?:了|场|现场)?(?:处理|救)"
)
_PAST = re.compile(
    r"昨(?:天|晚|日|夜)|前(?:天|晚|些|阵|段时间|几|不久|期|次)|大前天|上(?:周|个?月|个?星期|个?礼拜|次|回|半年|个?学期)|去年|前年|往年|当年|当时|当天|当晚|曾经?(?!在)|以前|之前|早先|过去(?=的|几|曾|一直)|小时候|那(?:天|次|年|时|会儿)|"
    r"几(?:天|周|个?月|年)前|[\d一二两三四五六七八九十半几多]+(?:多)?(?:天|日|周|个?星期|个?礼拜|个?月|年)(?:多)?(?:以|之)?前|(?:19|20)\d\d(?:年|[-./])|\d{1,2}月\d{1,2}[日号]?|[今去前]年\d*月?|上午.{0,12}(?:报警|派出所|投诉)|历来|之后(?:一直|至今)|(?:发生|过去)了?[\d一二两三四五六七八九十几半]+(?:多)?(?:天|周|个?月|年)|曾"
)
_NOW = re.compile(
    r"正在|正(?=[拿打砍追往在烧要准提举骑用从朝对冲漂爬站掐踹勒砸捅撞喊哭抢撬])|刚刚?(?!性|需|好|才能|开始|毕业|买|装|办|搬|到期|开业)|刚才|快(?:来|点来|派|叫|救|不行|要.{0,3}(?:死|倒|塌|生|掉|撑|断|炸)|过来|撑)|救命|救(?:救|我|人)|此刻|眼下|这会儿|这时候|速来|速度来|"
    r"[\d一二两三四五六七八九十几半]+(?:多)?(?:分钟|秒|个?小时)(?:前|了)|求救|求助(?=!|!)|赶[紧快](?:来|派|叫|救|过来)|越来越(?:大|浓|弱|重|高|近)|不动了|叫不醒|来人|今晚要|等(?:会|下)就|(?:一直|到现在|至今|还)(?:还|都|也)?没(?:有)?(?:醒|出来|回来|回家|找到|呼吸|反应|人救)|联系不上"
)
_NEAR_NOW = re.compile(
    r"现(?:在|有)(?!的|已经?没|都没|没事|好了|想|要求|社会|人|年轻|来|咨询|希望|投诉)|还在|仍在|马上|立刻|目前|又(?=[打砍砸闹来追])|一直在|在(?=[打砍砸追撬冒漏着烧])|今(?:天|晚)(?:刚|又)"
)
_HABIT = re.compile(
    r"经常|时常|常常|长期|常年|每(?:天|晚|次|日|逢|到|年|周)|天天|总是|屡[次屡]|多次|多年|这些年|一直以来|隔三差五|动不动就?|平时|有时|不时|时不时|长年|近年|频繁|屡禁|习惯|老是"
)
_QUESTION = re.compile(
    r"怎(?:么|样)(?:处罚|判|罚|赔|认定|界定|申请|预防|避免|规定|算|定性|收费|投保|申报|防)|(?:怎么|如何|应该怎么|该怎么|怎样)(?:处理|处置|办理|应对|举报|报警|逃生|急救|救援|办)|如何(?:处罚|认定|预防|避免|申请|界定|规定|防范|正确|赔偿)|罚(?:多少|款多少|几)|判(?:几年|多久|多少|什么刑)|算不算|算(?:什么|犯罪|违法)|"
    r"是(?:不是|否)(?:属于|构成|算|违法|可以|能|应该|犯法|犯罪)|属不属于|构成.{0,4}罪|有(?:什么|哪些|没有)(?:规定|政策|标准|法律|处罚|措施|补贴|补助|条件|办法|要求)|什么(?:标准|规定|处罚|流程|手续|条件|材料|后果|责任|罪|情况下|时候算)|"
    r"(?:找|归|由|该|属于|向)(?:哪个|什么|谁|哪里|哪).{0,4}(?:部门|单位|管|投诉|负责|报警)|(?:咨询|了解|想问|请问|问一下|问下).{0,20}(?:规定|标准|政策|流程|知识|办法|电话|条件|处罚|法律|责任)|注意(?:什么|事项)|应急预案|逃生知识|法律责任|是什么意思|有什么区别|(?:可以|能|能不能|怎么|如何)申请|会(?:被)?(?:判刑|拘留|处罚|罚款|坐牢)吗|要(?:坐牢|判刑|负责任|承担)吗|多少(?:钱|年)的?(?:罚|刑)"
)
_LAW = re.compile(
    r"罚|判|刑|拘留|规定|标准|政策|法律|责任|罪|违法|犯法|预防|避免|流程|知识|赔|申请|认定|哪个|哪里|谁负责|预案|什么意思|区别|电话是"
)
_IF = re.compile(r"如果|假如|要是|假设|倘若|万一|一旦|若(?:是|有|发生)")
_MAYBE = re.compile(
    r"(?:可能|容易|会|易|足以|极易|必将|势必|很可能|随时)(?:会|就|能|要|被|因此|将)?(?:引发|引起|造成|导致|发生|出现|酿成|产生)|隐患|以防|防止|避免|预防|(?:存在|有).{0,6}(?:风险|危险|可能)|恐(?:怕)?会?|谨防|杜绝|引发|免得|以免|生怕|早晚|迟早|将会|会不会|是否会|担心|害怕|怕(?=会|发生|引|出|有)|难免|严重时|轻则|重则|遇到|发生.{0,6}(?:时|后)(?:应|该|怎)|"
    r"(?:容易|很容易|极易|易)(?:被|把|让)?$|(?:没有|缺少|缺乏|安装|配备|更换|加装|增设|设置|检查|维修).{0,4}$"
)
_MAYBE_AFTER = re.compile(
    r"的?(?:隐患|风险|可能性?(?!已)|的话|怎么办(?=[,,].{0,4}(?:谁|责任))|预防|防范|报警器|应急|演练|演习|预案|知识|保险|险种|警示|标语|标志|提示|宣传|设施|设备|证|事件的?(?:教训|启示|频发|屡))"
)
_FICTION = re.compile(
    r"电影|电视(?:剧|里|上|台)|小说|剧本|剧情|新闻|报道|报纸|(?:视频|短视频|抖音|快手)(?:里|中|上)(?!.{0,6}(?:直播|网友说要|有人说要))|游戏(?:里|中|角色|人物)|打游戏|玩游戏|动画|歌(?:词|曲)|故事|梦(?:见|到|里)|做(?:了个?)?(?:噩)?梦|演(?:习|练|戏)|彩排|话剧|课文|作文|历史(?:上|题)|讲座|(?:消防|安全|急救|防火|反诈)(?:知识|培训|宣传|教育|课)|模拟(?!器)|题目|论文|书(?:里|上|中)|密室|剧本杀|脱口秀|相声"
)
_METAPHOR = re.compile(
    r"[振震]得|像.{0,10}(?:一样|似的)|跟.{0,8}(?:一样|似的)|如同|犹如|堪比|等于是|变相|所谓|好比|比喻|简直(?:是|就是|像)|形容|心里|内心|差点(?:没)?|几乎要"
)
_HEARSAY = re.compile(
    r"听说|据说|听(?:别人|人家|邻居|同事|朋友)(?:说|讲)|传言|谣言|网传|网上(?:说|传|都在)|群里(?:说|传|都在)|朋友圈|据传|有消息说|是真的(?:吗|假的)|真的假的|是不是真的|属实吗|辟谣"
)
_HANDLED = re.compile(
    r"立案|笔录|结案|判决|鉴定|责任认定|事故认定|认定书|肇事方|起诉|报销|出院|嫌疑人|回执|后续|(?:至今|一直|迟迟|始终|都)(?:还|也)?(?:未|没有?)(?!醒|出来|回来|找到|回家|联系|呼吸|反应)|未有|(?:没有?|无)(?:任何)?(?:进展|结果|答复|回应)|身亡|去世|死亡(?:证明|赔)|吊销|扣分|驾驶证|其认为|不合理|故(?:来电|投诉|咨询)|来电(?:投诉|咨询)|到(?:场|达)(?:后|只)|满意度|不作为|(?:不|未|没有?|无人|没人|拒绝)(?:人)?(?:处理|受理|解决|出警|答复|回复|立案|调查|理睬)|拘留|判刑|抓获|投诉.{0,4}(?:民警|警察|派出所)|复查|伤残|抚恤|处罚(?:决定|结果)|处理(?:结果|进度|意见)|讨(?:个)?说法|整改|查处|严惩|核实处理|派人处理|重视"
)
_CLAIMS = re.compile(r"医药费|医疗费|住院(?:费|期间|治疗|押金)|误工|赔(?:偿|付|钱)|索赔|工伤|仲裁|调解|维权|追究|理赔|定损")
"""What is claimed after harm was done; said before it, it is what the quarrel is about."""
_INJURY_AT_WORK = re.compile("工伤")
_LETTER = re.compile(
    r"领导|尊敬|书记|市长|县长|局长|厅长|有关部门|相关部门|政府|国家|政策|老百姓|违规|违法|反映|举报|投诉|恳请|敬请|依法|业主|村民|公司|企业|合同|收费|管理"
)
_BREAK = re.compile(r"[。!?!?;;\n\r…]+")
_CLAUSE = re.compile(r"[。!?!?;;,,、::\n\r\s…]+")


class Reading:
    """A text that can be asked what takes the force of the words at a place."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._letter = len(text) > 200 and len(set(_LETTER.findall(text[:2000]))) >= 3
        self._traps = [one.span() for one in TRAPS.finditer(text)]

    def against(self, start: int, end: int, immune: frozenset[str] = frozenset()) -> Against | None:
        """What speaks against the words from ``start`` to ``end``; None: they stand.

        ``immune`` names what can't take the force of this kind of words: who threatens conditionally still threatens.
        """
        for name, test in _TESTS:
            if name not in immune and test(self, start, end):
                return name
        return None

    def now(self, start: int, end: int) -> bool:
        """The words' surroundings say that it is going on, or just was."""
        low, high = self.sentence(start, end, 40)
        if _NOW.search(self.text, low, high) is not None:
            return True
        low, high = self._clause(start, end, 16)
        return _NEAR_NOW.search(self.text, low, high) is not None

    def sentence(self, start: int, end: int, most: int = 60) -> tuple[int, int]:
        """Bounds of the sentence around a place, at most ``most`` characters away from it."""
        return self._around(_BREAK, start, end, most)

    def _clause(self, start: int, end: int, most: int = 25) -> tuple[int, int]:
        return self._around(_CLAUSE, start, end, most)

    def _around(self, cut: re.Pattern[str], start: int, end: int, most: int) -> tuple[int, int]:
        low, high = max(0, start - most), min(len(self.text), end + most)
        for one in cut.finditer(self.text, low, start):
            low = one.end()
        after = cut.search(self.text, end, high)
        return low, after.start() if after else high

    def _trap(self, start: int, end: int) -> bool:
        return any(low < end and start < high for low, high in self._traps)

    def _negated(self, start: int, end: int) -> bool:
        if _NEGATED_WITHIN.search(self.text, start, end):
            return True
        return _NEGATED.search(self.text[max(self._clause(start, end)[0], start - 12) : start]) is not None

    def _later(self, pattern: re.Pattern[str], start: int, end: int) -> bool:
        """The pattern is said after the place, and nothing that is going on is said after it."""
        found = pattern.search(self.text, end, min(len(self.text), end + 60))
        if found is None:
            low, high = self._clause(start, end)
            found = pattern.search(self.text, low, high)
        if found is None:
            return False
        high = min(len(self.text), found.end() + 60)
        return _NOW.search(self.text, found.end(), high) is None and _NEAR_NOW.search(self.text, found.end(), high) is None

    def _withdrawn(self, start: int, end: int) -> bool:
        return self._later(WITHDRAWN, start, end)

    def _over(self, start: int, end: int) -> bool:
        return self._later(_OVER, start, end)

    def _past(self, start: int, end: int) -> bool:
        low = max(0, start - 60)
        high = self._clause(start, end)[1]
        if _PAST.search(self.text, low, high) is None or self.now(start, end):
            return False
        return _NEAR_NOW.search(self.text, *self.sentence(start, end, 30)) is None

    def _habit(self, start: int, end: int) -> bool:
        low, high = self._clause(start, end)
        return _HABIT.search(self.text, max(0, low - 15), high) is not None and not self.now(start, end)

    def _hearsay(self, start: int, end: int) -> bool:
        low, high = self.sentence(start, end)
        return _HEARSAY.search(self.text, low, high) is not None and not self.now(start, end)

    def _question(self, start: int, end: int) -> bool:
        low, high = self.sentence(start, end)
        found = _QUESTION.search(self.text, low, high)
        if found is None or self.now(start, end):
            return False
        happened = re.match(r".{0,2}[了着]", self.text[end : end + 3]) is not None or self.text[end - 1] in "了着"
        return not happened or _LAW.search(found.group()) is not None

    def _hypothetical(self, start: int, end: int) -> bool:
        low, high = self._clause(start, end)
        condition = max(self.sentence(start, end)[0], start - 18)
        if _IF.search(self.text, condition, start) or _MAYBE.search(self.text[max(low, start - 18) : start]):
            return not self.now(start, end)
        return _MAYBE_AFTER.match(self.text, end, high) is not None

    def _fiction(self, start: int, end: int) -> bool:
        low, high = self.sentence(start, end, 30)
        return _FICTION.search(self.text, low, high) is not None

    def _metaphor(self, start: int, end: int) -> bool:
        low, high = self._clause(start, end, 14)
        return _METAPHOR.search(self.text, low, high) is not None

    def _handled(self, start: int, end: int) -> bool:
        before, after = max(0, start - 50), min(len(self.text), end + 80)
        said = (
            _INJURY_AT_WORK.search(self.text, self._clause(start, end)[0], start)
            or _HANDLED.search(self.text, before, start)
            or _HANDLED.search(self.text, end, after)
            or _CLAIMS.search(self.text, end, after)
        )
        return said is not None and not self.now(start, end)

    def _in_letter(self, start: int, end: int) -> bool:
        """A long letter to an office tells a story; what goes on now is said to go on now."""
        return self._letter and not self.now(start, end)


_TESTS: tuple[tuple[Against, Callable[[Reading, int, int], bool]], ...] = (
    ("trap", Reading._trap),
    ("negated", Reading._negated),
    ("fiction", Reading._fiction),
    ("withdrawn", Reading._withdrawn),
    ("over", Reading._over),
    ("metaphor", Reading._metaphor),
    ("question", Reading._question),
    ("hypothetical", Reading._hypothetical),
    ("past", Reading._past),
    ("handled", Reading._handled),
    ("habit", Reading._habit),
    ("hearsay", Reading._hearsay),
    ("letter", Reading._in_letter),
)
