"""The gateway of text messages as it is configured: its placeholders, and what can be wrong with it. Pure."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from config.documents import KeyPath
from config.explain import suggestion
from config.model import SmsGateway

PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
"""``{number}`` and the like; other braces are what they are."""
BODY = ("number", "text", "id", "signature", "secret")
HEADERS = ("id", "secret")
"""Neither numbers nor texts: what a header holds is logged by many."""
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""Name of a header (RFC 9110 5.1)."""
_OWN = {"connection", "content-length", "host", "transfer-encoding", "upgrade"}
"""Headers that whoever sends the request writes."""
_SECRET = {"authorization", "cookie", "proxy-authorization"}

Finding = tuple[KeyPath, str, str]


def placeholders(value: Any) -> set[str]:
    """Names of all placeholders in the texts of a value."""
    return {name for _, text in _texts(value, ()) for name in PLACEHOLDER.findall(text)}


def needs_secret(gateway: SmsGateway) -> bool:
    """Whether something of it is to be found in the secrets."""
    return "secret" in placeholders(gateway.headers) | placeholders(gateway.body)


def check(gateway: SmsGateway, base: KeyPath, *, development: bool) -> Iterator[Finding]:
    """What is wrong with a gateway that stands at ``base``."""
    yield from _url(gateway.url, (*base, "url"), development)
    yield from _headers(gateway.headers, (*base, "headers"))
    yield from _body(gateway.body, (*base, "body"))
    success = gateway.success
    if (success.path is None) != (success.value is None):
        yield (*base, "success"), "`path` and `value` go together", "write both, or neither"
    if success.again and success.path is None:
        yield (*base, "success", "again"), "says nothing without a `path`", "name where in the answer these values stand"


def _url(url: str, path: KeyPath, development: bool) -> Iterator[Finding]:
    remedy = "write https://HOST/PATH"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    odd = any(not "!" <= letter <= "~" for letter in url)
    if odd or not host or port == 0 or parts.scheme not in ("http", "https") or parts.fragment:
        yield path, "is no address of a web service", remedy  # not shown: a password may stand in it
        return
    if parts.username is not None or parts.password is not None:
        yield path, "holds a user name or password", "put it into secrets/sms.secret, and write {secret} in a header"
    if PLACEHOLDER.search(url):
        yield path, "holds a placeholder, but addresses are logged", "write placeholders in `body` or `headers`"
    if parts.scheme == "http" and not (development or _is_loopback(host)):
        yield path, "would send numbers over the network in clear", f"{remedy}; http:// is for this machine or development"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _headers(headers: Mapping[str, str], path: KeyPath) -> Iterator[Finding]:
    for name, value in headers.items():
        here = (*path, name)
        if not _TOKEN.fullmatch(name):
            yield here, f"{name[:40]!r} is no name of a header", "write letters, digits and dashes, e.g. X-App-Key"
        elif name.lower() in _OWN:
            yield here, "is written by the sender itself", "remove it"
        if any(not " " <= letter <= "~" for letter in value):
            yield here, "holds what a header can't hold", "write printable ASCII on one line"
        yield from _unknown(value, here, HEADERS)
        if name.lower() in _SECRET and "secret" not in PLACEHOLDER.findall(value):
            yield here, "would hold a secret in a file that many read", "put it into secrets/sms.secret, and write {secret}"


def _body(body: Mapping[str, Any], path: KeyPath) -> Iterator[Finding]:
    for here, text in _texts(body, path):
        yield from _unknown(text, here, BODY)
    for missing in [name for name in ("number", "text") if name not in placeholders(body)]:
        yield path, f"says nowhere where the {missing} goes", f'write "{{{missing}}}" as a value'
    try:
        json.dumps(body, allow_nan=False)
    except ValueError:
        yield path, "holds a number that JSON can't say", "write a finite number"


def _unknown(text: str, path: KeyPath, known: tuple[str, ...]) -> Iterator[Finding]:
    for name in PLACEHOLDER.findall(text):
        if name not in known:
            yield path, f"{{{name}}} is no placeholder that is known here", suggestion(name, known)


def _texts(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    """Every text among the values; keys are sent as they stand."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _texts(inner, (*path, key))
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from _texts(inner, (*path, at))
