"""A gateway of text messages on 127.0.0.1: a real HTTP server that keeps what it gets and answers as the test says."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from config.model import SmsGateway

Answer = tuple[int, bytes]
BODY = {"to": ["{number}"], "content": "{text}", "sign": "{signature}", "more": {"id": "{id}", "flash": False, "n": 3}}


@dataclass(frozen=True, slots=True)
class Got:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    """Names in lower case."""
    body: Any


@dataclass(slots=True)
class Gate:
    """``answer`` gives status and body; while ``open`` is not set, answers wait."""

    answer: Callable[[Got], Answer] = lambda got: (200, b"")
    got: list[Got] = field(default_factory=list)
    open: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def says(self, status: int, body: Any = b"") -> None:
        said = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.answer = lambda got: (status, said)


def _handler(gate: Gate) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            one = Got(self.command, self.path, headers, json.loads(raw))
            gate.got.append(one)
            gate.open.wait()
            status, body = gate.answer(one)
            with contextlib.suppress(OSError):  # whoever asked has gone
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                if 300 <= status < 400:
                    self.send_header("Location", "/elsewhere")
                self.end_headers()
                self.wfile.write(body)

        do_PUT = do_POST

        def log_message(self, *_: Any) -> None:
            """Nothing is written."""

    return Handler


@contextlib.contextmanager
def gateway() -> Iterator[Gate]:
    gate = Gate()
    gate.open.set()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(gate))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    gate.url = f"http://127.0.0.1:{server.server_port}/send"
    try:
        yield gate
    finally:
        gate.open.set()
        server.shutdown()
        server.server_close()


def rules(gate: Gate, **more: Any) -> SmsGateway:
    return SmsGateway(**{"url": gate.url, "body": BODY, "signature": "某市应急", **more})
