"""A peer of another maker, as small as it can be: an HTTP server that keeps what it gets, and says what it is told to say."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class ForeignSystem:
    """``answers`` are given in turn, the last one again and again: (status, body)."""

    token: str = "token"
    answers: list[tuple[int, Any]] = field(default_factory=lambda: [(200, {"status": "taken"})])
    files: dict[str, bytes] = field(default_factory=dict)
    messages: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    port: int = 0

    def __enter__(self) -> ForeignSystem:
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _start(self) -> None:
        system = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                system.paths.append(self.path)
                if self.headers.get("Authorization") != f"Bearer {system.token}":
                    return self._say(401, b"{}")
                status, said = system.answers.pop(0) if len(system.answers) > 1 else system.answers[0]
                if status < 300:
                    system.messages.append(json.loads(body))
                return self._say(status, json.dumps(said).encode())

            def do_GET(self) -> None:
                system.paths.append(self.path)
                if self.headers.get("Authorization") != f"Bearer {system.token}":
                    return self._say(401, b"{}")
                content = system.files.get(self.path)
                return self._say(404 if content is None else 200, content or b"")

            def _say(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def restart(self) -> None:
        """The same address again, after :meth:`stop`."""
        self._start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/exchange"
