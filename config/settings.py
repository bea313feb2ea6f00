"""Everything an installation is set to: the YAML files of a folder, and the environment over them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr, ValidationError

from config import checks, documents, environment, explain
from config.documents import Documents
from config.environment import Environment, Network, PortRange
from config.errors import ConfigError, Problem
from config.model import Centre, Installation, Seat

DEFAULT_FOLDER = Path(__file__).parent
SOCKET_PATH_LIMIT = 107
"""Bytes that the path of a unix socket may have (unix(7): 108 with the closing zero)."""
SOCKET_NAME_LIMIT = 40
"""Names of sockets in ``Settings.run_dir`` may have so many bytes."""


@dataclass(frozen=True, slots=True)
class Oidc:
    """The identity provider that people may sign in by."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Settings:
    """A checked configuration. Paths are absolute."""

    installation: Installation
    env: Literal["development", "production"]
    config_dir: Path
    data_dir: Path
    bind: str
    """Address that everything listens on."""
    advertise: str
    """Address that others reach this machine at."""
    sip_port: int
    sip_tls_port: int
    trunk_port: int
    http_port: int
    realm: str
    """Digest realm; the seats' stored secrets hang on it."""
    rtp_ports: PortRange
    redis_url: str = field(repr=False)
    """For ``redis.asyncio.from_url``; the embedded server's socket unless HOTLINE_REDIS_URL is set."""
    redis_embedded: bool
    database_url: str = field(repr=False)
    """For SQLAlchemy's asynchronous engines."""
    demo_password: SecretStr | None
    tls_certificate: Path | None
    """PEM chain; None: no TLS listener."""
    tls_key: Path | None
    log_level: str
    https: bool = False
    """HTTP with TLS, by ``tls_certificate``."""
    public_url: str = ""
    """Where browsers reach the HTTP service, without a slash at its end; empty: what a request says."""
    proxies: tuple[Network, ...] = ()
    """Reverse proxies before the HTTP service."""
    metrics_from: tuple[Network, ...] = ()
    """Who may read /metrics, besides this machine."""
    oidc: Oidc | None = None
    sms_secret: SecretStr | None = None
    """Secret of the gateway of text messages; None: it is in the secrets' folder, if there is one."""
    warnings: tuple[str, ...] = ()
    """What is allowed and yet worth a word at start."""

    @property
    def production(self) -> bool:
        return self.env == "production"

    @property
    def prompts_dir(self) -> Path:
        """Clips of ``prompts`` lie here."""
        return self.config_dir / "prompts"

    @property
    def recordings_dir(self) -> Path:
        return self.data_dir / "recordings"

    @property
    def spool_dir(self) -> Path:
        """What could not be delivered yet waits here."""
        return self.data_dir / "spool"

    @property
    def run_dir(self) -> Path:
        """Folder (mode 0700) for unix sockets; names in it may have 40 bytes."""
        return run_dir(self.data_dir)

    @property
    def valkey_socket(self) -> Path:
        return self.run_dir / "valkey.sock"

    @property
    def centres(self) -> dict[str, Centre]:
        return {centre.id: centre for centre in self.installation.centres}

    @property
    def seats(self) -> dict[str, Seat]:
        return {seat.id: seat for seat in self.installation.seats}

    def default_centre(self, kind: Literal["12345", "110"]) -> Centre | None:
        """The centre that takes what no other of its kind takes; None if there is no centre of that kind."""
        return next((c for c in self.installation.centres if c.kind == kind and c.default), None)

    def dialled_centre(self, number: str) -> Centre | None:
        """The centre that answers this number."""
        return next((centre for centre in self.installation.centres if number in centre.numbers), None)


def run_dir(data_dir: Path) -> Path:
    """Where the sockets of a data folder lie: in it, or under /tmp if its path is too long for sockets."""
    inside = data_dir / "run"
    if len(os.fsencode(inside)) + 1 + SOCKET_NAME_LIMIT <= SOCKET_PATH_LIMIT:
        return inside
    return Path("/tmp") / f"hotline-{hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]}"


def make_private(folder: Path) -> Path:
    """Create a folder that only this user may enter, and return it.

    Raises :class:`ConfigError` if it is there and somebody else's, or can't be made."""
    remedy = "give HOTLINE_DATA_DIR a folder that belongs to the user who starts the service"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
            raise ConfigError([Problem(str(folder), None, "", "belongs to another user", remedy)])
        folder.chmod(0o700)
    except OSError as error:
        raise ConfigError([Problem(str(folder), None, "", f"can't be made ({error.strerror})", remedy)]) from error
    return folder


