"""The provider for gateways of text messages with HTTP and JSON, as most have it: what is sent and what counts as success is
configured (``linkage.sms``)."""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

from config import gateways, private
from config.errors import ConfigError, Problem
from config.model import SmsGateway
from router.journal import sending
from router.journal.sending import Outcome
from router.linkage.notifying.texting import Limits, Message

if TYPE_CHECKING:
    from pathlib import Path

    from config.settings import Settings

NAME = "sms.secret"
LARGEST = 64 * 1024
"""Bytes of an answer that are looked at."""
SHOWN = 150
"""Characters of an answer that are kept for a person."""
_LONG_NUMBER = re.compile(r"\d{7,}")


@dataclass(slots=True)
class HttpGateway:
    """Sends each message by one request."""

    rules: SmsGateway
    secret: Callable[[], str]
    http: httpx.AsyncClient = field(default_factory=sending.client)

    @property
    def limits(self) -> Limits:
        return Limits(self.rules.characters, receipts=False)

    async def send(self, message: Message) -> Outcome:
        rules = self.rules
        values = {"number": message.number, "text": message.text, "id": message.id, "signature": rules.signature}
        values["secret"] = self.secret()
        own = {"Content-Type": "application/json; charset=utf-8", "Idempotency-Key": message.id}
        headers = httpx.Headers(own)
        headers.update({name: filled(value, values) for name, value in rules.headers.items()})
        body = json.dumps(filled(rules.body, values), ensure_ascii=False).encode()
        try:
            async with (
                asyncio.timeout(rules.timeout),
                self.http.stream(rules.method, rules.url, content=body, headers=headers) as answer,
            ):
                said = await _beginning(answer)
                wait = sending.wait_of(answer.headers.get("retry-after"), time.time())
        except TimeoutError:
            return Outcome("away", error=f"no answer within {rules.timeout:g} s")
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError) as error:
            return Outcome("away", error=type(error).__name__)
        return self._judge(answer.status_code, said, wait, values["secret"])

    def _judge(self, status: int, said: bytes, wait: float | None, secret: str) -> Outcome:
        success = self.rules.success
        shown = quiet(said.decode("utf-8", "replace"), secret)
        if not (status in success.statuses if success.statuses else 200 <= status < 300):
            found = sending.judge(status, shown, wait)
            final = found.verdict == "taken" or status == 409
            return Outcome("refused", status, shown) if final else found
        if success.path is None:
            return Outcome("taken", status)
        value = picked(said, success.path)
        if value == plain(success.value):
            return Outcome("taken", status)
        busy = value in [plain(one) for one in success.again]
        return Outcome("later" if busy else "refused", status, shown, wait)

    async def close(self) -> None:
        await self.http.aclose()


async def _beginning(answer: httpx.Response) -> bytes:
    got = b""
    async for piece in answer.aiter_bytes():
        got += piece
        if len(got) > LARGEST:
            break
    return got[:LARGEST]


def filled(template: Any, values: Mapping[str, str]) -> Any:
    """The template with its placeholders filled in, each in its text alone: a value is never read as a template, and can't leave
    the text that it stands in."""
    if isinstance(template, str):
        return gateways.PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), template)
    if isinstance(template, Mapping):
        return {key: filled(value, values) for key, value in template.items()}
    if isinstance(template, list):
        return [filled(value, values) for value in template]
    return template


def picked(said: bytes, path: str) -> str | None:
    """What stands in an answer's JSON at a path, as :func:`plain` writes it; None: nothing, or no JSON."""
    try:
        value: Any = json.loads(said)
        for part in path.split("."):
            value = value[int(part)] if isinstance(value, list) else value[part]
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        return None
    return plain(value)


def plain(value: Any) -> str:
    """0 and "0" are alike: gateways write their codes either way."""
    return value if isinstance(value, str) else json.dumps(value)


def quiet(said: str, secret: str) -> str:
    """An answer as it may be kept: short, without telephone numbers and the secret."""
    said = said.replace(secret, "…") if secret else said
    return " ".join(_LONG_NUMBER.sub("…", said).replace("\0", "").split())[:SHOWN]


def secret_of(settings: Settings) -> Callable[[], str]:
    """What gives the gateway's secret: HOTLINE_SMS_SECRET, or the file in the secrets' folder, which may be changed while the
    service runs. Raise :class:`config.errors.ConfigError` if it is asked for and missing, no header could hold it, or others may
    read it."""
    rules = settings.installation.linkage.sms
    if rules is None or not gateways.needs_secret(rules):
        return str
    if settings.sms_secret is not None:
        given = _checked("environment", "HOTLINE_SMS_SECRET", settings.sms_secret.get_secret_value())
        return lambda: given
    found = _File(settings.data_dir / "secrets" / NAME)
    found.read()
    return found


@dataclass(slots=True)
class _File:
    """The secret in a file; while that can't be read, what was known stays true."""

    file: Path
    _value: str = field(default="", repr=False)
    _stamp: private.Stamp | None = None

    def __call__(self) -> str:
        try:
            if private.stamp(self.file) != self._stamp:
                self.read()
        except ConfigError:
            pass
        return self._value

    def read(self) -> None:
        stamp = private.stamp(self.file)
        try:
            text = self.file.read_text(encoding="utf-8")
            private.check_mode(self.file)
        except FileNotFoundError:
            what = "does not exist, but linkage.sms writes {secret}"
            raise _problem(str(self.file), "", what, "put the secret there, or set HOTLINE_SMS_SECRET") from None
        except (OSError, UnicodeDecodeError) as error:
            raise _problem(str(self.file), "", f"can't be read ({type(error).__name__})", "start as its owner") from error
        self._value, self._stamp = _checked(str(self.file), "", text), stamp


def _checked(where: str, key: str, text: str) -> str:
    value = text.strip()
    if not value or any(not " " <= letter <= "~" for letter in value):
        raise _problem(where, key, "holds no secret that a header can hold", "write printable ASCII on one line")
    return value


def _problem(where: str, key: str, what: str, remedy: str) -> ConfigError:
    return ConfigError([Problem(where, None, key, what, remedy)])
