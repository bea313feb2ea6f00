"""A call core in miniature on the real stream: answers commands as a script says, and the command line run beside it."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import redis

from hotline import cli
from telephony import contract

Answer = Callable[[contract.AnyCommand], list[contract.Event]]


def done(command: contract.AnyCommand, ok: bool = True, **more: Any) -> contract.CommandDone:
    return contract.CommandDone(id=f"done-{command.id}", at=1.0, node="n1", command=command.id, ok=ok, **more)


@dataclass
class Responder:
    """Reads commands in the order of the stream and gives the events of ``answer``: CommandDone to the asker, all to the
    event stream."""

    url: str
    answer: Answer = lambda command: [done(command)]
    commands: list[Any] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)

    def serve(self) -> None:
        after = "0"
        with redis.Redis.from_url(self.url, protocol=2) as client:
            while not self.stopped.is_set():
                found: Any = client.xread({contract.COMMANDS: after}, block=50)
                for key, fields in found[0][1] if found else []:
                    after = key.decode()
                    command = contract.decode_command(fields[contract.FIELD.encode()])
                    self.commands.append(command)
                    for event in self.answer(command):
                        if isinstance(event, contract.CommandDone):
                            client.rpush(contract.reply_key(command.id), contract.encode(event))
                            client.expire(contract.reply_key(command.id), contract.REPLY_SECONDS)
                        client.xadd(contract.EVENTS, {contract.FIELD: contract.encode(event)})


@contextmanager
def responder(url: str, answer: Answer | None = None) -> Iterator[Responder]:
    one = Responder(url, **({"answer": answer} if answer else {}))
    thread = threading.Thread(target=one.serve)
    thread.start()
    try:
        yield one
    finally:
        one.stopped.set()
        thread.join(10)


@dataclass(frozen=True)
class Result:
    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Hotline:
    """The command ``hotline`` as a person types it, without a new interpreter for each."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, *words: str) -> Result:
        self._monkeypatch.setattr(sys, "argv", ["hotline", *words])
        self._capsys.readouterr()
        status: list[int] = []

        def target() -> None:  # a thread of its own: the command has its own event loop
            try:
                cli.main()
            except SystemExit as end:
                status.append(int(end.code or 0))

        umask = os.umask(0o077)
        thread = threading.Thread(target=target)
        thread.start()
        thread.join(90)
        os.umask(umask)
        out, err = self._capsys.readouterr()
        assert status, f"the command did not end: {out} {err}"
        return Result(status[0], out, err)
