"""Digest authentication of seats (RFC 3261 22, RFC 7616, RFC 8760): SHA-256 offered first, then MD5.

Nonces carry their time and are signed with a key of this process and the source address, so none is stored: one that is
old, comes from elsewhere or from before a restart is answered with a new one and ``stale=true`` if the response itself was
right. A nonce that was used is remembered with its count, so that a recorded request is worth nothing."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from telephony.edge import uri
from telephony.edge.message import Message

NONCE_AGE = 300.0
"""Seconds that a nonce may be used."""
REPEAT = 40.0
"""Seconds in which the same request may come again with the same count: retransmissions (64*T1) and a little."""
_PARAM = re.compile(r'([A-Za-z]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))')
_HASHES: dict[str, Callable[[bytes], str]] = {
    "SHA-256": lambda data: hashlib.sha256(data).hexdigest(),
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
}

Ha1Of = Callable[[str], Mapping[str, str] | None]
"""Seat to its HA1 by algorithm: ``{"SHA-256": hex, "MD5": hex}``; None: no such seat."""


@dataclass(frozen=True, slots=True)
class Granted:
    """The request is this seat's."""

    user: str


@dataclass(frozen=True, slots=True)
class Challenge:
    """No usable credentials: ask for them."""

    stale: bool = False


@dataclass(frozen=True, slots=True)
class Denied:
    """Credentials that are wrong, of a seat that may not exist."""

    user: str


Verdict = Granted | Challenge | Denied


class Digest:
    """Checks credentials for one realm. Times are seconds of any steady clock, the same in all calls."""

    def __init__(self, realm: str, ha1_of: Ha1Of, age: float = NONCE_AGE) -> None:
        self.realm = realm
        self._ha1_of = ha1_of
        self._age = age
        self._key = secrets.token_bytes(32)
        self._used: dict[tuple[str, str, str], tuple[float, str]] = {}
        self._swept = 0.0

    def challenges(self, address: str, now: float, *, stale: bool = False, md5_only: bool = False) -> list[str]:
        """Values of WWW-Authenticate or Proxy-Authenticate headers, in the order of preference. ``md5_only`` is for phones
        that give up at a challenge that they don't know, though RFC 8760 2.4 tells them to pass over it."""
        nonce = self._nonce(f"{now:.3f}.{secrets.token_hex(4)}", address)
        more = ", stale=true" if stale else ""
        names = ("MD5",) if md5_only else tuple(_HASHES)
        return [f'Digest realm="{self.realm}", nonce="{nonce}", algorithm={name}, qop="auth"{more}' for name in names]

    def check(self, message: Message, header: Literal["authorization", "proxy-authorization"], address: str, now: float
    ) -> Verdict:  # fmt: skip
        """Judge a request by its credentials in ``header``."""
        for value in message.all(header):
            scheme, _, rest = value.partition(" ")
            if scheme.lower() != "digest" or len(rest) > 2048:
                continue
            params = {name.lower(): quoted or plain for name, quoted, plain in _PARAM.findall(rest)}
            if params.get("realm") == self.realm:
                return self._judge(message, params, address, now)
        return Challenge()

    def username(self, message: Message, header: str) -> str | None:
        """The user that the credentials name, proven or not."""
        for value in message.all(header):
            match = re.search(r'username\s*=\s*"([^"]{1,64})"', value, re.IGNORECASE)
            if match:
                return match[1]
        return None

    def _judge(self, message: Message, params: dict[str, str], address: str, now: float) -> Verdict:
        user = params.get("username", "")
        algorithm = params.get("algorithm", "MD5").upper()
        hashed = _HASHES.get(algorithm)
        if hashed is None:
            return Challenge()
        ha1 = (self._ha1_of(user) or {}).get(algorithm)
        expected = _response(hashed, ha1 or secrets.token_hex(16), message.method, params)
        given = params.get("response", "").lower()
        if not hmac.compare_digest(expected.encode(), given.encode("utf-8", "surrogateescape")) or ha1 is None:
            return Denied(user)
        if not _same_target(message, params.get("uri", "")):
            return Denied(user)
        if not self._fresh(params.get("nonce", ""), address, now) or self._replayed(message, params, now):
            return Challenge(stale=True)
        return Granted(user)

    def _nonce(self, stamp: str, address: str) -> str:
        signature = hashlib.blake2b(f"{stamp}|{address}".encode(), key=self._key, digest_size=12).hexdigest()
        return f"{stamp}.{signature}"

    def _fresh(self, nonce: str, address: str, now: float) -> bool:
        stamp = nonce.rpartition(".")[0]
        if not hmac.compare_digest(self._nonce(stamp, address).encode(), nonce.encode("utf-8", "surrogateescape")):
            return False
        made = float(stamp.rpartition(".")[0])
        return -1 < now - made <= self._age  # written to the millisecond, so it may seem to lie ahead

    def _replayed(self, message: Message, params: dict[str, str], now: float) -> bool:
        if now - self._swept > 10:
            self._swept = now
            self._used = {key: use for key, use in self._used.items() if now - use[0] <= self._age}
        key = (params.get("nonce", ""), params.get("nc", ""), params.get("cnonce", ""))
        request = f"{message.call_id}\n{message.cseq}\n{message.method}"
        used = self._used.setdefault(key, (now, request))
        return used[1] != request or now - used[0] > REPEAT


def _response(hashed: Callable[[bytes], str], ha1: str, method: str, params: dict[str, str]) -> str:
    """RFC 7616 3.4.1; without ``qop`` the form of RFC 2069, which old phones send."""
    ha2 = hashed(f"{method}:{params.get('uri', '')}".encode("utf-8", "surrogateescape"))
    nonce = params.get("nonce", "")
    qop = params.get("qop")
    middle = f"{nonce}:{params.get('nc', '')}:{params.get('cnonce', '')}:{qop}" if qop else nonce
    return hashed(f"{ha1}:{middle}:{ha2}".encode("utf-8", "surrogateescape"))


def _same_target(message: Message, named: str) -> bool:
    """The credentials are for this target (RFC 7616 3.4.6), host and parameters aside: proxies rewrite those."""
    asked, meant = uri.parse(message.uri), uri.parse(named)
    return asked is not None and meant is not None and asked.user == meant.user