def load(folder: Path | str | None = None, env: Mapping[str, str] = os.environ) -> Settings:
    """Read and check everything; raise :class:`ConfigError` with all problems.

    ``folder`` goes before HOTLINE_CONFIG_DIR, which goes before the files that come with the project."""
    variables, problems = environment.read(env)
    config_dir = Path(folder or variables.config_dir or DEFAULT_FOLDER).absolute()
    files = documents.read(config_dir)
    problems += files.problems
    installation: Installation | None = None
    if not files.problems:
        installation = _installation(files, problems)
    problems += _deployment(variables)
    if installation is not None:
        development = variables.env == "development"
        found = checks.check(installation, variables.rtp_ports, config_dir / "prompts", development=development)
        problems += [files.problem(*finding) for finding in found]
    if problems or installation is None:
        raise ConfigError(problems)
    return _settings(installation, variables, config_dir)


def _installation(files: Documents, problems: list[Problem]) -> Installation | None:
    try:
        return Installation.model_validate(files.tree)
    except ValidationError as error:
        problems += explain.problems(error, files, Installation)
        return None


def _bind(variables: Environment) -> str:
    return variables.bind or ("0.0.0.0" if variables.env == "production" else "127.0.0.1")


def _deployment(variables: Environment) -> list[Problem]:
    """What the environment alone can be wrong in."""
    found: list[tuple[str, str, str]] = []
    if ip_address(_bind(variables)).is_unspecified and variables.advertise is None:
        found.append(
            (
                "HOTLINE_ADVERTISE",
                f"is not set, but this installation listens on all addresses ({_bind(variables)})",
                "set it to the address that phones and trunks reach this machine at",
            )
        )
    if variables.advertise is not None and ip_address(variables.advertise).is_unspecified:
        found.append(("HOTLINE_ADVERTISE", f"{variables.advertise} is no address of a machine", "name the real one"))
    if (variables.tls_certificate is None) != (variables.tls_key is None):
        found.append(("HOTLINE_TLS_KEY", "certificate and key go together", "set both HOTLINE_TLS_CERTIFICATE and it"))
    for name, file in (("CERTIFICATE", variables.tls_certificate), ("KEY", variables.tls_key)):
        if file is not None and not file.is_file():
            found.append((f"HOTLINE_TLS_{name}", f"there is no file {file}", "name a PEM file"))
    found += _ports(variables)
    found += _web(variables)
    if variables.env == "production":
        found += _production(variables)
    return [Problem("environment", None, *finding) for finding in found]


def _ports(variables: Environment) -> list[tuple[str, str, str]]:
    found = []
    taken: dict[int, str] = {}
    for name in ("sip_port", "sip_tls_port", "trunk_port", "http_port"):
        port, variable = getattr(variables, name), environment.PREFIX + name.upper()
        if port and port in taken:
            found.append((variable, f"port {port} is {taken[port]}'s already", "give each listener its own port"))
        taken.setdefault(port, variable)
        if variables.rtp_ports.low <= port <= variables.rtp_ports.high:
            span = f"{variables.rtp_ports.low}-{variables.rtp_ports.high}"
            found.append((variable, f"port {port} lies in HOTLINE_RTP_PORTS {span}", "move one of the two"))
    return found


def _web(variables: Environment) -> list[tuple[str, str, str]]:
    """What the HTTP service can't work with."""
    found = []
    production = variables.env == "production"
    if variables.https == "on" and production and variables.tls_certificate is None:
        found.append(("HOTLINE_HTTPS", "is on, but there is no certificate", "set HOTLINE_TLS_CERTIFICATE and HOTLINE_TLS_KEY"))
    three = {
        "ISSUER": variables.oidc_issuer,
        "CLIENT_ID": variables.oidc_client_id,
        "CLIENT_SECRET": variables.oidc_client_secret,
    }
    missing = [name for name, value in three.items() if value is None]
    if missing and len(missing) < len(three):
        names = ", ".join(f"HOTLINE_OIDC_{name}" for name in missing)
        found.append((f"HOTLINE_OIDC_{missing[0]}", "issuer, client id and client secret go together", f"set {names} too"))
    return found


