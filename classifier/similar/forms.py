"""The form in which matters are kept and compared: their words, their place, and what kind of thing happened.

Texts are normalised (``classifier.text.normalise``), numbers are digits, and what every matter says (市民反映, 请尽快处理) is
left out. Matters of equal form are equally like any other.
"""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

from classifier.similar import kinds, numbers, places
from classifier.text.normalise import normalise
from classifier.text.words import Words

READ = 800
"""Characters of a text that are read to keep and compare it; of a longer one its beginning and, for a quarter, its end."""
MOST_WORDS = 240
"""Characters of words that are kept and compared, from beginning and end in the same way."""

_SAID_ANYWHERE = re.compile(
    r"(?:来电人|诉求人|反映人|举报人|投诉人|报警人|该市民|市民|群众|居民|业主)?(?:来电|致电|打来电话)?"
    r"(?:反映|诉求|表示|称|投诉|举报|咨询)(?:称|说)?[::,,]?"
    r"|(?:希望|请|要求|恳请|望|请求|建议)(?:相关|有关|政府|主管|职能)?(?:部门|单位|人员)?(?:能够|能)?"
    r"(?:尽快|及时|赶紧)?(?:派人|到现场|前来)?(?:核实|处理|解决|查处|调查|整改|查看|关注|回复|答复)+(?:一下|并回复|并答复)?"
    r"|你好|您好|喂|请问|谢谢|麻烦(?:你们|您)?|存在安全隐患|多次(?:反映|投诉)(?:无果|没有结果|未果)"
)
_EVERYWHERE = """
的 了 着 过 是 在 和 与 就 都 而 及 或 也 还 又 很 太 把 被 给 让 向 从 到 对 等 吗 吧 呢 啊 呀 嘛 咯 哦 嗯 于 为 以 由
上 下 里 中 后 前 时 得 地 再 才 多 好 大 快 有 个 不 没 要 会 能 去 来 说 做 并 且 其 该 请 人 这 那 我 你 他 她 它 咱
这个 那个 这里 那里 我们 你们 他们 咱们 一个 一下 一直 现在 已经 因为 所以 但是 可以 没有 什么 怎么 如何 为什么 进行
相关 部门 有关 希望 反映 表示 市民 群众 来电 投诉 举报 咨询 处理 解决 尽快 问题 情况 造成 影响 导致 以及 之后 以后 然后
时候 目前 本人 请求 要求 建议 觉得 应该 可能 好像 真的 非常 特别 有人
"""
_STOP = frozenset(_EVERYWHERE.split())
"""Words that say nothing of which matter it is."""

MOST_OF_ITEM = 24
"""Characters of an item's code that count."""
_CODE = re.compile(r"[\w.-]+")


class Form(NamedTuple):
    """A matter in comparable form: all strings, that they may be packed."""

    words: str
    """Words with a space between them, and a line feed where something stood between them that is no word."""
    place: str
    """Without spaces."""
    core: str
    """What the place is called."""
    marks: str
    """The numbers of the place (:func:`classifier.similar.places.marks`)."""
    kinds: str
    """Kinds of happenings, a character each (:func:`classifier.similar.kinds.of`)."""
    item: str = ""
    """The item (事项) that it was judged to be, if it was."""

    @property
    def joined(self) -> str:
        return "".join(self.words.split())


def form(text: str, place: str = "", item: str = "") -> Form:
    """The form of any text and place; time is bounded."""
    return formed(words(text), places.plain(place), item)


def formed(words: str, place: str, item: str = "") -> Form:
    """The form of words and place that are in normal form already."""
    joined = "".join(words.split())
    return Form(
        words,
        place,
        places.core(place),
        places.marks(place, joined),
        kinds.of(joined),
        "".join(_CODE.findall(item))[:MOST_OF_ITEM],
    )


def words(text: str) -> str:
    plain = _SAID_ANYWHERE.sub("\n", numbers.as_digits(normalise(_ends(text, READ)).full))
    return _ends(_cut(plain), MOST_WORDS)


@functools.cache
def _dictionary() -> Words:
    return Words()


def _cut(plain: str) -> str:
    lines: list[list[str]] = [[]]
    for word in _dictionary().cut(plain):
        if word in _STOP or not word[0].isalnum():
            lines.append([])
        else:
            lines[-1].append(word)
    return "\n".join([" ".join(line) for line in lines if line])


def _ends(text: str, most: int) -> str:
    """The text if it is not longer; else its beginning and its end."""
    if len(text) <= most:
        return text
    tail = most // 4
    return text[: most - tail - 1] + "\n" + text[-tail:]
