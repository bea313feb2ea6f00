"""Secrets of sessions and programs: made, hashed, signed, checked. Pure but for randomness."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import secrets
from dataclasses import dataclass

import jwt

from api.kit.errors import Unauthorized

ACCESS = dt.timedelta(minutes=10)
REFRESH = dt.timedelta(days=7)
SESSION = dt.timedelta(hours=12)
"""A browser session lasts a shift."""
ISSUER = "hotline"
_ALGORITHM = "HS256"


def secret() -> str:
    """256 random bits, safe in headers and cookies."""
    return secrets.token_urlsafe(32)


def hashed(value: str) -> str:
    """What the database keeps of a secret."""
    return hashlib.sha256(value.encode()).hexdigest()


def csrf(key: bytes, session: str) -> str:
    """The token that goes with a browser session: only this service can make it, and only for that session."""
    return hmac.new(key, session.encode(), hashlib.sha256).hexdigest()


def csrf_fits(key: bytes, session: str, shown: str) -> bool:
    return hmac.compare_digest(csrf(key, session).encode(), shown.encode("utf-8", "replace"))


@dataclass(frozen=True, slots=True)
class Access:
    """What an access token says."""

    account: str
    family: str
    expires: dt.datetime


def access(key: bytes, account: str, family: str, now: dt.datetime) -> str:
    claims = {"iss": ISSUER, "aud": ISSUER, "sub": account, "fam": family, "iat": now, "exp": now + ACCESS}
    return jwt.encode(claims, key, algorithm=_ALGORITHM)


def read(key: bytes, token: str, now: dt.datetime) -> Access:
    """Check an access token; raise :class:`Unauthorized`."""
    needed = {"require": ["exp", "sub", "fam", "iss", "aud"], "verify_exp": False, "verify_iat": False}
    try:
        claims = jwt.decode(token, key, algorithms=[_ALGORITHM], issuer=ISSUER, audience=ISSUER, options=needed)  # type: ignore[arg-type]
        expires = dt.datetime.fromtimestamp(int(claims["exp"]), dt.UTC)
    except (jwt.InvalidTokenError, ValueError, OverflowError):
        raise Unauthorized("auth.expired") from None
    if expires <= now:
        raise Unauthorized("auth.expired")
    return Access(str(claims["sub"]), str(claims["fam"]), expires)
