"""Accounts, postings and grants as administrators see and change them."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import Field, SecretStr

from api.kit.fields import NOT_BLANK, ONE_LINE, STRIP, Body, Id, Moment, Text, View

Name = Annotated[str, Field(max_length=64), ONE_LINE, NOT_BLANK, STRIP]
Username = Annotated[str, Field(max_length=64, pattern=r"^[a-z0-9][a-z0-9._@-]{1,63}$")]
Unit = Annotated[str, Field(max_length=64), ONE_LINE, STRIP]
City = Annotated[str, Field(max_length=6, pattern=r"^([0-9]{6})?$")]
Url = Annotated[str, Field(max_length=255), ONE_LINE, NOT_BLANK]
Role = Literal["operator", "police", "agency", "supervisor", "administrator", "integration"]
PostedRole = Literal["operator", "police", "agency", "supervisor"]
Password = Annotated[SecretStr, Field(min_length=1, max_length=256)]


class AccountBody(Body):
    """What an account says of a person or program."""

    name: Name = Field(description="姓名或程序名")
    role: Role
    unit: Unit = Field(default="", description="归属单位:中心编号或统一社会信用代码;管理员可为空")
    city: City = Field(default="", description="所属市州(6 位);不填为默认中心所在市州")
    seat: Id | None = Field(default=None, description="SIP 座席")
    oidc_issuer: Url | None = Field(default=None, description="以统一身份登录时的签发方")
    oidc_subject: Url | None = Field(default=None, description="统一身份中的编号;不填则首次登录时按用户名绑定")
    active: bool = True


class AccountCreate(AccountBody):
    username: Username
    password: Password | None = Field(default=None, description="初始密码,首次登录须修改;不填则只能以统一身份登录")


class PasswordReset(Body):
    password: Password
    must_change: bool = Field(default=True, description="下次登录须修改")


class AccountView(View):
    id: str
    username: str
    name: str
    role: str
    unit: str
    city: str
    seat: str | None
    oidc_issuer: str | None
    oidc_subject: str | None
    active: bool
    must_change: bool
    has_password: bool
    locked_until: dt.datetime | None
    created_at: dt.datetime
    updated_at: dt.datetime
    rev: int


class PostingBody(Body):
    """Work at another unit for a time (进驻)."""

    unit: Annotated[str, Field(max_length=64), ONE_LINE, NOT_BLANK, STRIP]
    role: PostedRole = Field(description="进驻时的角色")
    since: Moment
    until: Moment


class PostingView(View):
    id: str
    account: str
    unit: str
    role: str
    since: dt.datetime
    until: dt.datetime
    revoked_at: dt.datetime | None
    by: str


class GrantBody(Body):
    """Let a unit see another's matters for a time (授权)."""

    from_unit: Annotated[str, Field(max_length=64), ONE_LINE, NOT_BLANK, STRIP]
    to_unit: Annotated[str, Field(max_length=64), ONE_LINE, NOT_BLANK, STRIP]
    case_id: Id | None = Field(default=None, description="只限这一事项;不填为 from_unit 的全部事项")
    fields: list[Literal["caller", "place", "words", "recordings", "attachments"]] = Field(max_length=5)
    purpose: Text = Field(description="用途")
    since: Moment
    until: Moment = Field(description="到期自动收回;最长一年")


class GrantView(View):
    id: str
    from_unit: str
    to_unit: str
    case_id: str | None
    fields: list[str]
    purpose: str
    since: dt.datetime
    until: dt.datetime
    revoked_at: dt.datetime | None
    by: str
    live: bool = Field(description="此刻有效")
