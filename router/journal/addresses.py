"""What addresses webhooks and peers may have. Pure.

Only administrators set them, and receivers usually stand in the government's own network: so private addresses are allowed.
Refused is what no receiver has and what an attacker would ask for: other schemes, plain HTTP over a network, credentials in the
address, this machine itself (in production) and link-local addresses, where clouds serve their metadata.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from router.errors import Invalid
from router.journal import words

LONGEST = 2000
_METADATA = {"metadata", "metadata.google.internal", "instance-data", "metadata.tencentyun.com", "100-100-100-200.aliyun.com"}
_METADATA_ADDRESSES = {"100.100.100.200", "fd00:ec2::254"}


def check(url: str, *, development: bool, field: str = "url") -> str:
    """Return the address without surrounding space; raise :class:`router.errors.Invalid` with ``facts["field"]``."""
    url = url.strip()
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip(".").lower(), parts.port
    except ValueError:
        raise _invalid(words.URL_FORM, words.URL_FORM_REMEDY, field) from None
    odd = any(not "!" <= letter <= "~" for letter in url)
    if odd or not host or port == 0 or len(url) > LONGEST or parts.scheme not in ("http", "https"):
        raise _invalid(words.URL_FORM, words.URL_FORM_REMEDY, field)
    if parts.username is not None or parts.password is not None:
        raise _invalid(words.URL_CREDENTIALS, words.URL_CREDENTIALS_REMEDY, field)
    if parts.fragment:
        raise _invalid(words.URL_FRAGMENT, words.URL_FORM_REMEDY, field)
    own = _is_own(host)
    if parts.scheme == "http" and not (development and own):
        raise _invalid(words.URL_SCHEME, words.URL_SCHEME_REMEDY, field)
    if (own and not development) or _is_nobody(host):
        raise _invalid(words.URL_HOST, words.URL_HOST_REMEDY, field)
    return url


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def _is_own(host: str) -> bool:
    found = _address(host)
    return host == "localhost" or host.endswith(".localhost") or (found is not None and found.is_loopback)


def _is_nobody(host: str) -> bool:
    found = _address(host)
    if found is None:
        # 2130706433, 0x7f.1 and the like are addresses to a resolver, though no form that a person writes.
        return host in _METADATA or host.rsplit(".", 1)[-1][:1].isdigit()
    return found.is_link_local or found.is_unspecified or found.is_multicast or str(found) in _METADATA_ADDRESSES


def _invalid(what: str, remedy: str, field: str) -> Invalid:
    return Invalid(what, remedy, field=field)
