"""What is said of a value or a file that is wrong, and what to do; in English for settings, in Chinese for plans and drills."""

from __future__ import annotations

from collections.abc import Mapping

Words = Mapping[str, tuple[str, str]]
"""Fault to what is wrong and its remedy, with places for names and values."""

ENGLISH: Words = {
    "missing": ("is missing", "add `{key}:` here"),
    "unknown": ("is no key that is known here", "{hint}"),
    "close": ("", "did you mean {close}?"),
    "known": ("", "known are: {choices}"),
    "number-for-text": ("must be text, not the number {value}", 'put it in quotes: "{value}"'),
    "no-text": ("must be text, not {value!r}", "write a text in quotes"),
    "no-choice": ("{value!r} is not among the choices", "write one of {expected}"),
    "form": ("{value!r} has a form that is not allowed", "it must match {pattern}"),
    "empty": ("is empty", "list at least {least}"),
    "greater_than_equal": ("{value!r} is out of range", "write a number of at least {limit}"),
    "greater_than": ("{value!r} is out of range", "write a number of more than {limit}"),
    "less_than_equal": ("{value!r} is out of range", "write a number of at most {limit}"),
    "less_than": ("{value!r} is out of range", "write a number of less than {limit}"),
    "no-keys": ("must hold keys of its own, not {value!r}", "write `key: value` lines below it"),
    "no-list": ("must be a list, not {value!r}", "write items below it, each with a dash"),
    "other": ("{value!r}: {message}", "correct the value"),
    "alias": ("has an alias (*)", "write the value out"),
    "deep": ("is nested deeper than {deepest}", "write it flatter"),
    "yaml": ("is not valid YAML: {message}", 'check indentation and colons, and put values such as "*1" in quotes'),
    "utf-8": ("is not a text in UTF-8", "save the file in UTF-8"),
    "unreadable": ("can't be read ({message})", "check its permissions"),
    "twice": ("{message}", "a key stands once: remove or rename one of the two"),
    "no-mapping": ("is not a list of keys", "write `key: value` at the top level"),
    "two-files": ("stands in {place} already", "keep a key in one file"),
}
CHINESE: Words = {
    "missing": ("缺少这一项", "在这里加上 `{key}:`"),
    "unknown": ("没有这个键", "{hint}"),
    "close": ("", "是不是想写 {close}?"),
    "known": ("", "可以写:{choices}"),
    "number-for-text": ("应为文字,不是数字 {value}", '加上引号:"{value}"'),
    "no-text": ("应为文字,不是 {value!r}", "写一段文字"),
    "no-choice": ("{value!r} 不在可选范围内", "可以写:{expected}"),
    "form": ("{value!r} 的写法不允许", "须符合 {pattern}"),
    "empty": ("是空的", "至少写 {least} 项"),
    "greater_than_equal": ("{value!r} 超出范围", "写不小于 {limit} 的数"),
    "greater_than": ("{value!r} 超出范围", "写大于 {limit} 的数"),
    "less_than_equal": ("{value!r} 超出范围", "写不大于 {limit} 的数"),
    "less_than": ("{value!r} 超出范围", "写小于 {limit} 的数"),
    "no-keys": ("下面应有自己的键,不是 {value!r}", "在下面逐行写 `键: 值`"),
    "no-list": ("应为列表,不是 {value!r}", "在下面逐行写,每行以短横线开头"),
    "date": ("{value!r} 不是日期", "写成 2027-06-30 的样子"),
    "number": ("{value!r} 不是数字", "写一个数字"),
    "too-long": ("太长", "最多 {most} 个字(项)"),
    "other": ("{value!r} 不合要求({message})", "改正这个值"),
    "alias": ("使用了别名(*)", "把内容直接写出来"),
    "deep": ("嵌套超过 {deepest} 层", "减少层次"),
    "yaml": ("不是有效的 YAML({message})", '检查缩进和冒号,"*1" 这样的值要加引号'),
    "utf-8": ("不是 UTF-8 文本", "另存为 UTF-8"),
    "unreadable": ("无法读取({message})", "检查文件权限"),
    "twice": ("同一个键写了两次({message})", "每个键只写一次,删除或改名"),
    "no-mapping": ("最外层不是键值表", "在最外层写 `键: 值`"),
    "two-files": ("在 {place} 已经有了", "一个键只放在一个文件里"),
}


def told(words: Words, fault: str, /, **values: object) -> tuple[str, str]:
    """What is wrong and the remedy in these words."""
    what, remedy = words[fault]
    return what.format(**values), remedy.format(**values)
