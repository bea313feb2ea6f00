"""Every Chinese text that the HTTP service itself says, in one place; domain errors bring their own.

A text may have ``{placeholders}``. ``text(key)`` is the only way to one, so that another language is another table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ZH: Mapping[str, str] = {
    # request as a whole
    "request.invalid": "请求中有 {count} 处填写不正确",
    "request.invalid.remedy": "按各字段的提示改正后重试",
    "request.malformed": "请求内容无法读取",
    "request.malformed.remedy": "检查请求格式后重试",
    "request.nul": "文本中不能含有空字符(U+0000)",
    "request.media_type": "不支持这种内容类型",
    "request.media_type.remedy": "以 application/json 提交(附件用 multipart/form-data)",
    "request.not_found": "没有这个地址",
    "request.not_found.remedy": "对照接口文档 /docs 检查地址",
    "request.method": "这个地址不支持 {method} 方法",
    "request.method.remedy": "对照接口文档 /docs 使用允许的方法",
    "request.too_large": "请求内容超过 {limit} 字节的上限",
    "request.too_large.remedy": "减小内容后重试",
    "request.limited": "请求过于频繁",
    "request.limited.remedy": "请在 {seconds} 秒后重试",
    "request.failed": "请求未能完成",
    "request.failed.remedy": "检查请求后重试",
    "server.internal": "服务内部出错,已记录",
    "server.internal.remedy": "稍后重试;如仍出错,请把请求编号告诉管理员",
    "server.unavailable": "服务暂时不可用",
    "server.unavailable.remedy": "请稍后重试",
    "data.refused": "提交的内容数据库无法保存",
    "data.refused.remedy": "检查超长、超范围或特殊字符的内容后重试",
    "data.conflict": "与已有记录冲突",
    "data.conflict.remedy": "刷新后确认是否已经存在",
    # JSON
    "json.encoding": "内容不是 UTF-8 编码",
    "json.syntax": "不是正确的 JSON(第 {position} 个字符处)",
    "json.duplicate": "同一对象中字段 {name} 出现了两次",
    "json.depth": "嵌套超过 {limit} 层",
    "json.number": "数字超出范围",
    "json.characters": "含有不允许的字符(空字符或不成对的代理字符)",
    # fields
    "field.missing": "必填",
    "field.extra_forbidden": "没有这个字段",
    "field.string_type": "应为文本",
    "field.string_too_short": "至少 {min_length} 个字符",
    "field.string_too_long": "至多 {max_length} 个字符",
    "field.string_pattern_mismatch": "格式不正确",
    "field.int_type": "应为整数",
    "field.int_parsing": "应为整数",
    "field.int_parsing_size": "整数过大",
    "field.int_from_float": "应为整数",
    "field.float_type": "应为数字",
    "field.float_parsing": "应为数字",
    "field.finite_number": "应为有限的数字",
    "field.bool_type": "应为 true 或 false",
    "field.bool_parsing": "应为 true 或 false",
    "field.list_type": "应为列表",
    "field.dict_type": "应为对象",
    "field.model_type": "应为对象",
    "field.model_attributes_type": "应为对象",
    "field.too_short": "至少 {min_length} 项",
    "field.too_long": "至多 {max_length} 项",
    "field.literal_error": "应为其中之一:{expected}",
    "field.enum": "应为其中之一:{expected}",
    "field.greater_than": "应大于 {gt}",
    "field.greater_than_equal": "不能小于 {ge}",
    "field.less_than": "应小于 {lt}",
    "field.less_than_equal": "不能大于 {le}",
    "field.datetime_type": "应为日期时间,如 2026-05-01T08:00:00+08:00",
    "field.datetime_parsing": "应为日期时间,如 2026-05-01T08:00:00+08:00",
    "field.datetime_from_date_parsing": "应为日期时间,如 2026-05-01T08:00:00+08:00",
    "field.datetime_object_invalid": "应为日期时间,如 2026-05-01T08:00:00+08:00",
    "field.timezone_aware": "日期时间须带时区,如 +08:00",
    "field.date_type": "应为日期,如 2026-05-01",
    "field.date_parsing": "应为日期,如 2026-05-01",
    "field.date_from_datetime_parsing": "应为日期,如 2026-05-01",
    "field.json_invalid": "不是正确的 JSON",
    "field.bytes_type": "应为文件内容",
    "field.value": "填写不正确",
    "field.control": "不能含有控制字符",
    "field.blank": "不能为空白",
    "field.phone": "应为电话号码,如 13900139000 或 0871-63100000",
    "field.division": "应为 6 位或更长的行政区划代码",
    "field.credit_code": "应为 18 位统一社会信用代码",
    "field.id": "应为编号",
    "field.year": "年份须在 1970 到 2199 之间",
    # paging, ETag, idempotency
    "cursor.invalid": "翻页游标无效",
    "cursor.invalid.remedy": "从第一页重新查询",
    "etag.required": "修改须带 If-Match,说明改的是哪个版本",
    "etag.required.remedy": "先读取,再以返回的 ETag 作为 If-Match 提交",
    "etag.invalid": "If-Match 应为读取时得到的 ETag",
    "etag.stale": "内容已被他人修改",
    "etag.stale.remedy": "刷新后在最新内容上重新修改",
    "idempotency.reused": "这个 Idempotency-Key 已用于另一个请求",
    "idempotency.reused.remedy": "每个新请求使用新的 Idempotency-Key",
    "idempotency.invalid": "Idempotency-Key 应为 1 到 128 个可见 ASCII 字符",
    # signing in
    "auth.required": "请先登录",
    "auth.required.remedy": "登录后重试",
    "auth.expired": "登录已失效",
    "auth.expired.remedy": "重新登录",
    "auth.csrf": "缺少或不正确的 CSRF 令牌",
    "auth.csrf.remedy": "以登录时得到的令牌填 X-CSRF-Token 头",
    "auth.wrong": "用户名或密码不正确",
    "auth.wrong.remedy": "检查后重试;忘记密码请找管理员重设",
    "auth.paused": "密码错误次数过多",
    "auth.paused.remedy": "请在 {seconds} 秒后重试",
    "auth.inactive": "账号已停用",
    "auth.inactive.remedy": "请联系管理员",
    "auth.must_change": "须先修改密码",
    "auth.must_change.remedy": "以 POST /api/v1/auth/password 修改密码",
    "auth.desk": "没有到 {desk} 进驻的授权",
    "auth.desk.remedy": "不填 desk 以本单位身份登录,或请管理员登记进驻",
    "auth.kind": "这种账号不能这样登录",
    "auth.kind.remedy": "程序用 /api/v1/auth/token,人员用 /api/v1/auth/sign-in",
    "auth.refresh": "刷新令牌无效",
    "auth.refresh.remedy": "用用户名和密码重新取得令牌",
    "auth.reuse": "刷新令牌被重复使用,相关令牌已全部吊销",
    "auth.oidc.off": "本系统未接入统一身份认证",
    "auth.oidc.off.remedy": "用用户名和密码登录",
    "auth.oidc.failed": "统一身份认证未完成",
    "auth.oidc.failed.remedy": "重新发起登录;如仍失败请联系管理员",
    "auth.oidc.unknown": "统一身份中的这个人在本系统没有账号",
    "auth.oidc.unknown.remedy": "请管理员先建立账号并绑定",
    "auth.oidc.away": "统一身份认证服务暂时不可用",
    "auth.oidc.away.remedy": "稍后重试,或用用户名和密码登录",
    "metrics.forbidden": "指标只对本机、登记的采集地址和管理员开放",
    "metrics.forbidden.remedy": "在 HOTLINE_METRICS_FROM 登记采集地址",
}


def text(key: str, /, **values: Any) -> str:
    """The text of a key; raise KeyError for one that does not exist."""
    return ZH[key].format(**values) if values else ZH[key]


def field_error(kind: str, context: Mapping[str, Any]) -> str:
    """What is wrong with a field, from pydantic's type of error and its context."""
    template = ZH.get(f"field.{kind}")
    if template is None:
        return ZH["field.value"]
    try:
        return template.format(**context)
    except KeyError:
        return ZH["field.value"]