def check_http(settings: Settings) -> None:
    """Raise :class:`ConfigError` if HTTP must not be served as it is set: in production passwords and matters don't cross a
    network in clear. Asked by who serves it, so that a call core alone needs no certificate."""
    plain = settings.production and not settings.https and not ip_address(settings.bind).is_loopback
    if plain and not settings.proxies:
        what = f"HTTP on {settings.bind} would be in clear, which production refuses"
        remedy = (
            "set HOTLINE_TLS_CERTIFICATE and HOTLINE_TLS_KEY, or name the reverse proxy that ends TLS in HOTLINE_PROXIES, "
            "or set HOTLINE_BIND=127.0.0.1"
        )
        raise ConfigError([Problem("environment", None, "HOTLINE_HTTPS", what, remedy)])


def _https(variables: Environment) -> bool:
    if variables.https == "auto":
        return variables.env == "production" and variables.tls_certificate is not None
    return variables.https == "on"


def _oidc(variables: Environment) -> Oidc | None:
    secret = variables.oidc_client_secret
    if variables.oidc_issuer is None or variables.oidc_client_id is None or secret is None:
        return None
    return Oidc(variables.oidc_issuer, variables.oidc_client_id, secret.get_secret_value())


def _production(variables: Environment) -> list[tuple[str, str, str]]:
    found = []
    if variables.demo_password is not None:
        found.append(("HOTLINE_DEMO_PASSWORD", "has no place in production", "unset it, and use `hotline seats set-secret SEAT`"))
    if variables.redis_url is not None:
        url = urlsplit(variables.redis_url.get_secret_value())
        if url.scheme != "unix" and not unquote(url.password or ""):
            found.append(
                (
                    "HOTLINE_REDIS_URL",
                    "names a server on the network without a password",
                    "set `requirepass` there and write redis://:PASSWORD@HOST:PORT/0",
                )
            )
    return found


def _settings(installation: Installation, variables: Environment, config_dir: Path) -> Settings:
    data_dir = variables.data_dir.absolute()
    bind = _bind(variables)
    redis_url = variables.redis_url.get_secret_value() if variables.redis_url else None
    database_url = variables.database_url.get_secret_value() if variables.database_url else None
    certificate, key = variables.tls_certificate, variables.tls_key
    if certificate is None and variables.env == "development":
        certificate, key = data_dir / "tls" / "certificate.pem", data_dir / "tls" / "key.pem"
    return Settings(
        installation=installation,
        env=variables.env,
        config_dir=config_dir,
        data_dir=data_dir,
        bind=bind,
        advertise=variables.advertise or bind,
        sip_port=variables.sip_port,
        sip_tls_port=variables.sip_tls_port,
        trunk_port=variables.trunk_port,
        http_port=variables.http_port,
        realm=variables.sip_realm,
        rtp_ports=variables.rtp_ports,
        redis_url=redis_url or f"unix://{run_dir(data_dir) / 'valkey.sock'}",
        redis_embedded=redis_url is None,
        database_url=database_url or f"sqlite+aiosqlite:///{data_dir / 'hotline.db'}",
        demo_password=variables.demo_password,
        tls_certificate=certificate.absolute() if certificate else None,
        tls_key=key.absolute() if key else None,
        log_level=variables.log_level,
        https=_https(variables),
        public_url=(variables.public_url or "").rstrip("/"),
        proxies=variables.proxies,
        metrics_from=variables.metrics_from,
        oidc=_oidc(variables),
        sms_secret=variables.sms_secret,
        warnings=tuple(_warnings(installation, variables, database_url, certificate)),
    )


def _warnings(
    installation: Installation, variables: Environment, database_url: str | None, certificate: Path | None
) -> list[str]:
    if variables.env != "production":
        return []
    found = []
    if database_url is None or database_url.startswith("sqlite"):
        found.append("SQLite serves one machine only; set HOTLINE_DATABASE_URL to PostgreSQL for more")
    if variables.redis_url is None:
        found.append("the embedded Valkey serves one machine only; set HOTLINE_REDIS_URL for more")
    if certificate is None:
        found.append("no TLS listener: set HOTLINE_TLS_CERTIFICATE and HOTLINE_TLS_KEY to offer one")
    if not _https(variables) and not variables.proxies and not ip_address(_bind(variables)).is_loopback:
        found.append(
            "HTTP would be in clear, so `hotline up` and `hotline api` refuse to start: see HOTLINE_HTTPS, HOTLINE_PROXIES"
        )
    for trunk in installation.trunks:
        if any(ip_network(address, strict=False).is_loopback for address in trunk.addresses):
            found.append(f"trunk {trunk.id}: every program on this machine can call in as it (loopback address)")
    return found
