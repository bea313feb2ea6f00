"""What is said about a message that is not right, in Chinese (API) and English (command line)."""

from __future__ import annotations

from typing import Any, Literal

Language = Literal["zh", "en"]

TEXTS: dict[str, dict[Language, tuple[str, str]]] = {
    "json": {
        "zh": ("不是合法的 JSON:{detail}", "以 UTF-8 编码发送一个 JSON 对象"),
        "en": ("is no valid JSON: {detail}", "send one JSON object in UTF-8"),
    },
    "too-large": {
        "zh": ("有 {size} 字节,超过上限 {limit}", "大附件请以 url 给出,不要内嵌"),
        "en": ("has {size} bytes, more than {limit}", "give large attachments by url instead of content"),
    },
    "format": {
        "zh": ("格式标识是“{value}”,本系统只懂“{known}”", "写成 {known}"),
        "en": ("the format is {value!r}, this system knows {known!r} only", "write {known}"),
    },
    "required": {
        "zh": ("缺少必填项", "请补上 {field}"),
        "en": ("is missing", "add {field}"),
    },
    "unknown": {
        "zh": ("没有这个字段", "{near}自有备注请放进 extra"),
        "en": ("is no member that is known", "{near}remarks of your own go into extra"),
    },
    "type": {
        "zh": ("类型是 {found},应为 {wanted}", "改为 {wanted}"),
        "en": ("is {found}, must be {wanted}", "write {wanted}"),
    },
    "choice": {
        "zh": ("“{value}”不在可选值之内", "可选:{allowed}"),
        "en": ("{value!r} is not among the choices", "write one of {allowed}"),
    },
    "pattern": {
        "zh": ("“{value}”不合格式", "格式(正则):{pattern}"),
        "en": ("{value!r} has not the form that it must have", "fit the expression {pattern}"),
    },
    "short": {
        "zh": ("太短或为空", "至少 {limit}"),
        "en": ("is empty or too short", "give at least {limit}"),
    },
    "long": {
        "zh": ("太长", "至多 {limit}"),
        "en": ("is too long", "give at most {limit}"),
    },
    "range": {
        "zh": ("{value} 超出范围", "界限是 {limit}"),
        "en": ("{value} is out of range", "the bound is {limit}"),
    },
    "moment": {
        "zh": ("“{value}”不是带时区的时间", "形如 2026-11-25T09:30:00+08:00"),
        "en": ("{value!r} is no time with a zone", "write it like 2026-11-25T09:30:00+08:00"),
    },
    "shape": {
        "zh": ("不合规定:{detail}", "对照 docs/exchange.md"),
        "en": ("does not fit: {detail}", "see docs/exchange.md"),
    },
    "characters": {
        "zh": ("含有控制字符或残缺的字符", "去掉这些字符"),
        "en": ("holds control characters or halves of characters", "remove them"),
    },
    "division": {
        "zh": ("行政区划代码 {value} 不存在", "使用 GB/T 2260 代码,6 位或更长"),
        "en": ("there is no division {value}", "use a code of GB/T 2260, 6 digits or longer"),
    },
    "credit-code": {
        "zh": ("统一社会信用代码 {value} 的校验位不对", "核对 18 位代码(GB 32100-2015)"),
        "en": ("the check character of the credit code {value} is wrong", "compare all 18 characters (GB 32100-2015)"),
    },
    "coordinates": {
        "zh": ("经纬度只给了一个", "两个都给,或都不给"),
        "en": ("one coordinate without the other", "give both or none"),
    },
    "danger": {
        "zh": ("危险标志与紧急程度不一致", "flag 为真时 urgency 必须是 danger,且写明 by"),
        "en": ("the danger flag and the urgency disagree", "with flag true, urgency is danger and by says who said so"),
    },
    "both": {
        "zh": ("附件同时给了 content 和 url", "只留一个"),
        "en": ("gives content and url", "leave one of them out"),
    },
    "base64": {
        "zh": ("附件内容不是 base64", "用标准 base64(RFC 4648 第4节)"),
        "en": ("is no base64", "use the alphabet of RFC 4648 section 4, with padding"),
    },
    "size": {
        "zh": ("附件内容有 {found} 字节,size 写的是 {said}", "两者应相等"),
        "en": ("the content has {found} bytes, size says {said}", "make them equal"),
    },
    "sha256": {
        "zh": ("附件内容与 sha256 不符", "对原始字节计算 SHA-256"),
        "en": ("the content has another SHA-256", "take the hash of the bytes before base64"),
    },
    "order": {
        "zh": ("时间早于 {earlier}", "核对先后次序"),
        "en": ("is earlier than {earlier}", "check the order of the times"),
    },
    "self": {
        "zh": ("发给了自己", "to 写对方系统"),
        "en": ("is sent to its own sender", "let to name the other system"),
    },
}


