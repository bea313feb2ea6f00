"""The ``HOTLINE_…`` variables of the environment."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, cast
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from config.errors import Problem
from config.explain import sentence, suggestion

PREFIX = "HOTLINE_"
Port = Annotated[int, Field(ge=0, le=65535)]
"""A port; 0 lets the system choose a free one."""


class PortRange(NamedTuple):
    """RTP ports from ``low`` to ``high``, both included."""

    low: int
    high: int

    def __len__(self) -> int:
        return self.high - self.low + 1


def _port_range(value: object) -> object:
    if isinstance(value, PortRange):
        return value
    match = re.fullmatch(r"\s*(\d{1,5})\s*-\s*(\d{1,5})\s*", str(value))
    if match is None:
        raise ValueError("write two port numbers with a dash between, e.g. 16384-32767")
    low, high = int(match[1]), int(match[2])
    if low % 2 or not high % 2:
        raise ValueError("RTP and RTCP go in pairs: the range begins with an even port and ends with an odd one")
    if low < 1024:
        raise ValueError("ports below 1024 are reserved: begin at 1024 or above")
    if high >= 32768:
        raise ValueError("ports from 32768 are the system's own (ephemeral) ones: end at 32767 or below")
    if high < low:
        raise ValueError("the range ends before it begins: write the lower port first")
    return PortRange(low, high)


Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _networks(value: object) -> object:
    if isinstance(value, tuple):
        return value
    try:
        return tuple(ipaddress.ip_network(part.strip(), strict=False) for part in str(value).split(",") if part.strip())
    except ValueError:
        raise ValueError("write addresses or networks with commas between, e.g. 127.0.0.1,10.0.0.0/24") from None


class Environment(BaseSettings):
    """Every variable that an installation may set; the names carry the prefix ``HOTLINE_``."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, extra="forbid", frozen=True)

    env: Literal["development", "production"] = "development"
    config_dir: Path | None = None
    """Folder of the YAML files; by default those that come with the project."""
    data_dir: Path = Path("data")
    """Database, recordings, secrets, embedded server."""
    model_cache: Path | None = None
    """Where the shipped model is cached; by default beside the classifier's code, else in the user's cache."""
    bind: str | None = None
    """Address that SIP and HTTP listen on: 127.0.0.1 in development, 0.0.0.0 in production."""
    advertise: str | None = None
    """Address that phones and trunks reach this machine at; required when ``bind`` means all addresses."""
    sip_port: Port = 5060
    sip_tls_port: Port = 5061
    trunk_port: Port = 5080
    http_port: Port = 8000
    sip_realm: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")] = "hotline"
    rtp_ports: Annotated[PortRange, NoDecode, BeforeValidator(_port_range)] = PortRange(16384, 32767)
    redis_url: SecretStr | None = None
    database_url: SecretStr | None = None
    demo_password: SecretStr | None = None
    """One secret for all demo seats and users; development only."""
    backup_passphrase: SecretStr | None = None
    """Seals the secrets in backups; read by `hotline backup` and `hotline restore` only."""
    tls_certificate: Path | None = None
    """PEM file with the chain; without it development makes a self-signed one, and production does not offer TLS."""
    tls_key: Path | None = None
    https: Literal["auto", "on", "off"] = "auto"
    """HTTP with TLS, by the certificate above; auto: in production if there is a certificate, in development not."""
    public_url: str | None = None
    """Where browsers reach the HTTP service, e.g. https://hotline.example.cn; by default what a request says."""
    proxies: Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_networks)] = ()
    """Reverse proxies before the HTTP service, whose X-Forwarded-For and -Proto are believed."""
    metrics_from: Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_networks)] = ()
    """Addresses that may read /metrics, besides this machine."""
    oidc_issuer: str | None = None
    """Identity provider that people may sign in by (OpenID Connect)."""
    oidc_client_id: str | None = None
    oidc_client_secret: SecretStr | None = None
    sms_secret: SecretStr | None = None
    """Secret of the gateway of text messages; goes before the file secrets/sms.secret."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("bind", "advertise")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            return str(ipaddress.ip_address(value))
        except ValueError:
            raise ValueError("write an IP address, not a name") from None

    @field_validator("redis_url")
    @classmethod
    def _redis(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and urlsplit(value.get_secret_value()).scheme not in ("redis", "rediss", "unix"):
            raise ValueError("write redis://:PASSWORD@HOST:PORT/0, rediss://… or unix:///path/of.sock")
        return value

    @field_validator("database_url")
    @classmethod
    def _database(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        scheme, rest = [*value.get_secret_value().split("://", 1), ""][:2]
        driver = {
            "postgresql": "postgresql+psycopg",
            "postgres": "postgresql+psycopg",
            "postgresql+psycopg": "postgresql+psycopg",
            "sqlite": "sqlite+aiosqlite",
            "sqlite+aiosqlite": "sqlite+aiosqlite",
        }.get(scheme)
        if driver is None or not rest:
            raise ValueError("write postgresql://USER:PASSWORD@HOST/NAME or sqlite:///path/of.db")
        return SecretStr(f"{driver}://{rest}")

    @field_validator("public_url", "oidc_issuer")
    @classmethod
    def _url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        local = parts.hostname in ("localhost", "127.0.0.1", "::1")
        if not parts.hostname or parts.query or parts.fragment or "@" in parts.netloc:
            raise ValueError("write a URL such as https://hotline.example.cn")
        if parts.scheme != "https" and not (parts.scheme == "http" and local):
            raise ValueError("write https://…; http:// is for this machine only")
        return value

    @field_validator("demo_password")
    @classmethod
    def _demo(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < 8:
            raise ValueError("take at least 8 characters")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


class _MappingSource(EnvSettingsSource):
    """Reads variables from any mapping, so that nothing hangs on the process's own environment."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        super().__init__(Environment)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        # an empty variable counts as not set: that is how Compose passes on what is absent
        return {name.lower(): value for name, value in self._variables.items() if value != ""}


def known() -> list[str]:
    """Names of all variables."""
    return [PREFIX + name.upper() for name in Environment.model_fields]


def read(variables: Mapping[str, str]) -> tuple[Environment, list[Problem]]:
    """Validate the variables; those that are wrong are told, and count as not set."""
    found = [
        _problem(name, "is no variable that is known", suggestion(name, known()))
        for name in sorted(variables)
        if name.upper().startswith(PREFIX) and name not in known()
    ]
    values = dict(_MappingSource({name: value for name, value in variables.items() if name in known()})())
    while True:
        try:
            return Environment(**values), found
        except ValidationError as error:
            bad = set()
            for detail in error.errors(include_url=False):
                name = str(detail["loc"][0])
                bad.add(name)
                found.append(_explain(name, detail))
            values = {name: value for name, value in values.items() if name not in bad}


def _explain(name: str, detail: Any) -> Problem:
    secret = "SecretStr" in str(Environment.model_fields[name].annotation) or "@" in str(detail["input"])
    shown = "its value" if secret else repr(str(detail["input"]))
    if detail["type"] == "value_error":
        return _problem(PREFIX + name.upper(), f"{shown} can't be used", str(detail["ctx"]["error"]))
    if detail["type"] == "int_parsing":
        return _problem(PREFIX + name.upper(), f"{shown} is no number", "write digits only")
    what, remedy = sentence(cast("Any", detail), Environment, (name,))
    return _problem(PREFIX + name.upper(), what, remedy)


def _problem(name: str, what: str, remedy: str) -> Problem:
    return Problem("environment", None, name, what, remedy)
