"""Small models, made in milliseconds: what tests of files, registry and commands carry about."""

from __future__ import annotations

import csv
import functools
import random
from dataclasses import replace
from pathlib import Path

import numpy as np

from classifier.features import Lexicon, Space
from classifier.learning import agency
from classifier.learning.data import Row, Table
from classifier.model import Head, Model, Part

MATTERS = {
    "人社局": (
        ["拖欠工资", "不发工资", "社保断缴", "老板欠薪", "加班费没给"],
        ["三个月了", "求帮忙", "工地上", "怎么投诉", "要过年了"],
    ),
    "城管局": (
        ["占道经营", "路灯不亮", "乱倒垃圾", "违章搭建", "烧烤油烟"],
        ["在街口", "天天这样", "没人管", "晚上", "小区门口"],
    ),
    "住建局": (
        ["楼上漏水", "物业不作为", "房屋质量", "电梯老坏", "公积金提取"],
        ["怎么办", "反映多次", "业主着急", "三单元", "好久了"],
    ),
}


def rows(many: int = 300, seed: int = 7) -> tuple[Row, ...]:
    """Made-up tickets of three agencies."""
    dice = random.Random(seed)
    found = []
    for number in range(many):
        label = dice.choice(sorted(MATTERS))
        what, how = MATTERS[label]
        found.append(Row(f"{dice.choice(what)},{dice.choice(how)}{dice.choice(how)}{number}号", label, None, number + 2))
    return tuple(found)


def table(many: int = 300, seed: int = 7) -> Table:
    return Table(rows(many, seed), 0, "tickets.csv")


@functools.cache
def model() -> Model:
    """An agency model."""
    return agency.train(table())


@functools.cache
def poor() -> Model:
    """One that learnt from tickets whose labels are mostly wrong."""
    dice = random.Random(1)
    return agency.train(Table(tuple(replace(row, label=dice.choice(sorted(MATTERS))) for row in rows(60)), 0, "wrong.csv"))


def handmade(version: str = "agency-hand-s0") -> Model:
    """A model of two labels and a few terms, without training."""
    lexicon = Lexicon(("着火", "漏水"), {"fire": ("着火",)})
    space = Space.learn(lexicon.terms(["着火了", "漏水了"]), 1, groups=("c1", "c2", "w1"))
    weights = np.arange(2 * space.size, dtype=np.float32).reshape(space.size, 2) / 64
    part = Part("label", "full", (Head("label", "choice", ("甲", "乙")),), space, weights, np.array([0.5, -0.5], np.float32))
    return Model({"kind": "agency", "version": version, "texts": 2}, lexicon, (part,))


def write(path: Path, some: tuple[Row, ...], coding: str = "utf-8", head: tuple[str, str] = ("text", "label")) -> Path:
    """The rows as a city's table."""
    with path.open("w", encoding=coding, newline="") as file:
        csv.writer(file).writerows([head, *((row.text, row.label) for row in some)])
    return path
