"""Why a matter goes where it goes: every rule of the chain with its Chinese text and what it rests on, in one place."""

from __future__ import annotations

from router.allocation.decision import Reason

_POLICY = "云政办发〔2022〕73号"

RULES: dict[str, tuple[str, str]] = {
    # danger
    "chain.danger.person": ("受理人员确认危及人身、财产或公共安全,由110先行派警处置", f"{_POLICY} 三(一)"),
    "chain.danger.peer": ("对方平台告知危及人身、财产或公共安全,由110先行派警处置", f"{_POLICY} 三(一)"),
    "chain.danger.classifier": ("诉求文字中识别到紧急危险,警单先行生成,等待110确认", f"{_POLICY} 三(一)"),
    "chain.danger.catalog": ("诉求文字符合清单中由110先行的情形,警单先行生成,等待110确认", f"{_POLICY} 三(一)"),
    "chain.danger.set-aside": ("受理人员听取来电后判断没有危险,文字识别的危险信号不采用", f"{_POLICY} 三(一)"),
    "chain.danger.kept": ("受理人员勾选没有危险,但文字涉及暴力、自伤、拘禁或不便说话,仍须110确认", f"{_POLICY} 三(一)"),
    "chain.danger.withdrawn": ("110已核实并撤回警单,文字中的危险信号不再采用", f"{_POLICY} 三(一)"),
    "chain.escalating": ("矛盾纠纷可能引发暴力或个人极端行为,先派警,属12345部分同时转办", f"{_POLICY} 三(二)"),
    # catalog
    "chain.boundary": ("事项“{name}”出现边界情形:{fact},由110先行处置", "{code}"),
    "chain.boundary.both": ("事项“{name}”出现边界情形:{fact},110与12345分别处置", "{code}"),
    "chain.rule.trigger": ("“{name}”出现升级情形,由110先行处置", "{code}"),
    "chain.rule.always": ("“{name}”一律由110先行处置", "{code}"),
    "chain.repeat": ("同一纠纷此前已有{count}次警情,按可能激化处理:110与12345联合处置并列入跟踪", f"{_POLICY} 三(二)"),
    # special matters
    "chain.stability": ("影响社会稳定的线索,第一时间转交110处置,按稳定线索保密", f"{_POLICY} 三(二)"),
    "chain.complaint.ongoing": (
        "对公安机关或民警正在发生的违法违纪失职行为的投诉,由110受理,与普通警情分开流转",
        f"{_POLICY} 二(二)",
    ),
    "chain.complaint.with-danger": ("同时涉及对民警的投诉:先处置危险,投诉另行流转,不交被投诉单位", f"{_POLICY} 二(二)"),
    "chain.complaint.past": ("对公安机关或民警过去行为的投诉,由12345登记转督察,并告知12389", "{code}"),
    "chain.complaint.avoid": ("警务投诉回避:不交被投诉单位及其下级", f"{_POLICY} 二(二)"),
    "chain.lead": ("由{lead}主责,警单为{kind},不缺失", f"{_POLICY} 二(二)、三(三)"),
    # whose it is
    "chain.belongs": ("受理人员判断属于{whose}", f"{_POLICY} 三(一)"),
    "chain.item": ("事项“{name}”在清单中属于{whose}", "{code}"),
    "chain.item.suggested": ("文字与事项“{name}”相符(可信度{score:.0%}),清单中属于{whose}", "{code}"),
    "chain.item.first-receiver": ("事项“{name}”双方均可受理,由首先接到的平台受理", "{code}"),
    "chain.rule.first": ("“{name}”按规则由{whose}先行", "{code}"),
    "chain.route": ("文字识别由{route}主责(可信度{score:.0%})", "{code}"),
    "chain.own": ("属于本平台受理范围,由本平台受理、督办、考核", f"{_POLICY} 三(一)、五(三)"),
    "chain.other-side.call": ("明确属于对方受理范围,以一键转接方式及时转交", f"{_POLICY} 三(一)"),
    "chain.other-side.online": ("明确属于对方受理范围,通过在线方式转交", f"{_POLICY} 三(一)"),
    "chain.unclear": ("责任不明或职责交叉,由诉求方、12345、110三方通话了解后协商确定受理平台", f"{_POLICY} 三(一)"),
    "chain.unclear.crossed": ("清单、规则与文字识别的指向不一致({sides}),属职责交叉", f"{_POLICY} 三(一)"),
    "chain.negotiated": ("双方协商确定由{whose}受理", f"{_POLICY} 三(一)"),
    "chain.first-receiver": ("协商未达成一致,由首先接到诉求的平台{whose}先行受理", f"{_POLICY} 三(一)"),
    "chain.neither": ("不属于双方受理范围,由首接平台做好引导和解释", f"{_POLICY} 三(一)"),
    # facts, units and desks
    "item.retired": ("事项{old}已停用,按替代事项“{name}”处理", "{code}"),
    "item.unknown": ("清单中没有事项{old},按文字判断", "{code}"),
    "desk.place": ("按地点落到{desk}", "{code}"),
    "desk.default": ("地点不明或没有对应的台,落到{desk}", f"{_POLICY} 四(一)"),
    "agency.chosen": ("受理人员指定承办单位", "{code}"),
    "agency.place": ("按事项承办类型“{kind}”和地点确定承办单位", "{code}"),
    "agency.direct": ("工单直转办理一线", f"{_POLICY} 四(三)"),
    "agency.none": ("没有符合承办类型和地点的单位,由人工选择", "{code}"),
    "agency.unknown": ("指定的单位不在本市名录中或应当回避,未采用", "{code}"),
    "agency.joint": ("多个部门联合调处,由牵头单位负责", f"{_POLICY} 三(二)"),
}
"""Name of a rule → text and basis; both may hold fields in braces."""

SIDES = {"12345": "12345", "110": "110", "neither": "引导解释", "unclear": "责任不明"}
KINDS = {"dispatch": "派警", "assist": "协助", "inform": "知会", "complaint": "警务投诉"}


def because(rule: str, *evidence: str, **fields: object) -> Reason:
    """The reason of a rule. ``evidence``: words of the caller, ticks, or what the classifier found; empty ones are dropped."""
    text, basis = RULES[rule]
    return Reason(rule, text.format(**fields), basis.format(**fields), tuple(dict.fromkeys(one for one in evidence if one)))
