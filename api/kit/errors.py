"""One typed body for everything that goes wrong, and the handlers that make it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError, ResponseValidationError
from pydantic import BaseModel, Field
from sqlalchemy import exc
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from api.kit import messages
from router.errors import CaseworkError
from router.storage import errors as storage

log = structlog.get_logger()
Status = dict[int | str, dict[str, Any]]


class FieldError(BaseModel):
    """One field that is wrong (填写不正确的字段)."""

    field: str = Field(description="字段路径,如 `body.caller.number`")
    code: str = Field(description="稳定的错误代码 / stable code")
    message: str = Field(description="中文说明")


class ErrorBody(BaseModel):
    """Every error's body (统一错误格式)."""

    code: str = Field(description="稳定的错误代码,程序据此判断 / stable dotted code", examples=["not_found"])
    message: str = Field(description="给人看的说明")
    remedy: str = Field(description="该怎么办")
    field: str | None = Field(default=None, description="第一个不正确的字段")
    fields: list[FieldError] = Field(default=[], description="所有不正确的字段")
    facts: dict[str, Any] = Field(default={}, description="给程序的名称和值,如 `allowed`、`current`")
    request_id: str = Field(description="请求编号,与日志对应")


class HttpError(CaseworkError):
    """An error of the request itself, before any casework. ``headers`` go with the answer."""

    code = "request.failed"

    def __init__(self, key: str, /, *, headers: Mapping[str, str] | None = None, remedy: str = "", **facts: Any) -> None:
        """``key`` names the text in :mod:`api.kit.messages`; ``facts`` fill its placeholders."""
        found = messages.ZH.get(f"{key}.remedy", "")
        super().__init__(messages.text(key).format(**facts), remedy or found.format(**facts), **facts)
        self.code = key
        self.headers = dict(headers or {})


class BadRequest(HttpError):
    status = 400


class Unauthorized(HttpError):
    status = 401

    def __init__(self, key: str = "auth.required", /, **facts: Any) -> None:
        super().__init__(key, headers={"WWW-Authenticate": "Bearer"}, **facts)


class Denied(HttpError):
    """403 of the request itself (CSRF, address); what a role may not do is :class:`router.errors.Forbidden`."""

    status = 403


class Unprocessable(HttpError):
    status = 422


class PreconditionRequired(HttpError):
    status = 428


class TooManyRequests(HttpError):
    status = 429

    def __init__(self, key: str, seconds: float) -> None:
        whole = max(1, int(seconds + 0.999))
        super().__init__(key, headers={"Retry-After": str(whole)}, seconds=whole)


class ContentTooLarge(HttpError):
    status = 413


class UnsupportedMediaType(HttpError):
    status = 415


class Unavailable(HttpError):
    """Something that the service needs is away; the caller may try again."""

    status = 503

    def __init__(self, key: str = "server.unavailable", seconds: int = 5) -> None:
        super().__init__(key, headers={"Retry-After": str(seconds)})


class NoRoom(HttpError):
    """The disk has no room for what is sent."""

    status = 507


class BodyErrors(HTTPException):
    """Faults found while reading a body, before the fields are looked at. (FastAPI lets an HTTPException pass there.)"""

    def __init__(self, *found: FieldError) -> None:
        super().__init__(422, "the body is wrong")
        self.found = found


def request_id(request: Request) -> str:
    return str(request.scope.get("hotline.request_id", ""))


