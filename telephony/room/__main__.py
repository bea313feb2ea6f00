"""The room program: ``python -m telephony.room --name r1 --socket PATH --door HOST:PORT --contact TOKEN --rtp LO-HI …``.

Its first line on stdout says that it is ready: ``{"ready": true, "port": 40001, …}``. SIGTERM means Quit; SIGINT is left to the
one who started it. A room without a switchboard keeps its call, and leaves by itself once it has none for a while.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import os
import re
import select
import signal
import sys
import time
from pathlib import Path

import pjsua2 as pj

from telephony.ipc import messages
from telephony.ipc.spool import Spool
from telephony.room import engine, journal, link, room

log = logging.getLogger("room")


def _ports(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+)-(\d+)", text)
    first, last = (int(found[1]), int(found[2])) if found else (0, 0)
    if not (first >= 1024 and first + 7 <= last <= 65535 and first % 2 == 0):
        raise argparse.ArgumentTypeError(f"{text!r}: give an even first and a last port, at least 8 apart: 20000-20063")
    return first, last


def _door(text: str) -> str:
    if not re.fullmatch(r"[0-9.]+:\d{1,5}", text):
        raise argparse.ArgumentTypeError(f"{text!r}: give the front door as address:port")
    return text


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m telephony.room", description="One media room: one call.")
    parser.add_argument("--name", required=True)
    parser.add_argument("--socket", type=Path, required=True, help="unix socket to listen on")
    parser.add_argument("--door", type=_door, required=True, help="front door, address:port")
    parser.add_argument("--contact", required=True, help="user part of our Contact")
    parser.add_argument("--rtp", type=_ports, required=True, help="RTP ports, first-last")
    parser.add_argument("--spool", type=Path, required=True, help="folder for unacknowledged events")
    parser.add_argument("--media-bind", default="127.0.0.1", help="address that RTP is received on")
    parser.add_argument("--media-advertise", default="", help="address told in SDP, if another")
    parser.add_argument("--alone", type=float, default=120.0, help="seconds without switchboard and call until we leave")
    parser.add_argument("--log-level", default="info", choices=["debug", "info", "warning", "error"])
    return parser.parse_args()


class Loop:
    """One thread, one loop: the unix socket, pjsip's UDP socket, and a tick."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._poll = select.poll()
        self._engine = engine.Engine()
        spool = Spool(arguments.spool, arguments.name)
        self._link = link.Link(arguments.socket, spool, self._poll, self._command, self._hello)
        self._engine.start(
            door=arguments.door,
            contact=arguments.contact,
            ports=arguments.rtp,
            on_invite=lambda call_id, invite: self._room.invited(call_id, invite),
            media_bind=arguments.media_bind,
            media_advertise=arguments.media_advertise,
            trace=arguments.spool / f"{arguments.name}.sip.log" if arguments.log_level == "debug" else None,
        )
        self._room = room.Room(arguments.name, self._engine, self._link.emit, self._link.tell)
        self._poll.register(self._engine.descriptor, select.POLLIN)
        self._alone = arguments.alone
        self._wake, self._alarm = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._poll.register(self._wake, select.POLLIN)
        signal.set_wakeup_fd(self._alarm)
        signal.signal(signal.SIGTERM, lambda *_: self._room.command(messages.Quit()))
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    @property
    def port(self) -> int:
        return self._engine.address[1]

    def _command(self, command: messages.Message) -> None:
        self._room.command(command)

    def _hello(self, seq: int) -> messages.Hello:
        host, port = self._engine.address
        return messages.Hello(room=self._room.name, pid=os.getpid(), host=host, port=port, legs=self._room.names, seq=seq)

    def run(self) -> None:
        gc.disable()  # collected below, between calls: never inside a callback
        gc.freeze()
        now = time.monotonic()
        due, attended, tidy = now, now, True
        while not self._room.may_leave(now):
            wait = max(0.0, due - now)
            for descriptor, what in self._poll.poll(wait * 1000):
                if descriptor == self._wake:
                    os.read(self._wake, 512)
                elif descriptor != self._engine.descriptor:
                    self._link.handle(descriptor, what)
            self._engine.pump()
            now = time.monotonic()
            self._room.tick(now)
            rest = self._room.rest(now)
            due = max(due + rest, now) if now >= due else min(due, now + rest)
            if self._room.busy:
                tidy = False
            elif not tidy:
                gc.collect()  # half a millisecond
                tidy = True
            if self._link.attached or self._room.busy:
                attended = now
            elif now - attended > self._alone:
                log.info("no switchboard and no call: leaving")
                return

    def close(self) -> None:
        self._room.close()
        gc.collect()
        self._link.flush()
        self._engine.stop()
        self._link.close()


def main() -> int:
    arguments = _arguments()
    journal.begin(arguments.name, arguments.log_level)
    # pjlib greets on stdout before it can be told not to: keep stdout for ourselves.
    told = os.fdopen(os.dup(1), "w")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    try:
        loop = Loop(arguments)
    except pj.Error as error:
        print(f"the room could not start: {error.reason}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"the room could not start: {error}", file=sys.stderr)
        return 1
    print(json.dumps({"ready": True, "port": loop.port, "pid": os.getpid()}), file=told, flush=True)
    told.close()
    try:
        loop.run()
    finally:
        loop.close()
    return 0


if __name__ == "__main__":
    code = main()
    logging.shutdown()
    # Skip the interpreter's own teardown: pjsua2's remaining wrappers have nothing left to destroy.
    os._exit(code)
