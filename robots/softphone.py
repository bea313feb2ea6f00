"""Drives baresip, a SIP phone that is not ours, so that tests don't only prove that pjsip understands pjsip."""

from __future__ import annotations

import contextlib
import json
import random
import re
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from robots import siptext, tones, wav
from robots.mailbox import Event, Mailbox, RobotError

_PORTS = range(61000, 65400)
"""Above the ephemeral range, so that no socket on port 0 takes one between our look and baresip's start."""
_MODULES = (
    "usr/lib/*/baresip/modules",
    "usr/lib/baresip/modules",
    "usr/local/lib/baresip/modules",
    "usr/lib64/baresip/modules",
)
_NAMES = {
    "CALL_INCOMING": "incoming",
    "CALL_PROGRESS": "progress",
    "CALL_RINGING": "progress",
    "CALL_ESTABLISHED": "answered",
    "CALL_CLOSED": "ended",
    "CALL_DTMF_START": "digit",
    "CALL_RTPESTAB": "media",
    "REGISTER_OK": "registered",
    "REGISTER_FAIL": "registration_failed",
    "UNREGISTERING": "unregistered",
    "TRANSFER": "refer_asked",
    "TRANSFER_FAILED": "refer_failed",
}


def modules() -> Path:
    """Folder of baresip's modules. Raises :class:`RobotError` with the remedy if baresip isn't there."""
    for pattern in _MODULES:
        for found in Path("/").glob(pattern):
            if (found / "ctrl_tcp.so").exists():
                return found
    raise RobotError("baresip's modules were not found: install the package baresip (apt-get install baresip)")


def _free_port() -> int:
    for port in random.sample(_PORTS, 200):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            try:
                tcp.bind(("127.0.0.1", port))
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RobotError("no free port for baresip")


