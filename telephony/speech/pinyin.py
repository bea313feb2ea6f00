"""Chinese text → Hanyu Pinyin with tone numbers, for synthesisers that read Chinese characters badly or not at all.

Debian's espeak-ng 1.51 reads characters under its voice ``cmn`` as English ("您" becomes "nin two") and under
``cmn-latn-pinyin`` one by one without regard to words (银行 as *yín xíng*); fed with pinyin it is right. Readings
by context come from pypinyin's phrase dictionary.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping

import pypinyin
from pypinyin.seg import mmseg

READINGS = {
    "重听": "chong2 ting1",
    "请勿": "qing3 wu4",
    "一样": "yi2 yang4",
    "一下": "yi2 xia4",
    "一定": "yi2 ding4",
    "一次": "yi2 ci4",
    "一个": "yi2 ge4",
    "一位": "yi2 wei4",
    "第一位": "di4 yi1 wei4",
    "第一个": "di4 yi1 ge4",
    "第一次": "di4 yi1 ci4",
    "一会儿": "yi2 hui4 er5",
    "一些": "yi4 xie1",
    "一起": "yi4 qi3",
    "一直": "yi4 zhi2",
    "一名": "yi4 ming2",
    "转接": "zhuan3 jie1",
    "为您": "wei4 nin2",
    "另一方": "ling4 yi4 fang1",
    "一遍": "yi2 bian4",
    "报警": "bao4 jing3",
    "接警": "jie1 jing3",
    "服务台": "fu2 wu4 tai2",
    "请按": "qing3 an4",
    "乐清": "yue4 qing1",
    "六安": "lu4 an1",
}
"""Readings that the dictionary misses, in words that hotlines use."""

_NAMES = """ei1,bi4,xi1,di4,yi4,ai2 fu5,ji4,ei1 chi5,ai4,jie4,kei4,ai2 lou5,ai2 mu5,en1,ou1,pi4,kiu1,a1,ai2 si5,
ti4,you4,wei1,da2 bu5 liu5,ai2 ke5 si5,wai4,zei4"""

LETTERS = dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", _NAMES.replace("\n", "").split(","), strict=True))
"""Letters as they are named in Chinese speech."""

_STOPS = {"，": ",", "。": ".", "！": "!", "？": "?", "；": ";", "：": ",", "、": ","}
_POINT = "[零一二三四五六七八九十百千万亿]+点[零一二三四五六七八九]+"
"""A decimal fraction: 一点 in it is not the word for "a little"."""
_SYLLABLE = re.compile(r"[a-z]{1,6}[1-5]")
READING = re.compile(rf"{_SYLLABLE.pattern}( {_SYLLABLE.pattern})*")
"""What a reading looks like: syllables with a tone 1…5 (5: neutral), v for ü, parted by single spaces."""


def pinyin(text: str, readings: Mapping[str, str] | None = None) -> str:
    """Return the pinyin of a text that :func:`telephony.speech.reading.spoken` has made; the syllables of a word
    stand together, words and punctuation apart. ``readings`` adds to or overrides ``READINGS``. Characters without
    a known reading are left out."""
    known = {**READINGS, **(readings or {})}
    said: list[str] = []
    for run in re.findall(rf"[{''.join(_STOPS)}]|[A-Z]|[^{''.join(_STOPS)}A-Z\s]+", text):
        if run in _STOPS:
            if said and said[-1][-1] not in ",.!?;":
                said[-1] += _STOPS[run]
        elif run in LETTERS:
            said.append(LETTERS[run])
        else:
            said.extend(_words(run, known))
    return " ".join(said)


def _words(run: str, known: Mapping[str, str]) -> Iterator[str]:
    for part in _cutter(tuple(sorted(known, key=len, reverse=True))).split(run):
        if part in known:
            yield known[part].replace(" ", "")
        elif part:
            for word in part if re.fullmatch(_POINT, part) else mmseg.seg.cut(part):
                syllables = [
                    syllable.replace("ü", "v")
                    for syllable in pypinyin.lazy_pinyin(
                        word, style=pypinyin.Style.TONE3, neutral_tone_with_five=True, tone_sandhi=True, errors="ignore"
                    )
                ]
                spelled = "".join(syllable for syllable in syllables if _SYLLABLE.fullmatch(syllable))
                if spelled:
                    yield spelled


@functools.lru_cache(maxsize=8)
def _cutter(words: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("(" + "|".join([_POINT, *(re.escape(word) for word in words)]) + ")")
