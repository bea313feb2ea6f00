"""A receiver of webhooks on loopback: a real HTTP server that answers as a test wants."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Got:
    """One request."""

    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.raw)
        return found


@dataclass(slots=True)
class Receiver:
    """Keeps what it got; ``answer`` gives status and further headers for each request."""

    got: list[Got] = field(default_factory=list)
    answer: Callable[[Got], tuple[int, dict[str, str]]] = lambda got: (204, {})
    port: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    """Answers wait for it."""
    _server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def types(self) -> list[str]:
        return [one.body["type"] for one in self.got]

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:-2])
            original = dict(line.split(": ", 1) for line in head.split("\r\n")[1:-2])
            headers = {name: original.get(name, value) for name, value in headers.items()}
            got = Got(headers, await reader.readexactly(int(headers["content-length"])))
            self.got.append(got)
            await self.gate.wait()
            status, more = self.answer(got)
            words = b"no thanks" if status >= 300 else b""
            lines = [f"HTTP/1.1 {status} X", f"content-length: {len(words)}", "connection: close"]
            lines += [f"{name}: {value}" for name, value in more.items()]
            writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + words)
            await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    one = Receiver()
    one.gate.set()
    await one.start()
    try:
        yield one
    finally:
        await one.stop()
