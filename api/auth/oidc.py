"""Sign-in by OpenID Connect: authorization code flow with PKCE (OpenID Connect Core 3.1, RFC 7636).

What belongs to one attempt (state, nonce, verifier, desk) travels in an encrypted cookie of the browser, so that any node can
finish what another began. An account is found by issuer and subject; one that an administrator has prepared for the issuer is
bound at the first sign-in by the claim ``preferred_username`` or a verified ``email`` that equals its username.
"""

from __future__ import annotations

import base64
import json
import secrets
import time
from dataclasses import dataclass
from typing import Any

import httpx
import structlog
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from cryptography.fernet import Fernet, InvalidToken
from fastapi import Query, Request
from joserfc import jwk, jwt
from joserfc.errors import JoseError
from sqlalchemy import select
from starlette.responses import RedirectResponse, Response

from api.auth import service
from api.kit import middleware, state
from api.kit.errors import BadRequest, Denied, Unavailable
from api.kit.state import State
from config.settings import Oidc
from router.access import accounts, audit
from router.access.actor import system
from router.storage.organisation import Account

log = structlog.get_logger()

COOKIE = "hotline_oidc"
LASTING = 600
"""Seconds that a person has to sign in at the provider."""
DISCOVERY_KEPT = 3600.0
CALLBACK = "/api/v1/auth/oidc/callback"
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"]
STATE = Query(alias="state", max_length=128, description="发起时的随机数,原样返回")
LEEWAY = 60


