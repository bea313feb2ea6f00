"""Texts that leave the system as examples. :func:`classifier.extract.mask` takes out what is introduced (我叫…, 电话…); this
takes out what nobody introduces too, and withholds a text in which something is left. Pure.

Rather too much is taken than too little: a lost word costs a model little, a name costs a person a lot. A name that is also a
word, and that nobody introduces, can't be told from it: whoever passes a file on reads it before.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator

import rjieba

from classifier import extract
from classifier.extract import names

NAME, HOUSE, NUMBER = "【姓名】", "【门牌】", "【号码】"
_ROUNDS = 4
_HAN = "[\u3400-\u9fff]"
_PLACEHOLDER = re.compile("【(?:电话|证件|车牌|号码|门牌|姓名|邮箱)】")
_RELATION = re.compile(
    "(?:隔壁|邻居|对门|楼[上下]|对面|房东|租客|业主|老板|老总|经理|包工头|工头|司机|同事|同学|室友|舍友|朋友|丈夫|老公|妻子|老婆|前夫|前妻"
    "|男友|女友|男朋友|女朋友|儿子|女儿|孙子|孙女|父亲|母亲|爸爸?|妈妈?|哥哥?|姐姐?|弟弟?|妹妹?|叔叔?|舅舅?|老师|校长|村长|书记|主任|医生"
    "|保安|民警|警察|骗子|嫌疑人|孩子|学生|患者|病人|老人|老乡|村民|居民|员工|会计|欠款人|担保人|和|跟|被|找|是|叫|给)"
)
"""Behind these a name may stand that nobody introduces."""
_NICK = re.compile(f"(?<!{_HAN})[小老]{_HAN}(?={_HAN})|(?<=[我他她和跟被叫找是的居友事主板])[小老]{_HAN}")
_NO_NAME = frozenset("vpdrucmqxyfe")
"""Parts of speech that do not go on with a name."""
_DOUBLE = frozenset(("欧阳", "司马", "上官", "诸葛", "皇甫", "慕容", "令狐", "司徒", "南宫", "夏侯", "公孙", "尉迟"))
_LIST = (
    "毛巾|马蜂|安静|左转|石墩|叶子|包里|里包|毛毛虫|戴帽子|关窗户|关牢|白花花|白白|夏令营|钟点房|杨树|柳树|张贴|田埂|安抚|白鹤"
    "|林子里|余震|石阶|汤里|段子|毛绒|付定金|黄绿色|姜汤|万幸|林草|单里|龙虾|石榴|金鱼|马桶|马达|毛线|白菜|黄瓜|黄豆|江水|叶片"
    "|梁上|柯基|安康|易拉罐|康养"
)
_WORDS = frozenset(_LIST.split("|"))
"""Begin with a surname and are words, whatever the dictionary makes of them."""
_ALSO_WORDS = re.compile(
    f"({_HAN})(?:国庆|建国|建军|建设|建华|建平|国强|国华|国平|志强|和平|解放|援朝|卫国|卫东|卫红|红军|红卫|跃进|光明|胜利|自强|向阳|爱国|爱民"
    "|爱华|拥军|文明|中华|长征|新民|永红|学军|学文|立新|立功|振兴|振华|富贵|有财|家宝|来福)"
)
"""Given names that are words too: with a surname before them they are names."""
_GIVEN = re.compile(rf"({_HAN}{{2,3}})")
_UNIT = "(?:天(?!天)|[年月日点时分元块万千百米平人户次个岁条路公度斤吨家辆])"
_LINE = r"1(?:10|19|20|22)(?!\d)"
_HOMES = (
    re.compile(r"\A\s?-\s?\d{1,4}[室房号]?(?!\d)"),  # what a placeholder has left
    re.compile(r"(?<![\d-])\d{1,3}(?:-\d{1,3}){1,2}-\d{3,4}[室房号]?(?![\d-])"),
    re.compile(rf"(?<=[路街巷道弄里村组队庄屯寨园苑区城厦楼段])(?!{_LINE})\s?\d{{1,5}}(?:-\d{{1,4}}){{0,3}}号?(?!\d|{_UNIT})"),
    re.compile(
        rf"(?:住在?|家在|我在|门牌|房号|房间|单元|栋|幢|号楼|楼[上下]|对门|隔壁|[楼层])\s?(?!{_LINE})(\d{{1,4}}(?:-\d{{1,4}}){{1,3}}|\d{{3,4}})(?!\d|{_UNIT})"
    ),
    re.compile(r"\d{1,4}(?:栋|幢|号楼|单元|座)(?:\d{1,2}(?:单元|楼|层))?(?:-?\d{1,4}[室房号]?)?"),
)
_DIGITS = re.compile(r"\d{5,}")
_HOTLINE = re.compile(r"1(?:0\d{3}|2\d{3})|9[56]\d{3,4}")
_AMOUNT = re.compile(r"\s?(?:多|余|左右)?[元块万亿平米人公千]")


def anonymous(text: str, *, name: str = "", place: str = "") -> str | None:
    """The text without names, numbers and addresses of houses; None if some may be left, then it is not to be used.

    ``name`` and ``place`` are what the matter's form holds of the citizen: they are looked for as they are written there.
    """
    known = [*_spellings(name), *_house_numbers(place)]
    for _ in range(_ROUNDS):
        before = text
        for word, placeholder in known:
            text = _outside(text, lambda part, word=word, sign=placeholder: part.replace(word, sign))  # type: ignore[misc]
        text = extract.mask(text)
        for step in (_names, _homes, _digits):
            text = _outside(text, step)
        if text == before:
            break
    return None if _left(text, known) else text


def _left(text: str, known: Iterable[tuple[str, str]]) -> bool:
    """Whether something that must be gone is still there."""
    bare = _PLACEHOLDER.sub("\n", text)
    if any(word in bare for word, _ in known) or extract.mask(text) != text:
        return True
    if any(one.kind in ("phone", "plate", "id_number") for one in extract.find(bare)):
        return True
    return _digits(bare) != bare or _homes(bare) != bare


def _outside(text: str, change: Callable[[str], str]) -> str:
    """Change what stands between placeholders."""
    parts: list[str] = []
    last = 0
    for found in _PLACEHOLDER.finditer(text):
        parts += change(text[last : found.start()]), found.group()
        last = found.end()
    return "".join(parts) + change(text[last:])


def _spellings(name: str) -> Iterator[tuple[str, str]]:
    """A person's name as it may stand in a text: whole, and the given name alone if it has two characters."""
    bare = re.sub(r"\s+|(?:先生|女士|小姐|老师)$", "", name)
    if len(bare) >= 2:
        yield bare, NAME
    if len(bare) in (3, 4) and re.fullmatch(f"{_HAN}+", bare):
        yield bare[-2:], NAME


