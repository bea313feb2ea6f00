"""Makes the HTTP application of an installation: its frame, its features, its life from start to end."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import functools
import importlib.metadata
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING

import structlog
from fastapi import FastAPI
from sqlalchemy import delete
from starlette.responses import HTMLResponse

from api.features import FEATURES, Feature
from api.kit import casework, docs, document, errors, idempotency, tasks
from api.kit.limits import Limiter, Rates
from api.kit.middleware import Frame
from api.kit.state import Keys, State, utc_now
from config.secrets import Secrets
from router import bus
from router.access.accounts import Places
from router.casework import town
from router.storage import migrations, vault
from router.storage.engine import Database
from router.storage.errors import Unreachable
from router.storage.organisation import SignIn

if TYPE_CHECKING:
    from config.settings import Settings

log = structlog.get_logger()

TITLE = "12345 与 110 联动 / hotline interconnect"
DESCRIPTION = """
12345 政务服务便民热线与 110 报警服务台对接联动的接口:登记事项、判定归属及理由、双向流转、工单与警单、督办与时限。

The interface of the hotline 12345 and the police line 110 as one: matters, whose they are and why, handoffs both ways.

- **登录 / signing in**:浏览器用会话 cookie,写入须带 `X-CSRF-Token`;程序用 `Authorization: Bearer`。令牌不出现在地址中。
- **错误 / errors**:统一格式 `{code, message, remedy, field, fields, facts, request_id}`,程序以 `code` 判断。
- **翻页 / paging**:`limit` 与 `cursor`,下一页用应答中的 `next`。
- **重复提交 / idempotency**:POST 带 `Idempotency-Key`,重复的请求只生效一次。
- **并发修改 / concurrent edits**:先读取 `ETag`,修改时带 `If-Match`;缺少 428,过时 412。
- **时间 / times**:ISO 8601,带时区。
"""
FIRST_WAIT, LONGEST_WAIT = 0.2, 5.0
"""Seconds between attempts to reach a database that is away."""
TIDY_EVERY = 600.0
KEEP_SIGN_INS = dt.timedelta(days=30)


def create(
    settings: Settings,
    *,
    clock: Callable[[], dt.datetime] = utc_now,
    rates: Rates | None = None,
    features: Sequence[Feature] = FEATURES,
) -> FastAPI:
    """The application; its database, Redis and keys are opened by its lifespan (``app.state.hotline`` is the
    :class:`api.kit.state.State`). Raise :class:`config.errors.ConfigError` for secrets that can't be used."""
    secrets = Secrets.stored(settings)
    server = secrets.server

    @contextlib.asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        client = bus.connect(settings.redis_url, name="hotline-api")
        database = Database(settings.database_url, pool=10)
        limiter = Limiter(client, rates or _rates(settings), lambda: clock().timestamp())
        state = State(settings, database, client, Keys.of(server), limiter, Places.of(settings), clock)
        app.state.hotline = state
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(database.close)
            stack.push_async_callback(client.aclose)
            await stack.enter_async_context(state.closing)
            opening = asyncio.create_task(_open(state), name="open")
            tidying = asyncio.create_task(_tidy(state), name="tidy")
            stack.push_async_callback(tasks.end, opening, tidying)
            for feature in features:
                part = getattr(feature.router(), "lifespan_part", None)
                if part is not None:
                    await stack.enter_async_context(part(state))
            yield
            state.stopping.set()

    app = document.Application(
        title=TITLE,
        description=DESCRIPTION,
        version=importlib.metadata.version("hotline-interconnect"),
        lifespan=life,
        openapi_tags=[{"name": feature.tag, "description": feature.title} for feature in features],
        docs_url=None,
        redoc_url=None,
        separate_input_output_schemas=False,
        strict_content_type=True,
    )
    errors.install(app)
    for feature in features:
        # routers of ours have their whole paths: including them would make each route anew, for each application
        app.router.routes.extend(feature.router().routes)
    app.add_api_route("/docs", _documentation(app), include_in_schema=False, response_class=HTMLResponse)
    app.add_middleware(Frame, settings=settings, limiter=lambda: app.state.hotline.limiter)
    return app


def _documentation(app: FastAPI) -> Callable[[], HTMLResponse]:
    @functools.cache
    def content() -> str:
        return docs.page(app.openapi())

    def show() -> HTMLResponse:
        return HTMLResponse(content())

    return show


def _rates(settings: Settings) -> Rates:
    limits = settings.installation.limits
    return Rates(account=limits.http_account_per_minute, address=limits.http_address_per_minute)


async def _open(state: State) -> None:
    """Bring the database to this release's schema and open the data keys; a database that is away is waited for."""
    pause, told = FIRST_WAIT, False
    while True:
        try:
            revision = await asyncio.to_thread(migrations.upgrade, state.settings.database_url)
            await vault.unlock(state.database, state.settings.data_dir)
        except Unreachable as error:
            if not told:
                log.warning("api.database_away", error=str(error), hint="requests get 503 until it is back")
                told = True
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_WAIT)
            continue
        except Exception as error:
            log.error("api.not_opened", error=str(error), kind=type(error).__name__)
            state.parts["fault"] = str(error)
            await asyncio.sleep(LONGEST_WAIT)
            continue
        state.parts.pop("fault", None)
        log.info("api.migrated", revision=revision)
        state.migrated.set()
        await _warm_up(state)
        return


async def _warm_up(state: State) -> None:
    """What the first matter needs is read before it comes; if that fails, it is read when it is needed."""
    try:
        async with state.database.read() as session:
            await town.warm_up(casework.of_state(state), session, state.clock())
    except Exception as error:
        log.warning("api.not_warm", error=type(error).__name__, hint="the first requests take longer")


async def _tidy(state: State) -> None:
    """Every ten minutes delete kept answers and sessions that nobody can use any more."""
    await state.migrated.wait()
    while True:
        try:
            now = state.clock()
            async with state.database.write() as session:
                await idempotency.forget(session, now)
                await session.execute(delete(SignIn).where(SignIn.expires_at < now - KEEP_SIGN_INS))
        except Exception as error:
            log.warning("api.not_tidied", error=type(error).__name__)
        await asyncio.sleep(TIDY_EVERY)
