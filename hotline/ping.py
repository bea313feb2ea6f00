"""``hotline ping``: asks a running service whether it works."""

from __future__ import annotations

import http.client
import json
import secrets
import socket
import ssl
import time
from ipaddress import ip_address
from typing import Any

import redis

from config.settings import Settings
from hotline.errors import CommandError
from telephony import contract

_FRESH = 30.0
"""Seconds within which a worker must have read from the stream."""


def telephony(settings: Settings, timeout: float) -> str:
    """Send OPTIONS to the front door's UDP port (RFC 3261 11); any final answer will do."""
    host = settings.bind
    if ip_address(host).is_unspecified:
        host = "::1" if ":" in host else "127.0.0.1"
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    shown = f"[{host}]" if ":" in host else host
    with socket.socket(family, socket.SOCK_DGRAM) as connection:
        connection.connect((host, settings.sip_port))
        own, port = connection.getsockname()[:2]
        own = f"[{own}]" if ":" in own else own
        token = secrets.token_hex(8)
        request = (
            f"OPTIONS sip:{shown}:{settings.sip_port} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {own}:{port};branch=z9hG4bK{token};rport\r\n"
            f"From: <sip:ping@{own}>;tag={token}\r\nTo: <sip:{shown}:{settings.sip_port}>\r\n"
            f"Call-ID: {token}\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        ).encode()
        began = time.monotonic()
        pause = 0.5
        while (left := began + timeout - time.monotonic()) > 0:
            try:
                connection.send(request)
                connection.settimeout(min(pause, left))
                answer = connection.recv(65535)
            except TimeoutError:
                pause *= 2
                continue
            except OSError:
                break
            if answer.startswith(b"SIP/2.0 ") and token.encode() in answer and not answer.startswith(b"SIP/2.0 1"):
                return f"telephony answers in {(time.monotonic() - began) * 1000:.1f} ms"
    raise CommandError(f"nobody answers at {shown}:{settings.sip_port}/udp", "is `hotline telephony` running?")


def api(settings: Settings, timeout: float) -> str:
    """Ask the HTTP interface on this machine whether it can serve; a certificate is not checked, for it names another host."""
    host = settings.bind
    if ip_address(host).is_unspecified:
        host = "::1" if ":" in host else "127.0.0.1"
    began = time.monotonic()
    connection = http.client.HTTPConnection(host, settings.http_port, timeout=timeout)
    if settings.https:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection(host, settings.http_port, timeout=timeout, context=context)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        body = json.loads(answer.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise CommandError(f"nobody answers at {host}:{settings.http_port}/tcp ({error})", "is `hotline api` running?") from error
    finally:
        connection.close()
    bad = [f"{check['name']} ({check['detail']})" for check in body.get("checks", []) if not check["ok"]]
    if answer.status != 200:
        raise CommandError(f"the interface can't serve: {', '.join(bad)}", "run `hotline doctor`")
    words = f"api answers in {(time.monotonic() - began) * 1000:.1f} ms"
    return f"{words}, without {', '.join(bad)}" if bad else words


def worker(settings: Settings, timeout: float) -> str:
    """See whether some worker reads from the stream of events."""
    connection: Any = redis.from_url(settings.redis_url, socket_timeout=timeout, socket_connect_timeout=timeout)
    try:
        groups = connection.xinfo_groups(contract.EVENTS)
        idle = {
            group["name"].decode(): min(
                (c["idle"] for c in connection.xinfo_consumers(contract.EVENTS, group["name"])), default=None
            )
            for group in groups
        }
    except redis.ResponseError:
        idle = {}
    except redis.RedisError as error:
        raise CommandError(f"Redis can't be asked: {error}", "run `hotline doctor`") from error
    finally:
        connection.close()
    late = [name for name, milliseconds in idle.items() if milliseconds is None or milliseconds > _FRESH * 1000]
    if not idle or late:
        raise CommandError(f"no worker reads {', '.join(late) or 'events'}", "is `hotline worker` running?")
    return f"workers read {', '.join(idle)}"