def _house_numbers(place: str) -> Iterator[tuple[str, str]]:
    """Numbers of houses and flats of a place, longest first."""
    found = set(re.findall(r"[A-Za-z]?\d{3,5}|\d{1,5}(?:-\d{1,4})?(?:号楼|[号栋幢室座])", place))
    yield from ((one, HOUSE) for one in sorted(found, key=lambda one: (-len(one), one)) if not _HOTLINE.fullmatch(one))


@functools.cache
def _cutter() -> rjieba.Jieba:
    return rjieba.Jieba()


def _names(text: str) -> str:
    spans = sorted(
        {*_tagged(text), *_behind_relations(text), *_nicknames(text), *_worded(text)}, key=lambda one: (one[0], -one[1])
    )
    parts: list[str] = []
    last = 0
    for start, end in spans:
        if start >= last:
            parts += text[last:start], NAME
            last = end
    return "".join(parts) + text[last:]


def _tagged(text: str) -> Iterator[tuple[int, int]]:
    """Words that the dictionary, or the shape of the sentence, makes names; a double surname with what is behind it."""
    at = 0
    words = _cutter().tag(text, True)
    for number, (word, tag) in enumerate(words):
        start = text.find(word, at)
        if start < 0:
            continue
        at = start + len(word)
        rest, kind = words[number + 1] if number + 1 < len(words) else ("", "x")
        called = tag.startswith("nr")
        goes_on = kind.startswith("nr") or (called and (kind[0] not in _NO_NAME or len(word) == 1 < len(rest)))
        if goes_on and 0 < len(rest) <= 3 - len(word) + (word in _DOUBLE) and _is_name(word + rest):
            yield start, at + len(rest)
        elif len(word) > 1 and (called or not _cutter().has_word(word)) and _is_name(word):
            yield start, at


def _behind_relations(text: str) -> Iterator[tuple[int, int]]:
    for found in _RELATION.finditer(text):
        name = _GIVEN.match(text, found.end())
        if name is None:
            continue
        for word in (name[1], name[1][:2]):
            if _is_name(word) and all(tag.startswith("nr") for _, tag in _cutter().tag(word, True)):
                yield found.end(), found.end() + len(word)
                break


def _nicknames(text: str) -> Iterator[tuple[int, int]]:
    """小王, 老李."""
    for found in _NICK.finditer(text):
        if _is_surname(found.group()[1]):
            yield found.span()


def _worded(text: str) -> Iterator[tuple[int, int]]:
    for found in _ALSO_WORDS.finditer(text):
        if _is_surname(found[1]):
            yield found.span()


@functools.lru_cache(4096)
def _is_name(word: str) -> bool:
    """Whether a word has the form of a name: a surname, and one or two characters that stand in names."""
    return word not in _WORDS and any(span == (2, 2 + len(word)) for span in names.names(f"我是{word}。"))


@functools.lru_cache(4096)
def _is_surname(character: str) -> bool:
    return any(True for _ in names.names(f"。{character}先生"))


def _homes(text: str) -> str:
    for pattern in _HOMES:
        text = pattern.sub(lambda found: found.group().replace(found.group(1), HOUSE) if found.re.groups else HOUSE, text)
    return text


def _digits(text: str) -> str:
    def sign(found: re.Match[str]) -> str:
        kept = _HOTLINE.fullmatch(found.group()) or _AMOUNT.match(text, found.end())
        return found.group() if kept else NUMBER

    return _DIGITS.sub(sign, text)
