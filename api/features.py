"""The features of the HTTP service: a router each, and what their tags say in the OpenAPI document.

A feature is a package with ``router`` in its module ``endpoints``, made by :func:`api.kit.routing.router`; append it here.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass

from fastapi import APIRouter


@dataclass(frozen=True, slots=True)
class Feature:
    module: str
    """Module with ``router``."""
    tag: str
    title: str
    """Chinese and English, as the OpenAPI document shows it."""

    def router(self) -> APIRouter:
        found = importlib.import_module(self.module).router
        assert isinstance(found, APIRouter)
        return found


FEATURES: tuple[Feature, ...] = (
    Feature("api.auth.endpoints", "auth", "登录、会话与令牌 / sign-in, sessions, tokens"),
    Feature("api.accounts.endpoints", "accounts", "账号、进驻与授权 / accounts, postings, grants"),
    Feature("api.events.endpoints", "events", "实时事件(SSE)/ live events"),
    Feature("api.cases.endpoints", "cases", "事项:登记、归属及理由、关联、附件、时间线 / matters"),
    Feature("api.tickets.endpoints", "tickets", "工单与承办任务 / tickets and shares"),
    Feature("api.orders.endpoints", "orders", "警单 / police orders"),
    Feature("api.handoffs.endpoints", "handoffs", "流转与协商 / handoffs and negotiation"),
    Feature("api.classify.endpoints", "classify", "判别文字:归谁、急不急、哪个事项、相似事项 / what words say"),
    Feature("api.intake.endpoints", "inbound", "文字渠道入口 / inbound texts"),
    Feature("api.calls.endpoints", "calls", "通话:列表、现状、转接与操作 / calls"),
    Feature("api.recordings.endpoints", "recordings", "录音:查找、收听、导出(留痕)/ recordings"),
    Feature("api.seats.endpoints", "seats", "座席与队列 / seats and queues"),
    Feature("api.catalog.endpoints", "catalog", "事项清单:版本、事项、发布、导入导出 / catalog"),
    Feature("api.catalog.calendar", "calendar", "工作日历与时限试算 / working calendar"),
    Feature("api.organisation.endpoints", "organisation", "承办单位、受理中心、行政区划 / organisation"),
    Feature("api.organisation.contacts", "contacts", "24 小时值班联系人 / duty contacts"),
    Feature("api.consultations.endpoints", "consultations", "会商:争议事项、意见、纪要、结论入清单 / consultations"),
    Feature("api.supervision.endpoints", "supervision", "督办:监管清单、督办单、时限、提醒 / supervision"),
    Feature("api.emergencies.endpoints", "emergencies", "突发事件:登记、通报、启动、调整、终止 / emergency events"),
    Feature("api.emergencies.commands", "linkage", "联动请求与指令 / linkage requests and tasks"),
    Feature("api.emergencies.papers", "linkage-papers", "信息报送、复盘、预案 / reports, reviews, plans"),
    Feature("api.emergencies.files", "emergencies", "突发事件:登记、通报、启动、调整、终止 / emergency events"),
    Feature("api.emergencies.after_action", "after-action", "复盘报告:网页、DOCX、数据 / after-action report"),
    Feature("api.emergencies.drills", "drills", "演练:脚本、过程、评分 / drills"),
    Feature("api.reinforcements.endpoints", "reinforcements", "异地座席支援 / seats from elsewhere"),
    Feature("api.duty.endpoints", "duty", "值班:值班岗、排班、空档、拨测 / duty posts, rosters, test calls"),
    Feature(
        "api.resources.endpoints",
        "resources",
        "应急资源:队伍、物资、专家、避难场所、隐患点、防护目标 / emergency resources",
    ),
    Feature("api.nuisance.endpoints", "nuisance", "骚扰标识与线索 / nuisance"),
    Feature("api.exports.endpoints", "exports", "导出 CSV、XLSX(留痕)/ exports"),
    Feature("api.exchange.endpoints", "exchange", "对接:与其他厂商的 12345、110 系统交换 / exchange"),
    Feature("api.peers.endpoints", "peers", "对接系统登记与往来消息 / peers"),
    Feature("api.webhooks.endpoints", "webhooks", "订阅与投递 / webhooks and deliveries"),
    Feature("api.health.endpoints", "health", "探针与指标 / probes and metrics"),
)
