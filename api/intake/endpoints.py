"""The inbound endpoint of gateways: web, app, SMS and mail (C1, C3)."""

from __future__ import annotations

from typing import Annotated

from fastapi import File, Form, Response, UploadFile
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from api.cases import schemas
from api.cases.endpoints import facts, read
from api.kit import routing, strict
from api.kit.casework import Working
from api.kit.deps import allowed
from api.kit.fields import View
from router.access.actor import Actor
from router.casework import attachments, cases, intake
from router.errors import TooLarge

router = routing.router("/inbound", "inbound")
LARGEST_TOGETHER = 40 * 1024 * 1024


class InboundView(View):
    """回执:网关据此答复诉求人"""

    case: str
    number: str
    again: bool
    urgency: str
    call_back: bool


AGAIN = {"model": InboundView, "description": "先前已收到,返回原来的单号"}


@router.post("/messages", status_code=201, summary="文字诉求入口 / A citizen's text", responses={200: AGAIN})
async def message(
    body: schemas.InboundBody, work: Working, response: Response, actor: Annotated[Actor, allowed("inbound.push")]
) -> InboundView:
    """网页、客户端、短信、信件网关推送一条诉求。受理中心是网关账号所属的中心:网页报警进 110,诉求进 12345。

    `origin`+`origin_id` 相同的再次推送返回原来的单号(200),不会重复立案。含危险内容的会置顶告警,由人工立即电话回拨。
    """
    return await _receive(work, response, actor, body, [])


@router.post(
    "/messages/with-files",
    status_code=201,
    summary="带附件的文字诉求 / With files",
    responses={200: AGAIN},
)
async def message_with_files(
    work: Working,
    response: Response,
    actor: Annotated[Actor, allowed("inbound.push")],
    data: Annotated[str, Form(max_length=100_000, description="InboundBody 的 JSON")],
    files: Annotated[list[UploadFile], File(description="每个 20MB 以内,最多 20 个")],
) -> InboundView:
    """同上,以 multipart/form-data 提交;任何一个附件不合要求,整条都不收,错误指出是哪一个。"""
    parsed = strict.parse(data.encode("utf-8", "surrogatepass"))
    try:
        body = schemas.InboundBody.model_validate(parsed)
    except ValidationError as error:
        raise RequestValidationError(
            [{**one, "loc": ("body", "data", *one["loc"])} for one in error.errors(include_url=False)]
        ) from None
    if len(files) > attachments.MOST:
        raise TooLarge(f"一次最多 {attachments.MOST} 个附件", "请分开提交", field="files", limit=attachments.MOST)
    kept: list[intake.File] = []
    for one in files:
        kept.append(intake.File(one.filename or "附件", await read(one)))
        if sum(len(file.content) for file in kept) > LARGEST_TOGETHER:
            raise TooLarge("附件合计超过 40MB", "请分开提交", field="files", limit=LARGEST_TOGETHER)
    return await _receive(work, response, actor, body, kept)


async def _receive(
    work: Working, response: Response, actor: Actor, body: schemas.InboundBody, files: list[intake.File]
) -> InboundView:
    found = await intake.receive(
        work,
        cases.Registration(
            channel=body.channel,
            origin=f"{actor.id}:{body.origin}",
            origin_id=body.origin_id,
            first_answered_at=body.received_at,
            dispatch=False,
            hand_over=True,
            **facts(body),
        ),
        files,
    )
    if found.again:
        response.status_code = 200
    response.headers["Location"] = f"{routing.PREFIX}/cases/{found.case.id}"
    return InboundView(
        case=found.case.id,
        number=found.case.number,
        again=found.again,
        urgency=found.case.urgency,
        call_back=intake.needs_call_back(found),
    )
