"""Probes for who watches the service, and figures for Prometheus."""

from __future__ import annotations

from ipaddress import ip_address

from fastapi import Request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from pydantic import BaseModel, Field
from redis.exceptions import RedisError
from starlette.responses import JSONResponse, PlainTextResponse, Response

from api.auth import identity
from api.health import checks, metrics
from api.kit import middleware, routing, state
from api.kit.errors import Denied, Unauthorized
from router import heartbeat

router = routing.router("", "health", under="")


class Alive(BaseModel):
    status: str = Field(examples=["ok"])


class CheckView(BaseModel):
    name: str
    ok: bool
    needed: bool = Field(description="缺少时无法服务;否则降级运行")
    detail: str


class Ready(BaseModel):
    status: str = Field(description="ok · degraded(可服务,但缺少部分功能)· unavailable")
    checks: list[CheckView]


@router.get("/healthz", summary="进程存活 / the process lives")
async def healthz() -> Alive:
    return Alive(status="ok")


@router.get("/readyz", summary="可以服务 / requests can be served", response_model=Ready)
async def readyz(request: Request) -> Response:
    """数据库、结构版本、密钥缺一即 503;Redis 或后台进程缺失为 `degraded`(200)。"""
    found = await checks.all_checks(state.of(request))
    if any(one.needed and not one.ok for one in found):
        status = "unavailable"
    else:
        status = "ok" if all(one.ok for one in found) else "degraded"
    views = [CheckView(name=one.name, ok=one.ok, needed=one.needed, detail=one.detail) for one in found]
    body = Ready(status=status, checks=views)
    return JSONResponse(body.model_dump(), 503 if status == "unavailable" else 200, {"Cache-Control": "no-store"})


@router.get("/metrics", summary="Prometheus 指标 / figures", response_class=PlainTextResponse)
async def figures(request: Request) -> Response:
    """只对本机、`HOTLINE_METRICS_FROM` 登记的地址和已登录的管理员开放。"""
    if not await _may_scrape(request):
        raise Denied("metrics.forbidden")
    found = state.of(request)
    await checks.all_checks(found)
    text = generate_latest(metrics.REGISTRY)
    try:
        told = CollectorRegistry()
        told.register(metrics.Workers(await heartbeat.read(found.redis, found.clock().timestamp())))
        text += generate_latest(told)
    except (RedisError, OSError):
        pass  # hotline_up says that Redis is away
    return Response(text, media_type=CONTENT_TYPE_LATEST)


async def _may_scrape(request: Request) -> bool:
    if middleware.from_this_machine(request.scope):
        return True
    client = middleware.address(request.scope)
    if any(ip_address(client) in network for network in state.of(request).settings.metrics_from):
        return True
    try:
        who = await identity.current(request)
    except Unauthorized:
        return False
    return who is not None and who.actor.role == "administrator"
