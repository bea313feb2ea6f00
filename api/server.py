"""``hotline api``: the HTTP service of an installation.

It listens, says so in one JSON line on standard output, serves until SIGTERM or SIGINT, lets running requests finish within a few
seconds, and ends. Its log goes to standard error.
"""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import ssl
import sys
from typing import TYPE_CHECKING

import structlog
import uvicorn
from fastapi import FastAPI

from api import app as application
from config import certificate
from config.errors import ConfigError, Problem
from config.settings import check_http
from router.worker import log_to_stderr

if TYPE_CHECKING:
    from config.settings import Settings

log = structlog.get_logger()

GRACE_SECONDS = 4
"""Requests that run are given so long after the signal to stop."""
KEEP_ALIVE = 75
BACKLOG = 1024


def main(settings: Settings) -> int:
    """Serve; return the exit code: 0 ended by a signal, 1 can't listen, 2 bad settings."""
    if not structlog.is_configured():
        log_to_stderr(settings.log_level)
    try:
        check_http(settings)
        certificate.ensure(settings)
        made = application.create(settings)
        config = _config(settings, made)
    except ConfigError as error:
        for problem in error.problems:
            print(f"hotline api: {problem}", file=sys.stderr)
        return 2
    try:
        listener = listen(settings.bind, settings.http_port)
    except OSError as error:
        where = f"{settings.bind}:{settings.http_port}"
        print(f"hotline api: can't listen on {where} ({error.strerror}): set HOTLINE_HTTP_PORT to a free port", file=sys.stderr)
        return 1
    # uvicorn raises the signal anew when it has ended: then it has done its work
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: None)
    server = _Server(config, made, settings.https)
    asyncio.run(server.serve([listener]))
    log.info("api.stopped")
    return 0 if server.started else 1


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 lets the system choose. Raise OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind((host, port))
        listener.set_inheritable(True)
    except OSError:
        listener.close()
        raise
    return listener


def _config(settings: Settings, made: FastAPI) -> uvicorn.Config:
    """Raise :class:`ConfigError` for a certificate that can't be used."""
    config = uvicorn.Config(
        made,
        host=settings.bind,
        port=settings.http_port,
        ssl_certfile=str(settings.tls_certificate) if settings.https else None,
        ssl_keyfile=str(settings.tls_key) if settings.https else None,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # api.kit.middleware reads them, from declared proxies only
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_keep_alive=KEEP_ALIVE,
        backlog=BACKLOG,
        lifespan="on",
    )
    try:
        config.load()
    except (OSError, ssl.SSLError) as error:
        remedy = "name a PEM file with the chain in HOTLINE_TLS_CERTIFICATE, and its key in HOTLINE_TLS_KEY"
        what = f"the certificate can't be used ({error})"
        raise ConfigError([Problem("environment", None, "HOTLINE_TLS_CERTIFICATE", what, remedy)]) from error
    if config.ssl is not None:
        config.ssl.minimum_version = ssl.TLSVersion.TLSv1_2
    return config


class _Server(uvicorn.Server):
    """Tells when it listens, and ends streams before it waits for requests."""

    def __init__(self, config: uvicorn.Config, made: FastAPI, https: bool) -> None:
        super().__init__(config)
        self._made = made
        self._scheme = "https" if https else "http"

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and sockets:
            host, port = sockets[0].getsockname()[:2]
            shown = f"[{host}]" if ":" in host else host
            log.info("api.listening", url=f"{self._scheme}://{shown}:{port}")
            facts = {"ready": True, "url": f"{self._scheme}://{shown}:{port}", "port": port, "https": self._scheme == "https"}
            print(json.dumps(facts), flush=True)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        state = getattr(self._made.state, "hotline", None)
        if state is not None:
            state.stopping.set()
        await super().shutdown(sockets)
