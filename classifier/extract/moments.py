"""Where citizens tell a time (昨晚八点半, 十分钟前, 3月5号下午两点, 每天晚上10点到12点) in a folded text. Pure.

What it means is :mod:`classifier.extract.when`'s.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator

from classifier.extract import when

_N = r"(?:\d{1,2}|[一二两三四五六七八九十〇零]{1,3})"
_EVERY = rf"""
    (?P<every>每[晚夜]上?|天天|每[天日](?!平均|人均)|每[个到逢]?(?=(?:周|星期|礼拜)[一二三四五六日天](?!次|期))|每周末?|每个?(?:星期|礼拜)(?:末)?
    |每个?月(?=的?{_N}[号日])|每年(?=的?{_N}月)|每[到逢](?=晚上|夜里|半夜|周末|早上|下午|中午|凌晨))"""
_YEAR = rf"""
    (?:(?P<year>(?:19|20)\d\d|(?:二[〇零]|一九)[〇零一二三四五六七八九]{{2}}
        |(?<![\d.])(?:[089]\d(?=年)|\d\d(?=年(?:{_N}月|[初底末])))) 年
    |(?P<ryear>大前年|前年|去年|今年|本年度?|明年|后年|当年(?={_N}月)))(?:年?度)?的?"""
_MONTH = rf"""
    (?:(?P<month>元|(?<![\d.一二三四五六七八九十]){_N})月份?|(?P<rmonth>(?:上上|上|这|下下|下)一?个?月|本月|当月)份?)的?"""
_TAIL = r"""
    (?P<tail>上半年|下半年|(?<!大)年[底末初中]|[春夏秋冬][天季]|暑[假期]|寒假|春节|国庆节?|元旦节?|中秋节?|五一|端午节?|清明节?|[上中下]旬
    |[初底末](?![一二三四五六七八九十\d学级心])|中(?=[,，。;\s旬]|$))"""
_DAY = rf"""
    (?:(?P<day0>(?<![\d.])\d{{1,2}})[日号]?[\-到至、])?
    (?P<day>(?<![\d.第A-Za-z\-]){_N})
    (?:日(?!元|均|报)|号(?![线楼院门房室码台厅井桩公车栋单铺地厂店仓宿机商附文令]|之[一二三四五六\d]|大院|小区|国道|工))"""
_ISO = r"(?P<iso>(?<!\d)(?:19|20)\d\d(?:-\d{1,2}-|/\d{1,2}/|\.\d{1,2}\.)\d{1,2}(?!\d)日?)"
_WEEK = r"""
    [(]?(?:(?P<week>上上|上|这|本|下下|下)?一?个?(?:周|星期|礼拜)(?P<wday>[一二三四五六日天末](?!周|岁|年|遍|边|期|环|个|次|山|村|路|楼|下班))
    |(?P<rweek>上上|上|这|本|下下|下)一?个?(?:周(?!边|围|[一二三四五六日天末])|(?:星期|礼拜)(?![一二三四五六日天])))[)]?"""
_RDAY = r"""
    (?P<rday>大前天|前天|昨[天日儿]|今[天日儿]|明[天日]|大后天|后天|当[天日]|次日|第二天|隔天|[昨今](?=[晚夜早晨](?!点))|前(?=[晚夜])|明(?=[早晚晨]))"""
_PART = rf"""
    (?P<part>大清早|一大早|大半夜|[前后上下]半夜|凌晨|清[晨早]|(?<![一整])(?:早[晨上间]|上午|下午(?!茶))|[中午]午|午间|午后|傍晚|黄昏|(?<![一两几整个])晚[上间]|夜[晚间里]|半夜|深夜|当晚
    |白[天日]|[晚早](?=(?:大?约|近)?{_N}[点:])|(?<=[昨今前明日号])[晚夜早晨]上?)"""
_CLOCK = rf"""
    (?P<clock>(?:(?P<hour0>(?<![\d.]){_N})(?:点钟?)?[\-到至])?(?P<hour>(?<![\d.:第]){_N})
    (?:(?P<unit>:?点|时(?=整|许|左右|{_N}分?|[,，。;、\s到至\-在于分]|$))(?:钟(?!后))?
        (?:(?P<quarter>半(?!天|小时)|[一三]刻)|(?P<minute>{_N})(?:分(?!钟)|(?:(?<=\d\d)|(?<=十)|(?<=十[一二三四五六七八九]))(?![\d元万块米个公人点天年月户栋路栏间])))?
    |:(?P<minute2>[0-5]\d)(?::[0-5]\d)?分?(?![\d:])))"""
_WHOLE = re.compile(
    rf"""(?=[\d元一二两三四五六七八九十〇零今昨前明后大去本当次第隔上这下每天周星礼早凌清中午傍黄晚夜半深白年春夏秋冬暑寒])
    (?:{_EVERY}的?)?(?:{_YEAR})?(?:{_MONTH})?{_TAIL}?(?:{_DAY})?{_ISO}?(?:{_WEEK})?(?:的?{_RDAY})?
    (?:[的,]?{_PART})?(?:(?:[的,\s]|大?约|将?近|差不多)?{_CLOCK})?""",
    re.VERBOSE,
)
_MORE = "多(?=[,。;在到、的就有还才了左]|钟|$)钟?"
_ABOUT = re.compile(f"(?:整|时?许|{_MORE}|时分|期间|来钟|钟)(?:左右|前后)?|左右|前后")
_AGO = re.compile(
    r"(?=[\d一二两三四五六七八九十百半好几数])(?P<count>\d{1,4}|[一二两三四五六七八九十百]{1,4}|半|好几|几|数)(?:来|多)?个?(?P<half>半)?多?"
    r"(?P<unit>秒钟?|分钟?|刻钟|小时|钟头|天|日|周|星期|礼拜|月|年)(?P<more>多|半)?(?:[之以]前|前(?![面方往来台端所后]))"
)
_HOLIDAY = "春节|国庆节?|元旦|中秋节?|端午节?|清明节?|五一|劳动节|儿童节|元宵节?|除夕|暑假|寒假|节假日|高考|中考"
_VAGUE = re.compile(
    "(?=[目刚方现此这眼前不最近上那工双节周平大春国元中端清五劳儿除暑寒高])(?:(?P<now>目前|刚才|刚刚(?!性|需|好|才能|毕业|开始)|方才|现在(?!的人|人)|此刻|这会儿|眼下)|刚不久|前不久|不久前|最近(?!的|点)|近期|近日|近来|近几天|近[两几]年"
    "|这几[天日年]|前几[天日年]|这两天|前两[天年日]|前些[天日年]|(?:前|这|上)一?段时间|前一?阵子?|这阵子?|上次|那天|(?:工作|双休|节假)日|周末|大年(?:三十|初[一二三四五六七八九十])"
    f"|(?:{_HOLIDAY})(?:期间|当[天晚]|那天|假期|前[夕后]?(?!面)|长假|放假|后(?!面)|晚上))"
)
_TO = re.compile(r"\s?(?:开始)?(?:直到|持续到|一直到|[到至]|-{1,2})\s?")
_ENDS = ("clock", "day", "iso", "wday", "month", "ryear", "year")
_NOT_POINTS = re.compile(
    r"\s?[:、]|[个条]?(?:建议|意见|要求|问题|原因|理由|内容|疑问|诉求|说明|希望|感受|情况|事|困惑|不|都|也|钱|吃|水|用|东西|关系|办法|好|小|大|儿|点|之|规定|质疑|看法|想法|如下|为|是)"
)
_BEFORE_POINTS = re.compile(r"[第有几这那下上此提共扣记罚说些差快慢大小高低多少好近重轻零分述绩之\d.]$|反映$|总结$|明确$")
_BEFORE_DAY = re.compile(r"(?:^|[\s,，。;、(:于是从到至在自当月每])$")
_AFTER_DAY = re.compile(r"$|[\s,，。;、)到至去来在时晚早上中下凌前后之左以开停发就才我他她其交]")


def moments(text: str, now: dt.datetime | None) -> Iterator[tuple[int, int, str]]:
    """Start, end and meaning of each time, in order; they don't overlap."""
    calendar = when.Calendar(now)
    spans = sorted(
        [(found.start(), found, "ago") for found in _AGO.finditer(text)]
        + [(found.start(), found, "vague") for found in _VAGUE.finditer(text)]
        + [(found.start(), found, "whole") for found in _WHOLE.finditer(text) if found.end() > found.start()],
        key=lambda one: (one[0], -one[1].end()),
    )
    free = 0
    for start, found, kind in spans:
        if start < free:
            continue
        if kind == "ago":
            value, end = calendar.ago(found), found.end()
        elif kind == "vague":
            value, end = calendar.moment(0) if found["now"] else "", found.end()
        elif _is_time(text, found):
            value, end = _with_end(text, found, calendar)
            end -= text[end - 1] == "的"
        else:
            continue
        about = _ABOUT.match(text, end)
        free = about.end() if about else end
        yield start, free, value