class Softphone(Mailbox):
    """A baresip process. Its events have the names of :class:`robots.handset.Phone`'s where they mean the same (``incoming``
    with ``caller``, ``progress``, ``answered``, ``ended`` with ``reason``, ``digit``, ``registered``, ``registration_failed``,
    ``refer_asked``, ``refer_failed``), else baresip's own in small letters. ``ended`` comes when the *other* side ends a call.
    It can't take two calls at once.
    """

    def __init__(
        self,
        user: str,
        secret: str | None = None,
        *,
        registrar: tuple[str, int] | None = None,
        transport: str = "udp",
        tone: int = 0,
        speaks_for: float = 90.0,
        auto_answer: bool = False,
        codecs: tuple[str, ...] = ("PCMA", "PCMU"),
        rtp_ports: tuple[int, int] = (8200, 9900),
        ready_timeout: float = 20.0,
    ) -> None:
        """Start baresip and wait until it can be commanded. With ``registrar`` and ``secret`` it registers by itself.

        ``speaks_for``: seconds for which ``tone`` (Hz) is spoken in a call.
        """
        super().__init__(f"baresip {user}")
        if secret is not None and not re.fullmatch(r"[^\s;,\"<>]+", secret):
            raise ValueError("baresip's account lines can't carry a secret with spaces or any of ; , \" < >")
        self.user = user
        self.registrar = registrar
        self.transport = transport
        self.port = _free_port()
        self._control_port = _free_port()
        self._work = tempfile.TemporaryDirectory(prefix="softphone-")
        self.folder = Path(self._work.name)
        self._rest = b""
        self._writing = threading.Lock()
        self._count = 0
        samples = np.arange(int(speaks_for * tones.RATE))
        spoken = np.sin(2 * np.pi * tone * samples / tones.RATE) * tones.LEVEL * 32767
        wav.save(self.folder / "voice.wav", spoken.astype(np.int16))
        (self.folder / "config").write_text(self._config(rtp_ports))
        (self.folder / "accounts").write_text("")
        (self.folder / "contacts").write_text("")
        self._log = (self.folder / "baresip.log").open("wb")
        self.process = subprocess.Popen(
            ["baresip", "-4", "-f", str(self.folder)], stdin=subprocess.DEVNULL, stdout=self._log, stderr=subprocess.STDOUT
        )
        self.pid = self.process.pid
        try:
            self._control = self._connect(ready_timeout)
        except RobotError:
            self.close()
            raise
        self._reader = threading.Thread(target=self._read, name=self.name, daemon=True)
        self._reader.start()
        # Only now, so that no event of the registration is missed.
        self.do("uanew", self._account(secret, auto_answer, codecs))

    def _config(self, rtp_ports: tuple[int, int]) -> str:
        lines = [
            f"sip_listen 127.0.0.1:{self.port}",
            "net_interface 127.0.0.1",
            f"audio_source aufile,{self.folder}/voice.wav",
            *(f"{side}_srate 8000\n{side}_channels 1" for side in ("ausrc", "auplay")),
            "rtp_ports {}-{}".format(*rtp_ports),
            "call_max_calls 1",
            f"module_path {modules()}",
            *(f"module {name}.so" for name in ("g711", "aufile", "sndfile")),
            f"snd_path {self.folder}",
            "module_tmp account.so",
            *(f"module_app {name}.so" for name in ("menu", "ctrl_tcp")),
            f"ctrl_tcp_listen 127.0.0.1:{self._control_port}",
        ]
        return "\n".join(lines) + "\n"

    def _account(self, secret: str | None, auto_answer: bool, codecs: tuple[str, ...]) -> str:
        host, port = self.registrar or ("127.0.0.1", self.port)
        transport = "" if self.transport == "udp" else f";transport={self.transport}"
        options = [
            f"regint={300 if self.registrar and secret else 0}",
            f"answermode={'auto' if auto_answer else 'manual'}",
            f"audio_codecs={','.join(codecs)}",
        ]
        if secret is not None:
            options += [f"auth_user={self.user}", f"auth_pass={secret}"]
        return f"<sip:{self.user}@{host}:{port}{transport}>;" + ";".join(options)

    # --- life

    def _connect(self, timeout: float) -> socket.socket:
        """Knock until baresip listens: it has no other way to say that it is ready."""
        until = time.monotonic() + timeout
        knock = threading.Event()
        while self.process.poll() is None and time.monotonic() < until:
            try:
                return socket.create_connection(("127.0.0.1", self._control_port), 5)
            except OSError:
                knock.wait(0.02)
        raise RobotError(f"{self.name} did not start: {self.log()[-800:]}")

    def log(self) -> str:
        """All that baresip has printed."""
        return (self.folder / "baresip.log").read_text("utf-8", "replace")

    @property
    def uri(self) -> str:
        """Where this phone is reached directly."""
        return f"sip:{self.user}@127.0.0.1:{self.port}"

    def close(self) -> None:
        """Hang up, unregister, end the process, remove its folder (tapes too)."""
        if self.process.poll() is None:
            self._ask_to_leave()
        self._buried()
        self._work.cleanup()

    def _ask_to_leave(self) -> None:
        """The first SIGTERM hangs up and unregisters, a second one doesn't wait for that."""
        for patience in (2.0, 2.0):
            self.process.terminate()
            try:
                self.process.wait(patience)
            except subprocess.TimeoutExpired:
                continue
            return
        self.process.kill()

    def kill(self) -> None:
        """End the process at once, without BYE or unregistration; the folder stays until :meth:`close`."""
        self.process.kill()
        self._buried()

    def _buried(self) -> None:
        self.process.wait(10)
        control = getattr(self, "_control", None)
        if control is not None:
            with contextlib.suppress(OSError):
                control.shutdown(socket.SHUT_RDWR)
            self._reader.join(10)
            control.close()
        self._log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Softphone({self.user})"

    # --- wire: netstrings that carry JSON

    def _read(self) -> None:
        self._control.settimeout(None)
        while True:
            try:
                piece = self._control.recv(65536)
            except OSError:
                break
            if not piece:
                break
            self._rest += piece
            while (match := re.match(rb"(\d+):", self._rest)) and len(self._rest) > match.end() + int(match[1]):
                start, end = match.end(), match.end() + int(match[1])
                body, self._rest = self._rest[start:end], self._rest[end + 1 :]
                self.deliver(_event(json.loads(body.decode("utf-8", "replace"))))
        self.shut()

    def do(self, command: str, parameters: str = "", timeout: float = 15.0) -> str:
        """Send a command of baresip's menu and return what it says. Raises :class:`RobotError` if baresip refuses."""
        with self._writing:
            self._count += 1
            token = str(self._count)
            body = json.dumps({"command": command, "params": parameters, "token": token}).encode()
            try:
                self._control.sendall(b"%d:%s," % (len(body), body))
            except OSError as error:
                raise RobotError(f"{self.name}: its process has ended") from error
        reply = self.wait_for("response", timeout, token=token)
        if not reply.get("ok"):
            raise RobotError(f"{self.name}: {command}: {reply.get('data')}")
        return str(reply.get("data", ""))

    # --- what a phone can do

    def registered(self, timeout: float = 15.0) -> Self:
        """Wait until registered; raises :class:`RobotError` with baresip's words when refused."""
        came = self.wait_for(("registered", "registration_failed"), timeout)
        if came["event"] != "registered":
            raise RobotError(f"{self.name}: registration failed: {came.get('reason')}")
        return self

    def dial(self, to: str) -> None:
        """Call a URI, or a number at the registrar."""
        self.do("dial", to)

    def answer(self) -> None:
        self.do("accept")

    def hang_up(self) -> None:
        """End the call, or refuse an incoming one (486)."""
        self.do("hangup")

    def keys(self, digits: str) -> None:
        """Press keys (RFC 4733). baresip holds one key at a time, so each is pressed by itself."""
        for digit in digits:
            self.do("sndcode", digit)
            self.do("sndcode", "\x04")

    def hold(self) -> None:
        self.do("hold")

    def unhold(self) -> None:
        self.do("resume")

    def refer(self, to: str) -> None:
        """Ask the other side to call ``to`` instead. baresip hangs up on any final NOTIFY; ``refer_failed``: refused."""
        self.do("transfer", to)

    # --- tapes

    def tapes(self) -> list[Path]:
        """What its ear has heard, one file per call, oldest first; complete once the call is over. Holes in the incoming packets
        are not filled."""
        return sorted(self.folder.glob("dump-*-dec.wav"))

    def sent(self) -> list[Path]:
        """What it has spoken, one file per call."""
        return sorted(self.folder.glob("dump-*-enc.wav"))


def _event(told: dict[str, Any]) -> Event:
    if told.get("response"):
        return {"event": "response", "t": time.monotonic(), **{key: told.get(key) for key in ("ok", "data", "token")}}
    kind = str(told.get("type", ""))
    event: Event = {"event": _NAMES.get(kind, kind.lower()), "t": time.monotonic(), "reason": told.get("param", "")}
    if kind == "CALL_DTMF_START":
        event["digit"] = told.get("param", "")
    if "peeruri" in told:
        event["peer"] = siptext.user(told["peeruri"])
    if kind == "CALL_INCOMING":
        event |= {"caller": event["peer"], "display": told.get("peerdisplayname", ""), "sip_call_id": told.get("id", "")}
    return event
