"""Headers that make browsers careful: nothing is framed, sniffed, leaked or kept, and scripts come from here only."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import Scope

_STRICT = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
_PAGES = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' blob:; "
    "connect-src 'self'; font-src 'self' data:; object-src 'none'; frame-ancestors 'none'; base-uri 'self'; form-action 'self'"
)
_DOCS = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
"""The page of documentation is made here and needs nothing from anywhere (see :mod:`api.kit.docs`)."""
YEAR = 31_536_000


def put(headers: MutableHeaders, scope: Scope) -> None:
    """Add what is missing to an answer's headers."""
    path: str = scope["path"]
    kind = headers.get("content-type", "")
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("X-Frame-Options", "DENY")
    headers.setdefault("Referrer-Policy", "no-referrer")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), payment=()")
    if path == "/docs":
        policy = _DOCS
    elif kind.startswith("text/html"):
        policy = _PAGES
    else:
        policy = _STRICT
    headers.setdefault("Content-Security-Policy", policy)
    if path.startswith("/api/"):
        headers.setdefault("Cache-Control", "no-store")
    if scope.get("scheme") == "https":
        headers.setdefault("Strict-Transport-Security", f"max-age={YEAR}")