@dataclass(slots=True)
class Provider:
    """What the provider says about itself (OpenID Connect Discovery 1.0), kept for an hour."""

    settings: Oidc
    client: httpx.AsyncClient
    _found: dict[str, Any] | None = None
    _keys: jwk.KeySet | None = None
    _until: float = 0.0

    async def about(self) -> dict[str, Any]:
        """Raise :class:`Unavailable`."""
        if self._found is None or time.monotonic() > self._until:
            found = await self._get(f"{self.settings.issuer.rstrip('/')}/.well-known/openid-configuration")
            if found.get("issuer") != self.settings.issuer:
                log.error("oidc.wrong_issuer", told=str(found.get("issuer"))[:200])
                raise Unavailable("auth.oidc.away")
            self._found, self._keys, self._until = found, None, time.monotonic() + DISCOVERY_KEPT
        return self._found

    async def keys(self, *, fresh: bool = False) -> jwk.KeySet:
        if self._keys is None or fresh:
            self._keys = jwk.KeySet.import_key_set(await self._get((await self.about())["jwks_uri"]))
        return self._keys

    async def exchange(self, code: str, verifier: str, redirect: str) -> dict[str, Any]:
        """The tokens for a code. Raise :class:`BadRequest` if the provider refuses it."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect, "code_verifier": verifier}
        about = await self.about()
        methods = about.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        secret = self.settings.client_secret
        auth = httpx.BasicAuth(self.settings.client_id, secret)
        if "client_secret_basic" not in methods:
            form |= {"client_id": self.settings.client_id, "client_secret": secret}
        try:
            if "client_secret_basic" in methods:
                told = await self.client.post(about["token_endpoint"], data=form, auth=auth)
            else:
                told = await self.client.post(about["token_endpoint"], data=form)
            if told.status_code >= 500:
                raise Unavailable("auth.oidc.away")
            body: dict[str, Any] = told.json()
        except (httpx.HTTPError, ValueError) as error:
            log.warning("oidc.away", error=type(error).__name__)
            raise Unavailable("auth.oidc.away") from error
        if told.status_code != 200 or "id_token" not in body:
            log.warning("oidc.code_refused", status=told.status_code, error=str(body.get("error"))[:80])
            raise BadRequest("auth.oidc.failed")
        return body

    async def claims(self, answer: dict[str, Any], nonce: str) -> dict[str, Any]:
        """The checked claims of an ID token (OpenID Connect Core 3.1.3.7). Raise :class:`BadRequest`."""
        try:
            try:
                token = jwt.decode(answer["id_token"], await self.keys(), algorithms=ALGORITHMS)
            except (JoseError, ValueError):  # the provider may have changed its keys
                token = jwt.decode(answer["id_token"], await self.keys(fresh=True), algorithms=ALGORITHMS)
            wanted = {
                "iss": {"essential": True, "value": self.settings.issuer},
                "aud": {"essential": True, "value": self.settings.client_id},
            }
            given = {"nonce": nonce, "client_id": self.settings.client_id, "access_token": answer.get("access_token")}
            claims = CodeIDToken(token.claims, token.header, wanted, given)
            claims.validate(leeway=LEEWAY)
        except Exception as error:  # each library below has errors of its own
            if isinstance(error, Unavailable):
                raise
            log.warning("oidc.token_refused", error=type(error).__name__)
            raise BadRequest("auth.oidc.failed") from error
        return dict(token.claims)

    async def _get(self, url: str) -> dict[str, Any]:
        try:
            told = await self.client.get(url)
            told.raise_for_status()
            found = told.json()
        except (httpx.HTTPError, ValueError) as error:
            log.warning("oidc.away", error=type(error).__name__)
            raise Unavailable("auth.oidc.away") from error
        if not isinstance(found, dict):
            raise Unavailable("auth.oidc.away")
        return found


def provider(found: State) -> Provider:
    """The provider of this installation; raise :class:`Denied` if there is none."""
    settings = found.settings.oidc
    if settings is None:
        raise Denied("auth.oidc.off")
    made = found.parts.get("oidc")
    if made is None:
        client = httpx.AsyncClient(timeout=10, follow_redirects=False)
        made = found.parts["oidc"] = Provider(settings, client)
        found.closing.push_async_callback(client.aclose)
    assert isinstance(made, Provider)
    return made


def _box(found: State) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(found.keys.oidc))


def _redirect(request: Request) -> str:
    found = state.of(request)
    base = found.settings.public_url or str(request.base_url).rstrip("/")
    return f"{base}{CALLBACK}"


async def start(request: Request, desk: str | None) -> Response:
    """Send the browser to the provider."""
    found = state.of(request)
    made = provider(found)
    await found.limiter.sign_in(middleware.address(request.scope))
    about = await made.about()
    attempt = {
        "state": secrets.token_urlsafe(24),
        "nonce": secrets.token_urlsafe(24),
        "verifier": secrets.token_urlsafe(48),
        "desk": desk[:64] if desk else None,
    }
    uri = prepare_grant_uri(
        about["authorization_endpoint"],
        client_id=made.settings.client_id,
        response_type="code",
        redirect_uri=_redirect(request),
        scope=["openid", "profile", "email"],
        state=attempt["state"],
        nonce=attempt["nonce"],
        code_challenge=create_s256_code_challenge(attempt["verifier"]),
        code_challenge_method="S256",
    )
    response = RedirectResponse(uri, 303)
    token = _box(found).encrypt(json.dumps(attempt).encode()).decode()
    # Lax: the provider's redirect back comes from another site
    response.set_cookie(
        COOKIE,
        token,
        max_age=LASTING,
        path="/api/v1/auth/oidc",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )
    return response


async def finish(request: Request, code: str | None, shown: str | None, error: str | None) -> tuple[service.Signed, Response]:
    """Take the provider's answer. Raise :class:`BadRequest`, :class:`Denied` or :class:`Unavailable`."""
    found = state.of(request)
    made = provider(found)
    await found.limiter.sign_in(middleware.address(request.scope))
    attempt = _attempt(found, request.cookies.get(COOKIE, ""))
    if attempt is None or shown is None or not secrets.compare_digest(attempt["state"].encode(), shown.encode()):
        raise BadRequest("auth.oidc.failed")
    if error is not None or not code:
        log.info("oidc.refused_there", error=(error or "")[:80])
        raise BadRequest("auth.oidc.failed")
    answer = await made.exchange(code, attempt["verifier"], _redirect(request))
    claims = await made.claims(answer, attempt["nonce"])
    account = await _account(found, made.settings.issuer, claims)
    where = middleware.address(request.scope)
    signed = await service.open_session(found, account, attempt["desk"], "browser", where, how="oidc")
    response = RedirectResponse("/", 303)
    response.delete_cookie(COOKIE, path="/api/v1/auth/oidc")
    return signed, response


def _attempt(found: State, cookie: str) -> dict[str, Any] | None:
    try:
        attempt: dict[str, Any] = json.loads(_box(found).decrypt(cookie.encode(), ttl=LASTING))
    except (InvalidToken, ValueError):
        return None
    return attempt


async def _account(found: State, issuer: str, claims: dict[str, Any]) -> str:
    """The account of a subject; one that waits for it is bound now. Raise :class:`Denied`."""
    subject = str(claims["sub"])[:255]
    async with found.database.write() as session:
        query = select(Account).where(Account.oidc_issuer == issuer, Account.oidc_subject == subject)
        account = (await session.scalars(query)).first()
        if account is None:
            account = await _waiting(session, issuer, claims)
            if account is not None:
                account.oidc_subject = subject
                accounts.touched(account, found.clock())
                await audit.account(session, system("oidc"), account.id, "account.oidc_bound", found.clock())
    if account is None:
        log.info("oidc.unknown_subject")
        raise Denied("auth.oidc.unknown")
    return account.id


async def _waiting(session: Any, issuer: str, claims: dict[str, Any]) -> Account | None:
    names = [str(claims["preferred_username"])] if claims.get("preferred_username") else []
    if claims.get("email") and claims.get("email_verified") is True:
        names.append(str(claims["email"]))
    for name in names:
        account = await accounts.by_username(session, name)
        if account is not None and account.oidc_issuer == issuer and account.oidc_subject is None:
            return account
    return None