def _is_time(text: str, found: re.Match[str]) -> bool:
    """Whether what has the shape of a time is one: not three points of a letter, not the number of a house."""
    said = {name for name, value in found.groupdict().items() if value}
    dated = said & {"every", "year", "ryear", "month", "rmonth", "iso", "wday", "rweek", "rday"}
    if found["tail"] and not dated:
        return found["tail"] in ("年底", "年初", "年末", "上半年", "下半年")
    if dated and "month" not in said:
        return True
    if "month" in said:
        return 1 <= when.number(found["month"]) <= 12 and found["month"] != "两"
    before, end = text[max(0, found.start() - 2) : found.start()], found.end()
    if "day" in said and not 1 <= when.number(found["day"]) <= 31:
        return False
    if "day" in said and not said & {"part", "clock"}:
        return before[-1:] in tuple("于从") or bool(_BEFORE_DAY.search(before) and _AFTER_DAY.match(text, end))
    if "clock" not in said:
        return bool(said)
    if when.number(found["hour"]) > 24:
        return False
    if said & {"part", "minute", "minute2", "quarter", "hour0", "day"}:
        return True
    if found["unit"] == "时":
        return bool(_ABOUT.match(text, end) or _TO.match(text, end))
    sure = bool(_ABOUT.match(text, end)) or text[end - 1] == "钟"
    if found["hour"] in ("一", "1") and not sure and not _TO.match(text, end):
        return False
    return not _BEFORE_POINTS.search(before) and (sure or not _NOT_POINTS.match(text, end))


def _with_end(text: str, found: re.Match[str], calendar: when.Calendar) -> tuple[str, int]:
    """The meaning of a time, and where it ends with its own end (到 …)."""
    first = calendar.read(found)
    end = found.end()
    about = _ABOUT.match(text, end)
    to = _TO.match(text, about.end() if about else end)
    if to:
        other = _WHOLE.match(text, to.end())
        if other and other.end() > other.start() and not other["every"] and any(other[name] for name in _ENDS):
            until = calendar.read(other, first)
            if until.shape == first.shape or "days" in (until.shape, first.shape):
                return when.told(first, until), other.end()
    return when.told(first), end
