"""What is said when signing in, and what is answered."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import Field, SecretStr

from api.kit.fields import NOT_BLANK, ONE_LINE, Body, View

Username = Annotated[str, Field(max_length=64), ONE_LINE, NOT_BLANK]
Password = Annotated[SecretStr, Field(min_length=1, max_length=256)]
Desk = Annotated[str, Field(max_length=64), ONE_LINE, NOT_BLANK]
Token = Annotated[SecretStr, Field(min_length=20, max_length=128)]


class Credentials(Body):
    """Sign in with a password (用户名和密码登录)."""

    username: Username = Field(examples=["zhang.wei"])
    password: Password
    desk: Desk | None = Field(default=None, description="进驻的单位;不填为本单位")


class PasswordChange(Body):
    current: Password = Field(description="现在的密码")
    new: Password = Field(description="新密码,至少 10 个字符,不含用户名")


class Refresh(Body):
    refresh_token: Token


class DeskChoice(View):
    """A unit where the person may work now."""

    unit: str
    role: str
    until: dt.datetime | None = Field(description="进驻到何时;本单位为 null")


class Me(View):
    """Who is signed in (当前身份)."""

    id: str
    username: str
    name: str
    role: str = Field(description="此刻的角色;进驻时为进驻的角色")
    unit: str = Field(description="归属单位")
    desk: str = Field(description="此刻工作的单位")
    side: Literal["12345", "110"] | None
    city: str
    seat: str
    kind: Literal["browser", "program"]
    must_change: bool = Field(description="须先修改密码")
    actions: list[str] = Field(description="角色允许的操作")
    desks: list[DeskChoice]
    csrf: str | None = Field(description="浏览器写入时放入 X-CSRF-Token 的令牌")
    expires_at: dt.datetime


class Tokens(View):
    access_token: str
    token_type: Literal["Bearer"] = "Bearer"
    expires_in: int = Field(description="秒")
    refresh_token: str = Field(description="只能用一次;再次使用时整组令牌被吊销")
    refresh_expires_in: int


class SessionView(View):
    id: str
    kind: Literal["browser", "program"]
    desk: str | None
    created_at: dt.datetime
    used_at: dt.datetime
    expires_at: dt.datetime
    current: bool


class Options(View):
    """How one can sign in here."""

    password: bool = True
    oidc: bool