def say(code: str, language: Language, facts: dict[str, Any]) -> tuple[str, str]:
    """What is wrong, and what to do."""
    what, remedy = TEXTS[code][language]
    return what.format(**facts), remedy.format(**facts)


INVALID = "消息不符合交换格式,共 {count} 处"
INVALID_REMEDY = "按 problems 逐项改正;可用 hotline exchange validate 离线检查"
WRONG_SENDER = "发送方写的是“{given}”,本账号代表的是“{expected}”"
WRONG_SENDER_REMEDY = "from.system 写自己的系统名"
WRONG_RECEIVER = "接收方写的是“{given}”,本系统是“{expected}”"
WRONG_RECEIVER_REMEDY = "to.system 写本系统名,to.centre 写本系统的受理中心"
WRONG_CASE = "事项的来源系统“{given}”既不是发送方也不是本系统"
WRONG_CASE_REMEDY = "case.system 写事项最初登记的系统"
CHANGED = "编号 {id} 的消息先前已收到,内容不同"
CHANGED_REMEDY = "更正请另发新消息,使用新的 id 和 sequence"
SEQUENCE = "该事项的第 {sequence} 条消息先前已收到,编号为 {id}"
SEQUENCE_REMEDY = "sequence 逐条加一,不要重复使用"
NO_CASE = "没有与该编号对应的事项"
NO_CASE_REMEDY = "先发送 handoff,或带 matter 的 ticket、order"
NO_HANDOFF = "没有流转单“{number}”"
NO_HANDOFF_REMEDY = "handoff 写转交消息中 number 的值"
KNOWN_HANDOFF = "流转单“{number}”先前已收到"
KNOWN_HANDOFF_REMEDY = "再次转交请使用新的流转单号"
NO_SUPERVISION = "没有督办单“{number}”"
NO_SUPERVISION_REMEDY = "number 写督办消息中 number 的值"
DRILL = "本系统不接收演练消息"
DRILL_REMEDY = "演练请使用双方约定的演练环境"
CANCELLED = "转出方取消转交"
REASON = "对方系统转交"
CALL_WORDS = "(电话转接,内容待补记)"
THEIR_ITEM = "对方事项"
WITHDRAWN = "对方系统撤销"
NO_PEER = "没有对接系统“{id}”"
NO_PEER_REMEDY = "查看对接系统列表"
PEER_THERE = "对接系统“{id}”已存在"
PEER_THERE_REMEDY = "修改原有条目,或换一个名称"
PEER_CENTRE_TAKEN = "受理中心“{centre}”已由对接系统“{id}”代表"
PEER_CENTRE_TAKEN_REMEDY = "一个中心只能由一个对接系统代表"
PEER_CENTRE = "没有受理中心“{centre}”"
PEER_CENTRE_REMEDY = "从配置的受理中心中选择"
PEER_ACCOUNT = "账号“{account}”不是对接账号,或不属于受理中心“{centre}”"
PEER_ACCOUNT_REMEDY = "先为该中心建立角色为 integration 的账号"
PEER_ACCOUNT_TAKEN = "账号“{account}”已属于对接系统“{id}”"
PEER_ACCOUNT_TAKEN_REMEDY = "每个对接系统使用自己的账号"
PEER_NAME = "对接系统的标识不合规定"
PEER_NAME_REMEDY = "用小写字母、数字、点和短横,1 至 63 个字符"
PEER_SELF = "“{id}”是本系统自己的名称"
PEER_SELF_REMEDY = "写对方系统的名称"
PEER_DATABASE = "中间数据库的地址不合规定"
PEER_DATABASE_REMEDY = "写 postgresql://用户@主机/库名,口令单独给出"
PEER_TOKEN = "缺少向对方推送时使用的令牌"
PEER_TOKEN_REMEDY = "填写 token,或不填 url 由对方来取"
PEER_STALE = "该对接系统已被他人修改"
PEER_STALE_REMEDY = "请刷新后再改"
PEER_TITLE = "对接系统的名称应为 1 至 100 个字"
PEER_TITLE_REMEDY = "例如:昆明市公安局接处警系统"
NOT_A_PEER = "该账号不代表任何启用的对接系统"
NOT_A_PEER_REMEDY = "请管理员在对接系统中登记该账号"
OTHER_ID = "中间库中的消息编号“{id}”与消息自身的 id 不同"
OTHER_ID_REMEDY = "message_id 列写消息的 id"
NO_ATTACHMENT = "没有该附件"
NO_ATTACHMENT_REMEDY = "使用消息中给出的地址"