def answer(
    request: Request,
    status: int,
    code: str,
    message: str,
    remedy: str = "",
    *,
    fields: Sequence[FieldError] = (),
    facts: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The answer with the common body."""
    known = dict(facts or {})
    named = known.pop("field", None)
    body = ErrorBody(
        code=code,
        message=message,
        remedy=remedy,
        field=fields[0].field if fields else (str(named) if named is not None else None),
        fields=list(fields),
        facts=plain(known),
        request_id=request_id(request),
    )
    return JSONResponse(body.model_dump(mode="json"), status_code=status, headers=dict(headers or {}))


def plain(value: Any) -> Any:
    """Facts as JSON can carry them."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, str | int | float | bool) or value is None:
        return value
    return str(value)


def casework(request: Request, error: CaseworkError) -> Response:
    headers = error.headers if isinstance(error, HttpError) else None
    return answer(request, error.status, error.code, error.what, error.remedy, facts=error.facts, headers=headers)


def _path(place: Sequence[Any]) -> str:
    return ".".join(str(part) for part in place)


def validation(request: Request, error: RequestValidationError) -> Response:
    found = []
    for detail in error.errors():
        context = detail.get("ctx") or {}
        kind = str(detail["type"])
        told = context.get("code") if kind == "value_error" or kind.startswith("hotline.") else None
        text = messages.field_error(kind.removeprefix("hotline."), context)
        found.append(FieldError(field=_path(detail["loc"]), code=str(told or kind), message=text))
    return bad_fields(request, found)


def bad_fields(request: Request, found: Sequence[FieldError]) -> Response:
    message = messages.text("request.invalid", count=len(found))
    return answer(request, 422, "request.invalid", message, messages.text("request.invalid.remedy"), fields=found)


def http(request: Request, error: HTTPException) -> Response:
    status, headers = error.status_code, error.headers
    if status == 404:
        key, values = "request.not_found", {}
    elif status == 405:
        key, values = "request.method", {"method": request.method}
    elif status == 413:
        return casework(request, ContentTooLarge("request.too_large", limit=0))
    elif status == 415:
        key, values = "request.media_type", {}
    elif status == 400 and isinstance(error.__cause__, OSError):  # a file that is taken in did not fit on the disk
        log.error("api.no_room", error=str(error.__cause__))
        return casework(request, NoRoom("request.no_room"))
    elif status == 400:
        key, values = "request.malformed", {}
    else:
        key, values = "request.failed", {}
    text, remedy = messages.text(key, **values), messages.text(f"{key}.remedy")
    return answer(request, status, key, text, remedy, headers=headers)


def database(request: Request, error: Exception) -> Response:
    """What the database says no to: for what is asked (409, 422), or because it is away (503)."""
    told = storage.reason(error)
    if isinstance(error, exc.IntegrityError):
        log.warning("api.integrity", error=type(error.orig).__name__)
        return answer(request, 409, "data.conflict", messages.text("data.conflict"), messages.text("data.conflict.remedy"))
    if isinstance(error, exc.DBAPIError) and storage.is_about_the_data(error):
        log.warning("api.data_refused", error=type(error.orig).__name__)
        return answer(request, 422, "data.refused", messages.text("data.refused"), messages.text("data.refused.remedy"))
    if isinstance(error, exc.OperationalError | exc.InterfaceError | exc.TimeoutError | storage.StorageError | OSError):
        log.warning("api.database_away", error=told)
        return casework(request, Unavailable())
    return internal(request, error)


def unfit(request: Request, error: Exception) -> Response:
    """A number or text that a driver has no room for, and that no field's type has stopped before."""
    log.error("api.unfit_value", exc_info=error)
    return answer(request, 422, "data.refused", messages.text("data.refused"), messages.text("data.refused.remedy"))


def internal(request: Request, error: Exception) -> Response:
    """A fault of ours: a number to find it by, and nothing of its insides."""
    log.error("api.fault", exc_info=error, request_id=request_id(request))
    return answer(request, 500, "server.internal", messages.text("server.internal"), messages.text("server.internal.remedy"))


def install(app: FastAPI) -> None:
    """Make every error of the application answer with :class:`ErrorBody`."""
    handlers: dict[type[Exception], Any] = {
        CaseworkError: casework,
        BodyErrors: lambda request, error: bad_fields(request, error.found),
        RequestValidationError: validation,
        ResponseValidationError: internal,
        HTTPException: http,
        exc.SQLAlchemyError: database,
        storage.StorageError: database,
        OverflowError: unfit,
        UnicodeEncodeError: unfit,
        Exception: internal,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, _asynchronous(handler))


def _asynchronous(handler: Any) -> Any:
    async def handle(request: Request, error: Exception) -> Response:
        result: Response = handler(request, error)
        return result

    return handle


WHY = {
    400: "请求无法读取",
    401: "未登录或登录已失效",
    403: "无权进行此操作(已留痕)",
    404: "不存在,或不在可见范围",
    409: "当前状态不允许,或与已有记录冲突",
    410: "已不在(过期删除,或在另一台机器)",
    412: "内容已被他人修改",
    413: "内容过大",
    415: "内容类型不支持",
    416: "范围不正确",
    422: "字段填写不正确",
    428: "缺少 If-Match",
    429: "请求过于频繁",
    502: "对端应答异常",
    503: "服务暂时不可用",
    504: "对端没有及时应答",
    507: "存储空间不足",
}


def responses(*statuses: int) -> Status:
    """For ``responses=``: these errors, described, with the common body."""
    return {status: {"model": ErrorBody, "description": WHY[status]} for status in statuses}


COMMON = responses(400, 401, 403, 404, 409, 413, 415, 422, 429, 503)
"""Errors that any endpoint may answer with."""
