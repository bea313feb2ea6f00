"""The seats' SIP secrets and the server's own, in files that the service's user alone can read."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from config import private
from config.errors import ConfigError, Problem
from config.settings import Settings

SHORTEST = 12
"""Characters that a seat's secret must have at least."""
_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
"""Of demo passwords: nothing that looks like something else on a phone's display."""


@dataclass(frozen=True, slots=True)
class _Entry:
    ha1: dict[str, str]
    demo: bool


class Secrets:
    """Secrets of one data folder. What is stored is HA1 (RFC 7616 3.4.2: hash of user:realm:password): the file gives
    no password away, but whoever reads it can register as a seat."""

    def __init__(self, data_dir: Path, realm: str) -> None:
        self._folder = data_dir / "secrets"
        self._file = self._folder / "seats.json"
        self._realm = realm
        self._entries: dict[str, _Entry] = {}
        self._stamp: tuple[int, int] | None = None
        self._server: bytes | None = None
        self.created: dict[str, str] = {}
        """Demo passwords made by ``open``, by seat: told once, stored nowhere."""

    @classmethod
    def open(cls, settings: Settings) -> Secrets:
        """Read the secrets; in development, make demo passwords for seats that have none (HOTLINE_DEMO_PASSWORD, or
        random ones). Raises :class:`ConfigError`: unreadable or too widely readable, made for another realm, or demo
        secrets in production."""
        found = cls.stored(settings)
        found.verify(settings)
        if not settings.production:
            given = settings.demo_password.get_secret_value() if settings.demo_password else None
            found._make_demo(sorted(settings.seats), given)
        return found

    @classmethod
    def stored(cls, settings: Settings) -> Secrets:
        """Read the secrets as they are; nothing is made, demo ones are not refused."""
        found = cls(settings.data_dir, settings.realm)
        found._read()
        return found

    def verify(self, settings: Settings) -> None:
        """Raise :class:`ConfigError` if these secrets are not fit for ``settings.env``."""
        if settings.production:
            self._refuse_demo()

    def ha1(self, seat: str) -> dict[str, str] | None:
        """``{"SHA-256": hex, "MD5": hex}`` of a seat, None without a secret. A changed file is read anew; while it
        can't be read, what was known stays true."""
        try:
            if self._stamp != private.stamp(self._file):
                self._read()
        except ConfigError:
            pass
        entry = self._entries.get(seat)
        return None if entry is None else dict(entry.ha1)

    @property
    def server(self) -> bytes:
        """32 random bytes of this installation (nonces, room and flow tokens), made when first asked for."""
        if self._server is None:
            with private.locked(self._folder):
                file = self._folder / "server.key"
                if not file.exists():
                    private.write(file, secrets.token_bytes(32))
                private.check_mode(file)
                self._server = file.read_bytes()
            if len(self._server) != 32:
                raise ConfigError(
                    [Problem(str(file), None, "", "must hold 32 bytes", "delete it: the next start makes a new one")]
                )
        return self._server

    def seats_with_secret(self) -> dict[str, bool]:
        """Seats that have a secret; true: a demo one."""
        return {seat: entry.demo for seat, entry in sorted(self._entries.items())}

    def set(self, seat: str, password: str, *, demo: bool = False) -> None:
        """Give a seat a secret; raises ValueError if it is too short or has characters that phones can't be given."""
        if not demo and len(password) < SHORTEST:
            raise ValueError(f"a secret has at least {SHORTEST} characters")
        if not password.isprintable() or password != password.strip():
            raise ValueError("a secret is printable and neither begins nor ends with a space")
        with private.locked(self._folder):
            self._read()
            self._entries[seat] = _Entry(hashes(seat, self._realm, password), demo)
            self._store()

    def _make_demo(self, seats: Iterable[str], given: str | None) -> None:
        with private.locked(self._folder):
            self._read()
            for seat in seats:
                entry = self._entries.get(seat)
                if entry is not None and (given is None or not entry.demo):
                    continue
                password = given or "".join(secrets.choice(_ALPHABET) for _ in range(12))
                made = _Entry(hashes(seat, self._realm, password), True)
                if made != entry:
                    self._entries[seat] = made
                    self.created[seat] = password
            if self.created:
                self._store()

    def _refuse_demo(self) -> None:
        demo = [seat for seat, entry in sorted(self._entries.items()) if entry.demo]
        shown = ", ".join(demo[:5]) + (" …" if len(demo) > 5 else "")
        if demo:
            raise ConfigError(
                [
                    Problem(
                        str(self._file),
                        None,
                        "",
                        f"holds demo secrets ({shown}), which production refuses",
                        "delete the file, then give each seat its own: `hotline seats set-secret SEAT`",
                    )
                ]
            )

    def _read(self) -> None:
        if not self._file.exists():
            self._entries, self._stamp = {}, None
            return
        private.check_mode(self._file)
        remedy = "restore it from a backup, or delete it and set the secrets anew"
        try:
            stamp = private.stamp(self._file)
            content = json.loads(self._file.read_text(encoding="utf-8"))
            realm = content["realm"]
            entries = {
                seat: _Entry({"SHA-256": entry["sha256"], "MD5": entry["md5"]}, bool(entry["demo"]))
                for seat, entry in content["seats"].items()
            }
        except OSError as error:
            raise ConfigError(
                [Problem(str(self._file), None, "", f"can't be read ({error.strerror})", "start as its owner")]
            ) from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigError([Problem(str(self._file), None, "", "is damaged", remedy)]) from error
        if realm != self._realm:
            raise ConfigError(
                [
                    Problem(
                        str(self._file),
                        None,
                        "realm",
                        f"the secrets were made for the realm {realm}, and can't be used with {self._realm}",
                        f"set HOTLINE_SIP_REALM={realm}, or delete the file and set the secrets anew",
                    )
                ]
            )
        self._entries, self._stamp = entries, stamp

    def _store(self) -> None:
        content = {
            "realm": self._realm,
            "seats": {
                seat: {"sha256": entry.ha1["SHA-256"], "md5": entry.ha1["MD5"], "demo": entry.demo}
                for seat, entry in sorted(self._entries.items())
            },
        }
        private.write(self._file, (json.dumps(content, indent=1) + "\n").encode())
        self._stamp = private.stamp(self._file)


def hashes(seat: str, realm: str, password: str) -> dict[str, str]:
    """HA1 of a seat for both algorithms (RFC 7616 3.4.2, RFC 8760 2.1)."""
    text = f"{seat}:{realm}:{password}".encode()
    return {
        "SHA-256": hashlib.sha256(text).hexdigest(),
        "MD5": hashlib.md5(text, usedforsecurity=False).hexdigest(),
    }
