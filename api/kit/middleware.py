"""What happens to every request before and after its endpoint: id, address, size, headers, access log, figures.

Plain ASGI, so that streams pass through unbuffered.
"""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Callable
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.health import metrics
from api.kit import headers, messages
from api.kit.errors import TooManyRequests
from api.kit.limits import BODY, UPLOAD, Limiter

if TYPE_CHECKING:
    from config.settings import Settings

log = structlog.get_logger()
_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
REQUEST_ID = "X-Request-ID"
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
"""What figures count apart: a client may say any word."""


class _TooLarge(Exception):
    """The body went over the limit while it was read."""


class Frame:
    """The outermost layer."""

    def __init__(self, app: ASGIApp, settings: Settings, limiter: Callable[[], Limiter]) -> None:
        self._app = app
        self._limiter = limiter
        self._proxies = settings.proxies
        self._proxies_only = settings.production and not settings.https and not ip_address(settings.bind).is_loopback

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        given = Headers(scope=scope)
        shown = given.get(REQUEST_ID, "")
        scope["hotline.request_id"] = identity = shown if _ID.fullmatch(shown) else secrets.token_hex(8)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=identity)
        status = 500

        async def told(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                changed = MutableHeaders(scope=message)
                changed[REQUEST_ID] = identity
                headers.put(changed, scope)
            await send(message)

        try:
            await self._guarded(scope, given, receive, told)
        finally:
            _tell(scope, status, time.perf_counter() - began)

    def _place(self, scope: Scope, given: Headers) -> bool:
        """Believe what a declared proxy says of the client; false: nobody else may come here in clear."""
        peer = address(scope)
        if not self._is_proxy(peer):
            return not (self._proxies_only and not _is_loopback(peer))
        scope["hotline.proxy"] = peer
        if given.get("x-forwarded-proto", "").strip().lower() in ("http", "https"):
            scope["scheme"] = given["x-forwarded-proto"].strip().lower()
        hops = [part.strip() for part in ",".join(given.getlist("x-forwarded-for")).split(",") if part.strip()]
        for hop in reversed(hops):  # the last one that is no proxy of ours is the client; what stands before is hearsay
            if not _is_address(hop):
                break
            scope["client"] = (hop, 0)
            if not self._is_proxy(hop):
                break
        return True

    def _is_proxy(self, peer: str) -> bool:
        return _is_address(peer) and any(ip_address(peer) in network for network in self._proxies)

    async def _guarded(self, scope: Scope, given: Headers, receive: Receive, send: Send) -> None:
        if not self._place(scope, given):
            await _refuse(scope, send, 403, "request.proxy_only")
            return
        if b"\0" in unquote_to_bytes(scope["query_string"]) or "\0" in scope["path"]:
            await _refuse(scope, send, 422, "request.nul")
            return
        limit = UPLOAD if given.get("content-type", "").startswith("multipart/form-data") else BODY
        length = given.get("content-length", "0")
        if length.isascii() and length.isdigit() and (len(length) > 12 or int(length) > limit):
            await _refuse(scope, send, 413, "request.too_large", limit=limit)
            return
        try:
            await self._limiter().address(address(scope))
        except TooManyRequests as error:
            await _refuse(scope, send, 429, "request.limited", headers=error.headers, seconds=error.facts["seconds"])
            return
        read = 0
        started = False

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            if message["type"] == "http.request":
                read += len(message.get("body", b""))
                if read > limit:
                    raise _TooLarge
            return message

        async def noted(message: Message) -> None:
            nonlocal started
            started = True
            if read > limit and message["type"] == "http.response.start":
                raise _TooLarge  # whatever somebody made of the broken body
            await send(message)

        try:
            await self._app(scope, counted, noted)
        except _TooLarge:
            await _refuse(scope, send, 413, "request.too_large", limit=limit)
        except Exception:
            if not started:
                raise
            log.exception("api.broken_stream")


def address(scope: Scope) -> str:
    """Address of the client: of the connection, or what a declared proxy says (uvicorn puts it there)."""
    client = scope.get("client")
    return str(client[0]) if client else "local"


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_loopback(text: str) -> bool:
    return not _is_address(text) or ip_address(text).is_loopback


def from_this_machine(scope: Scope) -> bool:
    """Whether the client is a program of this machine, and none that speaks for others without being declared."""
    given = Headers(scope=scope)
    speaks = "x-forwarded-for" in given or "forwarded" in given
    return _is_loopback(address(scope)) and (not speaks or "hotline.proxy" in scope)


def template(scope: Scope) -> str:
    """The route's path with its parameters' names, never their values: those may be personal data."""
    route = scope.get("route")
    return str(getattr(route, "path", "")) or "unknown"


def _tell(scope: Scope, status: int, seconds: float) -> None:
    path = template(scope)
    method = scope["method"] if scope["method"] in METHODS else "other"
    metrics.REQUESTS.labels(method, path, str(status)).inc()
    if "text/event-stream" not in dict(scope["headers"]).get(b"accept", b"").decode("latin-1"):
        metrics.SECONDS.labels(path).observe(seconds)
    log.info(
        "api.request",
        method=scope["method"],
        path=path,
        status=status,
        ms=round(seconds * 1000, 1),
        account=scope.get("hotline.account", ""),
    )


async def _refuse(
    scope: Scope, send: Send, status: int, code: str, *, headers: dict[str, str] | None = None, **facts: object
) -> None:
    """The common body of errors, made by hand: no request has been read yet."""
    remedy = messages.ZH.get(f"{code}.remedy", "")
    body = {
        "code": code,
        "message": messages.text(code, **facts),
        "remedy": remedy.format(**facts),
        "field": None,
        "fields": [],
        "facts": facts,
        "request_id": scope["hotline.request_id"],
    }
    content = json.dumps(body, ensure_ascii=False).encode()
    said = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode()), (b"connection", b"close")]
    said += [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
    await send({"type": "http.response.start", "status": status, "headers": said})
    await send({"type": "http.response.body", "body": content})
